// Beginning and ending operations, and writing down how their steps go.

internal import ControlModel

/// Who asked for an operation, and why.
struct OperationRequest: Sendable {
    var actor: String
    var requestID: String?
    var reason: String

    /// A decision of the coordinator itself.
    static func automatic(reason: String) -> Self {
        Self(actor: "coordinator", requestID: nil, reason: reason)
    }
}

extension ClusterMachine {
    /// Makes an operation the running one. There must be none.
    mutating func begin(
        _ kind: OperationKind, steps: [String], goal: OperationRecord.Goal,
        phase: OperationPhase, request: OperationRequest, warnings: [String] = [],
        turn: inout Turn
    ) {
        precondition(operation == nil, "one operation at a time")
        var new = Operation(
            id: turn.nextOperationID(), kind: kind, cluster: name,
            steps: steps.map { OperationStep(name: $0) }, reason: request.reason,
            requestedBy: request.actor, requestID: request.requestID,
            createdAt: turn.now.wall)
        new.master = goal.master
        if !warnings.isEmpty { new.warnings = warnings }
        operation = OperationRecord(operation: new, phase: phase, goal: goal)
        drive = Drive(startedAt: turn.monotonic, progressAt: turn.monotonic)
        storeOperation(&turn)
        turn.emit(
            "operation.started", cluster: name, operation: new.id,
            "\(kind.rawValue): \(request.reason)", attributes: ["kind": kind.rawValue])
    }

    /// Ends the running operation. A cancelled one is told by its problem.
    mutating func end(
        _ state: OperationState, problem: Problem? = nil, rolledBack: Bool? = nil,
        turn: inout Turn
    ) {
        guard var ended = operation else { return }
        if let problem { failRunningStep(problem.detail, turn: turn, record: &ended) }
        for index in ended.operation.steps.indices
        where ended.operation.steps[index].state == .pending {
            ended.operation.steps[index].state = .skipped
            ended.operation.steps[index].detail = nil
        }
        let isCancelled = problem.map { ["CANCELLED", "SUPERSEDED"].contains($0.code) } ?? false
        ended.operation.state = isCancelled ? .cancelled : state
        ended.operation.problem = problem
        ended.operation.rolledBack = rolledBack
        ended.operation.endedAt = turn.now.wall
        ended.operation.master = record.master
        operation = nil
        drive = Drive()
        turn.store(.operation(ended))
        turn.ended.append(ended)
        turn.emit(
            "operation.ended", cluster: name, operation: ended.operation.id,
            epoch: ended.operation.epoch,
            problem?.detail ?? "\(ended.operation.kind.rawValue) succeeded",
            attributes: [
                "kind": ended.operation.kind.rawValue, "state": ended.operation.state.rawValue,
            ])
    }

    /// Ends the running operation, if there is one, for something more urgent.
    mutating func abandonOperation(problem: Problem, turn: inout Turn) {
        guard let running = operation else { return }
        let isUntouched: Bool
        switch running.phase {
        case .assigning, .prechecking, .pausing, .catchingUp, .resuming: isUntouched = true
        case .promoting, .converging, .releasing: isUntouched = false
        }
        end(.cancelled, problem: problem, rolledBack: isUntouched, turn: &turn)
    }

    /// Moves the machine of the operation on, durably.
    mutating func enter(_ phase: OperationPhase, turn: inout Turn) {
        operation?.phase = phase
        drive.progressAt = turn.monotonic
        storeOperation(&turn)
    }

    mutating func storeOperation(_ turn: inout Turn) {
        if let operation { turn.store(.operation(operation)) }
    }

    // MARK: - Steps

    func has(_ step: String) -> Bool {
        operation?.operation.steps.contains { $0.name == step } ?? false
    }

    private mutating func change(_ step: String, _ body: (inout OperationStep) -> Void) {
        guard let index = operation?.operation.steps.firstIndex(where: { $0.name == step })
        else { return }
        operation.withStep(index, body)
    }

    /// Marks a step as begun.
    mutating func start(_ step: String, turn: Turn) {
        change(step) { step in
            guard step.state == .pending else { return }
            step.state = .running
            step.startedAt = turn.now.wall
        }
    }

    /// Marks a step as done, with what was found or decided; what it waited for is over.
    mutating func finish(_ step: String, _ detail: String?, turn: Turn) {
        change(step) { step in
            guard step.state != .succeeded else { return }
            step.state = .succeeded
            step.startedAt = step.startedAt ?? turn.now.wall
            step.endedAt = turn.now.wall
            step.detail = detail
        }
    }

    /// Says what a step waits for or has run into.
    mutating func note(_ step: String, _ detail: String, turn: Turn) {
        change(step) { $0.detail = detail }
    }

    mutating func failRunningStep(_ detail: String, turn: Turn) {
        guard var changed = operation else { return }
        failRunningStep(detail, turn: turn, record: &changed)
        operation = changed
    }

    private func failRunningStep(
        _ detail: String, turn: Turn, record: inout OperationRecord
    ) {
        for index in record.operation.steps.indices
        where record.operation.steps[index].state == .running {
            record.operation.steps[index].state = .failed
            record.operation.steps[index].detail = detail
            record.operation.steps[index].endedAt = turn.now.wall
        }
    }

    // MARK: - Restart

    /// Takes up an operation that was running when the coordinator stopped.
    ///
    /// Before the epoch was stored, the way is back; after it, forward.
    mutating func takeUp(_ running: OperationRecord, now: Int64) {
        operation = running
        drive = Drive(startedAt: now, progressAt: now)
        switch running.phase {
        case .pausing(let change), .catchingUp(let change, _):
            drive.pausedAt = now
            operation?.phase = .resuming(change, Problems.coordinatorRestarted())
        case .assigning, .prechecking, .promoting, .resuming, .converging, .releasing: break
        }
    }
}

extension OperationRecord? {
    fileprivate mutating func withStep(_ index: Int, _ body: (inout OperationStep) -> Void) {
        guard case .some(var record) = self else { return }
        body(&record.operation.steps[index])
        self = record
    }
}
