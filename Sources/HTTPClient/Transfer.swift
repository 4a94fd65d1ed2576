// One request under way: its easy handle, what was received, and how it ended.
//
// The easy handle's private pointer and the contexts of its callbacks are this object, unretained:
// the worker's table keeps it alive until the handle is removed from the multi handle.
import CCurl
import Platform

@safe
final class Transfer {
    /// Most bytes of all response headers together.
    static let headerBytesMax = 64 * 1_024

    let submission: Mailroom.Submission
    let handle: UnsafeMutableRawPointer
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private var headers: [HTTPClient.Header] = []
    private var headerBytes = 0
    private var body: [UInt8] = []
    private var isTooLarge = false

    private var request: HTTPClient.Request { submission.request }

    init(submission: Mailroom.Submission, handle: UnsafeMutableRawPointer) {
        self.submission = submission
        unsafe self.handle = handle
    }

    deinit { releaseHeaders() }

    func releaseHeaders() {
        if let list = unsafe headerList { unsafe curl_slist_free_all(list) }
        unsafe headerList = nil
    }

    // MARK: Setting up

    /// Sets all options; gives an error if libcurl refuses one (a malformed header, no memory).
    func configure() -> HTTPClientError? {
        let context = unsafe UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque())
        var code = CURLE_OK
        func check(_ result: CURLcode) { if code == CURLE_OK { code = result } }

        check(unsafe hw_curl_set_text(handle, CURLOPT_URL, request.url))
        check(unsafe hw_curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https"))
        // The environment's proxies are for browsers, not for talking to our own nodes.
        check(unsafe hw_curl_set_text(handle, CURLOPT_PROXY, ""))
        check(unsafe hw_curl_set_text(handle, CURLOPT_USERAGENT, "headwater"))
        check(unsafe hw_curl_set_long(handle, CURLOPT_NOSIGNAL, 1))
        check(unsafe hw_curl_set_long(handle, CURLOPT_TCP_NODELAY, 1))
        check(unsafe hw_curl_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1))
        check(
            unsafe hw_curl_set_long(
                handle, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1)))
        check(
            unsafe hw_curl_set_long(handle, CURLOPT_TIMEOUT_MS, request.timeoutMilliseconds))
        check(
            unsafe hw_curl_set_long(
                handle, CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeoutMilliseconds))
        check(unsafe hw_curl_set_pointer(handle, CURLOPT_PRIVATE, context))
        check(unsafe hw_curl_set_pointer(handle, CURLOPT_WRITEDATA, context))
        check(unsafe hw_curl_set_pointer(handle, CURLOPT_HEADERDATA, context))
        check(
            unsafe hw_curl_set_receiver(handle, CURLOPT_WRITEFUNCTION) {
                unsafe Transfer.receive($0, $1 * $2, $3) { unsafe $0.receivedBody($1) }
            })
        check(
            unsafe hw_curl_set_receiver(handle, CURLOPT_HEADERFUNCTION) {
                unsafe Transfer.receive($0, $1 * $2, $3) { unsafe $0.receivedHeader($1) }
            })
        check(configureMethod())
        check(configureHeaders())
        return unsafe code == CURLE_OK ? nil : Transfer.error(code, handle: nil)
    }

    private func configureMethod() -> CURLcode {
        var code = CURLE_OK
        if request.method == "HEAD" {
            code = unsafe hw_curl_set_long(handle, CURLOPT_NOBODY, 1)
        } else if let body = request.body {
            code = unsafe hw_curl_set_long(handle, CURLOPT_POST, 1)
            guard code == CURLE_OK else { return code }
            let size = curl_off_t(body.count)
            code = unsafe hw_curl_set_large(handle, CURLOPT_POSTFIELDSIZE_LARGE, size)
            guard code == CURLE_OK else { return code }
            // libcurl copies the bytes: the array may move.
            code = unsafe body.withUnsafeBytes { bytes in
                unsafe hw_curl_set_pointer(
                    handle, CURLOPT_COPYPOSTFIELDS, bytes.baseAddress ?? Transfer.nothing)
            }
        }
        guard code == CURLE_OK, request.method != "HEAD" else { return code }
        return unsafe hw_curl_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method)
    }

    /// An address for the empty body, which libcurl does not read (its size is 0).
    nonisolated(unsafe) private static let nothing =
        unsafe UnsafeRawPointer(("" as StaticString).utf8Start)

    private func configureHeaders() -> CURLcode {
        var lines = request.headers.map { header in
            // "Name;" is libcurl's form of a field with an empty value.
            header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)"
        }
        // Waiting for "100 Continue" would cost a round trip.
        lines.append("Expect:")
        for line in lines {
            if line.utf8.contains(where: { $0 == 13 || $0 == 10 || $0 == 0 }) {
                return CURLE_BAD_FUNCTION_ARGUMENT
            }
            guard let longer = unsafe curl_slist_append(headerList, line) else {
                return CURLE_OUT_OF_MEMORY
            }
            unsafe headerList = longer
        }
        return unsafe hw_curl_set_list(handle, CURLOPT_HTTPHEADER, headerList)
    }

    // MARK: Receiving (called by libcurl on the worker's thread)

    private static func receive(
        _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int, _ context: UnsafeMutableRawPointer?,
        _ body: (Transfer, UnsafeRawBufferPointer) -> Bool
    ) -> Int {
        guard let context = unsafe context else { return 0 }
        let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        let raw = unsafe UnsafeRawBufferPointer(start: bytes, count: count)
        // Anything but the count makes libcurl stop the transfer.
        return unsafe body(transfer, raw) ? count : count == 0 ? 1 : 0
    }

    private func receivedBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= request.responseBytesMax - body.count else {
            isTooLarge = true
            return false
        }
        unsafe body.append(contentsOf: bytes)
        return true
    }

    private func receivedHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
        headerBytes += bytes.count
        guard headerBytes <= Transfer.headerBytesMax else {
            isTooLarge = true
            return false
        }
        let line = unsafe String(decoding: bytes, as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            // A status line: what came before belongs to an interim response.
            headers = []
        } else if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...]
            headers.append(
                HTTPClient.Header(String(line[..<colon]), Transfer.trimmed(value)))
        }
        return true
    }

    private static func trimmed(_ text: Substring) -> String {
        let bytes = text.utf8
        func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (byte >= 9 && byte <= 13) }
        guard let first = bytes.firstIndex(where: { !isBlank($0) }),
            let last = bytes.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(text[first...last])
    }

    // MARK: Ending

    func outcome(_ result: CURLcode) -> Result<HTTPClient.Response, HTTPClientError> {
        if isTooLarge { return .failure(.responseTooLarge(bytesMax: request.responseBytesMax)) }
        guard result == CURLE_OK else {
            return .failure(unsafe Transfer.error(result, handle: handle))
        }
        return .success(
            HTTPClient.Response(
                status: long(CURLINFO_RESPONSE_CODE), headers: headers, body: body,
                localPort: UInt16(truncatingIfNeeded: long(CURLINFO_LOCAL_PORT)),
                durationMicroseconds: large(CURLINFO_TOTAL_TIME_T)))
    }

    private func long(_ info: CURLINFO) -> Int {
        var value = 0
        unsafe hw_curl_get_long(handle, info, &value)
        return value
    }

    private func large(_ info: CURLINFO) -> Int64 {
        var value: curl_off_t = 0
        unsafe hw_curl_get_large(handle, info, &value)
        return Int64(value)
    }
}
