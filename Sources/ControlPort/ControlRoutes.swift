// The answers of the control port. Control thread only.

import APIContract
import Bytes
import ControlModel
import Diagnostics
import EventLoop
import HTTPTransport
import HTTPWire
import Platform

/// Answers requests of the control port.
final class ControlRoutes {
    private let configuration: ControlPort.Configuration
    private let board: FactBoard
    private let handlers: ControlHandlers
    private let loop: EventLoop

    init(
        _ configuration: ControlPort.Configuration, board: FactBoard, handlers: ControlHandlers,
        loop: EventLoop
    ) {
        self.configuration = configuration
        self.board = board
        self.handlers = handlers
        self.loop = loop
    }

    func answer(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let path = request.path.count == 1 ? request.path[0] : ""
        let isRead = request.method == .get || request.method == .head
        switch (path, isRead) {
        case ("health", true): responder.respond(health())
        case ("metrics", true): responder.respond(metrics())
        case ("livez", true): responder.respond(route(.live))
        case ("readyz", true): responder.respond(route(.ready))
        case ("master", true), ("primary", true): responder.respond(route(.master))
        case ("replica", true): responder.respond(replica(request))
        case ("wait-offset", true): waitForOffset(request, responder)
        case ("orders", false) where request.method == .post: order(request, responder)
        case ("health", _), ("metrics", _), ("livez", _), ("readyz", _), ("master", _),
            ("primary", _), ("replica", _), ("wait-offset", _):
            responder.respond(notAllowed(request, "GET, HEAD, OPTIONS"))
        case ("orders", _): responder.respond(notAllowed(request, "POST, OPTIONS"))
        default:
            responder.respond(
                ControlRoutes.problem(.notFound, detail: "no such resource on the control port"))
        }
    }

    // MARK: Reads

    private var facts: NodeFacts { board.read(nowMicroseconds: Clock.monotonicMicroseconds()) }

    private func health() -> HTTPResponse { ControlRoutes.json(.ok, facts.report) }

    private func metrics() -> HTTPResponse {
        HTTPResponse(
            .ok, fields: HTTPFields([("Content-Type", PrometheusText.contentType)]),
            body: MetricsText.render(facts, version: configuration.version))
    }

    private func route(_ question: RouteQuestion) -> HTTPResponse {
        let (isYes, reason) = question.answer(facts.report)
        return HTTPResponse(isYes ? .ok : .serviceUnavailable, text: reason + "\n")
    }

    private func replica(_ request: HTTPRequest) -> HTTPResponse {
        guard let text = request.queryValue("maxLag") else {
            return route(.replica(maxLagMilliseconds: nil))
        }
        guard let lag = RouteQuestion.milliseconds(text) else {
            return ControlRoutes.problem(
                .badRequest, detail: "maxLag is a time such as 500, 500ms or 2s")
        }
        return route(.replica(maxLagMilliseconds: lag))
    }

    private func waitForOffset(_ request: HTTPRequest, _ responder: HTTPResponder) {
        guard let identity = request.queryValue("replicationID"),
            let offset = request.queryValue("offset").flatMap(Int64.init), offset >= 0,
            let timeout = RouteQuestion.milliseconds(
                request.queryValue("timeoutMilliseconds") ?? "1000")
        else {
            responder.respond(
                ControlRoutes.problem(
                    .badRequest, detail: "replicationID, offset and timeoutMilliseconds are needed")
            )
            return
        }
        let wait = OffsetWait(
            replicationID: identity, offset: offset,
            timeoutMilliseconds: min(timeout, OffsetWait.timeoutMillisecondsMax))
        let bound = LoopBound(responder, loop: loop)
        handlers.waitForOffset(wait) { answer in
            bound.post { responder in
                responder.respond(ControlRoutes.json(.ok, answer))
            }
        }
    }

    // MARK: Orders

    private func order(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if let refusal = refusal(of: request) {
            responder.respond(refusal)
            return
        }
        let order: Order
        do throws(ControlJSONError) {
            order = try ControlJSON.decode(Order.self, from: request.body)
        } catch {
            let place = error.pointer.isEmpty ? "" : "\(error.pointer): "
            responder.respond(
                ControlRoutes.problem(.badRequest, detail: "\(place)\(error.detail)"))
            return
        }
        let bound = LoopBound(responder, loop: loop)
        handlers.perform(order) { answer in
            bound.post { responder in
                let status = answer.accepted ? 200 : answer.problem?.status ?? 409
                responder.respond(ControlRoutes.json(HTTPStatus(status), answer))
            }
        }
    }

    /// Why an order may not be read at all; nil when it carries the secret.
    private func refusal(of request: HTTPRequest) -> HTTPResponse? {
        guard !configuration.secret.isEmpty else {
            return ControlRoutes.problem(
                .forbidden, detail: "orders need a cluster secret: set cluster-secret-file")
        }
        let scheme = "Bearer "
        let field = request.fields["Authorization"] ?? ""
        let isBearer = field.prefix(scheme.count).lowercased() == scheme.lowercased()
        let token = isBearer ? String(field.dropFirst(scheme.count)) : ""
        guard !token.isEmpty, ControlRoutes.isSame(token, configuration.secret) else {
            var response = ControlRoutes.problem(
                .unauthorized, detail: "the cluster secret is missing or wrong")
            response.fields.set("WWW-Authenticate", "Bearer")
            return response
        }
        return nil
    }

    /// Whether two secrets are equal, in a time that does not depend on where they differ.
    static func isSame(_ left: String, _ right: String) -> Bool {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }

    // MARK: Documents and errors

    private func notAllowed(_ request: HTTPRequest, _ methods: String) -> HTTPResponse {
        var response =
            request.method == .options
            ? HTTPResponse(.noContent)
            : ControlRoutes.problem(.methodNotAllowed, detail: "allowed: \(methods)")
        response.fields.set("Allow", methods)
        return response
    }

    /// A problem document (RFC 9457).
    static func problem(_ status: HTTPStatus, detail: String) -> HTTPResponse {
        let code = status.reason.uppercased().map { $0.isLetter ? $0 : "_" }
        let problem = Problem(
            status: status.code, code: String(code), title: status.reason, detail: detail,
            retryable: status == .serviceUnavailable)
        return json(status, problem, type: "application/problem+json")
    }

    /// A JSON document that ends its line, for people with curl.
    private static func json(
        _ status: HTTPStatus, _ value: some Encodable, type: String = "application/json"
    ) -> HTTPResponse {
        HTTPResponse(
            status, fields: HTTPFields([("Content-Type", type)]),
            body: ControlJSON.encode(value) + [0x0A])
    }
}
