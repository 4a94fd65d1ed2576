// The service: one loop, one HTTP server, one client of the coordinator, and the pipeline that a
// request goes through:
//
//   1. route         404, 405 with Allow, OPTIONS
//   2. authenticate  401, 429; open endpoints skip 2 and 3
//   3. authorise     403
//   4. negotiate     406, 415
//   5. check         400 for parameters, 400 or 422 for the content
//   6. handle
//
// The service keeps nothing that another process of it would miss: tokens, idempotency and audit
// are records of the coordinator.

import APIContract
import ControlModel
import EventLoop
import HTTPTransport
import HTTPWire
import Logging
import Platform

final class AdminService {
    let loop: EventLoop
    let settings: AdminSettings
    let client: CoordinatorClient
    let cache: StateCache
    let hub: EventHub
    private let logger: Logger
    private let authentication: Authentication
    private let bootstrap: BootstrapToken
    private var metrics = AdminMetrics()
    private(set) var server: HTTPServer?

    /// A service on `loop`; `listen` starts it.
    init(settings: AdminSettings, loop: EventLoop, logger: Logger) throws(SystemError) {
        self.settings = settings
        self.loop = loop
        self.logger = logger
        client = try CoordinatorClient(
            origin: settings.coordinator, secret: settings.secret, loop: loop)
        cache = StateCache(client: client, loop: loop)
        hub = EventHub(client: client, loop: loop)
        authentication = Authentication(cache: cache)
        bootstrap = BootstrapToken(
            secret: settings.bootstrapToken, client: client, cache: cache, logger: logger)
    }

    /// Listens and begins to follow the coordinator's state.
    func listen(at address: SocketAddress) throws(SystemError) {
        let server = try HTTPServer(loop: loop, address: address, limits: settings.limits) {
            [unowned self] request, responder in
            handle(Exchange(request, responder, service: self))
        }
        server.errorResponse = { status, text in
            Exchange.response(
                Problems.transport(status, text), id: Random.hexadecimal(byteCount: 8))
        }
        server.onRefusal = { [unowned self] status, text, peer in refused(status, text, peer) }
        self.server = server
        cache.onChange = { [unowned self] _ in bootstrap.register() }
        cache.start()
        logger.info("listening", metadata: ["address": "\(server.address ?? address)"])
    }

    /// Ends: accepts nothing new, answers what is under way, then runs `completion`.
    func drain(completion: @escaping () -> Void) {
        cache.stop()
        guard let server else { return completion() }
        logger.info("draining")
        server.drain(deadlineMilliseconds: settings.drainMilliseconds) { [self] in
            client.close()
            completion()
        }
    }

    /// Why requests cannot be answered now; nil when they can.
    var obstacle: Problem? {
        if let failure = cache.failure { return failure }
        return cache.isLive && bootstrap.isDone ? nil : Problems.starting
    }

    // MARK: Pipeline

    private func handle(_ exchange: Exchange) {
        let request = exchange.request
        // A trailing slash is another path; RouteTemplate would not see it.
        let path = request.path + (request.hasTrailingSlash ? [""] : [])
        switch RouteTable.router.route(request.method, path) {
        case .notFound: exchange.fail(Problems.noRoute(request.pathText))
        case .methodNotAllowed(let methods):
            let allow = Router<AdminHandler>.allow(methods)
            exchange.fail(Problems.methodNotAllowed(allow), fields: [("Allow", allow)])
        case .options(let methods):
            exchange.replyNothing(fields: [("Allow", Router<AdminHandler>.allow(methods))])
        case .found(let route, let values):
            exchange.label = route.metricsLabel
            exchange.path = values
            authorise(exchange, route)
        }
    }

