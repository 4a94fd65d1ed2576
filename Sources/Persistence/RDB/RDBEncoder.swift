// Writes RDB entries. Two threads share the work of a snapshot:
//
//   engine thread   RDBEncoder      entries with plain strings, and where the longer strings lie
//   writer thread   RDBCompressor   copies the bytes and puts LZF forms in place of those strings
//
// Both outputs are valid files: `rdbcompression no` leaves the second step out. Integers are packed
// as other servers do: canonical decimal text that fits 32 bits.

public import Bytes
internal import Store

/// Where a string lies in encoded bytes: its length header, then its bytes.
public struct RDBSpan: Equatable, Sendable {
    /// First byte of the length header.
    public let start: Int
    /// Bytes of the length header.
    public let headerCount: Int
    /// Bytes of the string.
    public let count: Int
}

/// What a file keeps of the uses of a key: what the eviction policy of its writer needs.
public enum SavedAccess: Equatable, Sendable {
    /// Nothing.
    case none
    /// Seconds since the last use.
    case idleSeconds(UInt64)
    /// The logarithmic counter.
    case frequency(UInt8)
}

/// Appends RDB items to a buffer.
public struct RDBEncoder: ~Copyable {
    /// Strings longer than this are worth compressing.
    public static let compressedAbove = 20

    /// The bytes so far; the owner takes them away.
    public var output = ByteBuffer()
    /// The strings in `output` that are worth compressing, in order.
    public var compressible: [RDBSpan] = []

    /// An encoder without output.
    public init() {}

    /// Drops the output and keeps the memory.
    public mutating func removeAll() {
        output.removeAll()
        compressible.removeAll(keepingCapacity: true)
    }

    // MARK: Items

    /// The magic with `version`, which has two digits.
    public mutating func header(version: Int = RDBVersion.written) {
        output.append("REDIS00")
        output.append(decimal: Int64(version))
    }

    /// A name with a text.
    public mutating func auxiliary(_ name: StaticString, text: String) {
        output.append(RDBOpcode.auxiliary)
        string(ByteSlice(name))
        [UInt8](text.utf8).withByteSlice { string($0) }
    }

    /// A name with a number.
    public mutating func auxiliary(_ name: StaticString, integer value: Int64) {
        output.append(RDBOpcode.auxiliary)
        string(ByteSlice(name))
        integer(value)
    }

    /// The source of a function library.
    public mutating func function(_ source: ByteSlice) {
        output.append(RDBOpcode.function2)
        string(source)
    }

    /// Opaque data of a module, as a reader handed them over.
    public mutating func moduleAuxiliary(_ item: ByteSlice) { output.append(item) }

    /// The keys that follow belong to `database`.
    public mutating func select(database: Int) {
        output.append(RDBOpcode.selectDatabase)
        length(UInt64(database))
    }

    /// A hint on the number of keys.
    public mutating func resize(keys: Int, expires: Int) {
        output.append(RDBOpcode.resizeDatabase)
        length(UInt64(keys))
        length(UInt64(expires))
    }

    /// What stands in front of a value: expiry, age or counter of uses, type code and key.
    public mutating func key(
        _ key: ByteSlice, typeCode: UInt8, expiresAt: Int64, access: SavedAccess = .none
    ) {
        if expiresAt >= 0 {
            output.append(RDBOpcode.expiryMilliseconds)
            output.append(littleEndian: expiresAt)
        }
        switch access {
        case .none: break
        case .idleSeconds(let seconds):
            output.append(RDBOpcode.idle)
            length(seconds)
        case .frequency(let counter):
            output.append(RDBOpcode.frequency)
            output.append(counter)
        }
        output.append(typeCode)
        string(key)
    }

    /// The end mark; the checksum of everything before goes behind it.
    public mutating func end() { output.append(RDBOpcode.end) }

    // MARK: Primitives

    /// A length.
    public mutating func length(_ value: UInt64) { RDBEncoder.append(length: value, to: &output) }

    static func append(length value: UInt64, to output: inout ByteBuffer) {
        if value < 64 {
            output.append(UInt8(value))
        } else if value < 1 << 14 {
            output.append(0x40 | UInt8(value >> 8))
            output.append(UInt8(value & 0xFF))
        } else if value <= UInt64(UInt32.max) {
            output.append(0x80)
            output.append(bigEndian: UInt32(value))
        } else {
            output.append(0x81)
            output.append(bigEndian: value)
        }
    }

