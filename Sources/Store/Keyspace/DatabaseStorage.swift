// What a database consists of: the table of slots and the slab that holds the entries.
//
// Every change of an entry goes through here, in this order:
//   1. `willChange`: a running snapshot that has not seen the entry gets it as it was.
//   2. The new block is allocated and filled.
//   3. The slot is redirected, counters follow, the old block is freed.
//
// Invariants
//   every entry of the slab is in the table; `expiringCount` is the number of slots with the expiry
//   flag; `externalBytes` is the sum of the entries' external bytes.

internal import Bytes

/// The contents of one database.
@usableFromInline
struct DatabaseStorage: ~Copyable {
    var table: HashTable
    var slab: Slab
    var expiringCount = 0
    var externalBytes = 0
    /// The snapshot that walks this table; nil when none does or it has seen everything.
    var snapshot: TableSnapshot?
    /// Entries with a hash from here on have not been passed by the snapshot's walk.
    var unsavedFrom = UInt64.max
    /// What becomes of big objects; nil for a table that is only a place holder.
    var lazyFreeing: LazyFreeing?
    /// What new and changed entries get as their access clock.
    let accessClock: AccessClock

    init(
        hasher: KeyHasher, lazyFreeing: LazyFreeing? = nil, accessClock: AccessClock,
        chunks: ChunkSupply? = nil
    ) {
        table = HashTable(hasher: hasher, chunks: chunks)
        slab = Slab(supply: chunks)
        self.lazyFreeing = lazyFreeing
        self.accessClock = accessClock
    }

    deinit {
        table.forEachSlot { slot in
            if slot.isHeavy {
                slot.entry.releaseReference()
                Slab.freeLarge(slot.entry)
            }
        }
    }

    /// Bytes of entries, large values and the table.
    var usedBytes: Int { slab.usedBytes + externalBytes + table.bytes }

    // MARK: Snapshot

    /// Announces a change of `entry`, which is a use of it.
    @inline(__always)
    mutating func willChange(_ entry: Entry, _ hash: UInt64) {
        if hash >= unsavedFrom { preserve(entry) }
        if !accessClock.countsAccesses { entry.accessClock = accessClock.initial }
    }

    @inline(never)
    private mutating func preserve(_ entry: Entry) { snapshot?.preserve(entry) }

    /// Marks an entry that is new or was preserved, so that the walk skips it.
    @inline(__always)
    private func stamp(_ entry: Entry, _ hash: UInt64) {
        if hash >= unsavedFrom, let snapshot { entry.stamp = snapshot.epoch }
    }

    // MARK: Building blocks

    /// Puts a filled entry with a new key into the table.
    @inline(__always)
    mutating func insert(_ entry: Entry, _ hash: UInt64) {
        stamp(entry, hash)
        entry.accessClock = accessClock.initial
        if entry.hasExpiry { expiringCount &+= 1 }
        table.insert(entry, hash)
    }

    /// Redirects a slot from its entry to a filled one with the same key, and frees the old one.
    @inline(__always)
    mutating func replace(at location: Location, by entry: Entry, _ hash: UInt64) {
        let old = location.entry
        stamp(entry, hash)
        entry.accessClock = old.accessClock
        location.replace(with: entry)
        if entry.hasExpiry {
            expiringCount &+= 1
            location.segment.noteExpiry(entry.expiresAt)
        }
        release(old, .overwrite)
    }

    /// Frees an entry that no slot names any more.
    @inline(__always)
    mutating func release(_ entry: Entry, _ occasion: LazyFreeing.Occasion) {
        if entry.hasExpiry { expiringCount &-= 1 }
        if entry.isHeavy { releaseReference(entry, occasion) }
        slab.free(entry)
    }

    @inline(never)
    private mutating func releaseReference(
        _ entry: Entry, _ occasion: LazyFreeing.Occasion
    ) {
        externalBytes -= entry.externalBytes
        if entry.representation == .object, let lazyFreeing {
            lazyFreeing.release(entry.takeObject(), occasion)
        } else {
            entry.releaseReference()
        }
    }

