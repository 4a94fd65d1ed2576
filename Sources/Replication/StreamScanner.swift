// Finds the borders of commands and transactions in the replication stream, so that offsets move
// exactly as every other server counts them.
//
//   *2 $6 SELECT $1 0 │ *3 $3 SET … │ *1 $5 MULTI … *1 $4 EXEC │ +… │ *3 $8 REPLCONF $6 GETACK $1 *
//   └──────────────── one run of whole units ────────────────┘  line  └─ acknowledgement request
//
// Rules
//   1. A unit is a command outside MULTI, or everything from MULTI to EXEC. The applied offset
//      moves over whole units only; bytes of a unit that is not complete stay in the input.
//   2. SELECT is tracked because the selected database is part of the position. Inside MULTI it
//      takes effect with EXEC.
//   3. GETACK ends a run: its answer carries the offset before it.
//   4. An empty line between commands is tolerated and counts as stream.
//   5. A line that starts with `+` comes from a peer of our own kind. It is no part of the stream
//      and never counts. From other peers it is an error.
//   6. Anything else that is not an array of bulk strings poisons the link: what follows cannot be
//      trusted to be the history that was asked for.
//
// The scanner remembers how far it came in an incomplete command: input that arrives byte by byte
// is looked at once. The caller keeps unconsumed input at the front of what it passes next time.

public import Bytes

/// Why the bytes of a stream cannot be the history that was asked for.
public enum StreamError: Error, Equatable, Sendable {
    /// Something that is neither an array nor an empty line stands where a command starts.
    case inlineCommand
    /// A count or length is no number, or out of range.
    case invalidLength
    /// The bytes behind an argument are not CRLF.
    case missingLineEnd
    /// A heartbeat line from a peer that did not announce it, or one inside a transaction.
    case unexpectedLine
}

/// Splits received stream bytes into whole units.
public struct StreamScanner: Sendable {
    /// What the input starts with.
    public enum Item: Equatable, Sendable {
        /// Whole units to apply, log and pass on.
        case units(byteCount: Int)
        /// `REPLCONF GETACK *`: stream like any other, after which an acknowledgement of the
        /// offset before it is due.
        case acknowledgementRequest(byteCount: Int)
        /// A `+` line with its line end; not stream.
        case line(byteCount: Int)
        /// No whole item yet.
        case needMore
    }

    private enum Place: Sendable {
        case commandStart
        case argumentHeader
        case argument(length: Int)
    }

    private enum Kind: Sendable {
        case unknown, other, select, multi, exec, discard, replconf, acknowledgementRequest
    }

    /// Database selected at the end of the last item returned; -1 when unknown. SELECTs behind
    /// the end of a run never show, since a run ends only where the input or its units end.
    public private(set) var database: Int
    /// Whether `+` lines are accepted.
    public var acceptsLines: Bool

    private var place = Place.commandStart
    /// Bytes of the input that were looked at.
    private var cursor = 0
    /// End of the last whole unit; 0 <= runEnd <= cursor.
    private var runEnd = 0
    private var argumentsLeft = 0
    private var argumentIndex = 0
    private var kind = Kind.unknown
    private var selected = -1
    private var isInTransaction = false
    private var transactionDatabase = -1
    private var pending: Item?

    /// A scanner at a border of units where `database` is selected.
    public init(database: Int, acceptsLines: Bool = false) {
        self.database = database
        self.acceptsLines = acceptsLines
    }

    /// Whether the input ends inside a transaction.
    public var holdsOpenTransaction: Bool { isInTransaction }

    /// The item at the front of `input`, which the caller then drops from it; `.needMore` drops
    /// nothing.
    public mutating func next(_ input: ByteSlice) throws(StreamError) -> Item {
        if let item = pending {
            pending = nil
            return item
        }
        while true {
            switch place {
            case .commandStart:
                guard cursor < input.count else { return takeRun() }
                if let item = try startCommand(input) { return item }
            case .argumentHeader:
                guard let length = try header(input, marker: 0x24) else { return takeRun() }
                guard length >= 0 && length <= Int64(ReplicationLimits.argumentBytesMax) else {
                    throw .invalidLength
                }
                place = .argument(length: Int(length))
            case .argument(let length):
                guard input.count - cursor >= length + 2 else { return takeRun() }
                try argument(input.slice(from: cursor, count: length), in: input)
                if argumentsLeft == 0, let item = endCommand() { return item }
            }
        }
    }

    /// Returns the whole units found so far.
    private mutating func takeRun() -> Item {
        guard runEnd > 0 else { return .needMore }
        let count = runEnd
        cursor -= count
        runEnd = 0
        return .units(byteCount: count)
    }

