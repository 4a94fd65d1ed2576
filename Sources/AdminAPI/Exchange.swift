// One request on its way through the service: what is known about it, and every way to answer it.
// Handlers receive an exchange and end it exactly once, at once or later.

import APIContract
import ControlModel
import EventLoop
import HTTPTransport
import HTTPWire
import Platform

/// Answers one kind of request.
typealias AdminHandler = @Sendable (Exchange) -> Void

final class Exchange {
    let service: AdminService
    let request: HTTPRequest
    /// Identity of the request: the caller's, if it is well-formed, or drawn.
    let id: String
    /// Address of the caller.
    let source: String
    /// When it came, in microseconds of the monotonic clock.
    let started = Clock.monotonicMicroseconds()

    // Filled in on the way through the pipeline.
    /// The template that it matched, for metrics.
    var label = "unmatched"
    /// Values of the path's parameters.
    var path: [String: String] = [:]
    /// Who asks; nobody before authentication and for open endpoints.
    var actor: Actor?
    /// The form of the answer that was negotiated.
    var mediaType = "application/json"
    /// The content, read as JSON and checked; nil if there is none.
    var body: JSONValue?

    private let responder: HTTPResponder

    init(_ request: HTTPRequest, _ responder: HTTPResponder, service: AdminService) {
        self.request = request
        self.responder = responder
        self.service = service
        source = responder.peer?.host ?? "unknown"
        id = Self.wellFormed(request.fields["x-request-id"]) ?? Random.hexadecimal(byteCount: 8)
    }

    private static func wellFormed(_ id: String?) -> String? {
        guard let id, (1...64).contains(id.utf8.count) else { return nil }
        let isPlain = id.utf8.allSatisfy { byte in
            byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26 || byte == 0x2D || byte == 0x2E
                || byte == 0x5F
        }
        return isPlain ? id : nil
    }

    /// A parameter of the path, which the template guarantees.
    func parameter(_ name: String) -> String {
        guard let value = path[name] else { preconditionFailure("no \(name) in the template") }
        return value
    }

    /// Whether nobody waits for the answer any more.
    var isDone: Bool { responder.isDone }

    /// Marks a long wait: it ends with the peer, and `drained` runs when the service ends.
    func wait(closed: @escaping () -> Void = {}, drained: @escaping () -> Void) {
        responder.endsWithPeer = true
        responder.onClose = closed
        responder.onDrain = drained
    }

    // MARK: Answers

    /// Ends the exchange.
    func finish(_ response: HTTPResponse) {
        guard !responder.isDone else { return }
        service.log(self, status: response.status.code)
        responder.respond(dressed(response))
    }

    private func dressed(_ response: HTTPResponse) -> HTTPResponse {
        var response = response
        response.fields.set("X-Request-Id", id)
        response.fields.set("Cache-Control", "no-store")
        response.fields.set("X-Content-Type-Options", "nosniff")
        return response
    }

    /// Answers with JSON.
    func reply(
        _ value: some Encodable, status: HTTPStatus = .ok, fields: [(String, String)] = []
    ) {
        var response = HTTPResponse(status, body: ControlJSON.encode(value) + [0x0A])
        response.fields.set("Content-Type", "application/json")
        for (name, value) in fields { response.fields.set(name, value) }
        finish(response)
    }

    /// Answers without content.
    func replyNothing(fields: [(String, String)] = []) {
        finish(HTTPResponse(.noContent, fields: HTTPFields(fields)))
    }

    /// Answers with text of the given kind.
    func reply(text: String, type: String = "text/plain; charset=utf-8") {
        finish(HTTPResponse(.ok, text: text, type: type))
    }

    /// Answers with a problem.
    func fail(_ problem: Problem, fields: [(String, String)] = []) {
        finish(Self.response(problem, id: id, fields: fields))
    }

    /// The response that carries a problem.
    static func response(
        _ problem: Problem, id: String, fields: [(String, String)] = []
    ) -> HTTPResponse {
        var problem = problem
        problem.instance = "urn:headwater:request:\(id)"
        let status = (400...599).contains(problem.status) ? problem.status : 500
        problem.status = status
        var response = HTTPResponse(HTTPStatus(status), body: ControlJSON.encode(problem) + [0x0A])
        response.fields.set("Content-Type", "application/problem+json")
        if problem.retryable { response.fields.set("Retry-After", "1") }
        if status == 401 { response.fields.set("WWW-Authenticate", "Bearer realm=\"headwater\"") }
        for (name, value) in fields { response.fields.set(name, value) }
        return response
    }

    /// Opens a stream of events; nil if nobody listens.
    func openStream(type: String) -> HTTPStream? {
        service.log(self, status: 200)
        return responder.openStream(
            .ok, fields: dressed(HTTPResponse(.ok, text: "", type: type)).fields)
    }
}
