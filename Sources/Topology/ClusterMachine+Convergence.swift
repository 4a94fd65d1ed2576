// The last part of every operation, and what happens when none is running.
//
// Succeeded means verified: each node that can be reached says by itself that it has the epoch,
// the role and the upstream that are intended, and that its link works.

internal import ControlModel

extension ClusterMachine {
    /// Every node of the tree is up and in its place.
    var isConverged: Bool {
        unconverged().isEmpty && members.allSatisfy { views[$0]?.verdict == .up }
    }

    /// What is not in place, node by node. Nodes that are down are not waited for: an operation
    /// ends without them.
    func unconverged() -> [String] {
        guard let master = record.master else { return ["no master is assigned"] }
        return members.compactMap { node in
            guard let view = views[node] else { return nil }
            switch view.verdict {
            case .down, .foreign: return node == master ? "\(node) is down" : nil
            case .unknown, .suspect, .loading, .busy: return "\(node) is \(view.verdict.rawValue)"
            case .up: break
            }
            guard let report = view.report else { return "\(node) has not reported" }
            guard isPlaced(node) else { return "\(node) is not in its place" }
            if node == master { return report.paused ? "\(node) is paused" : nil }
            return report.linkState == .connected
                ? nil : "the link of \(node) is \(report.linkState.rawValue)"
        }
    }

    mutating func driveConvergence(_ turn: inout Turn) {
        noteDemotion(turn)
        // Orders of this very step are not seen yet: judge by what is reported.
        let missing = unconverged()
        if missing.isEmpty {
            let absent = members.filter { views[$0]?.verdict == .down }
            let detail =
                absent.isEmpty
                ? "all nodes are in place"
                : "all reachable nodes are in place; not reachable: "
                    + absent.joined(separator: ", ")
            for step in ["demote", "reparent"] where has(step) { finish(step, nil, turn: turn) }
            finish("verify", detail, turn: turn)
            if continueTopology(&turn) { return }
            return end(.succeeded, turn: &turn)
        }
        start("reparent", turn: turn)
        let detail = missing.joined(separator: "; ")
        let isCopying = members.contains { views[$0]?.report?.linkState == .syncing }
        let step = operation?.operation.steps.first { $0.name == "reparent" }
        if isCopying || step?.detail != detail { drive.progressAt = turn.monotonic }
        note("reparent", detail, turn: turn)
        guard turn.monotonic - drive.progressAt >= Limits.convergenceMillisecondsMax else {
            return
        }
        end(.failed, problem: Problems.notConverged(detail), rolledBack: false, turn: &turn)
    }

    /// Says what became of the master that was replaced.
    private mutating func noteDemotion(_ turn: Turn) {
        guard let former = drive.formerMaster, let upstream = record.edges[former],
            isPlaced(former)
        else { return }
        finish("demote", "\(former) is demoted and follows \(upstream)", turn: turn)
    }

    // MARK: - Release

    mutating func driveRelease(_ nodes: [NodeSpec], turn: inout Turn) {
        start("release", turn: turn)
        let open = nodes.filter { !drive.released.contains($0.node) }
        if open.isEmpty || turn.monotonic - drive.startedAt >= Limits.releaseMillisecondsMax {
            let left = open.map(\.node).joined(separator: ", ")
            finish(
                "release",
                open.isEmpty ? "all nodes are free" : "not reached, still marked: \(left)",
                turn: turn)
            if case .releasing(_, removesCluster: true) = operation?.phase { isRemoved = true }
            return end(.succeeded, turn: &turn)
        }
        guard turn.monotonic >= drive.nextTryAt else { return }
        drive.nextTryAt = turn.monotonic + Limits.orderMilliseconds
        for spec in open {
            send(.release, to: spec.node, for: .release, spec: spec, turn: &turn)
        }
    }

    mutating func settleRelease(_ node: String, _ outcome: RequestOutcome, turn: inout Turn) {
        guard case .releasing(let nodes, _) = operation?.phase else { return }
        // A node of another cluster, or of none, has nothing left to forget.
        if case .order = outcome { drive.released.insert(node) }
        driveRelease(nodes, turn: &turn)
    }

    // MARK: - Shape

    /// Whether the intended tree is the wanted one.
    var isDrifted: Bool {
        guard let tree = record.spec.topology, let master = record.master else { return false }
        return tree.node != master || CascadePlan.edges(of: tree) != record.edges
    }

    /// Says that the tree differs from the wanted one, and restores it if the policy says so.
    mutating func settleShape(_ noted: inout Notes, turn: inout Turn) {
        if operation == nil, isConverged {
            quietSince = quietSince ?? turn.monotonic
        } else {
            quietSince = nil
        }
        guard operation == nil, isDrifted, let tree = record.spec.topology else { return }
        let wanted = CascadePlan.edges(of: tree)
        let moves = Set(wanted.keys).union(record.edges.keys).sorted()
            .filter { wanted[$0] != record.edges[$0] }
            .map { "\($0): \(record.edges[$0] ?? "master") → \(wanted[$0] ?? "master")" }
        noted.add(
            "TopologyDrifted", .info,
            detail: "a recovery or a switchover changed the tree; afterFailover is "
                + "\(policy.afterFailover.rawValue); to restore it: "
                + moves.joined(separator: ", "))
        guard policy.afterFailover == .restore, let quiet = quietSince,
            turn.monotonic - quiet >= Limits.restoreMilliseconds
        else { return }
        beginTopology(
            tree, request: .automatic(reason: "afterFailover is restore and all nodes are back"),
            turn: &turn)
    }
}
