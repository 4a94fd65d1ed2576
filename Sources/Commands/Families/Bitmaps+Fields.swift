// BITFIELD: integers of 1 to 64 bits at any bit of a string, highest bit first.
//
//   offset 5, width 6     │ · · · · · f f f │ f f f · · · · · │
//
// The arguments are read twice: first to find every mistake and the last byte that is written,
// then, with the string as long as it must be, to do the work.
internal import Bytes
internal import RESP
internal import Store

extension Bitmaps {
    static let fields: [CommandSpec] = [
        CommandSpec(
            name: "bitfield", since: "3.2.0", group: .bitmap,
            complexity: "O(1) for each subcommand specified", arity: -2,
            flags: [.write, .denyOutOfMemory], categories: [.bitmap],
            keys: [
                .one(
                    [.readWrite, .access, .update, .variable],
                    notes: "This command allows both access and modification of the key")
            ], findKeys: fieldKey,
            syntax: """
                key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] \
                <SET encoding offset value | INCRBY encoding offset increment> ...]
                """,
            summary: "Performs arbitrary bitfield integer operations on strings.",
            handler: field),
        CommandSpec(
            name: "bitfield_ro", since: "6.0.0", group: .bitmap,
            complexity: "O(1) for each subcommand specified", arity: -2,
            flags: [.readOnly, .fast], categories: [.bitmap],
            keys: [.one([.readOnly, .access])],
            syntax: "key [GET encoding offset [GET encoding offset ...]]",
            summary: "Performs arbitrary read-only bitfield integer operations on strings.",
            handler: fieldReadOnly),
    ]

    /// The key, which is only read when every operation is GET.
    private static func fieldKey(
        _ arguments: Arguments, _ body: (Int, KeySpec.Access) -> Void
    ) -> Bool {
        guard arguments.count > 1 else { return false }
        var index = 2
        while index < arguments.count {
            if arguments[index].equalsIgnoringCase("get") {
                index += 3
            } else if arguments[index].equalsIgnoringCase("overflow") {
                index += 2
            } else {
                break
            }
        }
        let isRead = index >= arguments.count
        body(1, isRead ? [.readOnly, .access] : [.readWrite, .access, .update])
        return true
    }

    // MARK: Operations

    /// What happens to a number that does not fit.
    private enum Overflow { case wrap, saturate, fail }

    /// One operation on one field.
    private struct FieldOperation {
        enum Kind { case get, set, increment }
        var kind: Kind
        var isSigned: Bool
        var width: Int
        var offset: Int
        var operand: Int64
        var overflow: Overflow
    }

    /// Reads one operation after the other.
    private struct FieldParser {
        var position = 2
        var overflow = Overflow.wrap

        mutating func next(
            _ arguments: Arguments, _ engine: CommandEngine, _ client: ClientState
        ) throws(ReplyError) -> FieldOperation? {
            while position < arguments.count {
                let name = arguments[position]
                let rest = arguments.count - position - 1
                if name.equalsIgnoringCase("overflow"), rest >= 1 {
                    overflow = try FieldParser.overflow(arguments[position + 1])
                    position += 2
                    continue
                }
                let kind: FieldOperation.Kind
                if name.equalsIgnoringCase("get"), rest >= 2 {
                    kind = .get
                } else if name.equalsIgnoringCase("set"), rest >= 3 {
                    kind = .set
                } else if name.equalsIgnoringCase("incrby"), rest >= 3 {
                    kind = .increment
                } else {
                    throw .syntax
                }
                let (isSigned, width) = try FieldParser.type(arguments[position + 1])
                let offset = try Bitmaps.offset(
                    arguments[position + 2], width: width, engine, client)
                let operand =
                    kind == .get ? 0 : try engine.integer(arguments[position + 3])
                position += kind == .get ? 3 : 4
                return FieldOperation(
                    kind: kind, isSigned: isSigned, width: width, offset: offset,
                    operand: operand, overflow: overflow)
            }
            return nil
        }

        private static func overflow(_ name: ByteSlice) throws(ReplyError) -> Overflow {
            if name.equalsIgnoringCase("wrap") { return .wrap }
            if name.equalsIgnoringCase("sat") { return .saturate }
            if name.equalsIgnoringCase("fail") { return .fail }
            throw ReplyError("ERR Invalid OVERFLOW type specified")
        }

        /// `i` or `u` with a width: up to 64 bits signed and 63 unsigned.
        private static func type(
            _ text: ByteSlice
        ) throws(ReplyError) -> (isSigned: Bool, width: Int) {
            guard !text.isEmpty, text[0] == UInt8(ascii: "i") || text[0] == UInt8(ascii: "u"),
                let width = Numbers.integer(text.dropFirst(1)),
                width >= 1, width <= (text[0] == UInt8(ascii: "i") ? 64 : 63)
            else {
                throw ReplyError(
                    """
                    ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not \
                    supported but i64 is.
                    """)
            }
            return (text[0] == UInt8(ascii: "i"), Int(width))
        }
    }

    // MARK: Commands

