// Limits of a server: times, counts and buffers. Tests inject short ones.

public import HTTPWire

/// What a server grants its peers.
public struct HTTPServerLimits: Sendable {
    /// Limits of one request.
    public var request = HTTPLimits()
    /// Open connections; the next one is answered 503.
    public var connectionsMax = 1_024
    /// Connections that are just being told 503; beyond it they are closed without a word.
    public var refusalsMax = 64
    /// How long a connection may stand between two requests.
    public var idleMilliseconds: Int64 = 75_000
    /// From the first byte of a request to the end of its head; then 408.
    public var headMilliseconds: Int64 = 10_000
    /// From the end of the head to the end of the content; then 408.
    public var bodyMilliseconds: Int64 = 30_000
    /// How long a handler may take; then 504. Longer than any long-poll.
    public var answerMilliseconds: Int64 = 330_000
    /// How long queued output may stand still before the connection is cut.
    public var writeMilliseconds: Int64 = 30_000
    /// How long input is read past the last answer, so that its bytes do not reset it.
    public var lingerMilliseconds: Int64 = 1_000
    /// Unread input kept while a request is being answered; then reading pauses.
    public var pipelineBytesMax = 65_536
    /// Queued output above which pipelined requests wait.
    public var pipelineOutputBytesMax = 262_144
    /// Queued output of one event stream; a slower consumer is cut.
    public var streamOutputBytesMax = 1_048_576

    /// The default limits.
    public init() {}

    /// How often deadlines are looked at: a quarter of the shortest, 5 ms to 1 s.
    var sweepMilliseconds: Int64 {
        let shortest = min(
            idleMilliseconds, headMilliseconds, bodyMilliseconds, answerMilliseconds,
            writeMilliseconds, lingerMilliseconds)
        return max(5, min(1_000, shortest / 4))
    }
}
