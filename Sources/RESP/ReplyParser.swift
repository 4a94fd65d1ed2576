// Reads replies. A reply that is not complete is read again from its start when more bytes are
// there; the scan for "is it complete" keeps its place, so a long reply costs two passes, not n².
public import Bytes

/// The reply parser of a client connection.
public struct ReplyParser: ~Copyable {
    /// Deepest nesting of aggregates.
    public static var depthMax: Int { 32 }
    /// Longest bulk string in bytes.
    public static var bulkBytesMax: Int { 512 * 1_024 * 1_024 }
    /// Most elements of an aggregate.
    public static var elementsMax: Int { 1 << 24 }

    /// Elements still missing before the reply is complete, while scanning.
    private var missing = 1
    /// Place where the scan goes on, relative to the reply's first byte.
    private var scanned = 0

    /// A parser before its first reply.
    public init() {}

    /// Reads one reply at `start`; nil when it is not complete: call again with the same bytes and
    /// more behind them.
    public mutating func parse(
        _ input: ByteSlice, from start: Int
    ) throws(ProtocolError) -> (reply: Reply, consumed: Int)? {
        let rest = input.dropFirst(start)
        while missing > 0 {
            guard let element = try header(rest, at: scanned) else { return nil }
            var end = element.end
            if element.bulkLength >= 0 {
                end += element.bulkLength + 2
                guard end <= rest.count else { return nil }
            }
            scanned = end
            missing += element.children - 1
        }
        missing = 1
        scanned = 0
        var position = 0
        let reply = try value(rest, at: &position, depth: 0)
        return (reply, position)
    }

    private struct Header {
        var type: UInt8
        var text: ByteSlice
        var number: Int64 = 0
        var end: Int
        /// Bytes of the string that follows; -1 for other types.
        var bulkLength = -1
        /// Replies that belong to this one.
        var children = 0
    }

    private func header(
        _ rest: ByteSlice, at start: Int
    ) throws(ProtocolError) -> Header? {
        guard start < rest.count else { return nil }
        let type = rest[start]
        guard let end = rest.firstIndex(of: 0x0A, from: start) else {
            if rest.count - start > RequestLimits.lineBytesMax { throw .tooBigInlineRequest }
            return nil
        }
        let hasReturn = end > start + 1 && rest[end - 1] == 0x0D
        let text = rest.slice(
            from: start + 1, count: max(0, end - start - 1 - (hasReturn ? 1 : 0)))
        var header = Header(type: type, text: text, end: end + 1)
        switch type {
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "#"),
            UInt8(ascii: ","), UInt8(ascii: "("):
            break
        case UInt8(ascii: ":"):
            header.number = try number(text)
        case UInt8(ascii: "$"), UInt8(ascii: "="):
            header.number = try number(text)
            guard header.number >= -1, header.number <= Int64(ReplyParser.bulkBytesMax) else {
                throw .invalidBulkLength
            }
            header.bulkLength = Int(header.number)
        case UInt8(ascii: "*"), UInt8(ascii: "~"), UInt8(ascii: ">"), UInt8(ascii: "%"),
            UInt8(ascii: "|"):
            header.number = try number(text)
            guard header.number >= -1, header.number <= Int64(ReplyParser.elementsMax) else {
                throw .invalidMultibulkLength
            }
            let isPairs = type == UInt8(ascii: "%") || type == UInt8(ascii: "|")
            header.children = max(0, Int(header.number)) * (isPairs ? 2 : 1)
            if type == UInt8(ascii: "|") { header.children += 1 }
        default:
            throw .unknownReplyType(type)
        }
        return header
    }

    private func number(_ text: ByteSlice) throws(ProtocolError) -> Int64 {
        guard let value = Numbers.integer(text) else { throw .invalidMultibulkLength }
        return value
    }

    private func value(
        _ rest: ByteSlice, at position: inout Int, depth: Int
    ) throws(ProtocolError) -> Reply {
        guard depth < ReplyParser.depthMax, let header = try header(rest, at: position) else {
            throw .invalidMultibulkLength
        }
        position = header.end
        switch header.type {
        case UInt8(ascii: "+"): return .simpleString(header.text.string)
        case UInt8(ascii: "-"): return .error(header.text.string)
        case UInt8(ascii: ":"): return .integer(header.number)
        case UInt8(ascii: ","): return .double(header.text.string)
        case UInt8(ascii: "("): return .bigNumber(header.text.string)
        case UInt8(ascii: "#"): return .bool(header.text == "t")
        case UInt8(ascii: "_"): return .null
        case UInt8(ascii: "$"), UInt8(ascii: "="):
            guard header.number >= 0 else { return .null }
            let bytes = rest.slice(from: position, count: header.bulkLength)
            position += header.bulkLength + 2
            guard header.type == UInt8(ascii: "=") else { return .bulk(bytes.array) }
            guard bytes.count >= 4 else { throw .invalidBulkLength }
            return .verbatim(format: bytes.prefix(3).string, text: bytes.dropFirst(4).string)
        default:
            guard header.number >= 0 else { return .nullArray }
            return try aggregate(header, rest, at: &position, depth: depth)
        }
    }

    private func aggregate(
        _ header: Header, _ rest: ByteSlice, at position: inout Int, depth: Int
    ) throws(ProtocolError) -> Reply {
        let isAttribute = header.type == UInt8(ascii: "|")
        var items: [Reply] = []
        for _ in 0..<(header.children - (isAttribute ? 1 : 0)) {
            items.append(try value(rest, at: &position, depth: depth + 1))
        }
        switch header.type {
        case UInt8(ascii: "%"): return .map(items)
        case UInt8(ascii: "~"): return .set(items)
        case UInt8(ascii: ">"): return .push(items)
        case UInt8(ascii: "|"):
            return .attributed(items, try value(rest, at: &position, depth: depth + 1))
        default: return .array(items)
        }
    }
}
