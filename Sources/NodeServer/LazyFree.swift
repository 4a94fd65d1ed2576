// Frees tables that no database names any more (a flush, a replaced data set), and big objects that
// were removed or overwritten, where nobody waits.
//
//   engine thread ── free(table) ──► pending += keys ──► worker: table.free() ──► pending -= keys
//                                                                                 freed += keys
//
// The table is emptied in place: the engine may still hold a reference while the worker runs, and
// whoever releases last has nothing left to do. A table that a running snapshot still needs comes
// here when the snapshot is done with it; it does not count as pending before.

import Platform
import Store
import Synchronization

/// Frees detached tables on a thread of its own and counts their keys.
final class LazyFree: Sendable {
    /// Both counts change on two threads and are read on one, each for itself.
    private final class Counts: Sendable {
        let pending = Atomic<Int>(0)
        let freed = Atomic<Int>(0)
    }

    private let counts = Counts()
    private let worker: Worker

    /// Starts the thread.
    init() throws(SystemError) { worker = try Worker(name: "lazy-free") }

    /// Keys that wait to be freed: `lazyfree_pending_objects`.
    var pendingCount: Int { counts.pending.load(ordering: .acquiring) }

    /// Keys freed since the start or CONFIG RESETSTAT: `lazyfreed_objects`.
    var freedCount: Int { counts.freed.load(ordering: .relaxed) }

    /// Takes a table over. The caller must not look at it again.
    func free(_ table: DetachedTable) {
        let counts = counts
        counts.pending.add(table.count, ordering: .relaxed)
        worker.post {
            table.free()
            counts.freed.add(table.count, ordering: .relaxed)
            counts.pending.subtract(table.count, ordering: .releasing)
        }
    }

    /// Takes an object over, which counts as one. The caller must not look at it again.
    func free(_ object: DetachedObject) {
        let counts = counts
        counts.pending.add(1, ordering: .relaxed)
        worker.post {
            object.free()
            counts.freed.add(1, ordering: .relaxed)
            counts.pending.subtract(1, ordering: .releasing)
        }
    }

    /// CONFIG RESETSTAT.
    func resetFreedCount() { counts.freed.store(0, ordering: .relaxed) }
}
