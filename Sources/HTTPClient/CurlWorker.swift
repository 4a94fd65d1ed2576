// The client's thread: takes submissions, drives the multi handle, completes transfers.
//
// One round: 1. take the inbox, start and cancel; 2. curl_multi_perform; 3. complete what is done;
// 4. curl_multi_poll until a socket, a timeout of libcurl or a wake-up asks for the next round.
import CCurl
import Platform

@safe
final class CurlWorker {
    /// Idle easy handles kept for the next requests.
    private static let spareHandlesMax = 64
    /// Longest sleep without any event; libcurl's own timeouts end it earlier.
    private static let pollMillisecondsMax: Int32 = 10_000

    private let mailroom: Mailroom
    private let multi: UnsafeMutableRawPointer
    private var transfers: [HTTPClient.RequestID: Transfer] = [:]
    private var spareHandles: [UnsafeMutableRawPointer] = unsafe []

    init(mailroom: Mailroom, limits: HTTPClient.Limits) {
        self.mailroom = mailroom
        unsafe multi = mailroom.multi
        set(CURLMOPT_MAXCONNECTS, limits.idleConnectionsMax)
        set(CURLMOPT_MAX_HOST_CONNECTIONS, limits.connectionsPerOriginMax)
        // One request at a time on a connection: a slow answer must not delay a probe behind it.
        set(CURLMOPT_PIPELINING, 0)
    }

    private func set(_ option: CURLMoption, _ value: Int) {
        let code = unsafe hw_curl_multi_set_long(multi, option, value)
        precondition(code == CURLM_OK, "libcurl refuses an option that it has")
    }

    func run() {
        mailroom.begin()
        while true {
            let work = mailroom.takeAll()
            for submission in work.submissions { start(submission) }
            for id in work.cancellations { finish(id, .failure(.cancelled)) }
            if work.isClosing { break }
            var running: Int32 = 0
            let code = unsafe curl_multi_perform(multi, &running)
            precondition(code == CURLM_OK, "curl_multi_perform failed")
            completeDone()
            unsafe curl_multi_poll(multi, nil, 0, CurlWorker.pollMillisecondsMax, nil)
        }
        // Under the lock nothing can be submitted any more: `isClosing` was seen.
        for id in Array(transfers.keys) { finish(id, .failure(.clientClosed)) }
        while let handle = unsafe spareHandles.popLast() { unsafe curl_easy_cleanup(handle) }
        mailroom.end()
    }

    private func start(_ submission: Mailroom.Submission) {
        if let refusal = TransferURL.refusal(of: submission.request) {
            mailroom.completed()
            return submission.completion(.failure(refusal))
        }
        guard let handle = unsafe spareHandles.popLast() ?? curl_easy_init() else {
            mailroom.completed()
            return submission.completion(
                .failure(.other(code: 27, reason: "libcurl has no memory")))
        }
        let transfer = unsafe Transfer(submission: submission, handle: handle)
        if let error = transfer.configure() {
            unsafe recycle(handle)
            mailroom.completed()
            return submission.completion(.failure(error))
        }
        let code = unsafe curl_multi_add_handle(multi, handle)
        precondition(code == CURLM_OK, "curl_multi_add_handle failed")
        transfers[submission.id] = transfer
    }

    private func completeDone() {
        var result = CURLE_OK
        while let handle = unsafe hw_curl_multi_next_done(multi, &result) {
            guard let context = unsafe hw_curl_get_private(handle) else {
                preconditionFailure("a transfer without its context")
            }
            let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            finish(transfer.submission.id, transfer.outcome(result))
        }
    }

    /// Removes the transfer, then tells the owner: the completion may submit again.
    private func finish(
        _ id: HTTPClient.RequestID, _ outcome: Result<HTTPClient.Response, HTTPClientError>
    ) {
        guard let transfer = transfers.removeValue(forKey: id) else { return }
        unsafe curl_multi_remove_handle(multi, transfer.handle)
        unsafe recycle(transfer.handle)
        transfer.releaseHeaders()
        mailroom.completed()
        transfer.submission.completion(outcome)
    }

    private func recycle(_ handle: UnsafeMutableRawPointer) {
        if unsafe spareHandles.count < CurlWorker.spareHandlesMax {
            unsafe curl_easy_reset(handle)
            unsafe spareHandles.append(handle)
        } else {
            unsafe curl_easy_cleanup(handle)
        }
    }
}
