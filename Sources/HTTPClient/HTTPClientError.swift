// Why a request has no response. The kinds matter: a refused connection says that the process is
// gone, a timeout says only that nothing was heard.

/// Why a request got no usable response.
public enum HTTPClientError: Error, Equatable, Sendable {
    /// The URL cannot be understood or is not http(s).
    case invalidURL(String)
    /// The host is a name and the request allows numeric addresses only.
    case nameNotAllowed(String)
    /// The host name has no address.
    case unresolved
    /// Nobody listens at the address.
    case refused
    /// There is no route to the address.
    case unreachable
    /// The connection could not be established in time.
    case connectTimeout
    /// The connection was established, but the response did not come in time.
    case timeout
    /// The peer reset the connection.
    case reset
    /// The peer closed the connection before the response was complete.
    case closed
    /// The response is larger than the request allows.
    case responseTooLarge(bytesMax: Int)
    /// What came is no HTTP response.
    case malformedResponse
    /// TLS failed (certificate, versions).
    case insecure(String)
    /// `cancel` was called.
    case cancelled
    /// The client has been closed.
    case clientClosed
    /// More requests wait than `HTTPClient.Limits.requestsMax`.
    case tooManyRequests
    /// Any other failure, with libcurl's code and text.
    case other(code: Int, reason: String)

    /// Whether the failure proves that no request reached a server there.
    public var isBeforeConnection: Bool {
        switch self {
        case .invalidURL, .nameNotAllowed, .unresolved, .refused, .unreachable, .connectTimeout,
            .tooManyRequests:
            true
        default: false
        }
    }
}

extension HTTPClientError: CustomStringConvertible {
    /// A sentence for logs and problem reports.
    public var description: String {
        switch self {
        case .invalidURL(let url): "the URL \(url) is invalid"
        case .nameNotAllowed(let host): "\(host) is a name, not a numeric address"
        case .unresolved: "the host name has no address"
        case .refused: "the connection was refused"
        case .unreachable: "the address cannot be reached"
        case .connectTimeout: "the connection was not established in time"
        case .timeout: "no response came in time"
        case .reset: "the connection was reset"
        case .closed: "the connection was closed before the response was complete"
        case .responseTooLarge(let bytesMax): "the response is larger than \(bytesMax) bytes"
        case .malformedResponse: "the response is not HTTP"
        case .insecure(let reason): "TLS failed: \(reason)"
        case .cancelled: "the request was cancelled"
        case .clientClosed: "the client is closed"
        case .tooManyRequests: "too many requests wait"
        case .other(let code, let reason): "\(reason) (libcurl \(code))"
        }
    }
}
