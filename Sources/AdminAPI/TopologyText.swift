// The tree as people read it.
//
//   demo: epoch 3, converged
//   n1        master   127.0.0.1:7001  up
//   ├─ n2     replica  127.0.0.1:7002  up  connected  lag 0 B
//   │  └─ n4  replica  127.0.0.1:7004  up  connected  lag 12 B
//   └─ n3     replica  127.0.0.1:7003  up  connected  lag 0 B
//
// What stands alone beside the master says what it is, such as a former master that is dead, and
// so does a node that the tree leaves out:
//
//   n1        master   127.0.0.1:7001  down  was master in epoch 2, last seen …, belongs below n2
//
// Below it stand the edges that are not as declared, and the findings. The headline says
// "converged" of the declared tree only; after a failover that nobody has undone it is "in place,
// not as declared".

import ControlModel

/// Draws a cluster's tree.
struct TopologyText {
    private let state: ClusterState
    private var rows: [[String]] = []

    /// The text, with a final newline.
    static func render(_ state: ClusterState) -> String {
        var drawing = TopologyText(state)
        for tree in drawing.trees { drawing.add(tree, indent: "", branch: "") }
        return drawing.headline + drawing.table + drawing.remarks
    }

    private init(_ state: ClusterState) { self.state = state }

    /// What is observed; the declared tree while nothing has been observed yet.
    private var trees: [ObservedTree] {
        if !state.observed.isEmpty { return state.observed }
        return state.spec.topology.map { [Self.unobserved($0)] } ?? []
    }

    private static func unobserved(_ tree: TopologySpec) -> ObservedTree {
        ObservedTree(
            node: tree.node, role: nil, verdict: .unknown, linkState: nil, lagBytes: nil,
            replicas: tree.replicas.map(unobserved))
    }

    private var headline: String {
        let shape =
            !state.converged
            ? "not converged"
            : state.differences.isEmpty ? "converged" : "in place, not as declared"
        let running = state.operation.map { ", \($0) running" } ?? ""
        return "\(state.spec.name): epoch \(state.epoch), \(shape)\(running)\n"
    }

    private mutating func add(_ tree: ObservedTree, indent: String, branch: String) {
        let node = state.nodes.first { $0.spec.node == tree.node }
        let link =
            tree.linkState.map { $0 == .none ? "" : $0.rawValue }
            ?? (tree.role == nil ? "no answer" : "")
        // What a node said last says nothing about one that no longer answers.
        let isSilent = tree.verdict == .down || tree.verdict == .foreign
        let hasLag = tree.role != .master && !isSilent
        rows.append([
            indent + branch + tree.node, tree.role?.rawValue ?? "unknown",
            node?.spec.address.text ?? "-", tree.verdict.rawValue, isSilent ? "" : link,
            hasLag ? tree.lagBytes.map { "lag \($0) B" } ?? "" : "",
            standing(of: tree, node, isAlone: branch.isEmpty, isSilent: isSilent),
        ])
        let inner = indent + (branch.isEmpty ? "" : branch.hasPrefix("├") ? "│  " : "   ")
        for (index, replica) in tree.replicas.enumerated() {
            let isLast = index == tree.replicas.count - 1
            add(replica, indent: inner, branch: isLast ? "└─ " : "├─ ")
        }
    }

    /// What a node is, where its place in the drawing does not say it.
    private func standing(
        of tree: ObservedTree, _ node: NodeState?, isAlone: Bool, isSilent: Bool
    ) -> String {
        guard let master = state.master else { return "" }
        let isMaster = tree.node == master
        let upstream = isMaster ? nil : node?.intendedUpstream
        let isSpare = !isMaster && upstream == nil
        guard isAlone else { return isSpare ? "not in the tree" : "" }
        var parts: [String] = []
        if !isMaster, tree.role == .master, let epoch = node?.health?.epoch {
            parts.append("was master in epoch \(epoch)")
        }
        if isSilent, let seen = node?.lastSeen { parts.append("last seen \(seen.text)") }
        if let upstream { parts.append("belongs below \(upstream)") }
        if isSpare { parts.append("not in the tree") }
        return parts.joined(separator: ", ")
    }

    private var table: String {
        guard let columns = rows.first?.count else { return "(no nodes)\n" }
        let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = zip(row, widths).map { text, width in
                text + String(repeating: " ", count: width - text.count)
            }.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    private var remarks: String {
        let edges = state.differences.map { difference in
            let desired = difference.desiredUpstream.map { "below \($0)" } ?? "as master"
            return "differs: \(difference.node) is declared \(desired): \(difference.reason)\n"
        }
        let findings = state.findings.map { finding in
            let subject = finding.node.map { " \($0)" } ?? ""
            return "\(finding.severity.rawValue): \(finding.code)\(subject): \(finding.detail)\n"
        }
        return (edges + findings).joined()
    }
}
