// A host and a port as one text: "127.0.0.1:7001", "[::1]:7001", "redis-1:6379".

/// Where something listens: text in JSON, host and port in memory.
public struct Endpoint: Hashable, Sendable {
    /// Numeric address or name, without the brackets of IPv6.
    public var host: String
    /// TCP port, 1 to 65535.
    public var port: Int

    /// Creates an endpoint from its parts.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Parses `host:port` or `[ipv6]:port`; nil for any other form.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"),
            let port = Int(text[text.index(after: colon)...]),
            (1...65535).contains(port)
        else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        let allowed = host.utf8.allSatisfy { byte in
            byte > 0x20 && byte < 0x7F && !Self.refusedBytes.contains(byte)
        }
        guard !host.isEmpty, allowed else { return nil }
        self.init(host: host, port: port)
    }

    /// Bytes that would change the meaning of a URL or of a configuration line.
    private static let refusedBytes = Array("/?#@\"'\\[]".utf8)

    /// The text form; IPv6 addresses get brackets.
    public var text: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

extension Endpoint: Codable {
    /// Decodes the text form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let parsed = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "an address is text such as \"10.0.0.1:6379\"")
        }
        self = parsed
    }

    /// Encodes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
