// How packed collections are stored and changed.

public import Bytes

extension Database {
    /// Stores a packed collection under a key, whatever was there; returns the entry.
    ///
    /// `expiresAt` is absolute milliseconds, -1 for none; with `keepingExpiry` an existing key
    /// keeps its own. The bytes must not lie in the database.
    @discardableResult
    public func set(
        _ key: ByteSlice, _ hash: KeyHash, packed: ByteSlice, type: ValueType,
        expiresAt: Int64 = Entry.never, keepingExpiry: Bool = false
    ) -> Entry {
        precondition(type != .string && packed.count >= PackedView.start)
        return storage.setPacked(
            key, hash.value, packed, type, expiresAt: expiresAt, keepingExpiry: keepingExpiry)
    }

    /// Removes bytes of a packed collection at an offset and inserts others, which must not lie in
    /// the database; returns the entry, which may have moved. `countChange` is by how much the
    /// number of elements changes.
    @inline(__always)
    public func splice(
        _ entry: Entry, _ hash: KeyHash, at offset: Int, removing removedCount: Int,
        inserting inserted: ByteSlice, countChange: Int
    ) -> Entry {
        storage.splice(
            entry, hash.value,
            Splice(offset: offset, removedCount: removedCount, inserted: inserted), countChange)
    }

    /// Replaces the packed collection of an entry by an object of the same type; key and expiry
    /// time stay. Returns the entry, which has moved.
    public func replace(_ entry: Entry, _ hash: KeyHash, object: StoredObject) -> Entry {
        storage.replacePacked(entry, hash.value, by: object)
    }
}

extension DatabaseStorage {
    /// A block is left for the entry again when the value has shrunk to this: half of what fits, so
    /// that a value at the border does not move to and fro.
    private static var inlineAgainBytes: Int { Entry.inlineValueBytesMax / 2 }

    mutating func setPacked(
        _ key: ByteSlice, _ hash: UInt64, _ packed: ByteSlice, _ type: ValueType,
        expiresAt: Int64, keepingExpiry: Bool
    ) -> Entry {
        guard let location = table.locate(key, hash) else {
            let entry = makeBytes(key, packed, expiresAt, type: type)
            insert(entry, hash)
            return entry
        }
        let old = location.entry
        willChange(old, hash)
        let time = keepingExpiry ? old.expiresAt : expiresAt
        let entry = makeBytes(key, packed, time, type: type)
        replace(at: location, by: entry, hash)
        return entry
    }

    @inline(__always)
    mutating func splice(
        _ entry: Entry, _ hash: UInt64, _ splice: Splice, _ countChange: Int
    ) -> Entry {
        willChange(entry, hash)
        assert(entry.type != .string)
        guard entry.representation == .inline else {
            return spliceShared(entry, hash, splice, countChange)
        }
        let size = entry.blockBytes
        let length = entry.inlineCount &+ splice.growth
        if length > Entry.inlineValueBytesMax {
            return spliceOut(entry, hash, splice, countChange)
        }
        if Slab.roundedSize(size &+ splice.growth) == Slab.roundedSize(size) {
            entry.spliceInline(splice)
            entry.adjustPackedCount(by: countChange)
            return entry
        }
        let changed = slab.makeEntry(size &+ splice.growth)
        changed.fill(like: entry, splice)
        changed.adjustPackedCount(by: countChange)
        replace(at: table.locate(entry, hash), by: changed, hash)
        return changed
    }

    /// The value leaves the entry for a block of its own.
    @inline(never)
    private mutating func spliceOut(
        _ entry: Entry, _ hash: UInt64, _ splice: Splice, _ countChange: Int
    ) -> Entry {
        let length = entry.inlineCount + splice.growth
        let block = SharedBlock(entry.inlineBytes, capacity: length)
        block.apply(splice)
        let changed = makeShared(entry.key, block, entry.expiresAt, type: entry.type)
        changed.copyFlag(of: entry)
        changed.adjustPackedCount(by: countChange)
        replace(at: table.locate(entry, hash), by: changed, hash)
        return changed
    }

    @inline(never)
    private mutating func spliceShared(
        _ entry: Entry, _ hash: UInt64, _ splice: Splice, _ countChange: Int
    ) -> Entry {
        precondition(entry.representation == .shared, "the entry is not packed")
        externalBytes -= entry.externalBytes
        entry.withUniqueBlock { $0.apply(splice) }
        externalBytes += entry.externalBytes
        entry.adjustPackedCount(by: countChange)
        guard entry.sharedBytes.count <= DatabaseStorage.inlineAgainBytes else { return entry }
        let changed = makeInline(
            entry.key, entry.sharedBytes, entry.expiresAt, type: entry.type)
        changed.copyFlag(of: entry)
        replace(at: table.locate(entry, hash), by: changed, hash)
        return changed
    }

    mutating func replacePacked(
        _ entry: Entry, _ hash: UInt64, by object: StoredObject
    ) -> Entry {
        precondition(entry.type != .string && entry.representation != .object)
        willChange(entry, hash)
        let changed = makeObject(entry.key, object, entry.type, entry.expiresAt)
        replace(at: table.locate(entry, hash), by: changed, hash)
        return changed
    }
}
