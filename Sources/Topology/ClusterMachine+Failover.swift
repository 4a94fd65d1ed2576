// Replacing a master that is dead or unfit.
//
//   collectEvidence   judgeMaster said so; the operation begins with what it said
//   chooseCandidate   CandidateRanking
//   recordEpoch       epoch + 1, the new master and the new edges are stored before any order
//   promote           the order goes out; repeated while the candidate answers, then the next
//                     candidate gets the next epoch
//   publish           master.changed, as soon as the node has said yes
//   reparent, verify  wiring and convergence; clients write all the while
//
// Nothing is undone: a candidate that may have been promoted without our knowing has a lower
// epoch than its successor and is demoted when it is seen.

internal import ControlModel

extension ClusterMachine {
    /// Begins a failover if the master needs one and nothing forbids it.
    mutating func recoverMaster(_ noted: inout Notes, turn: inout Turn) {
        if case .promoting = operation?.phase { return }
        let judgement = judgeMaster(turn)
        let evidence: String
        switch judgement {
        case .healthy: return
        case .waiting: return
        case .noAction(let code, let detail):
            let severity: Finding.Severity = code == "MasterLoading" ? .warning : .critical
            noted.add(code, severity, node: record.master, detail: detail)
            return
        case .dead(let detail):
            noted.add("MasterDead", .critical, node: record.master, detail: detail)
            evidence = detail
        case .unfit(let code, let detail):
            noted.add(code, .critical, node: record.master, detail: detail)
            evidence = detail
        }
        guard policy.failover.automatic else {
            noted.add(
                "FailoverBlocked", .critical, detail: "automatic failover is off in the policy")
            return
        }
        let budget = FailoverBudget.decide(
            recoveries: record.recoveries, perHour: policy.failover.budgetPerHour,
            now: turn.now.wall)
        if case .blocked(let until, let reason) = budget {
            noted.add("FailoverBlocked", .critical, detail: reason, until: until)
            return
        }
        let since = max(
            record.master.flatMap { views[$0]?.failingSince } ?? evidenceSince, evidenceSince)
        let ranking = rankCandidates(
            excluding: record.master.map { [$0] } ?? [], freshSince: since, now: turn.now)
        guard let best = ranking.candidates.first else {
            let why = ranking.refusalText
            noted.add(
                "NoEligibleCandidate", .critical,
                detail: why.isEmpty ? "the master has no replicas" : why)
            return
        }
        if let lag = lag(of: best.report), lag > policy.failover.maxLagBytes {
            noted.add(
                "FailoverBlocked", .critical,
                detail: "\(best.node), the most advanced candidate, lacks \(lag) bytes; "
                    + "maxLagBytes is \(policy.failover.maxLagBytes)")
            return
        }
        abandonOperation(problem: Problems.superseded("a failover became necessary"), turn: &turn)
        beginFailover(
            to: best, evidence: evidence, ranking: ranking, request: nil, turn: &turn)
    }

    static let failoverSteps = [
        "collectEvidence", "chooseCandidate", "recordEpoch", "promote", "publish", "reparent",
        "verify",
    ]

    /// Begins the operation and stores its decision. `request` is nil for automatic ones.
    mutating func beginFailover(
        to best: Candidate, evidence: String, ranking: Ranking, request: OperationRequest?,
        turn: inout Turn
    ) {
        let old = record.master
        let goal = OperationRecord.Goal(
            master: best.node,
            edges: CascadePlan.rerooted(record.edges, from: old, to: best.node))
        begin(
            .failover, steps: Self.failoverSteps, goal: goal,
            phase: .promoting(.init(node: best.node, from: old, planned: false, tried: [])),
            request: request ?? .automatic(reason: evidence), turn: &turn)
        finish("collectEvidence", evidence, turn: turn)
        finish("chooseCandidate", choice(best, ranking), turn: turn)
        let lost = lag(of: best.report)
        operation?.operation.lostBytesMax = lost
        if request == nil { record.recoveries.append(turn.now.wall) }
        record.recoveries = FailoverBudget.recent(record.recoveries, now: turn.now.wall)
        recordDecision(goal, promotedOffset: best.report.offset, turn: &turn)
        drivePromotion(
            .init(node: best.node, from: old, planned: false, tried: []), turn: &turn)
    }

