// Replies as values, and their parser: for clients and tests, never for the server's own path.
/// One reply of a server.
public indirect enum Reply: Equatable, Sendable {
    /// `+text`.
    case simpleString(String)
    /// `-CODE text`.
    case error(String)
    /// `:number`.
    case integer(Int64)
    /// `$n bytes`.
    case bulk([UInt8])
    /// `_` or `$-1`.
    case null
    /// `*-1`: the absence of an array in RESP2.
    case nullArray
    /// `*n`.
    case array([Reply])
    /// `%n`, as a flat list of keys and values.
    case map([Reply])
    /// `~n`.
    case set([Reply])
    /// `>n`.
    case push([Reply])
    /// `,text`.
    case double(String)
    /// `#t` or `#f`.
    case bool(Bool)
    /// `(digits`.
    case bigNumber(String)
    /// `=n fmt:text`.
    case verbatim(format: String, text: String)
    /// `|n` pairs and the reply behind them.
    case attributed([Reply], Reply)

    /// The text of a string reply, nil for others.
    public var text: String? {
        switch self {
        case .simpleString(let text), .error(let text), .double(let text), .bigNumber(let text):
            text
        case .bulk(let bytes): String(decoding: bytes, as: UTF8.self)
        case .verbatim(_, let text): text
        default: nil
        }
    }

    /// The elements of an aggregate, nil for others.
    public var elements: [Reply]? {
        switch self {
        case .array(let items), .map(let items), .set(let items), .push(let items): items
        default: nil
        }
    }
}
