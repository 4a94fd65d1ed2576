// How sorted sets are stored and changed, in either form.
//
//   packed ── more than `sortedSetPackedEntriesMax` members, or a longer one ──► SortedSet
//
// A set changes its form once and never back, as in Redis.

public import Bytes

extension Database {
    /// Adds a member of a sorted set or changes its score; `entry` may move. `buffer` is memory for
    /// the packed pair. The member must not lie in the database.
    public func apply(
        _ change: ScoreChange, to member: ByteSlice, of entry: inout Entry, _ hash: KeyHash,
        _ limits: EncodingLimits, buffer: inout ByteBuffer
    ) -> ScoreChange.Outcome {
        if let object = entry.object(as: SortedSet.self) {
            return apply(change, to: member, of: object, entry, hash)
        }
        guard let view = entry.packed else { preconditionFailure("the entry is no sorted set") }
        let needle = PackedNeedle(member)
        guard let found = PackedSortedSet.find(view, needle) else {
            guard change.mayAdd else { return .refused }
            if PackedSortedSet.count(view) >= limits.sortedSetPackedEntriesMax
                || member.count > limits.sortedSetPackedValueBytesMax
            {
                let object = convertSortedSet(&entry, hash)
                return apply(change, to: member, of: object, entry, hash)
            }
            insertPacked(needle, member, change.score, &entry, hash, &buffer)
            return .added(change.score)
        }
        let outcome = change.outcome(from: found.score)
        if case .updated(let score) = outcome {
            removePacked(at: found.offset, &entry, hash)
            insertPacked(needle, member, score, &entry, hash, &buffer)
        }
        return outcome
    }

    private func apply(
        _ change: ScoreChange, to member: ByteSlice, of object: SortedSet, _ entry: Entry,
        _ hash: KeyHash
    ) -> ScoreChange.Outcome {
        willModify(entry, hash)
        let before = object.memoryUsage
        let outcome = object.apply(change, to: member)
        noteMemoryChange(object.memoryUsage - before)
        return outcome
    }

    private func insertPacked(
        _ needle: PackedNeedle, _ member: ByteSlice, _ score: Double,
        _ entry: inout Entry, _ hash: KeyHash, _ buffer: inout ByteBuffer
    ) {
        guard let view = entry.packed else { preconditionFailure("the set is not packed") }
        buffer.removeAll()
        needle.append(to: &buffer)
        PackedSortedSet.append(score, to: &buffer)
        entry = splice(
            entry, hash, at: PackedSortedSet.insertionOffset(view, score, member), removing: 0,
            inserting: buffer.readable, countChange: 2)
    }

    private func removePacked(at offset: Int, _ entry: inout Entry, _ hash: KeyHash) {
        guard let view = entry.packed else { preconditionFailure("the set is not packed") }
        entry = splice(
            entry, hash, at: offset,
            removing: PackedSortedSet.nextPair(view, after: offset) - offset,
            inserting: ByteSlice(), countChange: -2)
    }

    /// Makes a packed sorted set an object.
    @discardableResult
    public func convertSortedSet(_ entry: inout Entry, _ hash: KeyHash) -> SortedSet {
        guard let view = entry.packed else { preconditionFailure("the set is not packed") }
        let object = SortedSet(view, hasher: hasher)
        entry = replace(entry, hash, object: object)
        return object
    }

    /// Removes a member of a sorted set; says whether it was there. `entry` may move and may be
    /// empty afterwards. The member must not lie in the database.
    public func removeMember(
        _ member: ByteSlice, of entry: inout Entry, _ hash: KeyHash
    ) -> Bool {
        if let object = entry.object(as: SortedSet.self) {
            willModify(entry, hash)
            let before = object.memoryUsage
            let existed = object.remove(member)
            noteMemoryChange(object.memoryUsage - before)
            return existed
        }
        guard let view = entry.packed, let found = PackedSortedSet.find(view, member) else {
            return false
        }
        removePacked(at: found.offset, &entry, hash)
        return true
    }

    /// Removes the members of a sorted set at these ranks. `entry` may move and may be empty
    /// afterwards.
    public func removeMembers(_ ranks: Range<Int>, of entry: inout Entry, _ hash: KeyHash) {
        if ranks.isEmpty { return }
        if let object = entry.object(as: SortedSet.self) {
            willModify(entry, hash)
            let before = object.memoryUsage
            object.remove(ranks: ranks)
            noteMemoryChange(object.memoryUsage - before)
            return
        }
        guard let view = entry.packed else { preconditionFailure("the entry is no sorted set") }
        let start = PackedSortedSet.offset(view, rank: ranks.lowerBound)
        var end = start
        for _ in ranks { end = PackedSortedSet.nextPair(view, after: end) }
        entry = splice(
            entry, hash, at: start, removing: end - start, inserting: ByteSlice(),
            countChange: -2 * ranks.count)
    }
}
