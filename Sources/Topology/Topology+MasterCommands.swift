// Switchover and failover on request, and plans.

internal import ControlModel

extension Topology {
    /// Begins a planned change of the master.
    mutating func switchOver(
        _ wanted: SwitchoverRequest, request: OperationRequest, turn: inout Turn
    ) throws(Problem) -> Affected {
        var machine = try cluster(wanted.cluster)
        try requireAction(machine, turn: &turn)
        guard let master = machine.record.master else {
            throw Problems.noEligibleCandidate("no master is assigned yet; apply a topology first")
        }
        let pause = wanted.maxPause?.milliseconds ?? Limits.pauseMillisecondsDefault
        guard Limits.pauseMillisecondsRange.contains(pause) else {
            throw Problems.invalid(
                "INVALID_PAUSE", "maxPause is 50ms to 60s", at: "/maxPause")
        }
        let target = try chooseTarget(wanted.target, machine, master: master, now: turn.now)
        guard machine.views[master]?.verdict == .up else {
            let state = machine.views[master]?.verdict.rawValue ?? "unknown"
            throw Problems.switchoverNotPossible(
                "the master \(master) is \(state); a failover replaces a master that does not work")
        }
        var why = request
        why.reason = wanted.reason ?? "switchover to \(target) was asked for"
        machine.begin(
            .switchover, steps: ClusterMachine.switchoverSteps,
            goal: .init(
                master: target,
                edges: CascadePlan.rerooted(machine.record.edges, from: master, to: target)),
            phase: .prechecking(.init(from: master, to: target, maxPauseMilliseconds: pause)),
            request: why, turn: &turn)
        clusters[wanted.cluster] = machine
        return Affected(cluster: wanted.cluster, operation: machine.operation?.operation.id)
    }

    private func chooseTarget(
        _ wanted: String?, _ machine: ClusterMachine, master: String, now: Moment
    ) throws(Problem) -> String {
        if let wanted {
            guard machine.members.contains(wanted) else {
                throw Problems.noEligibleCandidate("\(wanted) is not a node of the tree")
            }
            guard wanted != master else {
                throw Problems.noEligibleCandidate("\(wanted) is the master already")
            }
            if let refusal = machine.refusal(of: wanted, freshSince: .min, now: now) {
                throw Problems.noEligibleCandidate("\(wanted) \(refusal)")
            }
            return wanted
        }
        // Offsets differ by what is under way: by rule and place first, among those in step.
        let ranking = machine.rankCandidates(excluding: [master], freshSince: .min, now: now)
        let close = ranking.candidates.filter {
            machine.lag(of: $0.report).map { $0 <= Limits.precheckLagBytesMax } ?? false
        }
        let best = close.min { left, right in
            let ranks = (
                machine.standing(of: left.node, master: master),
                machine.standing(of: right.node, master: master)
            )
            return ranks.0 < ranks.1
        }
        guard let best else {
            throw Problems.noEligibleCandidate(ranking.refusalText)
        }
        return best.node
    }

    /// Begins a forced change of the master.
    mutating func failOver(
        _ wanted: FailoverRequest, request: OperationRequest, turn: inout Turn
    ) throws(Problem) -> Affected {
        var machine = try cluster(wanted.cluster)
        if case .promoting = machine.operation?.phase {
            try requireAction(machine, turn: &turn)
        }
        let old = machine.record.master
        let ranking = machine.rankCandidates(
            excluding: old.map { [$0] } ?? [], freshSince: .min, now: turn.now)
        let best = try chooseForced(wanted, machine, ranking, now: turn.now)
        if !wanted.acceptDataLoss {
            try requireHarmless(best, ranking, machine)
        }
        if let running = machine.operation {
            machine.abandonOperation(
                problem: Problems.superseded(
                    "a failover was asked for instead of finishing "
                        + running.operation.id), turn: &turn)
        }
        if old == nil { machine.adoptHistory(of: best) }
        var why = request
        why.reason = wanted.reason ?? "failover was asked for"
        machine.beginFailover(
            to: best, evidence: why.reason, ranking: ranking, request: why, turn: &turn)
        clusters[wanted.cluster] = machine
        return Affected(cluster: wanted.cluster, operation: machine.operation?.operation.id)
    }

    private func chooseForced(
        _ wanted: FailoverRequest, _ machine: ClusterMachine, _ ranking: ClusterMachine.Ranking,
        now: Moment
    ) throws(Problem) -> ClusterMachine.Candidate {
        guard let target = wanted.target else {
            guard let best = ranking.candidates.first else {
                throw Problems.noEligibleCandidate(ranking.refusalText)
            }
            return best
        }
        guard target != machine.record.master else {
            throw Problems.noEligibleCandidate("\(target) is the master already")
        }
        if let candidate = ranking.candidates.first(where: { $0.node == target }) {
            return candidate
        }
        // By name, and with the loss accepted, any working node of the cluster will do.
        guard wanted.acceptDataLoss, machine.record.nodeSpec(target) != nil,
            let view = machine.views[target], view.verdict == .up, let report = view.report
        else {
            let refusal = machine.refusal(of: target, freshSince: .min, now: now)
            throw Problems.noEligibleCandidate("\(target) \(refusal ?? "is not in the tree")")
        }
        return ClusterMachine.Candidate(node: target, report: report)
    }

