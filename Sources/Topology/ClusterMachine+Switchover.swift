// A planned change of the master. No acknowledged write is lost: writes are paused, the target
// says that it has the last one, and only then the epoch changes.
//
//   precheck      the target is close: a long catch-up happens before the pause, not in it
//   pauseWrites   the master holds writes back and says at which offset
//   catchUp       the target answers as soon as it has that offset
//   recordEpoch   stored; from here the way leads forward
//   promote       the target becomes master; if it refuses, the old one gets a newer epoch
//   publish, demote, reparent, verify
//
// Until recordEpoch every failure leads to `resume`: writes go on, nothing has changed.

internal import ControlModel

extension ClusterMachine {
    static let switchoverSteps = [
        "precheck", "pauseWrites", "catchUp", "recordEpoch", "promote", "publish", "demote",
        "reparent", "verify",
    ]

    /// Waits until the target lacks little enough.
    mutating func drivePrecheck(_ change: OperationPhase.Switch, turn: inout Turn) {
        start("precheck", turn: turn)
        guard let old = views[change.from], old.verdict == .up, !(old.report?.paused ?? true) else {
            return expirePrecheck("the master \(change.from) is not working normally", &turn)
        }
        if let refusal = refusal(of: change.to, freshSince: .min, now: turn.now) {
            return expirePrecheck("\(change.to) \(refusal)", &turn)
        }
        guard let report = views[change.to]?.report, report.linkState == .connected,
            let lag = lag(of: report)
        else { return expirePrecheck("\(change.to) does not follow the master's history", &turn) }
        guard lag <= Limits.precheckLagBytesMax else {
            return expirePrecheck("\(change.to) lacks \(lag) bytes", &turn)
        }
        finish("precheck", "\(change.to) lacks \(lag) bytes", turn: turn)
        start("pauseWrites", turn: turn)
        enter(.pausing(change), turn: &turn)
        drive.pausedAt = turn.monotonic
        let limit = change.maxPauseMilliseconds + Limits.pauseReserveMilliseconds
        drive.request = send(
            .pause(maximumMilliseconds: limit), to: change.from, for: .pause, turn: &turn)
    }

    private mutating func expirePrecheck(_ why: String, _ turn: inout Turn) {
        note("precheck", why, turn: turn)
        guard turn.monotonic - drive.startedAt >= Limits.precheckMillisecondsMax else { return }
        end(
            .failed, problem: Problems.switchoverNotPossible(why), rolledBack: true, turn: &turn)
    }

    /// Nothing to do but wait: the answer to the pause comes, or its time limit.
    mutating func drivePause(_ change: OperationPhase.Switch, turn: inout Turn) {
        guard drive.request == nil else { return }
        resume(change, Problems.switchoverTimeout("the pause was not answered"), turn: &turn)
    }

    /// The end of the pause order.
    mutating func settlePause(_ outcome: RequestOutcome, turn: inout Turn) {
        guard case .pausing(let change) = operation?.phase else { return }
        guard case .order(let answer) = outcome, answer.accepted else {
            let why: String
            if case .order(let answer) = outcome {
                why = answer.problem?.detail ?? "refused without a reason"
            } else {
                why = "no answer"
            }
            return resume(
                change, Problems.switchoverTimeout("\(change.from) did not pause: \(why)"),
                turn: &turn)
        }
        finish("pauseWrites", "writes stopped at offset \(answer.offset)", turn: turn)
        start("catchUp", turn: turn)
        // Not stored: a restart treats it like the pause, and a commit would lengthen the pause.
        operation?.phase = .catchingUp(change, offset: answer.offset)
        guard let spec = record.nodeSpec(change.to) else {
            return resume(
                change, Problems.switchoverNotPossible("\(change.to) was removed"), turn: &turn)
        }
        let remaining = remainingPause(change, turn)
        drive.request = request(
            .waitOffset(
                replicationID: answer.replicationID, offset: answer.offset,
                timeoutMilliseconds: remaining),
            of: spec, for: .catchUp, limit: remaining + 200, turn: &turn)
    }

    private func remainingPause(_ change: OperationPhase.Switch, _ turn: Turn) -> Int64 {
        max(0, change.maxPauseMilliseconds - (turn.monotonic - (drive.pausedAt ?? turn.monotonic)))
    }

    /// Gives up when the pause has lasted long enough.
    mutating func driveCatchUp(
        _ change: OperationPhase.Switch, offset: Int64, turn: inout Turn
    ) {
        guard drive.request == nil || remainingPause(change, turn) == 0 else { return }
        resume(
            change,
            Problems.switchoverTimeout(
                "\(change.to) did not reach offset \(offset) within the pause"), turn: &turn)
    }

    /// The end of the wait for the offset.
    mutating func settleCatchUp(_ outcome: RequestOutcome, turn: inout Turn) {
        guard case .catchingUp(let change, let offset) = operation?.phase else { return }
        guard case .offset(let answer) = outcome, answer.reached, remainingPause(change, turn) > 0
        else {
            return resume(
                change,
                Problems.switchoverTimeout(
                    "\(change.to) did not reach offset \(offset) within the pause"), turn: &turn)
        }
        finish("catchUp", "\(change.to) has offset \(answer.offset)", turn: turn)
        guard let goal = operation?.goal else { return }
        let promotion = OperationPhase.Promotion(
            node: change.to, from: change.from, planned: true, rollback: nil, tried: [])
        enter(.promoting(promotion), turn: &turn)
        operation?.operation.lostBytesMax = 0
        drive.attempts = 0
        drive.nextTryAt = turn.monotonic
        recordDecision(goal, promotedOffset: offset, turn: &turn)
        drivePromotion(promotion, turn: &turn)
    }

    // MARK: - Rollback before the epoch

    /// Lets the old master write again; the operation fails when it does.
    mutating func resume(
        _ change: OperationPhase.Switch, _ problem: Problem, turn: inout Turn
    ) {
        failRunningStep(problem.detail, turn: turn)
        enter(.resuming(change, problem), turn: &turn)
        drive.request = nil
        drive.nextTryAt = turn.monotonic
        drive.attempts = 0
        driveResume(change, problem: problem, turn: &turn)
    }

    mutating func driveResume(
        _ change: OperationPhase.Switch, problem: Problem, turn: inout Turn
    ) {
        guard drive.request == nil, turn.monotonic >= drive.nextTryAt else { return }
        // The node ends the pause on its own after its limit: it need not be asked for ever.
        let limit = change.maxPauseMilliseconds + Limits.pauseReserveMilliseconds
        guard turn.monotonic - (drive.pausedAt ?? drive.startedAt) < limit + 1000 else {
            return end(.failed, problem: problem, rolledBack: true, turn: &turn)
        }
        drive.attempts += 1
        drive.request = send(.resume, to: change.from, for: .resume, turn: &turn)
        if drive.request == nil {
            end(.failed, problem: problem, rolledBack: true, turn: &turn)
        }
    }

    /// The end of the resume order.
    mutating func settleResume(_ outcome: RequestOutcome, turn: inout Turn) {
        guard case .resuming(_, let problem) = operation?.phase else { return }
        if case .order(let answer) = outcome, answer.accepted {
            if let pausedAt = drive.pausedAt {
                operation?.operation.writePauseMilliseconds = turn.monotonic - pausedAt
            }
            return end(.failed, problem: problem, rolledBack: true, turn: &turn)
        }
        drive.nextTryAt = turn.monotonic + Limits.orderRetryMillisecondsMin
    }
}