    @inline(__always)
    mutating func makeInline(
        _ key: ByteSlice, _ value: ByteSlice, _ expiresAt: Int64, type: ValueType = .string
    ) -> Entry {
        let entry = slab.makeEntry(
            Entry.blockBytes(
                keyCount: key.count, valueCount: value.count, hasExpiry: expiresAt >= 0))
        entry.fill(key: key, inline: value, type: type, expiresAt: expiresAt)
        return entry
    }

    /// An entry for a value that does not fit into its block, or a number.
    func wordBytes(_ key: ByteSlice, _ expiresAt: Int64) -> Int {
        Entry.blockBytes(keyCount: key.count, valueCount: 8, hasExpiry: expiresAt >= 0)
    }

    mutating func makeInteger(_ key: ByteSlice, _ value: Int64, _ expiresAt: Int64) -> Entry {
        let entry = slab.makeEntry(wordBytes(key, expiresAt))
        entry.fill(key: key, integer: value, expiresAt: expiresAt)
        return entry
    }

    mutating func makeShared(
        _ key: ByteSlice, _ block: SharedBlock, _ expiresAt: Int64, type: ValueType = .string
    ) -> Entry {
        let entry = slab.makeEntry(wordBytes(key, expiresAt))
        entry.fill(key: key, shared: block, type: type, expiresAt: expiresAt)
        externalBytes += block.memoryUsage
        return entry
    }

    mutating func makeObject(
        _ key: ByteSlice, _ object: StoredObject, _ type: ValueType, _ expiresAt: Int64
    ) -> Entry {
        let entry = slab.makeEntry(wordBytes(key, expiresAt))
        entry.fill(key: key, object: object, type: type, expiresAt: expiresAt)
        externalBytes += object.memoryUsage
        return entry
    }

    /// A new entry with the value of `entry`; large values are shared, not copied.
    mutating func makeAlike(
        _ entry: Entry, key: ByteSlice, expiresAt: Int64, copyingObjects: Bool = false
    ) -> Entry {
        switch entry.representation {
        case .inline:
            let made = makeInline(key, entry.inlineBytes, expiresAt, type: entry.type)
            made.copyFlag(of: entry)
            return made
        case .integer: return makeInteger(key, entry.integer, expiresAt)
        case .shared:
            guard let block = entry.sharedBlock else { break }
            let made = makeShared(key, block, expiresAt, type: entry.type)
            made.copyFlag(of: entry)
            return made
        case .object:
            guard let object = entry.object else { break }
            return makeObject(
                key, copyingObjects ? object.copy() : object, entry.type, expiresAt)
        }
        preconditionFailure("an entry lost its reference")
    }

    mutating func makeBytes(
        _ key: ByteSlice, _ value: ByteSlice, _ expiresAt: Int64, type: ValueType = .string
    ) -> Entry {
        value.count <= Entry.inlineValueBytesMax
            ? makeInline(key, value, expiresAt, type: type)
            : makeShared(key, SharedBlock(value), expiresAt, type: type)
    }

    // MARK: Operations

    /// Stores bytes; says whether the key existed.
    @inline(__always)
    mutating func set(
        _ key: ByteSlice, _ hash: UInt64, _ value: ByteSlice, expiresAt: Int64, keepingExpiry: Bool
    ) -> Bool {
        guard let location = table.locate(key, hash) else {
            let entry =
                value.count <= Entry.inlineValueBytesMax
                ? makeInline(key, value, expiresAt) : makeBytes(key, value, expiresAt)
            insert(entry, hash)
            return false
        }
        let old = location.entry
        willChange(old, hash)
        let time = keepingExpiry ? old.expiresAt : expiresAt
        if old.representation == .inline && value.count <= Entry.inlineValueBytesMax
            && old.hasExpiry == (time >= 0)
            && Slab.roundedSize(old.blockBytes)
                == Slab.roundedSize(old.blockBytes &- old.inlineCount &+ value.count)
        {
            old.replaceInline(value)
            if time >= 0 {
                old.replaceExpiry(time)
                location.segment.noteExpiry(time)
            }
            return true
        }
        replace(at: location, by: makeBytes(key, value, time), hash)
        return true
    }

