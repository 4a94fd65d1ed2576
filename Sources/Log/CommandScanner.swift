// Finds commands and units in the bytes of the log, as loaders of append-only files do.
//
//   *<n>\r\n ($<length>\r\n<bytes>\r\n){n}      one command; nothing inline
//   #TS:1700000000\r\n                          an annotation, skipped
//   \r\n or \n                                  an empty line of a master's stream, skipped
//
// A unit is what is applied, forwarded and kept whole or not at all: one command, or everything
// from MULTI to EXEC. Nothing is remembered between two calls: a caller that has too little reads
// as much as `needMore` asks for (at least doubling its buffer, so that a long transaction is not
// scanned over and over) and asks again from the unit's start.

public import Bytes

/// Bytes that no server would have written to its log.
public struct LogFormatError: Error, Equatable, Sendable {
    /// Where the offending item starts, counted from the first byte of the scanned input.
    public let position: Int

    /// Bad bytes at `position`.
    public init(position: Int) { self.position = position }
}

/// Scanning of single commands.
public enum CommandScanner {
    /// What stands at the start of the input.
    public enum Item: Equatable, Sendable {
        /// A command of `length` bytes; its arguments were appended to the list.
        case command(length: Int)
        /// An annotation line of `length` bytes.
        case annotation(length: Int)
        /// An empty line of `length` bytes: part of the stream, and without effect.
        case emptyLine(length: Int)
        /// The input ends too early; at least `total` bytes of it are needed.
        case needMore(total: Int)
    }

    private static let lineBytesMax = 128

    /// Reads the item at the start of `input`; appends a command's arguments to `arguments`.
    public static func next(
        _ input: ByteSlice, arguments: inout ByteSliceList
    ) throws(LogFormatError) -> Item {
        guard !input.isEmpty else { return .needMore(total: 1) }
        if input[0] == 0x23 {
            guard let end = input.firstIndex(of: 0x0A) else {
                guard input.count <= 1024 else { throw LogFormatError(position: 0) }
                return .needMore(total: input.count + 1)
            }
            return .annotation(length: end + 1)
        }
        if input[0] == 0x0A { return .emptyLine(length: 1) }
        if input[0] == 0x0D {
            guard input.count > 1 else { return .needMore(total: 2) }
            guard input[1] == 0x0A else { throw LogFormatError(position: 0) }
            return .emptyLine(length: 2)
        }
        var position = 0
        guard let count = try number(input, marker: 0x2A, at: &position) else {
            return .needMore(total: input.count + 1)
        }
        guard count >= 1, count <= LogLimits.argumentsMax else { throw LogFormatError(position: 0) }
        let before = arguments.count
        for _ in 0..<count {
            let start = position
            guard let length = try number(input, marker: 0x24, at: &position) else {
                arguments.truncate(to: before)
                return .needMore(total: input.count + 1)
            }
            guard length <= LogLimits.argumentBytesMax else {
                throw LogFormatError(position: start)
            }
            guard position + Int(length) + 2 <= input.count else {
                arguments.truncate(to: before)
                return .needMore(total: position + Int(length) + 2)
            }
            arguments.append(input.slice(from: position, count: Int(length)))
            position += Int(length)
            guard input[position] == 0x0D, input[position + 1] == 0x0A else {
                throw LogFormatError(position: start)
            }
            position += 2
        }
        return .command(length: position)
    }

    /// Reads `<marker><decimal>\r\n`; nil when the line is not complete.
    private static func number(
        _ input: ByteSlice, marker: UInt8, at position: inout Int
    ) throws(LogFormatError) -> Int64? {
        let start = position
        guard start < input.count else { return nil }
        guard input[start] == marker else { throw LogFormatError(position: start) }
        var index = start + 1
        var value: Int64 = 0
        while index < input.count {
            let byte = input[checked: index]
            if byte == 0x0D {
                guard index > start + 1 else { throw LogFormatError(position: start) }
                guard index + 1 < input.count else { return nil }
                guard input[index + 1] == 0x0A else { throw LogFormatError(position: start) }
                position = index + 2
                return value
            }
            // Sixteen digits are more than any limit allows and cannot overflow.
            guard byte &- 0x30 < 10, index - start <= 16 else {
                throw LogFormatError(position: start)
            }
            value = value * 10 + Int64(byte - 0x30)
            index += 1
        }
        return nil
    }
}

/// Scanning of units: single commands and whole transactions.
public struct UnitScanner: Sendable {
    /// What stands at the start of the input.
    public enum Item: Equatable, Sendable {
        /// A unit of `length` bytes; its commands and arguments were appended to the lists.
        case unit(length: Int)
        /// The input ends too early; at least `total` bytes of it are needed.
        case needMore(total: Int)
    }

    /// One command of a unit.
    public struct Command: Equatable, Sendable {
        /// Index of its name in the argument list.
        public let firstArgument: Int
        /// Number of arguments with the name.
        public let argumentCount: Int
        /// Its first byte in the input.
        public let start: Int
        /// Number of its bytes.
        public let length: Int
    }

    /// Database that is selected behind the units read so far; each file starts with 0.
    public private(set) var database: Int

    /// Starts at a place where `database` is selected.
    public init(database: Int = 0) { self.database = database }

    /// Reads the unit at the start of `input`. Both lists are emptied first.
    public mutating func next(
        _ input: ByteSlice, commands: inout [Command], arguments: inout ByteSliceList
    ) throws(LogFormatError) -> Item {
        commands.removeAll(keepingCapacity: true)
        arguments.removeAll()
        var position = 0
        var isTransaction = false
        var selected = database
        while true {
            let first = arguments.count
            let item: CommandScanner.Item
            do throws(LogFormatError) {
                item = try CommandScanner.next(input.dropFirst(position), arguments: &arguments)
            } catch {
                throw LogFormatError(position: position + error.position)
            }
            switch item {
            case .needMore(let total):
                return .needMore(total: position + total)
            case .annotation(let length), .emptyLine(let length):
                position += length
                if !isTransaction { return .unit(length: position) }
            case .command(let length):
                let count = arguments.count - first
                commands.append(
                    Command(
                        firstArgument: first, argumentCount: count, start: position, length: length)
                )
                position += length
                let words = arguments.view(from: first, count: count)
                if words[0].equalsIgnoringCase("select"), count == 2 {
                    selected = UnitScanner.databaseNumber(words[1]) ?? selected
                } else if words[0].equalsIgnoringCase("multi") {
                    isTransaction = true
                } else if words[0].equalsIgnoringCase("exec") {
                    isTransaction = false
                }
                if !isTransaction {
                    database = selected
                    return .unit(length: position)
                }
            }
        }
    }

    private static func databaseNumber(_ text: ByteSlice) -> Int? {
        guard text.count > 0, text.count < 10 else { return nil }
        var value = 0
        for index in 0..<text.count {
            guard text[index] &- 0x30 < 10 else { return nil }
            value = value * 10 + Int(text[index] - 0x30)
        }
        return value
    }
}
