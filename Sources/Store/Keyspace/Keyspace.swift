// All databases of a node, their snapshots and their expiry.

public import Bytes

/// The data set: numbered databases under one secret. Confined to the engine's thread.
public final class Keyspace {
    /// Computes the hashes of keys, for every database alike.
    public let hasher: KeyHasher
    @usableFromInline let databases: DatabaseArray
    /// When big objects are freed elsewhere, and where.
    public let lazyFreeing: LazyFreeing
    /// When and how often keys were used.
    public let accessClock: AccessClock
    /// Prepared memory for large tables; nil leaves them to small pages.
    private let chunks: ChunkSupply?
    /// The database that random eviction looked at last.
    var evictionDatabase = 0
    /// How large collections may be in packed form; loaders read them here.
    public var encodingLimits = EncodingLimits()

    /// Called with tables that a snapshot kept alive and is done with; frees them by default.
    private var disposal: (DetachedTable) -> Void = { _ in }

    private var sink: (any SnapshotSink)?
    private var epoch: UInt8 = 0
    private var abortedInARow = 0
    private var retired: [DetachedTable] = []

    private var expiryDatabase = 0
    private var expiryPlace: UInt64 = 0

    /// A keyspace of empty databases.
    public init(
        databaseCount: Int, hasher: KeyHasher, lazyFreeing: LazyFreeing = LazyFreeing(),
        accessClock: AccessClock = AccessClock(), chunks: ChunkSupply? = nil
    ) {
        self.hasher = hasher
        self.chunks = chunks
        self.lazyFreeing = lazyFreeing
        self.accessClock = accessClock
        databases = DatabaseArray(
            count: databaseCount, hasher: hasher, lazyFreeing: lazyFreeing,
            accessClock: accessClock, chunks: chunks)
    }

    /// A keyspace of empty databases whose hashes depend on `secret`.
    public convenience init(
        databaseCount: Int, secret: SipKey, chunks: ChunkSupply? = nil
    ) {
        self.init(databaseCount: databaseCount, hasher: KeyHasher(key: secret), chunks: chunks)
    }

    /// An empty keyspace with the same secret, settings and number of databases: to load a new
    /// data set beside this one.
    public func makeSibling() -> Keyspace {
        let sibling = Keyspace(
            databaseCount: databaseCount, hasher: hasher, lazyFreeing: lazyFreeing,
            accessClock: accessClock, chunks: chunks)
        sibling.encodingLimits = encodingLimits
        return sibling
    }

    private func emptyStorage() -> DatabaseStorage {
        DatabaseStorage(
            hasher: hasher, lazyFreeing: lazyFreeing, accessClock: accessClock, chunks: chunks)
    }

    /// Number of databases.
    public var databaseCount: Int { databases.count }

    /// The database at `index`, which must exist.
    @inlinable public func database(_ index: Int) -> Database { databases[index] }

    /// The hash of a key.
    @inlinable public func hash(_ key: ByteSlice) -> KeyHash { hasher.hash(key) }

    // MARK: Totals

    /// Number of keys of all databases.
    public var count: Int { total { $0.count } }

    /// Keys with an expiry time, of all databases.
    public var expiringCount: Int { total { $0.expiringCount } }

    /// Bytes of keys, values and tables, also of tables that only a snapshot still needs.
    public var usedBytes: Int {
        total { $0.usedBytes } + retired.reduce(0) { $0 + $1.storage.usedBytes }
    }

    /// Bytes of the tables alone: segments and directories.
    public var tableBytes: Int { total { $0.storage.table.bytes } }

    /// Address space that the slabs hold for entries.
    public var reservedBytes: Int { total { $0.storage.slab.reservedBytes } }

    private func total(_ value: (Database) -> Int) -> Int {
        var sum = 0
        for index in 0..<databases.count { sum += value(databases[index]) }
        return sum
    }

    // MARK: Whole databases

    /// Sets what becomes of tables that were flushed during a snapshot, once it is done with them.
    public func onDisposal(_ body: @escaping (DetachedTable) -> Void) { disposal = body }

    /// Empties a database. The old table is returned, to be dropped here or elsewhere; nil when a
    /// running snapshot still needs it (then `onDisposal` gets it later).
    public func takeAll(_ index: Int) -> DetachedTable? {
        let database = databases[index]
        if database.count == 0 { return nil }
        return retire(database.exchange(emptyStorage()))
    }

    /// Gives a table that `takeAll` or `adopt` returned to the body of `onDisposal`.
    public func dispose(of table: DetachedTable) { disposal(table) }

    private func retire(_ storage: consuming DatabaseStorage) -> DetachedTable? {
        let detached = DetachedTable(storage)
        if detached.storage.snapshot == nil { return detached }
        retired.append(detached)
        return nil
    }

    /// Exchanges the contents of two databases (SWAPDB); a running snapshot follows its tables.
    public func swap(_ first: Int, _ second: Int) {
        guard first != second else { return }
        let left = databases[first]
        let right = databases[second]
        let placeholder = emptyStorage()
        let contents = left.exchange(placeholder)
        _ = left.exchange(right.exchange(contents))
    }