    private func authorise(_ exchange: Exchange, _ route: Route<AdminHandler>) {
        if route.scope == .open { return check(exchange, route) }
        authentication.identify(
            exchange.request, address: exchange.source, now: loop.nowMilliseconds
        ) { [self] result in
            switch result {
            case .failure(let problem): exchange.fail(problem)
            case .success(let actor) where !actor.may(route.scope):
                exchange.actor = actor
                exchange.fail(Problems.forbidden(needs: route.scope.role, has: actor.role.rawValue))
            case .success(let actor):
                exchange.actor = actor
                check(exchange, route)
            }
        }
    }

    private func check(_ exchange: Exchange, _ route: Route<AdminHandler>) {
        let request = exchange.request
        for (name, value) in exchange.path {
            guard let schema = OpenAPI.pathParameters[name] else { continue }
            // What cannot be a name is the name of nothing.
            let fits = schema.violations(of: .string(value), in: Schemas.catalogue).isEmpty
            if !fits { return exchange.fail(Problem.notFound(value)) }
        }
        if !route.offeredTypes.isEmpty {
            let accept = request.fields["accept"]
            guard let type = MediaNegotiation.choose(route.offeredTypes, accept: accept) else {
                return exchange.fail(Problems.notAcceptable(route.offeredTypes))
            }
            exchange.mediaType = type
        }
        let violations = route.parameterViolations(of: request, in: Schemas.catalogue)
        guard violations.isEmpty else {
            return exchange.fail(Problems.invalidParameters(violations))
        }
        guard let schema = route.request else { return route.handler(exchange) }
        if request.body.isEmpty {
            if route.requestIsRequired { return exchange.fail(Problems.bodyRequired) }
            return route.handler(exchange)
        }
        guard isAccepted(request.fields["content-type"], by: route) else {
            let accepted = Self.acceptedTypes(route.method)
            return exchange.fail(
                Problems.unsupportedMediaType(accepted), fields: [("Accept", accepted)])
        }
        guard let document = try? ControlJSON.decode(JSONValue.self, from: request.body) else {
            return exchange.fail(Problems.invalidJSON)
        }
        let found = schema.violations(of: document, in: Schemas.catalogue)
        guard found.isEmpty else {
            return exchange.fail(Problems.invalidBody(found.map(\.problemDetail)))
        }
        exchange.body = document
        route.handler(exchange)
    }

    private static func acceptedTypes(_ method: HTTPMethod) -> String {
        method == .patch ? "application/merge-patch+json, application/json" : "application/json"
    }

    private func isAccepted(_ type: String?, by route: Route<AdminHandler>) -> Bool {
        if MediaNegotiation.isJSON(type) { return true }
        let plain = type?.lowercased().split(separator: ";").first.map(String.init)
        return route.method == .patch && plain == "application/merge-patch+json"
    }

    // MARK: Records

    /// Counts and logs an answer.
    func log(_ exchange: Exchange, status: Int) {
        let microseconds = Clock.monotonicMicroseconds() - exchange.started
        metrics.answered(
            exchange.label, method: exchange.request.method.rawValue, status: status,
            microseconds: microseconds)
        logger.log(
            level: status >= 500 ? .warning : .info, "request",
            metadata: [
                "request": "\(exchange.id)", "method": "\(exchange.request.method.rawValue)",
                "path": "\(exchange.request.pathText)", "status": "\(status)",
                "microseconds": "\(microseconds)", "actor": "\(exchange.actor?.name ?? "-")",
                "source": "\(exchange.source)",
            ])
    }

    private func refused(_ status: HTTPStatus, _ text: String, _ peer: SocketAddress?) {
        metrics.answered("unparsed", method: "-", status: status.code, microseconds: 0)
        logger.info(
            "request refused",
            metadata: [
                "status": "\(status.code)", "reason": "\(text)", "source": "\(peer?.host ?? "-")",
            ])
    }

    /// The metrics as Prometheus text.
    var metricsText: String {
        metrics.text(
            AdminMetrics.Present(
                server: server?.counters ?? HTTPServer.Counters(),
                connections: server?.connectionCount ?? 0, readers: hub.readerCount,
                authenticationFailures: authentication.failureCount, snapshot: cache.snapshot,
                isLive: cache.isLive))
    }
}
