// A request and its response as values.

extension HTTPClient {
    /// One header field.
    public struct Header: Hashable, Sendable {
        /// Field name, as written.
        public let name: String
        /// Field value.
        public let value: String

        /// A field.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// What to ask.
    public struct Request: Sendable {
        /// Method, in capitals.
        public var method: String
        /// Absolute URL, http or https.
        public var url: String
        /// Header fields beside those that libcurl makes (Host, Accept, Content-Length).
        public var headers: [Header]
        /// Body; nil sends none. (An empty body is sent with `Content-Length: 0`.)
        public var body: [UInt8]?
        /// Limit for the whole exchange, name look-up and connection included.
        public var timeoutMilliseconds: Int
        /// Limit for the connection alone.
        public var connectTimeoutMilliseconds: Int
        /// Largest body accepted.
        public var responseBytesMax: Int
        /// Whether the host may be a name. Off: numeric addresses and `localhost` only, so that a
        /// slow name server can never delay a probe.
        public var allowsNames: Bool

        /// A request; the limits default to five seconds and 16 MiB.
        public init(
            method: String = "GET", url: String, headers: [Header] = [], body: [UInt8]? = nil,
            timeoutMilliseconds: Int = 5_000, connectTimeoutMilliseconds: Int = 2_000,
            responseBytesMax: Int = 16 * 1_024 * 1_024, allowsNames: Bool = false
        ) {
            precondition(
                timeoutMilliseconds > 0 && connectTimeoutMilliseconds > 0,
                "a limit must be positive")
            self.method = method
            self.url = url
            self.headers = headers
            self.body = body
            self.timeoutMilliseconds = timeoutMilliseconds
            self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
            self.responseBytesMax = responseBytesMax
            self.allowsNames = allowsNames
        }
    }

    /// What came back, whatever its status.
    public struct Response: Sendable {
        /// Status code.
        public let status: Int
        /// Header fields of the final response, in order.
        public let headers: [Header]
        /// Body without transfer coding.
        public let body: [UInt8]
        /// Our port of the connection: equal ports mean that a connection was reused.
        public let localPort: UInt16
        /// From the start of the transfer to its end.
        public let durationMicroseconds: Int64

        /// The first value of a field; names compare without case.
        public func header(_ name: String) -> String? {
            let wanted = name.lowercased()
            return headers.first { $0.name.lowercased() == wanted }?.value
        }

        /// The body as text.
        public var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// Names a submitted request, for `cancel`.
    public struct RequestID: Hashable, Sendable {
        let value: UInt64
    }
}