    private func choice(_ best: Candidate, _ ranking: Ranking) -> String {
        // Chosen by name it need not be the first, nor one that may without consent to a loss.
        let others = ranking.candidates.filter { $0.node != best.node }
            .map { "\($0.node) at \($0.report.offset)" }
        let rest =
            others
            + ranking.refusals.filter { $0.node != best.node }.map(\.description)
        let over = rest.isEmpty ? "" : "; not: " + rest.joined(separator: ", ")
        return "\(best.node) at offset \(best.report.offset)\(over)"
    }

    /// Stores a new epoch with its master and edges. Orders of the same step are sent after it.
    mutating func recordDecision(
        _ goal: OperationRecord.Goal, promotedOffset: Int64?, turn: inout Turn
    ) {
        let highest = views.values.compactMap { $0.report?.epoch }.max() ?? 0
        record.epoch = max(record.epoch, highest) + 1
        record.master = goal.master
        record.edges = goal.edges
        record.promotedOffset = promotedOffset
        operation?.goal = goal
        operation?.operation.epoch = record.epoch
        operation?.operation.master = goal.master
        finish("recordEpoch", nil, turn: turn)
        // Another candidate takes another epoch.
        note("recordEpoch", "epoch \(record.epoch)", turn: turn)
        turn.store(.cluster(record))
        storeOperation(&turn)
    }

    // MARK: - Promotion

    /// Sends the promotion again, or turns to another candidate.
    mutating func drivePromotion(
        _ promotion: OperationPhase.Promotion, turn: inout Turn
    ) {
        guard drive.request == nil, turn.monotonic >= drive.nextTryAt else { return }
        start("promote", turn: turn)
        guard let view = views[promotion.node] else {
            return promoteAnother(after: promotion, why: "is not registered", turn: &turn)
        }
        if let report = view.report, view.failures == 0, !isOurs(report) {
            return promoteAnother(after: promotion, why: "has lost its data", turn: &turn)
        }
        switch view.verdict {
        case .down, .foreign:
            return promoteAnother(
                after: promotion, why: "is \(view.verdict.rawValue)", turn: &turn)
        case .unknown,
            .suspect where drive.attempts > 0, .loading, .busy:
            return giveUpPromotion(promotion, turn: &turn)
        case .up, .suspect:
            drive.attempts += 1
            drive.request = send(.master, to: promotion.node, for: .promote, turn: &turn)
        }
    }

    /// Ends an operation whose promotion has been tried for too long.
    private mutating func giveUpPromotion(
        _ promotion: OperationPhase.Promotion, turn: inout Turn
    ) {
        guard turn.monotonic - drive.startedAt >= Limits.promotionMillisecondsMax else { return }
        end(
            .failed,
            problem: Problems.promotionFailed(
                "\(promotion.node) has not taken the promotion; it is tried further as the "
                    + "assigned master"),
            rolledBack: false, turn: &turn)
    }

    /// The end of a promotion order.
    mutating func settlePromotion(_ outcome: RequestOutcome, turn: inout Turn) {
        guard case .promoting(let promotion) = operation?.phase else { return }
        switch outcome {
        case .order(let answer) where answer.accepted:
            completePromotion(promotion, answer: answer, turn: &turn)
        case .order(let answer):
            if answer.epoch >= record.epoch { return raiseEpoch(above: answer.epoch, turn: &turn) }
            let why = answer.problem?.detail ?? "refused without a reason"
            promoteAnother(after: promotion, why: "refused: \(why)", turn: &turn)
        case .failed(let failure):
            note("promote", "\(promotion.node): \(failure.rawValue), tried again", turn: turn)
            drive.nextTryAt = turn.monotonic + Limits.orderRetryMillisecondsMin
            turn.effects.probes.append(NodeKey(cluster: name, node: promotion.node))
        case .offset: break
        }
    }

    /// The node knows a higher epoch than ours: take one above it, store it, order again.
    private mutating func raiseEpoch(above epoch: Int64, turn: inout Turn) {
        record.epoch = epoch + 1
        operation?.operation.epoch = record.epoch
        note("recordEpoch", "epoch \(record.epoch)", turn: turn)
        turn.store(.cluster(record))
        storeOperation(&turn)
        drive.nextTryAt = turn.monotonic
    }

