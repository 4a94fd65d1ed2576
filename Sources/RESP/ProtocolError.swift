// What a client can do wrong on the wire. The connection is closed after the text was sent.
public import Bytes

/// A violation of the protocol by the other side, in Redis' words.
public enum ProtocolError: Error, Equatable, Sendable {
    /// A bulk length that is no number, negative or over the limit.
    case invalidBulkLength
    /// An argument count that is no number or over the limit.
    case invalidMultibulkLength
    /// More than a few arguments before authentication.
    case unauthenticatedMultibulkLength
    /// A long argument before authentication.
    case unauthenticatedBulkLength
    /// The line of the argument count is too long.
    case tooBigCountString
    /// The line of a bulk length is too long.
    case tooBigBulkCountString
    /// An inline command is too long.
    case tooBigInlineRequest
    /// Quotes of an inline command do not match.
    case unbalancedQuotes
    /// Something else stood where a `$` belongs.
    case expectedDollar(UInt8)
    /// A reply that starts with no known type (clients only).
    case unknownReplyType(UInt8)

    /// Appends the text that follows `-ERR `, without line end.
    public func appendText(to buffer: inout ByteBuffer) {
        buffer.append("Protocol error: ")
        switch self {
        case .invalidBulkLength: buffer.append("invalid bulk length")
        case .invalidMultibulkLength: buffer.append("invalid multibulk length")
        case .unauthenticatedMultibulkLength: buffer.append("unauthenticated multibulk length")
        case .unauthenticatedBulkLength: buffer.append("unauthenticated bulk length")
        case .tooBigCountString: buffer.append("too big mbulk count string")
        case .tooBigBulkCountString: buffer.append("too big bulk count string")
        case .tooBigInlineRequest: buffer.append("too big inline request")
        case .unbalancedQuotes: buffer.append("unbalanced quotes in request")
        case .expectedDollar(let byte):
            buffer.append("expected '$', got '")
            buffer.append(byte == 0x0A || byte == 0x0D ? 0x20 : byte)
            buffer.append("'")
        case .unknownReplyType(let byte):
            buffer.append("unknown reply type '")
            buffer.append(byte == 0x0A || byte == 0x0D ? 0x20 : byte)
            buffer.append("'")
        }
    }
}