    /// A string.
    public mutating func string(_ bytes: ByteSlice) {
        if bytes.count <= 11, let value = RDBEncoder.canonicalInteger(bytes) {
            return integer(value)
        }
        plainHeader(count: bytes.count)
        output.append(bytes)
    }

    /// A string that is stored in seven bits a character. It has more of them than integers.
    public mutating func string(_ text: SevenBitText) {
        plainHeader(count: text.count)
        output.append(text)
    }

    /// The header of a plain string of `count` bytes that the caller appends, or hands to the
    /// writer beside this buffer.
    public mutating func plainHeader(count: Int) {
        let start = output.count
        length(UInt64(count))
        if count > RDBEncoder.compressedAbove {
            compressible.append(
                RDBSpan(start: start, headerCount: output.count - start, count: count))
        }
    }

    /// A string that is the decimal text of `value`.
    public mutating func integer(_ value: Int64) {
        if let small = Int8(exactly: value) {
            output.append(0xC0)
            output.append(littleEndian: small)
        } else if let medium = Int16(exactly: value) {
            output.append(0xC1)
            output.append(littleEndian: medium)
        } else if let large = Int32(exactly: value) {
            output.append(0xC2)
            output.append(littleEndian: large)
        } else {
            var text = ByteBuffer()
            text.append(decimal: value)
            length(UInt64(text.count))
            output.append(text.readable)
        }
    }

    /// The 32-bit integer whose only decimal text is `bytes`.
    static func canonicalInteger(_ bytes: ByteSlice) -> Int64? {
        guard !bytes.isEmpty else { return nil }
        let isNegative = bytes[0] == 0x2D
        let first = isNegative ? 1 : 0
        guard bytes.count > first else { return nil }
        if bytes[first] == 0x30 { return bytes.count == 1 ? 0 : nil }
        var value: Int64 = 0
        for index in first..<bytes.count {
            guard bytes[index] &- 0x30 < 10 else { return nil }
            value = value * 10 + Int64(bytes[index] - 0x30)
        }
        if isNegative { value = -value }
        return Int32(exactly: value) == nil ? nil : value
    }
}

/// Puts compressed forms in place of the longer strings of encoded bytes.
public struct RDBCompressor: ~Copyable {
    /// A compressed string must be this much shorter, or it stays as it is.
    private static let savedBytesMin = 4

    private var compressor = LZFCompressor()
    private var packed = ByteBuffer()

    /// A compressor.
    public init() {}

    /// Appends `bytes` to `output` with the strings at `spans` compressed where it pays.
    public mutating func append(
        _ bytes: ByteSlice, spans: [RDBSpan], to output: inout ByteBuffer
    ) {
        var copied = 0
        for span in spans {
            // A span may announce bytes that travel beside the buffer.
            let start = span.start + span.headerCount
            guard start + span.count <= bytes.count else { continue }
            let text = bytes.slice(from: start, count: span.count)
            guard pack(text) else { continue }
            output.append(bytes.slice(from: copied, count: span.start - copied))
            appendPacked(count: text.count, to: &output)
            copied = start + span.count
        }
        output.append(bytes.dropFirst(copied))
    }

    /// Appends one string that travels alone: compressed where it pays, else plain.
    public mutating func appendString(
        _ text: ByteSlice, compressing: Bool, to output: inout ByteBuffer
    ) {
        if compressing, pack(text) {
            appendPacked(count: text.count, to: &output)
        } else {
            RDBEncoder.append(length: UInt64(text.count), to: &output)
            output.append(text)
        }
    }

    private mutating func pack(_ text: ByteSlice) -> Bool {
        packed.removeAll()
        return compressor.compress(
            text, limit: text.count - RDBCompressor.savedBytesMin, into: &packed) != nil
    }

    private func appendPacked(count: Int, to output: inout ByteBuffer) {
        output.append(0xC3)
        RDBEncoder.append(length: UInt64(packed.count), to: &output)
        RDBEncoder.append(length: UInt64(count), to: &output)
        output.append(packed.readable)
    }
}