    /// Takes over the data of `other`, a sibling without a running snapshot; returns the tables
    /// that were replaced (but for those that a running snapshot still needs).
    public func adopt(_ other: Keyspace) -> [DetachedTable] {
        precondition(other.databaseCount == databaseCount && other.sink == nil)
        precondition(
            other.hasher.key == hasher.key && other.hasher.mask == hasher.mask,
            "the keyspaces have different secrets")
        var replaced: [DetachedTable] = []
        for index in 0..<databaseCount {
            let contents = other.databases[index].exchange(emptyStorage())
            if let old = retire(databases[index].exchange(contents)) { replaced.append(old) }
        }
        return replaced
    }

    // MARK: Snapshots

    /// Whether a snapshot runs.
    public var isSnapshotRunning: Bool { sink != nil }

    /// Begins a snapshot: this moment is its cut. One runs at a time. Returns what each database
    /// that is not empty holds.
    public func beginSnapshot(_ sink: any SnapshotSink) -> [SnapshotCount] {
        precondition(self.sink == nil, "a snapshot runs already")
        if abortedInARow >= Int(Entry.stampMax) - 1 {
            for index in 0..<databases.count { databases[index].storage.clearStamps() }
            abortedInARow = 0
        }
        epoch = epoch % Entry.stampMax + 1
        self.sink = sink
        var counts: [SnapshotCount] = []
        for index in 0..<databases.count {
            let database = databases[index]
            database.storage.beginSnapshot(
                TableSnapshot(sink: sink, database: index, epoch: epoch))
            if database.count > 0 {
                counts.append(
                    SnapshotCount(
                        database: index, count: database.count,
                        expiringCount: database.expiringCount))
            }
        }
        return counts
    }

    /// Walks over at most `bucketBudget` buckets (seven entries each) and hands them to the sink.
    public func advanceSnapshot(bucketBudget: Int) -> SnapshotProgress {
        guard sink != nil else { return .idle }
        var budget = bucketBudget
        while budget > 0 {
            // Flushed tables first: their memory is waiting to be freed.
            if let detached = retired.first {
                budget = detached.storage.advanceSnapshot(budget)
                if detached.storage.snapshot == nil { disposal(retired.removeFirst()) }
            } else if let database = nextOfSnapshot() {
                budget = database.storage.advanceSnapshot(budget)
            } else {
                sink = nil
                abortedInARow = 0
                return .finished
            }
        }
        return .running
    }

    /// The database with the lowest index at the cut that is not done.
    private func nextOfSnapshot() -> Database? {
        var next: (database: Database, index: Int)?
        for index in 0..<databases.count {
            let database = databases[index]
            guard let snapshot = database.storage.snapshot else { continue }
            if snapshot.database < next?.index ?? .max { next = (database, snapshot.database) }
        }
        return next?.database
    }

    /// Ends the snapshot early; the sink gets nothing more.
    public func abortSnapshot() {
        guard sink != nil else { return }
        sink = nil
        abortedInARow += 1
        for index in 0..<databases.count { databases[index].storage.endSnapshot() }
        let tables = retired
        retired = []
        for table in tables {
            table.storage.endSnapshot()
            disposal(table)
        }
    }

    // MARK: Expiry

    /// Removes keys that expired at `now` (milliseconds), going on where the last call stopped.
    ///
    /// `visit` sees each entry before it is removed and must not change the keyspace. The budget
    /// counts buckets looked at; a segment in which nothing is due costs one.
    public func removeExpired(
        now: Int64, bucketBudget: Int, _ visit: (_ database: Int, Entry) -> Void
    ) -> ExpirySweep {
        var sweep = ExpirySweep()
        var budget = bucketBudget
        var visited = 0
        while budget > 0 && visited <= databases.count {
            let index = expiryDatabase
            let database = databases[index]
            while budget > 0 && database.expiringCount > 0 && expiryPlace < HashTable.placeEnd {
                let step = database.storage.expireSegment(at: expiryPlace, now: now) {
                    visit(index, $0)
                }
                expiryPlace = step.place
                budget -= step.cost
                sweep.removed += step.removed
            }
            if database.expiringCount > 0 && expiryPlace < HashTable.placeEnd { break }
            expiryPlace = 0
            expiryDatabase = (index + 1) % databases.count
            budget -= 1
            visited += 1
        }
        sweep.isComplete = visited > databases.count
        return sweep
    }

    /// Stops the process when an invariant is broken; for tests.
    public func checkInvariants() {
        for index in 0..<databases.count { databases[index].storage.checkInvariants() }
    }
}

/// What a call of `removeExpired` did.
public struct ExpirySweep: Equatable, Sendable {
    /// Keys removed.
    public var removed = 0
    /// Whether every database was passed within the budget.
    public var isComplete = false
}
