// A coordinator in the test's loop: the internal API over a state that the test writes down. It
// holds long-polls, remembers commands and idempotency records as the real one does.
import APIContract
import ControlModel
import EventLoop
import HTTPTransport
import HTTPWire
import Platform

@testable import AdminAPI

final class FakeCoordinator {
    static let secret = "0123456789abcdef0123456789abcdef"

    var state = StateSnapshot(
        generation: 1, instance: "i", now: Timestamp(milliseconds: 0), clusters: [],
        operations: [], tokens: [], latestEventSequence: 0)
    var events: [Event] = []
    var oldestSequence: Int64 = 1
    var audit: [AuditRecord] = []
    var commands: [InternalCommand] = []
    /// What a command other than those of tokens is answered with.
    var answer: (InternalCommand) -> Result<CommandAnswer, Problem> = { _ in
        .success(CommandAnswer())
    }
    /// Whether requests are left unanswered.
    var isSilent = false
    private(set) var requestCount = 0

    let loop: EventLoop
    private(set) var server: HTTPServer?
    private var waiting: [(HTTPRequest, HTTPResponder)] = []
    private var stored: [String: (fingerprint: String, answer: CommandAnswer)] = [:]

    init(loop: EventLoop) throws {
        self.loop = loop
        try listen(port: 0)
    }

    func listen(port: UInt16) throws {
        guard let address = SocketAddress(numeric: "127.0.0.1", port: port) else { return }
        server = try HTTPServer(loop: loop, address: address) { [unowned self] request, responder in
            requestCount += 1
            serve(request, responder)
        }
    }

    var port: UInt16 { server?.port ?? 0 }

    /// Changes the state; whoever waits for a change is answered.
    func change(_ body: (inout StateSnapshot) -> Void) {
        body(&state)
        state.generation += 1
        release()
    }

    func add(_ event: Event) {
        events.append(event)
        state.latestEventSequence = event.sequence
        release()
    }

    private func release() {
        let held = waiting
        waiting = []
        for (request, responder) in held where !responder.isDone { serve(request, responder) }
    }

    /// Answers polls of operations with what they are now, as if their time were over.
    func answerPolls() {
        let held = waiting
        waiting = []
        for (request, responder) in held where !responder.isDone {
            let operation = state.operations.first { $0.id == request.path.last }
            if let operation {
                reply(operation, responder)
            } else {
                waiting.append((request, responder))
            }
        }
    }

    private func serve(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if isSilent { return waiting.append((request, responder)) }
        guard request.fields["authorization"] == "Bearer \(Self.secret)" else {
            return responder.respond(HTTPResponse(.unauthorized))
        }
        let isHeld = request.queryValue("waitMilliseconds").map { $0 != "0" } ?? false
        let after = request.queryValue("after").flatMap { Int64($0) }
        switch (request.method, request.path.dropFirst(2).first) {
        case (.get, "state"):
            if isHeld, after == state.generation { return waiting.append((request, responder)) }
            reply(state, responder)
        case (.get, "events"):
            let limit = request.queryValue("limit").flatMap { Int($0) } ?? 100
            let page = Array(events.filter { $0.sequence > after ?? 0 }.prefix(limit))
            if isHeld, page.isEmpty { return waiting.append((request, responder)) }
            reply(
                EventPage(
                    events: page, oldestSequence: oldestSequence,
                    latestSequence: state.latestEventSequence), responder)
        case (.get, "audit"):
            let page = audit.filter { $0.sequence > after ?? 0 }
            let latest = audit.last?.sequence ?? 0
            reply(AuditPage(records: page, latestSequence: latest), responder)
        case (.get, "operations"):
            guard let operation = state.operations.first(where: { $0.id == request.path.last })
            else {
                return problem(Problem.notFound("it"), responder)
            }
            if isHeld, !operation.hasEnded { return waiting.append((request, responder)) }
            reply(operation, responder)
        case (.post, "commands"): command(request, responder)
        default: responder.respond(HTTPResponse(.notFound))
        }
    }

    private func command(_ request: HTTPRequest, _ responder: HTTPResponder) {
        guard let command = try? ControlJSON.decode(InternalCommand.self, from: request.body) else {
            return responder.respond(HTTPResponse(.badRequest))
        }
        commands.append(command)
        if let idempotency = command.idempotency {
            let key = "\(command.actor) \(idempotency.key)"
            if let former = stored[key] {
                guard former.fingerprint == idempotency.fingerprint else {
                    return problem(
                        Problem(
                            status: 422, code: "IDEMPOTENCY_KEY_REUSED", title: "t", detail: "d"),
                        responder)
                }
                var answer = former.answer
                answer.replayed = true
                return reply(answer, responder)
            }
        }
        switch outcome(command) {
        case .failure(let refusal): problem(refusal, responder)
        case .success(let answer):
            if let idempotency = command.idempotency {
                stored["\(command.actor) \(idempotency.key)"] = (idempotency.fingerprint, answer)
            }
            reply(answer, responder)
        }
    }

    private func outcome(_ command: InternalCommand) -> Result<CommandAnswer, Problem> {
        switch command.action {
        case .createToken(let record):
            change { $0.tokens.append(record) }
            return .success(CommandAnswer(token: record))
        case .deleteToken(let id):
            guard state.tokens.contains(where: { $0.id == id }) else {
                return .failure(Problem.notFound("the token"))
            }
            change { $0.tokens.removeAll { $0.id == id } }
            return .success(CommandAnswer())
        default: return answer(command)
        }
    }

    private func reply(_ value: some Encodable, _ responder: HTTPResponder) {
        var response = HTTPResponse(.ok, body: ControlJSON.encode(value))
        response.fields.set("Content-Type", "application/json")
        responder.respond(response)
    }

    private func problem(_ problem: Problem, _ responder: HTTPResponder) {
        responder.respond(
            HTTPResponse(HTTPStatus(problem.status), body: ControlJSON.encode(problem)))
    }
}