    /// Stores what `make` builds; says whether the key existed.
    mutating func put(
        _ key: ByteSlice, _ hash: UInt64, expiresAt: Int64, keepingExpiry: Bool,
        _ make: (inout DatabaseStorage, _ expiresAt: Int64) -> Entry
    ) -> Entry {
        guard let location = table.locate(key, hash) else {
            let entry = make(&self, expiresAt)
            insert(entry, hash)
            return entry
        }
        let old = location.entry
        willChange(old, hash)
        let entry = make(&self, keepingExpiry ? old.expiresAt : expiresAt)
        replace(at: location, by: entry, hash)
        return entry
    }

    @inline(__always)
    mutating func remove(
        _ key: ByteSlice, _ hash: UInt64, _ occasion: LazyFreeing.Occasion
    ) -> Bool {
        guard let location = table.locate(key, hash) else { return false }
        remove(at: location, hash, occasion)
        return true
    }

    @inline(__always)
    mutating func remove(
        at location: Location, _ hash: UInt64, _ occasion: LazyFreeing.Occasion
    ) {
        let entry = location.entry
        willChange(entry, hash)
        table.remove(at: location, hash)
        release(entry, occasion)
    }

    mutating func setExpiry(_ entry: Entry, _ hash: UInt64, _ time: Int64) -> Entry {
        willChange(entry, hash)
        let location = table.locate(entry, hash)
        if entry.hasExpiry && time >= 0 {
            entry.replaceExpiry(time)
            location.segment.noteExpiry(time)
            return entry
        }
        if !entry.hasExpiry && time < 0 { return entry }
        let changed = makeAlike(entry, key: entry.key, expiresAt: time)
        replace(at: location, by: changed, hash)
        return changed
    }

    /// Makes the string at least `offset + bytes.count` long and overwrites it from `offset`.
    mutating func write(
        _ entry: Entry, _ hash: UInt64, _ bytes: ByteSlice, at offset: Int
    ) -> Entry {
        willChange(entry, hash)
        switch entry.stringValue {
        case .integer(let number):
            var text = ByteBuffer()
            text.append(decimal: number)
            let asText = makeInline(entry.key, text.readable, entry.expiresAt)
            replace(at: table.locate(entry, hash), by: asText, hash)
            return write(asText, hash, bytes, at: offset)
        case .bytes(let old):
            let length = max(old.count, offset + bytes.count)
            guard entry.representation == .shared else {
                return writeInline(entry, hash, length, bytes, offset)
            }
            externalBytes -= entry.externalBytes
            writeShared(entry, length, bytes, offset)
            externalBytes += entry.externalBytes
            return entry
        }
    }

    private func writeShared(
        _ entry: Entry, _ length: Int, _ bytes: ByteSlice, _ offset: Int
    ) {
        entry.withUniqueBlock { block in
            block.resize(to: length)
            block.write(bytes, at: offset)
        }
    }

    private mutating func writeInline(
        _ entry: Entry, _ hash: UInt64, _ length: Int, _ bytes: ByteSlice, _ offset: Int
    ) -> Entry {
        let old = entry.inlineBytes
        if length > Entry.inlineValueBytesMax {
            let block = SharedBlock(old, capacity: length)
            block.resize(to: length)
            block.write(bytes, at: offset)
            let changed = makeShared(entry.key, block, entry.expiresAt)
            replace(at: table.locate(entry, hash), by: changed, hash)
            return changed
        }
        let wanted = entry.blockBytes - old.count + length
        if Slab.roundedSize(wanted) == Slab.roundedSize(entry.blockBytes) {
            entry.resizeInline(to: length)
            entry.overwriteInline(bytes, at: offset)
            return entry
        }
        let changed = slab.makeEntry(wanted)
        changed.fill(key: entry.key, inline: old, expiresAt: entry.expiresAt)
        changed.resizeInline(to: length)
        changed.overwriteInline(bytes, at: offset)
        replace(at: table.locate(entry, hash), by: changed, hash)
        return changed
    }
}
