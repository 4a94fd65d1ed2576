// Point-in-time snapshots without a fork.
//
//   1. `Keyspace.beginSnapshot` is the cut. Each table gets a walk that begins at place 0.
//   2. `Keyspace.advanceSnapshot` moves the walks on in slices and hands every entry to the sink.
//   3. Before the engine changes or removes an entry that lies ahead of the walk and has no stamp
//      of this snapshot, the sink gets the entry as it was, and the entry gets the stamp. New
//      entries ahead of the walk get the stamp at once. The walk skips stamped entries.
//   4. The walk clears every stamp it passes, so a complete snapshot leaves none behind. An aborted
//      one leaves stamps of its number; the next number differs, and after 14 aborted in a row the
//      stamps are cleared in one go.
//
// Because entries lie in the order of their hashes, "ahead of the walk" is one comparison, and
// growth, splits and displacement inside the table concern nobody. Only the changed key is saved
// early, not its neighbours. Memory: 4 bits of the header that were free.
//
// FLUSHALL and a change of the data set leave the old table to the walk; SWAPDB moves the walk
// along with the table.

/// Receives the entries of a snapshot on the engine's thread.
public protocol SnapshotSink: AnyObject {
    /// Takes an entry as it was at the cut; called exactly once for each key that existed then, in
    /// no particular order. The entry is valid only during the call: small values are copied,
    /// `sharedBlock` may be kept. `database` is the index at the cut.
    func save(_ entry: Entry, database: Int)
}

/// What a database held at the cut.
public struct SnapshotCount: Equatable, Sendable {
    /// Index of the database.
    public let database: Int
    /// Number of keys.
    public let count: Int
    /// Keys that have an expiry time.
    public let expiringCount: Int
}

/// How far a snapshot is.
public enum SnapshotProgress: Equatable, Sendable {
    /// No snapshot runs.
    case idle
    /// There is more to walk.
    case running
    /// The sink has everything; the snapshot is over.
    case finished
}

/// The walk of a snapshot over one table.
final class TableSnapshot {
    let sink: any SnapshotSink
    let database: Int
    let epoch: UInt8

    init(sink: any SnapshotSink, database: Int, epoch: UInt8) {
        self.sink = sink
        self.database = database
        self.epoch = epoch
    }

    /// Hands over an entry ahead of the walk, if it was not yet.
    func preserve(_ entry: Entry) {
        guard entry.stamp != epoch else { return }
        sink.save(entry, database: database)
        entry.stamp = epoch
    }
}

extension DatabaseStorage {
    /// Begins the walk; a table without entries needs none.
    mutating func beginSnapshot(_ walk: TableSnapshot) {
        guard table.count > 0 else { return }
        snapshot = walk
        unsavedFrom = 0
        table.mayMerge = false
    }

    mutating func endSnapshot() {
        snapshot = nil
        unsavedFrom = .max
        table.mayMerge = true
    }

    /// Walks over at most `budget` buckets; returns what is left of the budget.
    mutating func advanceSnapshot(_ budget: Int) -> Int {
        guard let snapshot else { return budget }
        let sink = snapshot.sink
        let epoch = snapshot.epoch
        var place = unsavedFrom >> 16
        var remaining = budget
        while remaining > 0 {
            let reached = place
            place = table.visitHome(at: place) { slot, entryPlace in
                guard entryPlace >= reached else { return }
                let entry = slot.entry
                let stamp = entry.stamp
                if stamp != epoch { sink.save(entry, database: snapshot.database) }
                if stamp != 0 { entry.stamp = 0 }
            }
            table.prefetchEntries(at: place)
            remaining -= 1
            if place == HashTable.placeEnd {
                endSnapshot()
                return remaining
            }
        }
        unsavedFrom = place << 16
        return remaining
    }

    func clearStamps() {
        table.forEachEntry { entry in
            if entry.stamp != 0 { entry.stamp = 0 }
        }
    }
}