    private static func field(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let (count, bytesNeeded) = try check(arguments, engine, client)
        guard bytesNeeded > 0 else {
            return try readFields(engine, client, arguments, count: count)
        }
        let key = arguments[1]
        let hash = engine.keyHash
        let found = try engine.stringToEdit(key, hash, client)
        let database = engine.database(client)
        var entry = found.entry
        let isLonger = found.isNew || engine.textCount(of: entry) < bytesNeeded
        entry = database.setRange(
            entry, hash, offset: isLonger ? bytesNeeded : 0, ByteSlice())
        var changes: Int64 = isLonger ? 1 : 0
        client.writer.arrayHeader(count)
        var parser = FieldParser()
        while let operation = try parser.next(arguments, engine, client) {
            let old = readField(engine.text(of: entry), operation)
            guard operation.kind != .get else {
                client.writer.integer(old)
                continue
            }
            guard let new = result(of: operation, on: old) else {
                client.writer.null()
                continue
            }
            client.writer.integer(operation.kind == .set ? old : new)
            if new == old { continue }
            changes += 1
            let place = encodeField(new, operation, over: engine.text(of: entry), engine)
            entry = database.setRange(
                entry, hash, offset: place, engine.numberText.readable)
        }
        if changes == 0 { return }
        engine.changed(key, client, count: changes)
        engine.propagate(arguments, client)
        engine.notify(.string, "setbit", key, client)
    }

    private static func fieldReadOnly(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let (count, bytesNeeded) = try check(arguments, engine, client)
        guard bytesNeeded == 0 else {
            throw ReplyError("ERR BITFIELD_RO only supports the GET subcommand")
        }
        try readFields(engine, client, arguments, count: count)
    }

    /// Number of operations, and how long the string must be for those that write; 0 if none does.
    private static func check(
        _ arguments: Arguments, _ engine: CommandEngine, _ client: ClientState
    ) throws(ReplyError) -> (count: Int, bytesNeeded: Int) {
        var parser = FieldParser()
        var count = 0
        var bytesNeeded = 0
        while let operation = try parser.next(arguments, engine, client) {
            count += 1
            if operation.kind != .get {
                let last = operation.offset + operation.width - 1
                bytesNeeded = max(bytesNeeded, last >> 3 + 1)
            }
        }
        return (count, bytesNeeded)
    }

    private static func readFields(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, count: Int
    ) throws(ReplyError) {
        let entry = try engine.stringForRead(arguments[1], engine.keyHash, client)
        let bytes = entry.map(engine.text(of:)) ?? ByteSlice()
        client.writer.arrayHeader(count)
        var parser = FieldParser()
        while let operation = try parser.next(arguments, engine, client) {
            client.writer.integer(readField(bytes, operation))
        }
    }

    // MARK: Fields

    /// The field's value; bits beyond the end are zero.
    private static func readField(_ bytes: ByteSlice, _ operation: FieldOperation) -> Int64 {
        let first = operation.offset >> 3
        let shift = operation.offset & 7
        var window: UInt128 = 0
        for place in first..<(first + 9) {
            window = window << 8 | UInt128(place < bytes.count ? bytes[place] : 0)
        }
        // The window is 72 bits wide.
        let raw = window >> UInt128(72 - shift - operation.width)
        let bits = UInt64(truncatingIfNeeded: raw) << UInt64(64 - operation.width)
        return operation.isSigned
            ? Int64(bitPattern: bits) >> Int64(64 - operation.width)
            : Int64(bitPattern: bits >> UInt64(64 - operation.width))
    }

    /// Writes the bytes that hold the field into `numberText`; returns where they belong.
    private static func encodeField(
        _ value: Int64, _ operation: FieldOperation, over bytes: ByteSlice,
        _ engine: CommandEngine
    ) -> Int {
        let first = operation.offset >> 3
        let shift = operation.offset & 7
        let byteCount = (shift + operation.width + 7) >> 3
        let low = UInt128(byteCount << 3 - shift - operation.width)
        let mask = (UInt128(1) << UInt128(operation.width) - 1) << low
        var window: UInt128 = 0
        for place in first..<(first + byteCount) {
            window = window << 8 | UInt128(bytes[place])
        }
        window = window & ~mask | UInt128(UInt64(bitPattern: value)) << low & mask
        engine.numberText.removeAll()
        for place in (0..<byteCount).reversed() {
            engine.numberText.append(
                UInt8(truncatingIfNeeded: window >> UInt128(place << 3)))
        }
        return first
    }

    /// The new value; nil when it does not fit and the operation fails for that.
    private static func result(of operation: FieldOperation, on old: Int64) -> Int64? {
        let width = Int128(operation.width)
        let smallest: Int128 = operation.isSigned ? -(1 << (width - 1)) : 0
        let largest: Int128 = operation.isSigned ? 1 << (width - 1) - 1 : 1 << width - 1
        var exact = Int128(operation.operand)
        if operation.kind == .increment {
            exact += Int128(old)
        } else if !operation.isSigned {
            // What is set is taken for unsigned: -1 is more than any field can hold.
            exact = Int128(UInt64(bitPattern: operation.operand))
        }
        if exact >= smallest && exact <= largest { return Int64(truncatingIfNeeded: exact) }
        switch operation.overflow {
        case .fail: return nil
        case .saturate: return Int64(truncatingIfNeeded: exact < smallest ? smallest : largest)
        case .wrap:
            let bits = UInt64(truncatingIfNeeded: exact) << UInt64(64 - operation.width)
            return operation.isSigned
                ? Int64(bitPattern: bits) >> Int64(64 - operation.width)
                : Int64(bitPattern: bits >> UInt64(64 - operation.width))
        }
    }
}
