// Limits of one request. Each has a name, so that a refusal can say which one was met.

/// The largest request that the parser accepts.
public struct HTTPLimits: Sendable {
    /// Request line with its CRLF; a longer one is answered 414. 8,000 is what RFC 9112 §3 asks
    /// every recipient to support at least.
    public var requestLineBytesMax = 8_192
    /// Request line and fields together; more is answered 431.
    public var headBytesMax = 16_384
    /// Fields of one head; more are answered 431.
    public var fieldCountMax = 100
    /// Decoded content; more is answered 413.
    public var bodyBytesMax = 1_048_576
    /// One chunk-size line with its extensions.
    public var chunkLineBytesMax = 256
    /// All trailer fields together; more are answered 431.
    public var trailerBytesMax = 4_096

    /// The default limits.
    public init() {}
}
