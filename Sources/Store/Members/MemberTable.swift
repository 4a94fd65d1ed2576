// The members of a big collection with what belongs to each: fields of a hash, members of a set or
// a sorted set.
//
//   member ──► KeyHash ──► HashTable (segments, as for keys) ──► entry │ member │ value │
//
// It is the table of the keyspace over entries from malloc: growth in small steps, cursors that
// survive it, prefetch. The value is bytes (inline up to 1 KB, else a `SharedBlock`, which is never
// changed in place here) or a word of eight bytes, as the owner inserts it.

public import Bytes

/// A table of members. Confined to one thread, but may be freed on another.
public struct MemberTable: ~Copyable {
    var table: HashTable
    private var blockBytes = 0
    /// The snapshot that walks over the members: MemberTable+Walk.swift.
    var walk: MemberWalk?
    /// Members with a hash from here on have not been passed by the walk.
    var unsavedFrom = UInt64.max
    /// The stamp of the last walk.
    var epoch: UInt8 = 0
    /// Walks in a row that ended early, and left stamps behind.
    var abortedInARow = 0

    /// An empty table; the hasher is the keyspace's.
    public init(hasher: KeyHasher) { table = HashTable(hasher: hasher) }

    deinit { table.forEachEntry { MemberBlock.free($0) } }

    /// Number of members.
    public var count: Int { table.count }

    /// How many members the table has room for before it grows.
    public var slotCount: Int { table.slotCount }

    /// Bytes of memory: table, members, values.
    public var memoryBytes: Int { table.bytes + blockBytes }

    /// What hashes members.
    public var hasher: KeyHasher { table.hasher }

    // MARK: Lookup

    /// The hash of a member.
    @inline(__always)
    public func hash(_ member: ByteSlice) -> KeyHash { table.hasher.hash(member) }

    /// The entry of a member; nil if there is none. It stays where it is until it is removed or
    /// gets a value of another size.
    @inline(__always)
    public func find(_ member: ByteSlice, _ hash: KeyHash) -> Entry? {
        table.find(member, hash.value)
    }

    /// Asks for the bucket of a member: first step of a batch.
    @inline(__always)
    public func prefetchBucket(_ hash: KeyHash) { table.prefetchBucket(hash.value) }

    /// Asks for the entry of a member, whose bucket should have arrived.
    @inline(__always)
    public func prefetchEntry(_ hash: KeyHash) { table.prefetchEntry(hash.value) }

    // MARK: Changes

    private static func size(_ member: ByteSlice, valueCount: Int) -> Int {
        Entry.blockBytes(
            keyCount: member.count,
            valueCount: valueCount <= Entry.inlineValueBytesMax ? valueCount : 8,
            hasExpiry: false)
    }

    private mutating func make(_ member: ByteSlice, _ value: ByteSlice) -> Entry {
        let size = MemberTable.size(member, valueCount: value.count)
        let entry = MemberBlock.make(size)
        blockBytes &+= MemberBlock.chunkBytes(size)
        if value.count <= Entry.inlineValueBytesMax {
            entry.fill(key: member, inline: value, expiresAt: Entry.never)
        } else {
            let block = SharedBlock(value)
            blockBytes += block.memoryUsage
            entry.fill(key: member, shared: block, expiresAt: Entry.never)
        }
        return entry
    }

    private mutating func release(_ entry: Entry) {
        blockBytes &-= MemberBlock.chunkBytes(entry.blockBytes) &+ entry.externalBytes
        MemberBlock.free(entry)
    }

    /// Adds a member or replaces its value; says whether it was there. Neither may lie in this
    /// table. For a set, the value is empty.
    public mutating func set(_ member: ByteSlice, _ hash: KeyHash, value: ByteSlice) -> Bool {
        guard let location = table.locate(member, hash.value) else {
            let entry = make(member, value)
            stamp(entry, hash.value)
            table.insert(entry, hash.value)
            return false
        }
        let old = location.entry
        willChange(old, hash.value)
        if old.representation == .inline && value.count <= Entry.inlineValueBytesMax
            && MemberBlock.chunkBytes(old.blockBytes)
                == MemberBlock.chunkBytes(MemberTable.size(member, valueCount: value.count))
        {
            old.replaceInline(value)
            return true
        }
        let entry = make(member, value)
        stamp(entry, hash.value)
        location.replace(with: entry)
        release(old)
        return true
    }

    /// Adds a member that is not in the table, with a word; returns its entry, which stays where it
    /// is until it is removed.
    public mutating func insert(
        _ member: ByteSlice, _ hash: KeyHash, word: UInt64
    ) -> Entry {
        assert(table.find(member, hash.value) == nil, "the member is there already")
        let size = MemberTable.size(member, valueCount: 8)
        let entry = MemberBlock.make(size)
        blockBytes &+= MemberBlock.chunkBytes(size)
        entry.fill(member: member, word: word)
        stamp(entry, hash.value)
        table.insert(entry, hash.value)
        return entry
    }

    /// Removes a member; says whether it was there.
    public mutating func remove(_ member: ByteSlice, _ hash: KeyHash) -> Bool {
        guard let location = table.locate(member, hash.value) else { return false }
        let entry = location.entry
        willChange(entry, hash.value)
        table.remove(at: location, hash.value)
        release(entry)
        return true
    }

    /// Removes an entry of this table.
    public mutating func remove(_ entry: Entry, _ hash: KeyHash) {
        willChange(entry, hash.value)
        table.remove(at: table.locate(entry, hash.value), hash.value)
        release(entry)
    }

    // MARK: Walks

    /// Visits some members; returns the cursor for the next call, 0 at the end. The guarantee is
    /// that of `Database.scan`: from 0 to 0, every member that is there all the time is visited at
    /// least once. `visit` must not change the table.
    public func scan(cursor: UInt64, count: Int, _ visit: (Entry) -> Void) -> UInt64 {
        table.scan(cursor: cursor, count: count, visit)
    }

    /// A random entry, each equally likely; nil when the table is empty.
    public func randomEntry(_ random: inout SeededRandom) -> Entry? {
        table.randomEntry(&random)
    }

    /// Visits every member; `visit` must not change the table.
    public func forEach(_ visit: (Entry) -> Void) { table.forEachEntry(visit) }

    /// An independent copy; large values are shared. Words are copied as they are.
    public func copy() -> MemberTable {
        var copy = MemberTable(hasher: table.hasher)
        let hasher = table.hasher
        table.forEachEntry { entry in
            let copied = MemberBlock.copy(entry)
            copied.stamp = 0
            copy.table.insert(copied, hasher.hash(entry.key).value)
        }
        copy.blockBytes = blockBytes
        return copy
    }

    /// Stops the process when an invariant is broken; for tests.
    public func checkInvariants() {
        table.checkInvariants()
        var bytes = 0
        table.forEachSlot { slot in
            bytes += MemberBlock.chunkBytes(slot.entry.blockBytes) + slot.entry.externalBytes
        }
        precondition(bytes == blockBytes, "the memory of a member table is counted wrongly")
    }
}
