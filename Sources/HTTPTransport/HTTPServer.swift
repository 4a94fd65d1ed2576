// An HTTP/1.1 server in an event loop.
//
// Everything runs on the loop's thread. A handler is called with each complete request and a
// responder; it may answer at once, later, or with a stream. Deadlines are looked at by one
// repeating timer, so that ten thousand idle connections cost no ten thousand timers.

public import EventLoop
public import HTTPWire
public import Platform

/// An HTTP server on one address.
public final class HTTPServer {
    /// Answers one request.
    public typealias Handler = (HTTPRequest, HTTPResponder) -> Void

    /// What has happened since the start; for metrics.
    public struct Counters: Sendable {
        /// Connections accepted.
        public var accepted = 0
        /// Connections told 503 or closed because of the limit.
        public var overLimit = 0
        /// Requests handed to the handler.
        public var requests = 0
        /// Requests refused before the handler saw them.
        public var refused = 0
        /// Streams cut because the peer read too slowly.
        public var slowConsumers = 0

        /// Nothing has happened.
        public init() {}
    }

    /// The loop that the server belongs to.
    public let loop: EventLoop
    /// The limits.
    public let limits: HTTPServerLimits
    /// Makes the answers that no handler gives; text by default.
    public var errorResponse: (HTTPStatus, String) -> HTTPResponse = {
        HTTPResponse($0, text: $1 + "\n")
    }
    /// Is told of each request that was refused before the handler saw it.
    public var onRefusal: ((HTTPStatus, String, SocketAddress?) -> Void)?
    /// What has happened since the start.
    public private(set) var counters = Counters()
    /// Whether the server accepts nothing new and ends.
    public private(set) var isDraining = false

    private let handler: Handler
    private var listener: Listener?
    private var connections: [ObjectIdentifier: HTTPServerConnection] = [:]
    private var refusals = 0
    private var sweepTimer: TimerID?
    private var drained: (() -> Void)?
    private var dateSeconds: Int64 = -1
    private var dateText = ""

    /// Listens at once. Port 0 lets the kernel choose; see ``port``.
    public init(
        loop: EventLoop, address: SocketAddress, limits: HTTPServerLimits = HTTPServerLimits(),
        handler: @escaping Handler
    ) throws(SystemError) {
        self.loop = loop
        self.limits = limits
        self.handler = handler
        listener = try Listener(loop: loop, address: address) { [unowned self] in accept($0) }
        let period = limits.sweepMilliseconds
        sweepTimer = loop.schedule(afterMilliseconds: period, repeatingMilliseconds: period) {
            [weak self] in self?.sweep()
        }
    }

    /// The address that the server listens at; nil once it drains.
    public var address: SocketAddress? { listener?.address }
    /// The port that the server listens at; 0 once it drains.
    public var port: UInt16 { listener?.address.port ?? 0 }
    /// Open connections.
    public var connectionCount: Int { connections.count }

    // MARK: Connections

    private func accept(_ descriptor: consuming Descriptor) {
        counters.accepted += 1
        let isOver = connections.count - refusals >= limits.connectionsMax
        if isOver {
            counters.overLimit += 1
            if refusals >= limits.refusalsMax { return }
        }
        // A socket that the loop cannot take is closed again; the peer sees the end.
        guard
            let connection = try? HTTPServerConnection(
                server: self, accepted: descriptor, isRefused: isOver)
        else { return }
        connections[ObjectIdentifier(connection)] = connection
        if isOver {
            refusals += 1
            connection.refuse(
                .serviceUnavailable, "There are too many connections (RFC 9110 §15.6.4).")
        }
    }

    func connectionClosed(_ connection: HTTPServerConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        if connection.isRefused { refusals -= 1 }
        if connections.isEmpty { finishDrain() }
    }

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        counters.requests += 1
        handler(request, responder)
    }

    func refused(_ status: HTTPStatus, _ text: String, _ peer: SocketAddress?) {
        counters.refused += 1
        onRefusal?(status, text, peer)
    }

    func slowConsumerWasCut() { counters.slowConsumers += 1 }

    /// The Date field of the present second.
    var date: String {
        let seconds = max(0, Clock.wallMilliseconds() / 1_000)
        if seconds != dateSeconds {
            dateSeconds = seconds
            dateText = HTTPDate.text(unixSeconds: seconds)
        }
        return dateText
    }

    private func sweep() {
        for connection in Array(connections.values) { connection.sweep() }
    }

    // MARK: End

    /// Accepts nothing new, ends idle connections and streams, lets requests under way be answered,
    /// and closes what is left after `deadlineMilliseconds`. `completion` runs once, when no
    /// connection is left.
    public func drain(deadlineMilliseconds: Int64, completion: @escaping () -> Void) {
        loop.assertOnThread()
        guard !isDraining else { return }
        isDraining = true
        drained = completion
        listener?.close()
        listener = nil
        for connection in Array(connections.values) { connection.drain() }
        if connections.isEmpty { return loop.runNextTurn { self.finishDrain() } }
        loop.schedule(afterMilliseconds: deadlineMilliseconds) { [weak self] in
            for connection in self.map({ Array($0.connections.values) }) ?? [] {
                connection.close()
            }
        }
    }

    private func finishDrain() {
        guard isDraining, let completion = drained else { return }
        drained = nil
        if let timer = sweepTimer.take() { loop.cancel(timer) }
        completion()
    }

    /// Closes everything at once, without waiting for answers.
    public func close() {
        drain(deadlineMilliseconds: 0) {}
        for connection in Array(connections.values) { connection.close() }
    }
}
