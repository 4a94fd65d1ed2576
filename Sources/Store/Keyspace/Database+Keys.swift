// What commands do with the keys of a database, whatever their type.

public import Bytes

extension Database {
    /// Number of keys, expired ones that were not removed yet included.
    public var count: Int { storage.table.count }

    /// Keys that have an expiry time.
    public var expiringCount: Int { storage.expiringCount }

    /// How many keys the table has room for.
    public var slotCount: Int { storage.table.slotCount }

    /// Bytes of keys, values and the table.
    public var usedBytes: Int { storage.usedBytes }

    /// What hashes keys here, and members of the values.
    public var hasher: KeyHasher { storage.table.hasher }

    /// Bytes of the table alone, without the entries.
    public var tableBytes: Int { storage.table.bytes }

    /// The hash of a key.
    public func hash(_ key: ByteSlice) -> KeyHash { storage.table.hasher.hash(key) }

    /// Asks for the bucket of a key: first step of a batch, nanoseconds before `prefetchEntry`.
    @inline(__always)
    public func prefetchBucket(_ hash: KeyHash) { storage.table.prefetchBucket(hash.value) }

    /// Asks for the entry of a key, whose bucket should have arrived.
    @inline(__always)
    public func prefetchEntry(_ hash: KeyHash) { storage.table.prefetchEntry(hash.value) }

    /// The entry of a key, expired or not; nil if there is none.
    public func find(_ key: ByteSlice, _ hash: KeyHash) -> Entry? {
        storage.table.find(key, hash.value)
    }

    /// Removes a key; says whether it existed. The occasion decides where a big object is freed.
    public func remove(
        _ key: ByteSlice, _ hash: KeyHash, _ occasion: LazyFreeing.Occasion = .atOnce
    ) -> Bool {
        storage.remove(key, hash.value, occasion)
    }

    /// Removes an entry that `find` gave. The occasion decides where a big object is freed.
    public func remove(
        _ entry: Entry, _ hash: KeyHash, _ occasion: LazyFreeing.Occasion = .atOnce
    ) {
        storage.remove(at: storage.table.locate(entry, hash.value), hash.value, occasion)
    }

    /// Sets the expiry time (absolute milliseconds), or removes it (-1); returns the entry, which
    /// may have moved.
    public func setExpiry(_ entry: Entry, _ hash: KeyHash, expiresAt: Int64) -> Entry {
        storage.setExpiry(entry, hash.value, expiresAt)
    }

    /// Moves an entry with its value and expiry time to another name, here or in another database
    /// of the keyspace, where it replaces what is there; returns it.
    public func move(
        _ entry: Entry, _ hash: KeyHash, to target: Database, key: ByteSlice, _ newHash: KeyHash
    ) -> Entry {
        if target == self && hash == newHash && entry.keyEquals(key) { return entry }
        let moved = target.storage.makeAlike(entry, key: key, expiresAt: entry.expiresAt)
        let clock = entry.accessClock
        target.put(moved, newHash)
        if storage.accessClock.countsAccesses { moved.accessClock = clock }
        remove(entry, hash)
        return moved
    }

    /// Copies an entry with its value and expiry time to another name, here or in another database
    /// of the keyspace, where it replaces what is there; returns the copy.
    public func copy(
        _ entry: Entry, to target: Database, key: ByteSlice, _ newHash: KeyHash
    ) -> Entry {
        let copied = target.storage.makeAlike(
            entry, key: key, expiresAt: entry.expiresAt, copyingObjects: true)
        target.put(copied, newHash)
        return copied
    }

    /// Puts a filled entry in the place of what its key names.
    private func put(_ entry: Entry, _ hash: KeyHash) {
        _ = storage.remove(entry.key, hash.value, .overwrite)
        storage.insert(entry, hash.value)
    }

    /// A random entry, each equally likely; nil when the database is empty.
    public func randomEntry(_ random: inout SeededRandom) -> Entry? {
        storage.table.randomEntry(&random)
    }

    /// Visits some entries; returns the cursor for the next call, 0 at the end.
    ///
    /// From 0 to 0, every key that exists all the time is visited at least once, whatever changes
    /// between the calls; a key may be visited twice. Cursors are below 2^48. At least `count`
    /// entries are visited unless buckets are empty. `visit` must not change the database.
    public func scan(cursor: UInt64, count: Int, _ visit: (Entry) -> Void) -> UInt64 {
        storage.table.scan(cursor: cursor, count: count, visit)
    }

    /// Visits every entry; `visit` must not change the database.
    public func forEach(_ visit: (Entry) -> Void) { storage.table.forEachEntry(visit) }
}
