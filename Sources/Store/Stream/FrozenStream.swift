// A stream as it was at one moment, for a snapshot that is written in steps.
//
//   1. `freeze` notes the counters and keeps the list of nodes, whose leaves are shared from then
//      on (see StreamOrder), and the list of groups; it begins a new epoch.
//   2. Nodes of earlier epochs are shared as well. Whoever changes one first takes a copy, which
//      belongs to the new epoch; whoever removes one leaves it to the frozen stream.
//   3. A group or consumer that is about to change keeps an image of itself first (see
//      FrozenGroup).
//   4. The snapshot reads the frozen stream part by part.
//   5. `endFreeze` frees the nodes that only the frozen stream still knows.
//
// So freezing a stream of any size with any number of groups copies one word for every 256 nodes, a
// write to a frozen stream copies at most a node and some leaves of some kilobytes each, and
// nothing is copied that does not change.
//
// Whoever reads a frozen stream keeps the stream itself alive.

internal import Bytes

/// One thing that a file says of a stream; they come in the order that files have them in.
public enum StreamPart {
    /// A node.
    case node(StreamID, listpackBytes: Int, StreamNodeFile)
    /// What stands between the nodes and the groups.
    case counters(StreamCounters)
    /// A group, in front of its pending entries.
    case group(name: [UInt8], lastID: StreamID, entriesRead: Int64, pendingCount: Int)
    /// A pending entry of the group.
    case pending(PendingEntry)
    /// The number of the group's consumers, behind its pending entries.
    case consumerCount(Int)
    /// A consumer, in front of the IDs that are pending at it.
    case consumer(name: [UInt8], seenAt: Int64, activeAt: Int64, pendingCount: Int)
    /// An ID that is pending at the consumer.
    case owned(StreamID)

    /// How much work it is to write the part, counted in pending entries.
    fileprivate var effort: Int {
        switch self {
        case .node: 64
        case .pending, .owned: 1
        case .counters, .group, .consumerCount, .consumer: 16
        }
    }
}

/// What a stream knows about its entries and groups as a whole.
public struct StreamCounters {
    /// Number of entries.
    public let length: Int
    /// The largest ID that was ever given out or set.
    public let lastID: StreamID
    /// The ID of the first entry.
    public let firstID: StreamID
    /// The largest ID of an entry that was deleted by its ID.
    public let maxDeletedID: StreamID
    /// How many entries were ever added.
    public let entriesAdded: UInt64
    /// Number of groups.
    public let groupCount: Int
}

/// A stream at one moment.
public final class FrozenStream {
    private enum Reading {
        case nodes
        case group
        case pending
        case consumer
        case owned
        case end
    }

    private let nodes: FrozenOrder<PlacedNode>
    private let counters: StreamCounters
    private let groups: [StreamGroup]
    private var groupsRead = 0
    private var reading = Reading.nodes
    private var group: FrozenGroup?
    private var consumer: FrozenConsumer?
    /// Shared nodes that the stream has replaced or removed since.
    fileprivate var abandoned: [StreamNode] = []

    /// Number of nodes.
    public var nodeCount: Int { nodes.count }

    fileprivate init(_ nodes: FrozenOrder<PlacedNode>, of stream: StreamObject) {
        self.nodes = nodes
        counters = stream.counters
        groups = stream.groups
    }

    /// Hands over the next parts, each once, up to so much work, which is counted in pending
    /// entries; true when all were.
    public func advance(effortMax: Int, _ body: (StreamPart) -> Void) -> Bool {
        var left = effortMax
        while left > 0, let part = next() {
            body(part)
            left -= part.effort
        }
        return reading == .end
    }

    private func next() -> StreamPart? {
        while true {
            switch reading {
            case .nodes:
                if let placed = nodes.next() { return StreamPart(placed) }
                reading = .group
                return .counters(counters)
            case .group: return nextGroup()
            case .pending:
                guard let group else { preconditionFailure("no group is read") }
                if let entry = group.pending.next() { return .pending(entry) }
                reading = .consumer
                return .consumerCount(group.consumers.count)
            case .consumer:
                if let part = nextConsumer() { return part }
            case .owned:
                if let held = consumer?.pending.next() { return .owned(held.id) }
                reading = .consumer
            case .end: return nil
            }
        }
    }

