// Deleting entries: one by one, or from the front.
//
// A deleted entry keeps its place in the node with a flag until the whole node goes. In front of
// `liveStart` all are deleted, so that a stream that is trimmed with each addition does not look at
// them again.

internal import Bytes

extension StreamObject {
    /// Deletes the entry with this ID; says whether there was one. Follow a series of calls by
    /// `noteDeletions`.
    public func delete(_ id: StreamID) -> Bool {
        var entries = StreamEntries(self, from: id, to: id)
        guard entries.next() else { return false }
        if nodes[entries.place].node.count == 1 {
            removeNode(at: entries.place)
        } else {
            let node = ownNode(at: entries.place)
            mark(node, at: entries.flagsOffset, flags: entries.flags)
            if entries.flagsOffset == node.liveStart {
                node.liveStart = entries.end
            }
        }
        if id > maxDeletedID { maxDeletedID = id }
        return true
    }

    /// Sets `firstID` anew; call it after `delete`.
    public func noteDeletions() { updateFirstID() }

    /// Flags an entry that is not deleted.
    private func mark(_ node: StreamNode, at offset: Int, flags: Int64) {
        // Flags are below 128: an integer element of one byte.
        node.replace(at: offset, with: UInt8(flags | StreamEntries.deletedFlag))
        node.count -= 1
        node.deleted += 1
        length -= 1
    }

    /// How a stream is trimmed.
    public enum Trimming: Sendable {
        /// The last so many entries stay.
        case length(Int)
        /// Entries from this ID on stay.
        case minimum(StreamID)
    }

    /// Deletes entries from the front; returns how many.
    ///
    /// - Parameters:
    ///   - trimming: what stays.
    ///   - isApproximate: only whole nodes are deleted.
    ///   - limit: a node that would exceed so many deletions stays; 0: no limit.
    public func trim(_ trimming: Trimming, isApproximate: Bool, limit: Int) -> Int {
        var deleted = 0
        while nodes.count > 0 {
            if case .length(let kept) = trimming, length <= kept { break }
            let node = nodes[nodes.start].node
            if limit > 0 && deleted + node.count > limit { break }
            if isObsolete(trimming) {
                deleted += node.count
                removeNode(at: nodes.start)
                continue
            }
            if !isApproximate { deleted += trimFirstNode(trimming) }
            break
        }
        if deleted > 0 || length == 0 { updateFirstID() }
        return deleted
    }

    /// Whether the first node goes as a whole.
    private func isObsolete(_ trimming: Trimming) -> Bool {
        let first = nodes[nodes.start]
        switch trimming {
        case .length(let kept): return length - first.node.count >= kept
        case .minimum(let id):
            if first.id >= id { return false }
            return StreamEntries.lastID(of: first) < id
        }
    }

    /// Flags entries of the first node, which does not go as a whole; returns how many.
    private func trimFirstNode(_ trimming: Trimming) -> Int {
        let node = ownNode(at: nodes.start)
        var entries = StreamEntries(self)
        var deleted = 0
        while entries.nextOfNode() {
            switch trimming {
            case .length(let kept): if length <= kept { return deleted }
            case .minimum(let id): if entries.id >= id { return deleted }
            }
            if entries.flags & StreamEntries.deletedFlag == 0 {
                mark(node, at: entries.flagsOffset, flags: entries.flags)
                deleted += 1
            }
            node.liveStart = entries.end
        }
        return deleted
    }
}

extension StreamEntries {
    /// The ID of the last entry of a node, deleted or not.
    static func lastID(of placed: PlacedNode) -> StreamID {
        let body = placed.node.body
        var count = Listpack.previous(body, before: body.count)
        var start = count
        var elements = Listpack.integer(body, at: &count)
        while elements > 0 {
            start = Listpack.previous(body, before: start)
            elements -= 1
        }
        return id(of: placed, at: start)
    }

    /// The ID of the first entry of a node, deleted or not.
    static func firstID(of placed: PlacedNode) -> StreamID {
        id(of: placed, at: placed.node.entriesStart)
    }

    private static func id(of placed: PlacedNode, at offset: Int) -> StreamID {
        let body = placed.node.body
        var place = Listpack.next(body, after: offset)
        let milliseconds = Listpack.integer(body, at: &place)
        let sequence = Listpack.integer(body, at: &place)
        return StreamID(
            placed.id.milliseconds &+ UInt64(bitPattern: milliseconds),
            placed.id.sequence &+ UInt64(bitPattern: sequence))
    }
}
