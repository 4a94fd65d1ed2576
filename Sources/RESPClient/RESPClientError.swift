// Why a command has no reply.
public import EventLoop
public import RESP

/// Why a command got no reply.
public enum RESPClientError: Error, Equatable, Sendable {
    /// The connection ended, or was never established.
    case closed(CloseReason)
    /// The server refused the handshake (AUTH, HELLO, SELECT) with this error.
    case handshakeRefused(String)
    /// No reply came in time. The connection is closed, since later replies could not be told
    /// apart any more.
    case timeout
    /// The server sent what is no reply.
    case malformedReply(ProtocolError)
    /// The server sent a reply that nobody asked for.
    case unexpectedReply
    /// More commands wait for their reply than `RESPClient.Options.commandsMax`.
    case tooManyCommands
}

extension RESPClientError: CustomStringConvertible {
    /// A sentence for logs.
    public var description: String {
        switch self {
        case .closed(.local): "the connection was closed here"
        case .closed(.end): "the server closed the connection"
        case .closed(.failed(let error)): "\(error)"
        case .closed(.connectTimeout): "the connection was not established in time"
        case .closed(.outputLimit): "the server does not read"
        case .closed(.inputLimit): "the reply is too large"
        case .handshakeRefused(let text): "the server refused the handshake: \(text)"
        case .timeout: "no reply came in time"
        case .malformedReply(let error): "the server sent no valid reply: \(error)"
        case .unexpectedReply: "the server sent a reply that nobody asked for"
        case .tooManyCommands: "too many commands wait for their reply"
        }
    }
}
