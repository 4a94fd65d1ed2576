// What a spec must satisfy before anything is stored. Each rule has its code, and the first one
// that is broken is reported with a pointer to the place in the body.
//
//   INVALID_NAME            characters of names
//   DUPLICATE_NODE          a node is registered twice, or is at two places of the tree
//   DUPLICATE_ADDRESS       two nodes share an address or a control port
//   UNKNOWN_NODE            the tree names a node that is not registered
//   CYCLE                   a node hangs below itself
//   NODE_IN_OTHER_CLUSTER   the address is registered, or the node answers, in another cluster
//   NO_ELIGIBLE_CANDIDATE   the root must never be promoted
//   INVALID_POLICY          numbers out of their bounds
//   LIMIT_EXCEEDED          too many nodes or levels

internal import ControlModel

/// Checks of specs.
enum SpecValidation {
    static func isName(_ text: String) -> Bool {
        let extra = Array("-_.".utf8)
        return !text.isEmpty && text.utf8.count <= Limits.nameMax && !text.hasPrefix(".")
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                    || (0x61...0x7A).contains(byte) || extra.contains(byte)
            }
    }

    /// Checks a whole spec. `others`: the other clusters.
    static func check(_ spec: ClusterSpec, others: [ClusterMachine]) throws(Problem) {
        guard isName(spec.name) else {
            throw Problems.invalid("INVALID_NAME", nameRule, at: "/name")
        }
        try checkPolicy(spec.policy)
        let nodes = spec.nodes ?? []
        guard nodes.count <= Limits.nodesMax else {
            throw Problems.invalid(
                "LIMIT_EXCEEDED", "at most \(Limits.nodesMax) nodes", at: "/nodes")
        }
        for (index, node) in nodes.enumerated() {
            try checkNode(
                node, registered: Array(nodes[..<index]), others: others, at: "/nodes/\(index)")
        }
        if let tree = spec.topology { try checkTree(tree, nodes: nodes, at: "/topology") }
    }

    private static let nameRule =
        "a name has 1 to \(Limits.nameMax) letters, digits, '-', '_' or '.'"

    static func checkNode(
        _ node: NodeSpec, registered: [NodeSpec], others: [ClusterMachine], at pointer: String
    ) throws(Problem) {
        guard isName(node.node) else {
            throw Problems.invalid("INVALID_NAME", nameRule, at: pointer + "/node")
        }
        if registered.contains(where: { $0.node == node.node }) {
            throw Problems.invalid(
                "DUPLICATE_NODE", "\(node.node) is registered twice", at: pointer + "/node")
        }
        if let twin = registered.first(where: {
            $0.address == node.address || $0.control == node.control
        }) {
            throw Problems.invalid(
                "DUPLICATE_ADDRESS", "\(twin.node) has the same address or control port",
                at: pointer + "/address")
        }
        for other in others {
            let twin = other.record.nodes.first {
                $0.address == node.address || $0.control == node.control
            }
            if let twin {
                throw Problems.invalid(
                    "NODE_IN_OTHER_CLUSTER",
                    "this address is node \(twin.node) of cluster \(other.name); take it out "
                        + "there first", at: pointer + "/address")
            }
        }
    }

    private static func checkPolicy(_ policy: ClusterPolicy) throws(Problem) {
        let detection = policy.detection
        let interval = detection.probeInterval.milliseconds
        guard (20...60_000).contains(interval) else {
            throw Problems.invalid(
                "INVALID_POLICY", "probeInterval is 20ms to 60s",
                at: "/policy/detection/probeInterval")
        }
        guard detection.deadline.milliseconds >= 2 * interval else {
            throw Problems.invalid(
                "INVALID_POLICY", "deadline is at least two probe intervals",
                at: "/policy/detection/deadline")
        }
        guard policy.failover.maxLagBytes >= 0 else {
            throw Problems.invalid(
                "INVALID_POLICY", "maxLagBytes is not negative",
                at: "/policy/failover/maxLagBytes")
        }
        guard (0...100_000).contains(policy.failover.budgetPerHour) else {
            throw Problems.invalid(
                "INVALID_POLICY", "budgetPerHour is 0 to 100000",
                at: "/policy/failover/budgetPerHour")
        }
        guard (1...Limits.nodesMax).contains(policy.reparent.maxFanOut) else {
            throw Problems.invalid(
                "INVALID_POLICY", "maxFanOut is 1 to \(Limits.nodesMax)",
                at: "/policy/reparent/maxFanOut")
        }
    }

    /// Checks a tree against the registered nodes.
    static func checkTree(
        _ tree: TopologySpec, nodes: [NodeSpec], at pointer: String
    ) throws(Problem) {
        var seen: Set<String> = []
        try checkBranch(
            tree, above: [], seen: &seen, registered: Set(nodes.map(\.node)), at: pointer)
        let rule = tree.promotion ?? nodes.first { $0.node == tree.node }?.promotion
        if rule == .never {
            throw Problems.invalid(
                "NO_ELIGIBLE_CANDIDATE", "the root \(tree.node) has promotion \"never\"",
                at: pointer + "/node")
        }
    }

    private static func checkBranch(
        _ branch: TopologySpec, above: [String], seen: inout Set<String>,
        registered: Set<String>, at pointer: String
    ) throws(Problem) {
        guard above.count < Limits.levelsMax else {
            throw Problems.invalid(
                "LIMIT_EXCEEDED", "a tree has at most \(Limits.levelsMax) levels", at: pointer)
        }
        if above.contains(branch.node) {
            throw Problems.invalid(
                "CYCLE", "\(branch.node) hangs below itself", at: pointer + "/node")
        }
        guard registered.contains(branch.node) else {
            throw Problems.invalid(
                "UNKNOWN_NODE", "\(branch.node) is not registered; add it to the nodes first",
                at: pointer + "/node")
        }
        guard seen.insert(branch.node).inserted else {
            throw Problems.invalid(
                "DUPLICATE_NODE", "\(branch.node) is at two places of the tree",
                at: pointer + "/node")
        }
        for (index, replica) in branch.replicas.enumerated() {
            try checkBranch(
                replica, above: above + [branch.node], seen: &seen, registered: registered,
                at: "\(pointer)/replicas/\(index)")
        }
    }
}
