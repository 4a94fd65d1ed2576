// The walk of a snapshot over the members of one big collection.
//
// It is the rule of the keyspace's snapshots (Snapshot.swift) one level down: members lie in the
// order of their hashes, so "ahead of the walk" is one comparison; a member ahead of it is handed
// over right before it changes and gets a stamp; new ones get the stamp at once; the walk skips
// what is stamped and clears the stamps it passes. So a collection of any size is written in small
// steps, between commands that change it.

/// Who gets the members.
final class MemberWalk {
    let visit: (Entry) -> Void

    init(_ visit: @escaping (Entry) -> Void) { self.visit = visit }
}

extension MemberTable {
    /// Whether a walk is under way.
    public var isWalked: Bool { walk != nil }

    /// Begins a walk that hands every member as it is now to `visit`, once.
    public mutating func beginWalk(_ visit: @escaping (Entry) -> Void) {
        precondition(walk == nil, "one walk at a time")
        if abortedInARow >= Int(Entry.stampMax) - 1 {
            table.forEachEntry { entry in if entry.stamp != 0 { entry.stamp = 0 } }
            abortedInARow = 0
        }
        epoch = epoch % Entry.stampMax + 1
        walk = MemberWalk(visit)
        unsavedFrom = 0
        table.mayMerge = false
    }

    /// Walks over at most `bucketBudget` buckets; true when all members were handed over.
    public mutating func advanceWalk(bucketBudget: Int) -> Bool {
        guard let walk, unsavedFrom != .max else { return true }
        var place = unsavedFrom >> 16
        for _ in 0..<bucketBudget {
            let reached = place
            place = table.visitHome(at: place) { slot, entryPlace in
                guard entryPlace >= reached else { return }
                let entry = slot.entry
                let stamp = entry.stamp
                if stamp != epoch { walk.visit(entry) }
                if stamp != 0 { entry.stamp = 0 }
            }
            table.prefetchEntries(at: place)
            if place == HashTable.placeEnd {
                unsavedFrom = .max
                abortedInARow = 0
                return true
            }
        }
        unsavedFrom = place << 16
        return false
    }

    /// Ends the walk.
    public mutating func endWalk() {
        guard walk != nil else { return }
        if unsavedFrom != .max { abortedInARow += 1 }
        walk = nil
        unsavedFrom = .max
        table.mayMerge = true
    }

    /// Announces that the word of a member is about to change in place.
    @inline(__always)
    public mutating func willModify(_ entry: Entry, _ hash: KeyHash) {
        willChange(entry, hash.value)
    }

    /// Announces a change of `entry`.
    @inline(__always)
    func willChange(_ entry: Entry, _ hash: UInt64) {
        if hash >= unsavedFrom { preserve(entry) }
    }

    @inline(never)
    private func preserve(_ entry: Entry) {
        guard let walk, entry.stamp != epoch else { return }
        walk.visit(entry)
        entry.stamp = epoch
    }

    /// Marks an entry that the walk must not see.
    @inline(__always)
    func stamp(_ entry: Entry, _ hash: UInt64) {
        if hash >= unsavedFrom { entry.stamp = epoch }
    }
}
