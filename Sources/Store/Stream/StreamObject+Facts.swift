// What can be known about the entries without walking over them: how many of them a group has read
// and has before it, and what other servers would call their tree. The rules are those of others,
// since clients compare the answers.

extension StreamObject {
    /// Whether an entry behind `id`, or `id` itself, was deleted by its ID.
    private func hasDeletions(from id: StreamID) -> Bool {
        length > 0 && maxDeletedID != .zero && id <= maxDeletedID
    }

    /// How many entries were added up to `id`, counted from the first one ever; nil when nobody
    /// can know.
    ///
    /// It is known at the ends: for the last ID, for the first entry and what lies before it, as
    /// long as no entry behind was deleted by its ID.
    public func entriesAdded(upTo id: StreamID) -> Int64? {
        let added = Int64(clamping: entriesAdded)
        if added == 0 { return 0 }
        if length == 0 && id <= lastID { return added }
        if id != .zero && id < maxDeletedID { return nil }
        if id == lastID { return added }
        if id > lastID { return nil }
        if maxDeletedID == .zero || maxDeletedID < firstID {
            if id < firstID { return added &- Int64(length) }
            if id == firstID { return added &- Int64(length) &+ 1 }
        }
        return nil
    }

    /// How many entries the group has not read yet; nil when nobody can know.
    public func lag(of group: StreamGroup) -> Int64? {
        let added = Int64(clamping: entriesAdded)
        if added == 0 { return 0 }
        if group.entriesRead != StreamGroup.unknown && !hasDeletions(from: group.lastID) {
            return added &- group.entriesRead
        }
        return entriesAdded(upTo: group.lastID).map { added &- $0 }
    }

    /// Moves a group on to an entry that it reads now.
    public func advance(_ group: StreamGroup, to id: StreamID) {
        if group.entriesRead != StreamGroup.unknown && group.lastID >= firstID
            && !hasDeletions(from: group.lastID)
        {
            group.entriesRead &+= 1
        } else if entriesAdded > 0 {
            group.entriesRead = entriesAdded(upTo: id) ?? StreamGroup.unknown
        }
        group.lastID = id
    }

    /// The ID of the first entry that takes room, deleted or not; the largest ID when there is
    /// none. Trimming up to it deletes nothing.
    public var firstStoredID: StreamID {
        nodes.first.map { StreamEntries.firstID(of: $0) } ?? .max
    }

    /// The number of nodes of the compressed radix tree in which other servers keep the nodes of a
    /// stream by the 16 bytes of their IDs; clients may read it in XINFO STREAM.
    ///
    /// Each key has a leaf, each place where keys part a node, and each run of bytes in between
    /// another one. Neighbours part where their common bytes end; a stack of such places, deepest
    /// last, meets every place once.
    public var radixTreeNodeCount: Int {
        if nodes.count == 0 { return 1 }
        let keyBytes = 16
        var total = 0
        var open: [Int] = []
        var common = -1
        var previous: StreamID?
        /// A run of bytes between two places needs a node when it is not empty.
        func addRun(from parent: Int, to place: Int) {
            if place - parent - 1 > 0 { total += 1 }
        }
        func close(downTo depth: Int) {
            while let last = open.last, last > depth {
                open.removeLast()
                total += 1
                addRun(from: max(open.last ?? -1, depth), to: last)
            }
        }
        nodes.forEach { placed in
            if let previous {
                let next = StreamObject.commonBytes(previous, placed.id)
                total += 1
                addRun(from: max(common, next), to: keyBytes)
                close(downTo: next)
                if open.last != next { open.append(next) }
                common = next
            }
            previous = placed.id
        }
        total += 1
        addRun(from: common, to: keyBytes)
        close(downTo: -1)
        return total
    }

    private static func commonBytes(_ left: StreamID, _ right: StreamID) -> Int {
        let high = left.milliseconds ^ right.milliseconds
        if high != 0 { return high.leadingZeroBitCount / 8 }
        return 8 + (left.sequence ^ right.sequence).leadingZeroBitCount / 8
    }
}
