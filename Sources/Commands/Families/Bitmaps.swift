// Strings as rows of bits: single bits, counting and searching. Combining several strings is in
// Bitmaps+Combination, integers of any width in Bitmaps+Fields.
//
//   byte      │    0    │    1    │            bit 0 is the highest bit of byte 0
//   bit       │ 0 … 7   │ 8 … 15  │
internal import Bytes
internal import RESP
internal import Store

/// The commands on bits.
enum Bitmaps {
    static let table: [CommandSpec] = single + searching + combination + fields

    private static let single: [CommandSpec] = [
        CommandSpec(
            name: "setbit", since: "2.2.0", group: .bitmap, arity: 4,
            flags: [.write, .denyOutOfMemory], categories: [.bitmap],
            keys: [.one([.readWrite, .access, .update])], syntax: "key offset value",
            summary: """
                Sets or clears the bit at offset of the string value. Creates the key if it \
                doesn't exist.
                """, handler: setBit),
        CommandSpec(
            name: "getbit", since: "2.2.0", group: .bitmap, arity: 3,
            flags: [.readOnly, .fast], categories: [.bitmap],
            keys: [.one([.readOnly, .access])], syntax: "key offset",
            summary: "Returns a bit value by offset.", handler: getBit),
    ]

    private static let searching: [CommandSpec] = [
        CommandSpec(
            name: "bitcount", since: "2.6.0", group: .bitmap, complexity: "O(N)", arity: -2,
            flags: [.readOnly], categories: [.bitmap], keys: [.one([.readOnly, .access])],
            syntax: "key [start end [BYTE | BIT]]",
            summary: "Counts the number of set bits (population counting) in a string.",
            handler: count),
        CommandSpec(
            name: "bitpos", since: "2.8.7", group: .bitmap, complexity: "O(N)", arity: -3,
            flags: [.readOnly], categories: [.bitmap], keys: [.one([.readOnly, .access])],
            syntax: "key bit [start [end [BYTE | BIT]]]",
            summary: "Finds the first set (1) or clear (0) bit in a string.",
            handler: position),
    ]

    // MARK: Offsets

    /// The number of a bit that exists in strings of the largest size. With `width`, `#3` stands
    /// for the start of the fourth field of that width.
    static func offset(
        _ argument: ByteSlice, width: Int? = nil, _ engine: CommandEngine,
        _ client: ClientState
    ) throws(ReplyError) -> Int {
        var text = argument
        var scale: Int64 = 1
        if let width, !argument.isEmpty, argument[0] == UInt8(ascii: "#") {
            text = argument.dropFirst(1)
            scale = Int64(width)
        }
        let bytesMax = client.isMaster ? Int.max >> 3 : engine.settings.bulkBytesMax
        guard let value = Numbers.integer(text),
            case let (offset, false) = value.multipliedReportingOverflow(by: scale),
            offset >= 0, Int(offset >> 3) < bytesMax
        else { throw ReplyError("ERR bit offset is not an integer or out of range") }
        return Int(offset)
    }

    // MARK: Single bits

    private static func setBit(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let offset = try offset(arguments[2], engine, client)
        guard let on = Numbers.integer(arguments[3]), on == 0 || on == 1 else {
            throw ReplyError("ERR bit is not an integer or out of range")
        }
        let key = arguments[1]
        let hash = engine.keyHash
        let (entry, isNew) = try engine.stringToEdit(key, hash, client)
        let bytes = engine.text(of: entry)
        let place = offset >> 3
        let isLonger = place >= bytes.count
        let old = isLonger ? 0 : bytes[place]
        let mask: UInt8 = 0x80 >> UInt8(offset & 7)
        let wasSet = old & mask != 0
        if isNew || isLonger || wasSet != (on == 1) {
            engine.numberText.removeAll()
            engine.numberText.append(on == 1 ? old | mask : old & ~mask)
            _ = engine.database(client).setRange(
                entry, hash, offset: place, engine.numberText.readable)
            engine.wrote(.string, "setbit", arguments, client)
        }
        client.writer.integer(wasSet ? 1 : 0)
    }

    private static func getBit(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let offset = try offset(arguments[2], engine, client)
        guard let entry = try engine.stringForRead(arguments[1], engine.keyHash, client) else {
            return client.writer.integer(0)
        }
        let bytes = engine.text(of: entry)
        let place = offset >> 3
        guard place < bytes.count else { return client.writer.integer(0) }
        client.writer.integer(Int(bytes[place] >> UInt8(7 - offset & 7) & 1))
    }

