// Finds commands in the bytes of a connection, in place.
//
//   *3\r\n $3\r\n SET \r\n $1\r\n k \r\n $1\r\n v \r\n         a RESP array of bulk strings
//   SET k "v w"\r\n                                             an inline command
//
// 1. The fast path reads a whole command in canonical form and appends slices of the input. It
//    keeps no state and gives up (leaving no trace) when the command is incomplete or unusual.
// 2. The careful path accepts everything that Redis accepts. It notes the place of each complete
//    argument relative to the command's first byte, so that it goes on where it stopped when more
//    bytes arrive, even when the input has moved in memory. No byte is looked at a third time.
//
// The slices point into the input and are valid as long as the caller keeps it in place.
public import Bytes

/// What one call of the parser found.
public enum ParseOutcome: Equatable, Sendable {
    /// A command of `argumentCount` slices was appended; it took `consumed` bytes of the input.
    /// No arguments: an empty line or array, to be skipped.
    case command(consumed: Int, argumentCount: Int)
    /// The command is not complete: call again with the same bytes and more behind them.
    case needMore
}

/// The resumable request parser of one connection.
public struct RequestParser: ~Copyable {
    /// The limits that apply to the connection.
    public var limits: RequestLimits
    /// Whether the last command found was in canonical RESP form, so that its bytes may be copied
    /// verbatim into a stream of RESP commands.
    public private(set) var wasCanonical = false

    private var partial: Partial?
    /// What slices of inline commands with quotes point into.
    private var decodedLines: [InlineLine] = []

    /// Progress inside an incomplete command; all places are relative to its first byte.
    private struct Partial {
        var argumentsExpected: Int
        var position: Int
        /// Length of the argument whose header was read; -1 before the header.
        var bulkLength = -1
        var isCanonical: Bool
        var arguments: [(start: Int, count: Int)] = []
    }

    /// A parser with `limits`.
    public init(limits: RequestLimits = RequestLimits()) { self.limits = limits }

    /// How many bytes must still arrive before the argument in progress is complete; 0 when that is
    /// not known. A caller may size its buffer by it.
    public func missingBytes(available: Int) -> Int {
        guard let partial, partial.bulkLength >= 0 else { return 0 }
        return max(0, partial.position + partial.bulkLength + 2 - available)
    }

    /// Whether a command was begun and is not complete.
    public var isInsideCommand: Bool { partial != nil }

    /// Forgets an incomplete command: its bytes were dropped.
    public mutating func reset() { partial = nil }

    /// Looks for one command at `start` of `input` and appends its arguments to `list`.
    ///
    /// After `.needMore` the next call must see the same command at its `start` again. Nothing is
    /// appended when the outcome is not a command.
    @inlinable
    public mutating func parse(
        _ input: ByteSlice, from start: Int, into list: inout ByteSliceList
    ) throws(ProtocolError) -> ParseOutcome {
        if !isInsideCommand {
            let end = RequestParser.parseCanonical(
                input, from: start, into: &list, limits: limits)
            if end.consumed > 0 {
                noteCanonical()
                return .command(consumed: end.consumed, argumentCount: end.argumentCount)
            }
        }
        return try parseCarefully(input, from: start, into: &list)
    }

    @usableFromInline mutating func noteCanonical() { wasCanonical = true }
    mutating func noteInline() { wasCanonical = false }
    mutating func keep(_ line: InlineLine) { decodedLines.append(line) }

    /// Frees what slices of inline commands point into: call before each new batch.
    @inlinable
    public mutating func releaseDecodedLines() {
        if hasDecodedLines { dropDecodedLines() }
    }

    @usableFromInline var hasDecodedLines: Bool { !decodedLines.isEmpty }
    @usableFromInline mutating func dropDecodedLines() { decodedLines = [] }

    /// The fast path: a complete command in canonical form; `consumed` is 0 when it is not that.
    @inlinable
    static func parseCanonical(
        _ input: ByteSlice, from start: Int, into list: inout ByteSliceList,
        limits: RequestLimits
    ) -> (consumed: Int, argumentCount: Int) {
        // The shortest command is "*1\r\n$1\r\nx\r\n".
        guard limits.isAuthenticated, input.count &- start >= 11, input[checked: start] == 0x2A
        else { return (0, 0) }
        var position = start &+ 1
        let argumentCount = headerNumber(input, at: &position)
        guard argumentCount > 0 && argumentCount <= limits.argumentsMax else { return (0, 0) }
        let listed = list.count
        var remaining = argumentCount
        while remaining > 0 {
            guard position &+ 4 <= input.count, input[checked: position] == 0x24 else { break }
            position &+= 1
            let length = headerNumber(input, at: &position)
            guard length >= 0, length <= limits.bulkBytesMax,
                length &+ 2 <= input.count &- position,
                input[checked: position &+ length] == 0x0D,
                input[checked: position &+ length &+ 1] == 0x0A
            else { break }
            list.append(input.slice(from: position, count: length))
            position &+= length &+ 2
            remaining &-= 1
        }
        if remaining > 0 {
            list.truncate(to: listed)
            return (0, 0)
        }
        return (position &- start, argumentCount)
    }