    private func nextGroup() -> StreamPart? {
        guard groupsRead < groups.count else {
            reading = .end
            return nil
        }
        let group = groups[groupsRead]
        let image = group.image()
        self.group = image
        reading = .pending
        return .group(
            name: group.name, lastID: image.lastID, entriesRead: image.entriesRead,
            pendingCount: image.pending.count)
    }

    private func nextConsumer() -> StreamPart? {
        guard let group else { preconditionFailure("no group is read") }
        consumer = nil
        if group.consumersRead > 0 {
            group.consumers[group.consumersRead - 1].dropImage()
        }
        guard group.consumersRead < group.consumers.count else {
            self.group = nil
            groups[groupsRead].dropImage()
            groupsRead += 1
            reading = .group
            return nil
        }
        let next = group.consumers[group.consumersRead]
        group.consumersRead += 1
        let image = next.image()
        consumer = image
        reading = .owned
        return .consumer(
            name: next.name, seenAt: image.seenAt, activeAt: image.activeAt,
            pendingCount: image.pending.count)
    }

    /// Drops what the groups that were not read keep for it.
    fileprivate func end() {
        reading = .end
        consumer = nil
        group = nil
        for group in groups[groupsRead...] { group.dropImages() }
        groupsRead = groups.count
        for node in abandoned { node.free() }
        abandoned = []
    }
}

extension StreamPart {
    init(_ placed: PlacedNode) {
        self = .node(
            placed.id, listpackBytes: placed.node.listpackBytes, StreamNodeFile(node: placed.node))
    }
}

extension StreamObject {
    /// What a file says between nodes and groups.
    var counters: StreamCounters {
        StreamCounters(
            length: length, lastID: lastID, firstID: firstID, maxDeletedID: maxDeletedID,
            entriesAdded: entriesAdded, groupCount: groups.count)
    }

    /// Hands over everything a file says of the stream, at once.
    public func forEachPart(_ body: (StreamPart) -> Void) {
        nodes.forEach { body(StreamPart($0)) }
        body(.counters(counters))
        for group in groups { group.forEachPart(body) }
    }

    /// Whether there is more to write than so many nodes, or than so many groups, consumers and
    /// pending entries together.
    public func isLarger(nodes nodeCountMax: Int, groupParts partsMax: Int) -> Bool {
        if nodeCount > nodeCountMax { return true }
        var parts = 0
        for group in groups {
            parts += 1 + group.consumers.count + 2 * group.pendingCount
            if parts > partsMax { return true }
        }
        return false
    }

    /// Keeps the stream as it is now for a reader, until `endFreeze`. Nil when the stream is
    /// frozen already.
    public func freeze() -> FrozenStream? {
        if frozen != nil || epoch == Int(UInt32.max) { return nil }
        epoch += 1
        commons.freeze = epoch
        let made = FrozenStream(nodes.freeze(), of: self)
        frozen = made
        return made
    }

    /// Ends what `freeze` began.
    public func endFreeze() {
        guard let ended = frozen else { return }
        frozen = nil
        commons.freeze = 0
        nodes.endFreeze()
        ended.end()
    }

    /// Whether a frozen stream shares the node.
    @inline(__always)
    func isShared(_ node: StreamNode) -> Bool { frozen != nil && node.epoch < epoch }

    /// The node at `place`, which may be changed: a copy takes the place of a shared one.
    @inline(__always)
    func ownNode(at place: StreamOrder<PlacedNode>.Place) -> StreamNode {
        let node = nodes[place].node
        return isShared(node) ? replaceShared(node, at: place) : node
    }

    @inline(never)
    private func replaceShared(
        _ node: StreamNode, at place: StreamOrder<PlacedNode>.Place
    ) -> StreamNode {
        let copy = node.copy()
        copy.epoch = epoch
        replaceNode(at: place, by: copy, was: node.memoryBytes)
        frozen?.abandoned.append(node)
        return copy
    }

    /// Gives up a node that the stream no longer has.
    func discard(_ node: StreamNode) {
        if isShared(node) {
            frozen?.abandoned.append(node)
        } else {
            node.free()
        }
    }
}
