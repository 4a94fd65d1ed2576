// What handlers ask of the coordinator: its state, a cluster in it, commands, and the end of an
// operation.

import APIContract
import Bytes
import ControlModel
import EventLoop
import HTTPWire
import Platform

extension Exchange {
    /// Longest `?wait=`; a longer one is cut to it.
    static let waitMillisecondsMax: Int64 = 300_000
    /// How long one request to the coordinator waits for an operation.
    static let pollMillisecondsMax: Int64 = 20_000

    /// Whether only a plan is wanted.
    var isDryRun: Bool { request.queryValue("dryRun") == "true" }

    /// How long the answer may be held.
    var waitMilliseconds: Int64 {
        let duration = request.queryValue("wait").flatMap { DurationText($0) }
        return min(duration?.milliseconds ?? 0, Self.waitMillisecondsMax)
    }

    /// Reads the coordinator's state of now, or ends the exchange with the reason why not.
    func withState(_ body: @escaping (StateSnapshot) -> Void) {
        service.cache.fetch { [self] result in
            switch result {
            case .success(let snapshot): body(snapshot)
            case .failure(let problem): fail(problem)
            }
        }
    }

    /// Reads the cluster that the path names, or ends the exchange.
    func withCluster(_ body: @escaping (ClusterState) -> Void) {
        let name = parameter("c")
        withState { [self] snapshot in
            guard let cluster = snapshot.clusters.first(where: { $0.spec.name == name }) else {
                return fail(Problem.notFound("the cluster \(name)"))
            }
            body(cluster)
        }
    }

    /// Reads the node that the path names, or ends the exchange.
    func withNode(_ body: @escaping (ClusterState, NodeState) -> Void) {
        withCluster { [self] cluster in
            let name = parameter("n")
            guard let node = cluster.nodes.first(where: { $0.spec.node == name }) else {
                return fail(Problem.notFound("the node \(name)"))
            }
            body(cluster, node)
        }
    }

    /// The checked content as a value of the model, or nil after a problem was answered.
    func decoded<Value: Decodable>(_ type: Value.Type, from value: JSONValue? = nil) -> Value? {
        let document = value ?? body ?? .object([])
        do {
            return try ControlJSON.decode(type, from: document.jsonText.utf8)
        } catch {
            fail(
                Problems.invalidBody([Problem.Detail(pointer: error.pointer, detail: error.detail)])
            )
            return nil
        }
    }

    /// Sends a command; a dry run is answered with its plan, a refusal with its problem, anything
    /// else by `then`. `bodyPlace` is where the content of the request stands in the spec of the
    /// cluster: the coordinator's pointers begin there, the caller's at its content.
    func command(
        _ action: CommandAction, bodyPlace: String = "",
        then: @escaping (CommandAnswer) -> Void
    ) {
        let command = InternalCommand(
            actor: actor?.name ?? "unknown", source: source, requestID: id, dryRun: isDryRun,
            idempotency: isDryRun ? nil : idempotency, action: action)
        service.client.send(command) { [self] result in
            switch result {
            case .failure(let problem): fail(Self.relocated(problem, from: bodyPlace))
            case .success(let answer):
                if isDryRun { return replyPlan(answer) }
                then(answer)
            }
        }
    }

    private static func relocated(_ problem: Problem, from place: String) -> Problem {
        guard !place.isEmpty, let errors = problem.errors else { return problem }
        var problem = problem
        problem.errors = errors.map { error in
            guard error.pointer.hasPrefix(place) else { return error }
            return Problem.Detail(
                pointer: String(error.pointer.dropFirst(place.count)), detail: error.detail)
        }
        return problem
    }

    private func replyPlan(_ answer: CommandAnswer) {
        let nothing = Plan(kind: nil, steps: [], edges: [], master: nil)
        reply(PlanAnswer(plan: answer.plan ?? nothing))
    }

    /// Every command is protected against being sent twice; the caller's key protects against its
    /// own repeats too.
    private var idempotency: InternalCommand.Idempotency {
        let asked = request.query.filter { $0.name != "wait" }.map { "\($0.name)=\($0.value)" }
        let identity = [request.method.rawValue, request.pathText, asked.joined(separator: "&")]
            .joined(separator: "\n")
        let fingerprint = SHA256.hexadecimal(Array(identity.utf8) + [0x0A] + request.body)
        guard request.method == .post, let key = request.fields["idempotency-key"] else {
            return InternalCommand.Idempotency(
                key: "request-" + Random.hexadecimal(byteCount: 16), fingerprint: fingerprint)
        }
        // Apart from the generated keys: a caller cannot meet one of those.
        return InternalCommand.Idempotency(key: "caller-" + key, fingerprint: fingerprint)
    }

    /// The field that marks a repeated answer.
    func replayed(_ answer: CommandAnswer) -> [(String, String)] {
        answer.replayed ? [("Idempotency-Replayed", "true")] : []
    }

    // MARK: Operations

    /// Holds the answer until the operation has ended or `?wait=` is over.
    func follow(_ operation: Operation, then: @escaping (Operation) -> Void) {
        let deadline = service.loop.nowMilliseconds.addingClamped(waitMilliseconds)
        if waitMilliseconds > 0 {
            wait { [self] in fail(Problems.draining, fields: location(operation)) }
        }
        poll(operation, deadline: deadline, then: then)
    }

    private func poll(
        _ operation: Operation, deadline: Int64, then: @escaping (Operation) -> Void
    ) {
        let left = deadline - service.loop.nowMilliseconds
        if operation.hasEnded || left <= 0 { return then(operation) }
        let wait = min(left, Self.pollMillisecondsMax)
        let path = "/internal/v1/operations/\(operation.id)?waitMilliseconds=\(wait)"
        service.client.get(Operation.self, path, wait: wait) { [self] result in
            guard !isDone else { return }
            switch result {
            case .success(let newer): poll(newer, deadline: deadline, then: then)
            case .failure(let problem) where problem.status == 404: fail(problem)
            case .failure:
                // The coordinator restarts: the operation ends there all the same.
                service.loop.schedule(afterMilliseconds: StateCache.retryMilliseconds) { [self] in
                    if !isDone { poll(operation, deadline: deadline, then: then) }
                }
            }
        }
    }

    /// Where an operation is read.
    func location(_ operation: Operation) -> [(String, String)] {
        [("Location", "/v1/operations/\(operation.id)")]
    }

    /// Answers for a command that began an operation: 202 while it runs, its problem if it failed,
    /// `done` when it succeeded. Without an operation `done` runs at once.
    func replyOperation(_ answer: CommandAnswer, done: @escaping (Operation?) -> Void) {
        guard let operation = answer.operation else { return done(nil) }
        let fields = location(operation) + replayed(answer)
        follow(operation) { [self] ended in
            switch ended.state {
            case .running: reply(ended, status: .accepted, fields: fields)
            case .succeeded: done(ended)
            case .failed, .cancelled: fail(Self.problem(of: ended), fields: fields)
            }
        }
    }

    /// Why an operation did not succeed.
    static func problem(of operation: Operation) -> Problem {
        if let problem = operation.problem { return problem }
        return Problem(
            status: 409, code: "OPERATION_\(operation.state.rawValue.uppercased())",
            title: "The operation did not succeed",
            detail: "\(operation.id) ended as \(operation.state.rawValue); its steps say why")
    }
}