    // MARK: Ranges

    /// A range as it was given: in bytes or in bits, negative from the end.
    private struct Range {
        var start: Int64 = 0
        var end: Int64 = -1
        var isInBits = false

        /// `start end [BYTE | BIT]` from position `first` on; `end` may be left out.
        init(_ arguments: Arguments, from first: Int) throws(ReplyError) {
            guard first < arguments.count else { return }
            guard arguments.count <= first + 3 else { throw .syntax }
            start = try Range.integer(arguments[first])
            if arguments.count == first + 3 {
                if arguments[first + 2].equalsIgnoringCase("bit") {
                    isInBits = true
                } else if !arguments[first + 2].equalsIgnoringCase("byte") {
                    throw .syntax
                }
            }
            if arguments.count > first + 1 { end = try Range.integer(arguments[first + 1]) }
        }

        private static func integer(_ argument: ByteSlice) throws(ReplyError) -> Int64 {
            guard let value = Numbers.integer(argument) else { throw .notInteger }
            return value
        }

        /// First and last bit in a string of `count` bytes; nil when there is none.
        func bits(in count: Int) -> (first: Int, last: Int)? {
            let total = Int64(isInBits ? count << 3 : count)
            var start = start < 0 ? max(0, start &+ total) : start
            var end = min(end < 0 ? max(0, end &+ total) : end, total - 1)
            guard start <= end else { return nil }
            if !isInBits {
                start <<= 3
                end = end << 3 | 7
            }
            return (Int(start), Int(end))
        }
    }

    private static func count(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if arguments.count == 3 { throw .syntax }
        let range = try Range(arguments, from: 2)
        guard let entry = try engine.stringForRead(arguments[1], engine.keyHash, client) else {
            return client.writer.integer(0)
        }
        let bytes = engine.text(of: entry)
        // As in Redis: from the end, an empty range is one even where clamping would fill it.
        let isReversed = range.start < 0 && range.end < 0 && range.start > range.end
        guard !isReversed, let (first, last) = range.bits(in: bytes.count) else {
            return client.writer.integer(0)
        }
        let part = bytes.slice(from: first >> 3, count: last >> 3 - first >> 3 + 1)
        var sum = part.bitCount()
        // What lies in the outer bytes beside the range.
        sum -= (part[0] & ~(0xFF >> UInt8(first & 7))).nonzeroBitCount
        sum -= (part[part.count - 1] & ~(0xFF << UInt8(7 - last & 7))).nonzeroBitCount
        client.writer.integer(sum)
    }

    private static func position(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let bit = try engine.integer(arguments[2])
        guard bit == 0 || bit == 1 else {
            throw ReplyError("ERR The bit argument must be 1 or 0.")
        }
        let range = try Range(arguments, from: 3)
        guard let entry = try engine.stringForRead(arguments[1], engine.keyHash, client) else {
            return client.writer.integer(bit == 1 ? -1 : 0)
        }
        let bytes = engine.text(of: entry)
        guard let (first, last) = range.bits(in: bytes.count) else {
            return client.writer.integer(-1)
        }
        if let found = firstBit(isSet: bit == 1, in: bytes, from: first, through: last) {
            client.writer.integer(found)
        } else {
            // Without an end the string counts as followed by zeros.
            let goesOn = bit == 0 && arguments.count <= 4
            client.writer.integer(goesOn ? bytes.count << 3 : -1)
        }
    }

    /// The first bit of the kind between two bits that lie inside; nil if there is none.
    static func firstBit(
        isSet: Bool, in bytes: ByteSlice, from first: Int, through last: Int
    ) -> Int? {
        // The search is for set bits of the bytes, inverted when it is for clear ones.
        let inversion: UInt8 = isSet ? 0 : 0xFF
        var place = first >> 3
        let lead = (bytes[place] ^ inversion) & 0xFF >> UInt8(first & 7)
        if lead == 0 {
            place = bytes.firstIndex(ofByteOtherThan: inversion, from: place + 1)
            guard place <= last >> 3 else { return nil }
        }
        let byte = lead == 0 ? bytes[place] ^ inversion : lead
        let found = place << 3 + byte.leadingZeroBitCount
        return found <= last ? found : nil
    }
}
