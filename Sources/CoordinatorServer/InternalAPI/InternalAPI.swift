// The coordinator's internal API. Its only callers are the admin service and tests, so it has
// few endpoints and no conveniences; what faces people is the admin API.
//
//   GET  /internal/v1/state[?after=G&waitMilliseconds=]          StateSnapshot
//   GET  /internal/v1/events?after=N[&waitMilliseconds=&limit=]  EventPage
//   GET  /internal/v1/audit?after=N[&limit=]                     AuditPage
//   GET  /internal/v1/operations/{id}[?waitMilliseconds=]        Operation
//   POST /internal/v1/commands                                   InternalCommand → CommandAnswer
//   GET  /livez /readyz /metrics                                 without the secret

import ControlModel
import EventLoop
import HTTPTransport
import HTTPWire
import Platform
import Topology

/// Answers the internal API. Lives on the loop's thread.
final class InternalAPI {
    /// Longest wait of one request.
    static let waitMillisecondsMax: Int64 = 60_000
    /// Rows of one page.
    static let pageMax = 1000

    private let coordinator: Coordinator
    private let secret: [UInt8]
    private let server: HTTPServer
    private var isDraining = false

    /// Listens at once.
    init(
        coordinator: Coordinator, secret: String, address: SocketAddress, loop: EventLoop
    ) throws(SystemError) {
        self.coordinator = coordinator
        self.secret = Array(secret.utf8)
        let handler = Relay()
        server = try HTTPServer(loop: loop, address: address) { handler.api?.answer($0, $1) }
        server.errorResponse = { status, text in
            Self.respond(
                Problem(status: status.code, code: "REFUSED", title: "Refused", detail: text))
        }
        handler.api = self
    }

    /// Breaks the ring of server, handler and API.
    private final class Relay {
        weak var api: InternalAPI?
    }

    /// Where it listens; the port is the kernel's choice if 0 was asked for.
    var port: UInt16 { server.port }

    /// Takes no new requests, answers those that wait, and ends.
    func drain(deadlineMilliseconds: Int64, completion: @escaping () -> Void) {
        isDraining = true
        server.drain(deadlineMilliseconds: deadlineMilliseconds, completion: completion)
    }

    // MARK: - Routes

    private func answer(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let isRead = request.method == .get || request.method == .head
        switch request.path {
        case ["livez"] where isRead: return responder.respond(HTTPResponse(.ok, text: "live\n"))
        case ["readyz"] where isRead:
            return responder.respond(
                isDraining
                    ? HTTPResponse(.serviceUnavailable, text: "ending\n")
                    : HTTPResponse(.ok, text: "ready\n"))
        case ["metrics"] where isRead: return responder.respond(metrics())
        default: break
        }
        guard isAuthorized(request) else { return responder.respond(Self.unauthorized) }
        let path = request.path
        guard path.count >= 3, path[0] == "internal", path[1] == "v1" else {
            return responder.respond(Self.respond(Self.notFound(request)))
        }
        switch (path[2], path.count, isRead) {
        case ("state", 3, true): state(request, responder)
        case ("events", 3, true): events(request, responder)
        case ("audit", 3, true): audit(request, responder)
        case ("operations", 4, true): operation(path[3], request, responder)
        case ("commands", 3, false) where request.method == .post: command(request, responder)
        case ("state", 3, _), ("events", 3, _), ("audit", 3, _), ("operations", 4, _):
            responder.respond(Self.notAllowed("GET, HEAD"))
        case ("commands", 3, _): responder.respond(Self.notAllowed("POST"))
        default: responder.respond(Self.respond(Self.notFound(request)))
        }
    }

    private func metrics() -> HTTPResponse {
        HTTPResponse(
            .ok,
            fields: HTTPFields([("Content-Type", CoordinatorMetrics.contentType)]),
            body: coordinator.metricsText())
    }

    private func state(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let after = number("after", request)
        let coordinator = coordinator
        coordinator.waiters.wait(
            responder, milliseconds: wait(request),
            until: { after != coordinator.generation },
            answer: { responder.respond(Self.json(coordinator.snapshot())) })
    }

    private func events(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let after = number("after", request) ?? 0
        let limit = limit(request)
        let coordinator = coordinator
        coordinator.waiters.wait(
            responder, milliseconds: wait(request),
            until: { coordinator.topology.lastEventSequence > after },
            answer: {
                Self.respond(responder) { () throws(StateStoreError) in
                    try coordinator.events(after: after, limit: limit)
                }
            })
    }

