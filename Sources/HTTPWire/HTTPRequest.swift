// One parsed request: target decoded once, framing removed.

/// A request as handlers see it.
public struct HTTPRequest: Sendable {
    /// A name and value of the query, percent-decoded once.
    public struct QueryItem: Sendable, Equatable {
        /// The decoded name.
        public let name: String
        /// The decoded value; empty when there is no equals sign.
        public let value: String

        /// A decoded name and value.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The method.
    public var method: HTTPMethod
    /// The target as it stood in the request line.
    public var target: String
    /// The decoded segments of the path; `/` has none.
    public var path: [String] = []
    /// Whether the path ends in a slash behind a segment.
    public var hasTrailingSlash = false
    /// The query in order.
    public var query: [QueryItem] = []
    /// Minor version of HTTP/1: 0 or 1.
    public var minorVersion = 1
    /// The fields, names in lower case.
    public var fields = HTTPFields()
    /// The content without its transfer coding.
    public var body: [UInt8] = []

    /// A request without fields and content, as the parser begins it; also for tests.
    public init(method: HTTPMethod, target: String) {
        self.method = method
        self.target = target
    }

    /// Whether the connection outlives this request (RFC 9112 §9.3).
    public var isPersistent: Bool {
        let options = fields.tokens("connection")
        if options.contains("close") { return false }
        return minorVersion >= 1 || options.contains("keep-alive")
    }

    /// The first value of a query parameter.
    public func queryValue(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// The path as it is written in logs: decoded segments joined by slashes.
    public var pathText: String { "/" + path.joined(separator: "/") }
}