    /// Without consent to a loss: the master is down, and the candidate has what is known.
    private func requireHarmless(
        _ best: ClusterMachine.Candidate, _ ranking: ClusterMachine.Ranking,
        _ machine: ClusterMachine
    ) throws(Problem) {
        let hint = "set acceptDataLoss to do it all the same"
        if let master = machine.record.master, let verdict = machine.views[master]?.verdict,
            verdict != .down, verdict != .foreign
        {
            throw Problems.wouldLoseData(
                "the master \(master) is \(verdict.rawValue): writes that it takes meanwhile would "
                    + "be lost; use a switchover, or \(hint)")
        }
        if let first = ranking.candidates.first, first.report.offset > best.report.offset {
            throw Problems.wouldLoseData(
                "\(first.node) is ahead of \(best.node) by "
                    + "\(first.report.offset - best.report.offset) bytes; choose it, or \(hint)")
        }
        if let lag = machine.lag(of: best.report),
            lag > machine.policy.failover.maxLagBytes
        {
            throw Problems.wouldLoseData("\(best.node) lacks \(lag) bytes; \(hint)")
        }
    }

    func requireAction(_ machine: ClusterMachine, turn: inout Turn) throws(Problem) {
        if let running = machine.operation {
            throw Problems.operationInProgress(running.operation.id)
        }
    }

    // MARK: - Plans

    /// What the copy would do, compared with what is.
    func plan(_ name: String, after: ClusterMachine?, warnings operation: Operation?) -> Plan {
        let before = clusters[name]
        let goal =
            after?.operation?.goal
            ?? OperationRecord.Goal(
                master: after?.record.master, edges: after?.record.edges ?? [:])
        let old = before?.record.edges ?? [:]
        var nodes = Set(old.keys).union(goal.edges.keys)
        if let master = goal.master { nodes.insert(master) }
        let changes = nodes.sorted().compactMap { node -> Plan.EdgeChange? in
            let isNewMaster = node == goal.master && before?.record.master != node
            // What the tree leaves out is not moved; a warning tells of it.
            guard node == goal.master || goal.edges[node] != nil else { return nil }
            guard isNewMaster || old[node] != goal.edges[node] else { return nil }
            return Plan.EdgeChange(
                node: node, from: old[node], to: goal.edges[node],
                resync: resync(node, to: goal.edges[node], in: after))
        }
        let running = after?.operation?.operation ?? operation
        var warnings = running?.warnings ?? []
        for node in nodes.sorted() {
            guard let verdict = after?.views[node]?.verdict, verdict != .up else { continue }
            warnings.append("\(node) is \(verdict.rawValue)")
        }
        return Plan(
            kind: running?.kind,
            steps: (running?.steps ?? []).map { OperationStep(name: $0.name) }, edges: changes,
            master: goal.master, lostBytesMax: running?.lostBytesMax ?? 0, warnings: warnings)
    }

    private func resync(
        _ node: String, to upstream: String?, in machine: ClusterMachine?
    ) -> Plan.EdgeChange.Resync {
        guard let upstream else { return .none }
        guard let machine, machine.views[node]?.report != nil,
            machine.views[upstream]?.report != nil
        else { return .unknown }
        return machine.canContinue(node, from: upstream) ? .partial : .full
    }
}

extension ClusterMachine {
    /// Rule, zone, nearness to the master, children and name: smaller is better.
    fileprivate func standing(of node: String, master: String) -> [Int] {
        let rule = PromotionRule.allCases.firstIndex(of: promotionRule(of: node)) ?? 0
        let zone = label("zone", of: master)
        let isNear = zone == nil || label("zone", of: node) == zone
        let depth = CascadePlan.ancestors(of: node, in: record.edges).count
        let children = CascadePlan.fanOut(record.edges)[node] ?? 0
        let place = record.nodes.firstIndex { $0.node == node } ?? 0
        return [rule, isNear ? 0 : 1, depth, -children, place]
    }

    /// A first master chosen by hand: its history becomes the cluster's.
    fileprivate mutating func adoptHistory(of best: Candidate) {
        if let second = best.report.secondReplicationID { addToLineage(second) }
        addToLineage(best.report.replicationID)
        if let tree = record.spec.topology {
            record.edges = CascadePlan.edges(of: tree)
            record.edges = CascadePlan.rerooted(record.edges, from: tree.node, to: best.node)
        }
    }
}

private func < (left: [Int], right: [Int]) -> Bool {
    left.lexicographicallyPrecedes(right)
}
