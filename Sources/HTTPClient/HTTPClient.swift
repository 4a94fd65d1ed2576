// HTTP requests over libcurl: one thread, one multi handle, kept-alive connections.
//
//   any thread ── submit ──► Mailroom (Mutex) ── curl_multi_wakeup ──► CurlWorker's thread
//                                                                        │ completion
//   a mailbox or a Handoff ◄─────────────────────────────────────────────┘
//
// The worker object lives on its thread alone. Completions run on that thread: they hand the result
// on (usually with `LoopBound.post`) and return at once, or every other request waits.
public import Platform
import Synchronization

/// An HTTP client on a thread of its own.
public final class HTTPClient: Sendable {
    /// Bounds of one client.
    public struct Limits: Sendable {
        /// Most requests that wait or run.
        public var requestsMax = 10_000
        /// Most idle connections kept for reuse.
        public var idleConnectionsMax = 256
        /// Most connections to one origin; 0: no bound. Further requests wait, and their time runs.
        public var connectionsPerOriginMax = 0

        /// The defaults.
        public init() {}
    }

    /// What receives the result, on the client's thread.
    public typealias Completion = @Sendable (Result<Response, HTTPClientError>) -> Void

    private let mailroom: Mailroom
    private let thread: SystemThread

    /// Starts the client's thread.
    public init(name: String = "http-client", limits: Limits = Limits()) throws(SystemError) {
        let mailroom = try Mailroom(limits: limits)
        self.mailroom = mailroom
        thread = try SystemThread.start(name: name) {
            CurlWorker(mailroom: mailroom, limits: limits).run()
        }
    }

    /// Sends a request; `completion` is called exactly once, on the client's thread.
    ///
    /// A request on a kept-alive connection that the server closed in that moment is sent again on
    /// a new connection by libcurl, if no byte of a response had come: what is submitted here
    /// should bear to be received twice.
    @discardableResult
    public func submit(_ request: Request, completion: @escaping Completion) -> RequestID {
        mailroom.submit(request, completion)
    }

    /// Ends a request early: its completion gets `cancelled`, unless it has run before.
    public func cancel(_ id: RequestID) { mailroom.cancel(id) }

    /// Sends a request and waits for the response: for command lines and tests, never in a loop.
    public func send(_ request: Request) throws(HTTPClientError) -> Response {
        let handoff: Handoff<Result<Response, HTTPClientError>>
        do {
            handoff = try Handoff()
        } catch {
            throw .other(code: Int(error.code), reason: error.description)
        }
        submit(request) { handoff.give($0) }
        return try handoff.take().get()
    }

    /// Ends the client: what waits or runs completes with `clientClosed`, and the thread ends.
    public func close() {
        mailroom.close()
        if !mailroom.isWorkerThread { thread.join() }
    }

    deinit { close() }
}
