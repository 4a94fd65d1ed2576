// The handle of a database, and the array of databases that a keyspace owns.
//
//   keyspace ──► │ storage 0 │ storage 1 │ … │ storage n-1 │
//   handle   ────────────────────┘
//
// Invariants
//   0 <= index < count; the array is never moved while its keyspace lives.
//
// A handle is a pointer, not a class: reaching a database costs neither a reference count nor an
// exclusivity check.

/// A trivial reference to a database; valid as long as its keyspace lives. Confined to its thread.
@safe
public struct Database: Equatable {
    @usableFromInline let base: UnsafeMutablePointer<DatabaseStorage>

    @unsafe @inlinable @inline(__always)
    init(base: UnsafeMutablePointer<DatabaseStorage>) { unsafe self.base = base }

    /// Whether both name the same database.
    public static func == (left: Database, right: Database) -> Bool {
        unsafe left.base == right.base
    }

    /// The contents.
    var storage: DatabaseStorage {
        @inline(__always) unsafeAddress { unsafe UnsafePointer(base) }
        @inline(__always) nonmutating unsafeMutableAddress { unsafe base }
    }

    /// Puts `contents` in the place of the present ones, which are returned.
    func exchange(_ contents: consuming DatabaseStorage) -> DatabaseStorage {
        let old = unsafe base.move()
        unsafe base.initialize(to: contents)
        return old
    }
}

/// The databases of a keyspace, in one block.
@safe @usableFromInline
struct DatabaseArray: ~Copyable {
    @usableFromInline let base: UnsafeMutablePointer<DatabaseStorage>
    @usableFromInline let count: Int

    init(
        count: Int, hasher: KeyHasher, lazyFreeing: LazyFreeing, accessClock: AccessClock,
        chunks: ChunkSupply?
    ) {
        precondition(count > 0)
        self.count = count
        unsafe base = .allocate(capacity: count)
        for index in 0..<count {
            unsafe (base + index).initialize(
                to: DatabaseStorage(
                    hasher: hasher, lazyFreeing: lazyFreeing, accessClock: accessClock,
                    chunks: chunks))
        }
    }

    deinit {
        unsafe base.deinitialize(count: count)
        unsafe base.deallocate()
    }

    @inlinable @inline(__always)
    subscript(index: Int) -> Database {
        precondition(index >= 0 && index < count, "no such database")
        return unsafe Database(base: base + index)
    }
}
