// From libcurl's result codes to the kinds of failure that callers tell apart.
import CCurl
import Glibc

extension Transfer {
    /// The kind of failure; `handle` gives the details where there was a transfer.
    static func error(_ code: CURLcode, handle: UnsafeMutableRawPointer?) -> HTTPClientError {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST: return .unresolved
        case CURLE_OPERATION_TIMEDOUT:
            return unsafe wasConnected(handle) ? .timeout : .connectTimeout
        case CURLE_COULDNT_CONNECT:
            switch unsafe systemCode(handle) {
            case ECONNREFUSED: return .refused
            case ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL: return .unreachable
            case ETIMEDOUT: return .connectTimeout
            default: return other(code)
            }
        case CURLE_RECV_ERROR, CURLE_SEND_ERROR:
            switch unsafe systemCode(handle) {
            case ECONNRESET, EPIPE: return .reset
            case ETIMEDOUT: return .timeout
            default: return .closed
            }
        case CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE: return .closed
        // The scheme was checked before: here it means that the answer has no status line.
        case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_HTTP2,
            CURLE_BAD_CONTENT_ENCODING:
            return .malformedResponse
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CACERT_BADFILE:
            return .insecure(text(code))
        default: return other(code)
        }
    }

    private static func other(_ code: CURLcode) -> HTTPClientError {
        .other(code: Int(code.rawValue), reason: text(code))
    }

    private static func text(_ code: CURLcode) -> String {
        unsafe String(cString: curl_easy_strerror(code))
    }

    /// errno of the failed connect, send or receive.
    private static func systemCode(_ handle: UnsafeMutableRawPointer?) -> Int32 {
        guard let handle = unsafe handle else { return 0 }
        var code = 0
        unsafe hw_curl_get_long(handle, CURLINFO_OS_ERRNO, &code)
        return Int32(truncatingIfNeeded: code)
    }

    /// Whether the request had got a connection, new or reused.
    private static func wasConnected(_ handle: UnsafeMutableRawPointer?) -> Bool {
        guard let handle = unsafe handle else { return false }
        var moment: curl_off_t = 0
        unsafe hw_curl_get_large(handle, CURLINFO_PRETRANSFER_TIME_T, &moment)
        return moment > 0
    }
}