    private func audit(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let after = number("after", request) ?? 0
        let limit = limit(request)
        Self.respond(responder) { () throws(StateStoreError) in
            try coordinator.auditRecords(after: after, limit: limit)
        }
    }

    private func operation(
        _ id: String, _ request: HTTPRequest, _ responder: HTTPResponder
    ) {
        let coordinator = coordinator
        let notFound = Problem.notFound("the operation \(id)")
        coordinator.waiters.wait(
            responder, milliseconds: wait(request),
            until: { coordinator.topology.operation(id)?.hasEnded ?? true },
            answer: {
                responder.respond(
                    coordinator.topology.operation(id).map { Self.json($0) }
                        ?? Self.respond(notFound))
            })
    }

    private func command(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let command: InternalCommand
        do throws(ControlJSONError) {
            command = try ControlJSON.decode(InternalCommand.self, from: request.body)
        } catch {
            return responder.respond(
                Self.respond(
                    Problem(
                        status: 422, code: "INVALID_BODY", title: "The body cannot be read",
                        detail: "\(error.pointer.isEmpty ? "the body" : error.pointer): "
                            + error.detail,
                        errors: [.init(pointer: error.pointer, detail: error.detail)])))
        }
        do throws(Problem) {
            let answer = try coordinator.execute(command)
            let isRunning = answer.operation.map { !$0.hasEnded } ?? false
            responder.respond(Self.json(answer, status: isRunning ? .accepted : .ok))
        } catch {
            responder.respond(Self.respond(error))
        }
    }

    // MARK: - Parameters and answers

    private func number(_ name: String, _ request: HTTPRequest) -> Int64? {
        request.queryValue(name).flatMap { Int64($0) }
    }

    private func wait(_ request: HTTPRequest) -> Int64 {
        min(max(0, number("waitMilliseconds", request) ?? 0), Self.waitMillisecondsMax)
    }

    private func limit(_ request: HTTPRequest) -> Int {
        Int(min(max(1, number("limit", request) ?? 100), Int64(Self.pageMax)))
    }

    /// Compares in a time that does not depend on where the texts differ.
    private func isAuthorized(_ request: HTTPRequest) -> Bool {
        let scheme = "bearer "
        let field = request.fields["authorization"] ?? ""
        guard field.lowercased().hasPrefix(scheme) else { return false }
        let given = Array(field.utf8.dropFirst(scheme.utf8.count))
        var difference = UInt8(given.count == secret.count ? 0 : 1)
        for index in secret.indices {
            difference |= secret[index] ^ (index < given.count ? given[index] : 0)
        }
        return difference == 0
    }

    private static var unauthorized: HTTPResponse {
        var response = respond(
            Problem(
                status: 401, code: "UNAUTHORIZED", title: "The cluster secret is needed",
                detail: "send the cluster secret as a bearer token"))
        response.fields.set("WWW-Authenticate", "Bearer")
        return response
    }

    private static func notFound(_ request: HTTPRequest) -> Problem {
        Problem(
            status: 404, code: "NOT_FOUND", title: "Not found",
            detail: "\(request.pathText) does not exist")
    }

    private static func notAllowed(_ methods: String) -> HTTPResponse {
        var response = respond(
            Problem(
                status: 405, code: "METHOD_NOT_ALLOWED", title: "Method not allowed",
                detail: "allowed here: \(methods)"))
        response.fields.set("Allow", methods)
        return response
    }

    private static func respond<Value: Encodable>(
        _ responder: HTTPResponder, _ read: () throws(StateStoreError) -> Value
    ) {
        do throws(StateStoreError) {
            responder.respond(json(try read()))
        } catch {
            responder.respond(
                respond(
                    Problem(
                        status: 503, code: "STORE_FAILED", title: "The store cannot be read",
                        detail: error.description, retryable: true)))
        }
    }

    private static func respond(_ problem: Problem) -> HTTPResponse {
        HTTPResponse(
            HTTPStatus(problem.status),
            fields: HTTPFields([("Content-Type", "application/problem+json")]),
            body: ControlJSON.encode(problem))
    }

    private static func json(_ value: some Encodable, status: HTTPStatus = .ok) -> HTTPResponse {
        HTTPResponse(
            status, fields: HTTPFields([("Content-Type", "application/json")]),
            body: ControlJSON.encode(value))
    }
}
