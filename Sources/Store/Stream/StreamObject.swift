// A stream: entries in nodes, in the order of their IDs, and the groups that read them.
//
//   nodes    │ 100-0 ► node │ 103-4 ► node │ … │        an entry is appended to the last node
//   groups   sorted by name, each with its pending entries and consumers
//
// A node takes entries until it has `stream-node-max-bytes` or `stream-node-max-entries`, by the
// rules of other servers, so that approximate trimming cuts at the same places.
//
// Invariants
//   `length` is the sum of the nodes' counts; IDs rise through all nodes; the ID of a node is not
//   above its entries' IDs; every entry's ID <= lastID unless XSETID took it back on an empty
//   stream; `firstID` is the ID of the first entry that is not deleted, 0-0 when there is none.

/// When a node of a stream is full.
public struct StreamNodeLimits: Sendable {
    /// Bytes of a node as listpack (`stream-node-max-bytes`); 0: only the built-in limit.
    public var bytesMax: Int
    /// Entries of a node, deleted ones included (`stream-node-max-entries`); 0: no limit.
    public var entriesMax: Int

    /// Limits.
    public init(bytesMax: Int = 4096, entriesMax: Int = 100) {
        self.bytesMax = bytesMax
        self.entriesMax = entriesMax
    }

    /// No node, and no entry, is larger.
    public static var nodeBytesMax: Int { 1 << 30 }

    /// The limit that applies.
    var effectiveBytesMax: Int {
        bytesMax == 0 ? StreamNodeLimits.nodeBytesMax : min(bytesMax, StreamNodeLimits.nodeBytesMax)
    }
}

/// A stream with its consumer groups.
public final class StreamObject: StoredObject {
    var nodes = StreamOrder<PlacedNode>()
    var nodeBytes = 0
    let commons = StreamCommons()
    /// Grows when the stream is frozen: nodes of earlier epochs are shared with what was frozen.
    var epoch = 0
    var frozen: FrozenStream?

    /// Number of entries.
    public internal(set) var length = 0
    /// The largest ID that was ever given out or set.
    public var lastID = StreamID.zero
    /// The ID of the first entry; 0-0 when there is none.
    public internal(set) var firstID = StreamID.zero
    /// The largest ID of an entry that was deleted by its ID.
    public var maxDeletedID = StreamID.zero
    /// How many entries were ever added.
    public var entriesAdded: UInt64 = 0
    /// The groups, by name.
    public internal(set) var groups: [StreamGroup] = []

    /// An empty stream.
    public override init() { super.init() }

    deinit {
        endFreeze()
        nodes.forEach { $0.node.free() }
    }

    /// Bytes of the object itself.
    private static let ownBytes = 192

    /// Bytes of nodes, groups and indexes.
    public override var memoryUsage: Int {
        StreamObject.ownBytes + nodeBytes + nodes.memoryBytes + commons.bytes
    }

    /// `stream`.
    public override var encodingName: StaticString { "stream" }

    /// Nodes, and the pending entries of the groups.
    public override var freeEffort: Int {
        groups.reduce(nodes.count) { $0 + 1 + $1.pendingCount }
    }

    /// An independent copy with the groups, their consumers and pending entries.
    public override func copy() -> StoredObject {
        let copied = StreamObject()
        nodes.forEach { copied.add($0.node.copy(), at: $0.id) }
        copied.length = length
        copied.lastID = lastID
        copied.firstID = firstID
        copied.maxDeletedID = maxDeletedID
        copied.entriesAdded = entriesAdded
        copied.groups = groups.map { $0.copy(commons: copied.commons) }
        return copied
    }

    /// Number of nodes.
    public var nodeCount: Int { nodes.count }

    // MARK: Nodes

    /// Adds a node that belongs in none of the others.
    func add(_ node: StreamNode, at id: StreamID) {
        node.epoch = epoch
        let isNew = nodes.insert(PlacedNode(id: id, node: node))
        precondition(isNew, "two nodes with one ID")
        nodeBytes += node.memoryBytes
    }

    /// Puts `node` in the place of a smaller or larger form of itself.
    @inline(__always)
    func replaceNode(at place: StreamOrder<PlacedNode>.Place, by node: StreamNode, was bytes: Int) {
        let id = nodes[place].id
        nodes[place] = PlacedNode(id: id, node: node)
        nodeBytes += node.memoryBytes - bytes
    }

    /// Takes a node out and frees it with its entries.
    func removeNode(at place: StreamOrder<PlacedNode>.Place) {
        let node = nodes[place].node
        length -= node.count
        nodeBytes -= node.memoryBytes
        nodes.remove(at: place)
        discard(node)
    }

    /// Sets `firstID` after entries were deleted.
    func updateFirstID() {
        var entries = StreamEntries(self)
        firstID = entries.next() ? entries.id : .zero
    }

    /// The ID of the last entry that is not deleted; 0-0 when there is none.
    public var lastEntryID: StreamID {
        var entries = StreamEntries(self, isReversed: true)
        return entries.next() ? entries.id : .zero
    }

    /// Stops the process when an invariant is broken; for tests.
    public func checkInvariants() {
        nodes.checkInvariants()
        var total = 0
        var bytes = 0
        nodes.forEach { placed in
            total += placed.node.count
            bytes += placed.node.memoryBytes
            precondition(placed.node.liveStart >= placed.node.entriesStart)
            precondition(placed.node.liveStart <= placed.node.used)
        }
        precondition(total == length && bytes == nodeBytes)
        var seen = 0
        var previous: StreamID?
        var entries = StreamEntries(self)
        while entries.next() {
            if let previous { precondition(previous < entries.id) }
            if previous == nil { precondition(firstID == entries.id) }
            previous = entries.id
            seen += 1
        }
        precondition(seen == length && (seen > 0 || firstID == .zero))
        precondition(groups.reduce(0) { $0 + $1.checkInvariants() } == commons.bytes)
        for (left, right) in zip(groups, groups.dropFirst()) {
            precondition(StreamGroup.compare(left.name, right.name) < 0)
        }
    }
}
