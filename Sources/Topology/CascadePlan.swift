// Trees as edges from a node to its upstream. All functions are pure; the master is the node
// without an edge.
//
//   rerooted(n1 → n2)     n1                 n2
//                        /  \      →        /  \
//                      n2    n3           n1    n3       (n4 stays below n2)
//                      |                         n4 below n2
//                      n4

internal import ControlModel

/// Arithmetic of trees.
enum CascadePlan {
    /// Edges of a wanted tree.
    static func edges(of tree: TopologySpec) -> [String: String] {
        var edges: [String: String] = [:]
        for (spec, parent) in tree.flattened {
            if let parent { edges[spec.node] = parent }
        }
        return edges
    }

    /// The tree with another master: the old one and all that hung directly below it follow the
    /// new one. Everything else stays where it is.
    static func rerooted(
        _ edges: [String: String], from old: String?, to new: String
    ) -> [String: String] {
        var result = edges
        result[new] = nil
        guard let old, old != new else { return result }
        for (node, upstream) in edges where upstream == old && node != new { result[node] = new }
        result[old] = new
        return result
    }

    /// Upstreams of a node up to the master, nearest first. Stops at a repetition.
    static func ancestors(of node: String, in edges: [String: String]) -> [String] {
        var result: [String] = []
        var next = edges[node]
        while let upstream = next, !result.contains(upstream), upstream != node {
            result.append(upstream)
            next = edges[upstream]
        }
        return result
    }

    /// Nodes of a tree from the top down; the order within a level is that of their names.
    static func topDown(_ edges: [String: String], master: String) -> [String] {
        var result = [master]
        var seen: Set<String> = [master]
        var index = 0
        let children = Dictionary(grouping: edges.keys, by: { edges[$0] ?? "" })
        while index < result.count {
            let below = (children[result[index]] ?? []).sorted()
            result += below.filter { seen.insert($0).inserted }
            index += 1
        }
        return result
    }

    /// Number of nodes that hang directly below each node.
    static func fanOut(_ edges: [String: String]) -> [String: Int] {
        edges.values.reduce(into: [:]) { counts, upstream in counts[upstream, default: 0] += 1 }
    }
}
