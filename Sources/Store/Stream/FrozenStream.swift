// A stream as it was at one moment, for a snapshot that is written in steps.
//
//   1. `freeze` copies the list of nodes (24 bytes each), not the nodes, and begins a new epoch.
//   2. Nodes of earlier epochs are shared from then on. Whoever changes one first takes a copy,
//      which belongs to the new epoch; whoever removes one leaves it to the frozen stream.
//   3. The snapshot reads the frozen list node by node.
//   4. `endFreeze` frees the nodes that only the frozen stream still knows.
//
// So freezing ten million entries moves some megabytes, a write to a frozen stream copies at most
// one node of some kilobytes, and nothing is copied that does not change.
//
// Whoever reads a frozen stream keeps the stream itself alive.

internal import Bytes

/// The nodes of a stream at one moment.
public final class FrozenStream {
    private let nodes: StreamOrder<PlacedNode>
    private var place: StreamOrder<PlacedNode>.Place
    /// Shared nodes that the stream has replaced or removed since.
    fileprivate var abandoned: [StreamNode] = []

    fileprivate init(_ nodes: consuming StreamOrder<PlacedNode>) {
        place = nodes.start
        self.nodes = nodes
    }

    /// Hands over at most `nodeCountMax` nodes, in order, each once; true when all were.
    public func advance(
        nodeCountMax: Int, _ body: (StreamID, _ listpackBytes: Int, StreamNodeFile) -> Void
    ) -> Bool {
        var left = nodeCountMax
        while left > 0 && place != nodes.end {
            let placed = nodes[place]
            body(placed.id, placed.node.listpackBytes, StreamNodeFile(node: placed.node))
            place = nodes.place(after: place)
            left -= 1
        }
        return place == nodes.end
    }
}

extension StreamObject {
    /// Keeps the nodes as they are now for a reader, until `endFreeze`. Nil when the stream is
    /// frozen already.
    public func freeze() -> FrozenStream? {
        if frozen != nil || epoch == Int(UInt32.max) { return nil }
        epoch += 1
        let made = FrozenStream(nodes.copy())
        frozen = made
        return made
    }

    /// Ends what `freeze` began.
    public func endFreeze() {
        guard let ended = frozen else { return }
        frozen = nil
        for node in ended.abandoned { node.free() }
        ended.abandoned = []
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
