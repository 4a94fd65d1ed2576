// The node's HTTP port on a thread of its own, so that a busy engine is told apart from a dead one.
//
//   GET  /health                                        HealthReport as JSON
//   GET  /livez /readyz /master /primary /replica       200 or 503 for balancers and supervisors
//   GET  /metrics                                       Prometheus text
//   GET  /wait-offset?replicationID=&offset=&timeoutMilliseconds=
//   POST /orders                                        Order as JSON, with the cluster secret
//
// Reads are answered on this thread from the `FactBoard`. Orders and waits go to the engine thread
// through `ControlHandlers` and are answered when the engine has done them.

public import ControlModel
import EventLoop
import HTTPTransport
import HTTPWire
public import Platform

/// What the engine does for the control port. The closures are called on the control thread and
/// may answer on any thread, exactly once.
public struct ControlHandlers: Sendable {
    /// Carries an order out.
    public var perform: @Sendable (Order, @escaping @Sendable (OrderAnswer) -> Void) -> Void
    /// Answers when the node stands at an offset of a history, or when the time is over.
    public var waitForOffset:
        @Sendable (OffsetWait, @escaping @Sendable (OffsetAnswer) -> Void) -> Void

    /// Handlers.
    public init(
        perform: @escaping @Sendable (Order, @escaping @Sendable (OrderAnswer) -> Void) -> Void,
        waitForOffset:
            @escaping @Sendable (
                OffsetWait, @escaping @Sendable (OffsetAnswer) -> Void
            ) -> Void
    ) {
        self.perform = perform
        self.waitForOffset = waitForOffset
    }
}

/// A wait for a position in the stream.
public struct OffsetWait: Sendable, Equatable {
    /// Longest wait; a client that wants more asks again.
    public static let timeoutMillisecondsMax: Int64 = 60_000

    /// The history the offset belongs to.
    public var replicationID: String
    /// Number of the last byte that must be applied.
    public var offset: Int64
    /// When the wait ends by itself.
    public var timeoutMilliseconds: Int64

    /// A wait.
    public init(replicationID: String, offset: Int64, timeoutMilliseconds: Int64) {
        self.replicationID = replicationID
        self.offset = offset
        self.timeoutMilliseconds = timeoutMilliseconds
    }
}

/// The control port of one node.
public final class ControlPort: Sendable {
    /// How the port is set up.
    public struct Configuration: Sendable {
        /// Where to listen.
        public var addresses: [SocketAddress]
        /// What orders must carry; orders are refused when it is empty.
        public var secret: String
        /// Version of the software, for metrics.
        public var version: String

        /// A configuration.
        public init(addresses: [SocketAddress], secret: String, version: String) {
            self.addresses = addresses
            self.secret = secret
            self.version = version
        }
    }

    /// The ports that it listens on.
    public let ports: [UInt16]
    private let thread: LoopThread

    /// Starts the thread; returns when it listens, or throws why it does not.
    public init(
        _ configuration: Configuration, board: FactBoard, handlers: ControlHandlers
    ) throws(SystemError) {
        let started = try LoopThread.start(name: "control") { (loop) throws(SystemError) in
            let routes = ControlRoutes(configuration, board: board, handlers: handlers, loop: loop)
            var servers: [HTTPServer] = []
            for address in configuration.addresses {
                let server = try HTTPServer(loop: loop, address: address) { request, responder in
                    routes.answer(request, responder)
                }
                server.errorResponse = { ControlRoutes.problem($0, detail: $1) }
                servers.append(server)
            }
            return Started(ports: servers.map(\.port), servers: LoopBound(servers, loop: loop))
        }
        thread = started.thread
        ports = started.made.ports
    }

    /// What the thread holds until its end.
    private struct Started: Sendable {
        let ports: [UInt16]
        let servers: LoopBound<[HTTPServer]>
    }

    /// Ends the thread with its connections; what is asked of it gets no answer any more.
    public func stop() { thread.stop() }
}