    /// Reads up to eight digits without leading zero and the line end; -1 if they are not there.
    @inlinable
    static func headerNumber(_ input: ByteSlice, at position: inout Int) -> Int {
        let count = input.count
        guard position &+ 3 <= count else { return -1 }
        let first = input[checked: position] &- 0x30
        guard first <= 9 else { return -1 }
        var value = Int(first)
        var index = position &+ 1
        var digit = input[checked: index] &- 0x30
        while digit <= 9 {
            // A leading zero is not canonical; nine digits are left to the careful path.
            if value == 0 || index &- position >= 8 { return -1 }
            value = value &* 10 &+ Int(digit)
            index &+= 1
            if index &+ 2 > count { return -1 }
            digit = input[checked: index] &- 0x30
        }
        guard index &+ 2 <= count, input[checked: index] == 0x0D,
            input[checked: index &+ 1] == 0x0A
        else { return -1 }
        position = index &+ 2
        return value
    }
}

extension RequestParser {
    @usableFromInline @inline(never)
    mutating func parseCarefully(
        _ input: ByteSlice, from start: Int, into list: inout ByteSliceList
    ) throws(ProtocolError) -> ParseOutcome {
        let rest = input.dropFirst(start)
        guard partial == nil else { return try parseArguments(rest, into: &list) }
        guard !rest.isEmpty else { return .needMore }
        guard rest[0] == UInt8(ascii: "*") else { return try parseInline(rest, into: &list) }
        guard let line = headerLine(rest, from: 1) else {
            if rest.count > RequestLimits.lineBytesMax { throw .tooBigCountString }
            return .needMore
        }
        guard let count = Numbers.integer(line.text), count <= Int64(limits.argumentsMax) else {
            throw .invalidMultibulkLength
        }
        if count > Int64(RequestLimits.unauthenticatedArgumentsMax) && !limits.isAuthenticated {
            throw .unauthenticatedMultibulkLength
        }
        if count <= 0 { return .command(consumed: line.end, argumentCount: 0) }
        partial = Partial(
            argumentsExpected: Int(count), position: line.end, isCanonical: line.isCanonical)
        return try parseArguments(rest, into: &list)
    }

    /// Goes on inside an array whose first byte is the first of `rest`.
    private mutating func parseArguments(
        _ rest: ByteSlice, into list: inout ByteSliceList
    ) throws(ProtocolError) -> ParseOutcome {
        guard var progress = partial.take() else { return .needMore }
        while progress.arguments.count < progress.argumentsExpected {
            if progress.bulkLength < 0 {
                guard progress.position < rest.count else { break }
                let found = rest[progress.position]
                if found != UInt8(ascii: "$") { throw .expectedDollar(found) }
                guard let line = headerLine(rest, from: progress.position + 1) else {
                    if rest.count - progress.position > RequestLimits.lineBytesMax {
                        throw .tooBigBulkCountString
                    }
                    break
                }
                progress.bulkLength = try bulkLength(line.text)
                progress.position = line.end
                if !line.isCanonical { progress.isCanonical = false }
            }
            let end = progress.position + progress.bulkLength
            guard rest.count >= end + 2 else { break }
            progress.arguments.append((progress.position, progress.bulkLength))
            if rest[end] != 0x0D || rest[end + 1] != 0x0A { progress.isCanonical = false }
            progress.position = end + 2
            progress.bulkLength = -1
        }
        guard progress.arguments.count == progress.argumentsExpected else {
            partial = progress
            return .needMore
        }
        for argument in progress.arguments {
            list.append(rest.slice(from: argument.start, count: argument.count))
        }
        wasCanonical = progress.isCanonical
        return .command(consumed: progress.position, argumentCount: progress.arguments.count)
    }

    private func bulkLength(_ text: ByteSlice) throws(ProtocolError) -> Int {
        guard let length = Numbers.integer(text), length >= 0, length <= limits.bulkBytesMax else {
            throw .invalidBulkLength
        }
        if length > RequestLimits.unauthenticatedBulkBytesMax && !limits.isAuthenticated {
            throw .unauthenticatedBulkLength
        }
        return Int(length)
    }

    /// The header's text up to the carriage return and the place behind the line end. Redis looks
    /// for the carriage return only and takes the byte behind it, whatever it is, as part of it.
    private func headerLine(
        _ rest: ByteSlice, from start: Int
    ) -> (text: ByteSlice, end: Int, isCanonical: Bool)? {
        guard let end = rest.firstIndex(of: 0x0D, from: start), end + 1 < rest.count else {
            return nil
        }
        return (rest.slice(from: start, count: end - start), end + 2, rest[end + 1] == 0x0A)
    }
}