    private mutating func completePromotion(
        _ promotion: OperationPhase.Promotion, answer: OrderAnswer, turn: inout Turn
    ) {
        addToLineage(answer.replicationID)
        finish("promote", "\(promotion.node) is master at epoch \(record.epoch)", turn: turn)
        if let pausedAt = drive.pausedAt {
            operation?.operation.writePauseMilliseconds = turn.monotonic - pausedAt
        }
        // The answer tells the new state: the nodes that move need not wait for a report.
        views[promotion.node]?.notePromotion(answer, sentAt: turn.monotonic)
        turn.effects.probes.append(NodeKey(cluster: name, node: promotion.node))
        if let problem = promotion.rollback {
            turn.store(.cluster(record))
            end(.failed, problem: problem, rolledBack: true, turn: &turn)
            return
        }
        publishMaster(promotion, turn: &turn)
        finish("publish", nil, turn: turn)
        drive.formerMaster = promotion.from
        start(has("demote") ? "demote" : "reparent", turn: turn)
        enter(.converging, turn: &turn)
        turn.store(.cluster(record))
        // The nodes that have to move are asked at once, not at the next evaluation.
        var noted = Notes()
        wire(&noted, turn: &turn)
    }

    private func publishMaster(
        _ promotion: OperationPhase.Promotion, turn: inout Turn
    ) {
        var attributes = ["to": promotion.node, "cause": promotion.planned ? "planned" : "forced"]
        attributes["from"] = promotion.from
        if let spec = record.nodeSpec(promotion.node) {
            attributes["address"] = spec.address.text
            for (network, address) in spec.addresses {
                attributes["address.\(network)"] = address.text
            }
        }
        turn.emit(
            "master.changed", cluster: name, node: promotion.node,
            operation: operation?.operation.id, epoch: record.epoch,
            "\(promotion.node) is master: \(operation?.operation.reason ?? "")",
            attributes: attributes)
    }

    /// Turns to the next candidate, or back to the old master of a planned change.
    private mutating func promoteAnother(
        after promotion: OperationPhase.Promotion, why: String, turn: inout Turn
    ) {
        note("promote", "\(promotion.node) \(why)", turn: turn)
        if promotion.rollback == nil, promotion.planned, let old = promotion.from,
            views[old]?.verdict == .up
        {
            let problem = Problems.promotionFailed("\(promotion.node) \(why)")
            return reinstate(old, after: promotion, problem: problem, turn: &turn)
        }
        let tried = promotion.tried + [promotion.node]
        let ranking = rankCandidates(
            excluding: tried + (promotion.from.map { [$0] } ?? []), freshSince: evidenceSince,
            now: turn.now)
        guard let best = ranking.candidates.first else {
            // Nobody else: the assigned master stays the goal, and its return is waited for.
            drive.nextTryAt = turn.monotonic + Limits.orderRetryMillisecondsMax
            return giveUpPromotion(promotion, turn: &turn)
        }
        let goal = OperationRecord.Goal(
            master: best.node,
            edges: CascadePlan.rerooted(record.edges, from: record.master, to: best.node))
        let next = OperationPhase.Promotion(
            node: best.node, from: promotion.from, planned: false, rollback: nil, tried: tried)
        note("chooseCandidate", choice(best, ranking), turn: turn)
        enter(.promoting(next), turn: &turn)
        recordDecision(goal, promotedOffset: best.report.offset, turn: &turn)
        drivePromotion(next, turn: &turn)
    }

    /// Gives the old master of a planned change a newer epoch, which also ends its pause.
    mutating func reinstate(
        _ old: String, after promotion: OperationPhase.Promotion, problem: Problem,
        turn: inout Turn
    ) {
        let goal = OperationRecord.Goal(
            master: old, edges: CascadePlan.rerooted(record.edges, from: record.master, to: old))
        let back = OperationPhase.Promotion(
            node: old, from: promotion.node, planned: false, rollback: problem,
            tried: [promotion.node])
        enter(.promoting(back), turn: &turn)
        recordDecision(goal, promotedOffset: nil, turn: &turn)
        drivePromotion(back, turn: &turn)
    }
}
