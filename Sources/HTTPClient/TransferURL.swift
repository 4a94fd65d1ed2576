// Checks a request's URL before libcurl sees it.
import CCurl
import Platform

enum TransferURL {
    /// Why the URL cannot be used; nil if it can.
    static func refusal(of request: HTTPClient.Request) -> HTTPClientError? {
        guard let parts = unsafe curl_url() else { return .invalidURL(request.url) }
        defer { unsafe curl_url_cleanup(parts) }
        guard unsafe curl_url_set(parts, CURLUPART_URL, request.url, 0) == CURLUE_OK,
            let scheme = unsafe part(parts, CURLUPART_SCHEME),
            scheme == "http" || scheme == "https",
            var host = unsafe part(parts, CURLUPART_HOST), !host.isEmpty
        else { return .invalidURL(request.url) }
        if request.allowsNames || host == "localhost" { return nil }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        return SocketAddress(numeric: host, port: 0) == nil ? .nameNotAllowed(host) : nil
    }

    private static func part(_ parts: OpaquePointer, _ part: CURLUPart) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard unsafe curl_url_get(parts, part, &text, 0) == CURLUE_OK, let text = unsafe text else {
            return nil
        }
        defer { unsafe curl_free(text) }
        return unsafe String(cString: text)
    }
}
