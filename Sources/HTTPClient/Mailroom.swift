// What other threads leave for the client's thread.
import CCurl
import Platform
import Synchronization

/// The requests and orders that wait for the worker; shared between all threads.
@safe
final class Mailroom: Sendable {
    struct Submission: Sendable {
        let id: HTTPClient.RequestID
        let request: HTTPClient.Request
        let completion: HTTPClient.Completion
    }

    struct Inbox {
        var submissions: [Submission] = []
        var cancellations: [HTTPClient.RequestID] = []
        var isClosing = false
        /// Once set, nobody may touch `multi` any more.
        var isEnded = false
        /// Submitted and not completed.
        var requestCount = 0
        var idLast: UInt64 = 0
        var worker: ThreadIdentity?
    }

    private let inbox = Mutex(Inbox())
    private let limits: HTTPClient.Limits
    // The handle belongs to the worker's thread; others only call curl_multi_wakeup, which libcurl
    // allows, and only under the lock and before `isEnded`.
    nonisolated(unsafe) let multi: UnsafeMutableRawPointer

    private static let globalInit: Bool = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

    init(limits: HTTPClient.Limits) throws(SystemError) {
        self.limits = limits
        guard Mailroom.globalInit, let multi = unsafe curl_multi_init() else {
            throw SystemError(call: "curl_multi_init", code: 12)
        }
        unsafe self.multi = multi
    }

    deinit { unsafe curl_multi_cleanup(multi) }

    // MARK: From any thread

    func submit(
        _ request: HTTPClient.Request, _ completion: @escaping HTTPClient.Completion
    ) -> HTTPClient.RequestID {
        let (id, refusal) = inbox.withLock { inbox -> (HTTPClient.RequestID, HTTPClientError?) in
            inbox.idLast += 1
            let id = HTTPClient.RequestID(value: inbox.idLast)
            if inbox.isClosing { return (id, .clientClosed) }
            if inbox.requestCount >= limits.requestsMax { return (id, .tooManyRequests) }
            inbox.requestCount += 1
            inbox.submissions.append(
                Submission(id: id, request: request, completion: completion))
            wake(inbox)
            return (id, nil)
        }
        if let refusal { completion(.failure(refusal)) }
        return id
    }

    func cancel(_ id: HTTPClient.RequestID) {
        inbox.withLock { inbox in
            inbox.cancellations.append(id)
            wake(inbox)
        }
    }

    func close() {
        inbox.withLock { inbox in
            inbox.isClosing = true
            wake(inbox)
        }
    }

    var isWorkerThread: Bool { inbox.withLock { $0.worker == ThreadIdentity.current } }

    private func wake(_ inbox: borrowing Inbox) {
        if !inbox.isEnded { unsafe curl_multi_wakeup(multi) }
    }

    // MARK: From the worker's thread

    func begin() { inbox.withLock { $0.worker = ThreadIdentity.current } }

    /// Takes all that waits.
    func takeAll() -> (
        submissions: [Submission], cancellations: [HTTPClient.RequestID], isClosing: Bool
    ) {
        inbox.withLock { inbox in
            defer {
                inbox.submissions = []
                inbox.cancellations = []
            }
            return (inbox.submissions, inbox.cancellations, inbox.isClosing)
        }
    }

    func completed() { inbox.withLock { $0.requestCount -= 1 } }

    func end() { inbox.withLock { $0.isEnded = true } }
}
