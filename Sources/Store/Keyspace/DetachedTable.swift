// The contents of a database that were taken out: to be freed elsewhere, or kept for a snapshot.

/// A table that no database names any more. Whoever holds the last reference frees it, on any
/// thread: that is how FLUSHALL ASYNC leaves the engine's thread quickly.
///
/// `@unchecked Sendable`: the engine gives its only reference away and never looks at it again; a
/// table owns its slab, so freeing touches nothing that the engine uses.
public final class DetachedTable: @unchecked Sendable {
    var storage: DatabaseStorage
    /// Number of keys.
    public let count: Int

    init(_ storage: consuming DatabaseStorage) {
        count = storage.table.count
        self.storage = storage
    }

    /// Frees the contents now, on the calling thread, whoever else still holds a reference. Only
    /// for the one to whom the table was given; O(blocks of the slab and large values).
    public func free() {
        storage =
            DatabaseStorage(hasher: storage.table.hasher, accessClock: AccessClock())
    }
}