    /// Returns `item`, the last `count` bytes before the cursor: at once, or after the run that
    /// stands before it.
    private mutating func takeSpecial(_ item: Item, _ count: Int) -> Item {
        let run = takeRun()
        cursor -= count
        runEnd = 0
        guard run != .needMore else { return item }
        pending = item
        return run
    }

    private mutating func startCommand(_ input: ByteSlice) throws(StreamError) -> Item? {
        switch input[checked: cursor] {
        case 0x2A:
            guard let count = try header(input, marker: 0x2A) else { return takeRun() }
            guard count <= Int64(ReplicationLimits.argumentCountMax) else { throw .invalidLength }
            kind = .unknown
            argumentIndex = 0
            argumentsLeft = max(0, Int(count))
            if argumentsLeft == 0 { return endCommand() }
            place = .argumentHeader
            return nil
        case 0x0A:
            cursor += 1
            return nil
        case 0x0D:
            guard cursor + 1 < input.count else { return takeRun() }
            guard input[checked: cursor + 1] == 0x0A else { throw .inlineCommand }
            cursor += 2
            return nil
        case 0x2B:
            return try line(input)
        default:
            throw .inlineCommand
        }
    }

    private mutating func line(_ input: ByteSlice) throws(StreamError) -> Item? {
        guard acceptsLines && !isInTransaction else { throw .unexpectedLine }
        guard let end = input.firstIndex(of: 0x0A, from: cursor) else {
            guard input.count - cursor <= ReplicationLimits.lineBytesMax else {
                throw .unexpectedLine
            }
            return takeRun()
        }
        // Empty lines before it are stream, the line is not.
        runEnd = cursor
        let count = end + 1 - cursor
        cursor = end + 1
        return takeSpecial(.line(byteCount: count), count)
    }

    /// The number behind `marker` at the cursor; nil when its line is not complete.
    private mutating func header(
        _ input: ByteSlice, marker: UInt8
    ) throws(StreamError) -> Int64? {
        guard cursor < input.count else { return nil }
        guard input[checked: cursor] == marker else { throw .invalidLength }
        let limit = min(input.count, cursor + ReplicationLimits.headerBytesMax)
        var index = cursor + 1
        while index < limit && input[checked: index] != 0x0D { index += 1 }
        guard index + 1 < input.count else {
            if input.count - cursor >= ReplicationLimits.headerBytesMax { throw .invalidLength }
            return nil
        }
        guard index < limit, input[checked: index + 1] == 0x0A,
            let value = WireText.integer(
                input.slice(from: cursor + 1, count: index - cursor - 1))
        else { throw .invalidLength }
        cursor = index + 2
        return value
    }

    private mutating func argument(
        _ value: ByteSlice, in input: ByteSlice
    ) throws(StreamError) {
        let end = cursor + value.count
        guard input[checked: end] == 0x0D && input[checked: end + 1] == 0x0A else {
            throw .missingLineEnd
        }
        if argumentIndex == 0 {
            kind = Self.kind(of: value)
        } else if argumentIndex == 1 {
            switch kind {
            case .select:
                guard let number = WireText.integer(value), number >= 0, number < 1 << 31 else {
                    kind = .other
                    break
                }
                selected = Int(number)
            case .replconf where value.equalsIgnoringCase("getack"):
                kind = .acknowledgementRequest
            default: break
            }
        }
        argumentIndex += 1
        argumentsLeft -= 1
        cursor = end + 2
        place = .argumentHeader
    }

    private static func kind(of name: ByteSlice) -> Kind {
        switch name.count {
        case 4 where name.equalsIgnoringCase("exec"): .exec
        case 5 where name.equalsIgnoringCase("multi"): .multi
        case 6 where name.equalsIgnoringCase("select"): .select
        case 7 where name.equalsIgnoringCase("discard"): .discard
        case 8 where name.equalsIgnoringCase("replconf"): .replconf
        default: .other
        }
    }

    /// Accounts for the command that ends at the cursor.
    private mutating func endCommand() -> Item? {
        place = .commandStart
        switch kind {
        case .select where argumentIndex >= 2:
            if isInTransaction {
                transactionDatabase = selected
            } else {
                database = selected
            }
        case .multi:
            if !isInTransaction {
                isInTransaction = true
                transactionDatabase = database
            }
            return nil
        case .exec where isInTransaction:
            isInTransaction = false
            database = transactionDatabase
        case .discard:
            isInTransaction = false
        case .acknowledgementRequest where !isInTransaction:
            let count = cursor - runEnd
            return takeSpecial(.acknowledgementRequest(byteCount: count), count)
        default: break
        }
        if !isInTransaction { runEnd = cursor }
        return nil
    }
}
