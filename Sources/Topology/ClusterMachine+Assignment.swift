// Applying a wanted tree, the first assignment of a master included.
//
//   no master yet          wait for the nodes, check the data, promote the root, wire the rest
//   the root is master     change the edges, wire
//   another node is        switchover to the root, which brings the wanted edges with it
//
// The data check of the first assignment: the root must not be emptier or older than what it
// would overwrite. A tree that already replicates is adopted with its master first.

internal import ControlModel

extension ClusterMachine {
    static let assignmentSteps = [
        "assignMaster", "recordEpoch", "promote", "publish", "reparent", "verify",
    ]

    /// Begins the operation for the wanted tree. There must be none running.
    mutating func beginTopology(
        _ tree: TopologySpec, request: OperationRequest, turn: inout Turn
    ) {
        let goal = OperationRecord.Goal(master: tree.node, edges: CascadePlan.edges(of: tree))
        let warnings = warnings(ofNodesOutside: goal)
        guard let master = record.master else {
            return begin(
                .applyTopology, steps: Self.assignmentSteps, goal: goal, phase: .assigning,
                request: request, warnings: warnings, turn: &turn)
        }
        if master == tree.node {
            begin(
                .applyTopology, steps: ["reparent", "verify"], goal: goal, phase: .converging,
                request: request, warnings: warnings, turn: &turn)
            record.edges = goal.edges
            turn.store(.cluster(record))
            start("reparent", turn: turn)
        } else {
            let change = OperationPhase.Switch(
                from: master, to: tree.node,
                maxPauseMilliseconds: Limits.pauseMillisecondsDefault)
            begin(
                .applyTopology, steps: Self.switchoverSteps, goal: goal,
                phase: .prechecking(change), request: request, warnings: warnings, turn: &turn)
        }
    }

    /// What becomes of the registered nodes that a tree leaves out.
    private func warnings(ofNodesOutside goal: OperationRecord.Goal) -> [String] {
        let placed = Set(goal.edges.keys).union([goal.master].compactMap { $0 })
        return record.nodes.map(\.node).filter { !placed.contains($0) }.sorted().map { node in
            let fate: String
            if node == record.master, let master = goal.master {
                fate = "becomes a replica of \(master)"
            } else {
                let upstream = observedUpstream(of: node)
                fate = upstream.map { "keeps following \($0)" } ?? "stays as it is"
            }
            return "\(node) is left out of the tree: it \(fate) and is neither re-parented nor "
                + "promoted; DELETE /v1/clusters/\(name)/nodes/\(node) takes it out"
        }
    }

    /// Waits for the nodes, then promotes the root.
    mutating func driveAssignment(_ turn: inout Turn) {
        guard let running = operation, let root = running.goal.master else { return }
        start("assignMaster", turn: turn)
        let waited = turn.monotonic - drive.startedAt
        guard let view = views[root], view.verdict == .up, let report = view.report else {
            let state = views[root]?.verdict.rawValue ?? "not registered"
            let why = views[root]?.reason(now: turn.monotonic).map { ": \($0)" } ?? ""
            note("assignMaster", "waits for \(root), which is \(state)\(why)", turn: turn)
            guard waited >= Limits.rootMillisecondsMax else { return }
            return end(
                .failed, problem: Problems.rootNotAvailable("\(root) is \(state)\(why)"),
                rolledBack: true, turn: &turn)
        }
        let missing = running.goal.edges.keys.sorted().filter { node in
            views[node]?.verdict != .up && views[node]?.verdict != .busy
        }
        if !missing.isEmpty && waited < Limits.assignmentMillisecondsMax {
            return note(
                "assignMaster", "waits for \(missing.joined(separator: ", "))", turn: turn)
        }
        if let risk = dataRisk(of: root, goal: running.goal) {
            return end(
                .failed, problem: Problems.wouldLoseData(risk), rolledBack: true, turn: &turn)
        }
        if let upstream = observedUpstream(of: root), report.role == .replica,
            let above = views[upstream], above.verdict == .up, above.report?.role == .master,
            report.linkState == .connected
        {
            return adopt(upstream, root: root, turn: &turn)
        }
        finish("assignMaster", "\(root) at offset \(report.offset)", turn: turn)
        promoteFirst(root, report, goal: running.goal, turn: &turn)
    }

    private mutating func promoteFirst(
        _ node: String, _ report: HealthReport, goal: OperationRecord.Goal, turn: inout Turn
    ) {
        if let second = report.secondReplicationID { addToLineage(second) }
        addToLineage(report.replicationID)
        let promotion = OperationPhase.Promotion(
            node: node, from: nil, planned: false, rollback: nil, tried: [])
        enter(.promoting(promotion), turn: &turn)
        recordDecision(goal, promotedOffset: nil, turn: &turn)
        drivePromotion(promotion, turn: &turn)
    }

    /// The root follows a working master of this cluster: that one is adopted, and the wanted
    /// root takes over by a switchover afterwards (see `continueTopology`).
    private mutating func adopt(_ master: String, root: String, turn: inout Turn) {
        guard let wanted = operation?.goal, let report = views[master]?.report else { return }
        finish("assignMaster", "\(root) follows \(master), which is adopted first", turn: turn)
        let goal = OperationRecord.Goal(
            master: master,
            edges: CascadePlan.rerooted(wanted.edges, from: root, to: master))
        promoteFirst(master, report, goal: goal, turn: &turn)
    }

    /// After an adoption: goes on to the wanted root. Returns false when there is nothing to do.
    mutating func continueTopology(_ turn: inout Turn) -> Bool {
        guard operation?.operation.kind == .applyTopology, let tree = record.spec.topology,
            let master = record.master, tree.node != master, has("assignMaster"),
            !has("pauseWrites")
        else { return false }
        operation?.goal = .init(master: tree.node, edges: CascadePlan.edges(of: tree))
        operation?.operation.master = tree.node
        operation?.operation.steps += Self.switchoverSteps.map { OperationStep(name: $0) }
        drive = Drive(startedAt: turn.monotonic, progressAt: turn.monotonic)
        enter(
            .prechecking(
                .init(
                    from: master, to: tree.node,
                    maxPauseMilliseconds: Limits.pauseMillisecondsDefault)), turn: &turn)
        return true
    }

    /// What would be overwritten if the root became master of these nodes; nil: nothing.
    func dataRisk(of root: String, goal: OperationRecord.Goal) -> String? {
        guard let report = views[root]?.report else { return nil }
        for node in goal.edges.keys.sorted() {
            guard let other = views[node]?.report, other.dataset.keys > 0 else { continue }
            if !sharesHistory(report, other) {
                let emptiness = report.dataset.keys == 0 ? "empty" : "of another history"
                return "\(node) holds \(other.dataset.keys) keys and \(root) is \(emptiness): "
                    + "make \(node) the root, or empty it first"
            }
            let isSameLine =
                other.replicationID == report.replicationID
                || other.replicationID == report.secondReplicationID
            if isSameLine, other.offset > report.offset {
                return "\(node) has the same history as \(root) and is ahead by "
                    + "\(other.offset - report.offset) bytes: make it the root"
            }
        }
        return nil
    }
}
