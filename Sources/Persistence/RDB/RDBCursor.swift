// Reads the primitives of RDB from borrowed bytes.
//
//   length   00xxxxxx             6 bits
//            01xxxxxx b           14 bits, high part first
//            10000000 b4          32 bits, big-endian
//            10000001 b8          64 bits, big-endian
//            11xxxxxx             a special form of a string: 0 int8, 1 int16, 2 int32
//                                 (little-endian, the value is the decimal text), 3 LZF
//   LZF      packed length, length, packed bytes

public import Bytes

/// A reading position in the bytes of one RDB item.
public struct RDBCursor {
    /// The bytes, from the item's start.
    public let input: ByteSlice
    /// The next byte to read.
    public private(set) var position = 0

    /// Reads from the start of `input`.
    public init(_ input: ByteSlice) { self.input = input }

    /// A length, or the number of a special string form.
    public enum Length: Equatable, Sendable {
        /// A plain length.
        case plain(UInt64)
        /// A special form.
        case special(UInt8)
    }

    /// Checks that `count` more bytes are there.
    public func need(_ count: Int) throws(RDBFault) {
        if input.count - position < count { throw .needMore(total: position + count) }
    }

    /// The next byte.
    public mutating func byte() throws(RDBFault) -> UInt8 {
        try need(1)
        defer { position += 1 }
        return input[position]
    }

    /// The next `count` bytes, in place.
    public mutating func bytes(_ count: Int) throws(RDBFault) -> ByteSlice {
        try need(count)
        defer { position += count }
        return input.slice(from: position, count: count)
    }

    /// A little-endian integer.
    public mutating func littleEndian<Value: FixedWidthInteger>(
        _ type: Value.Type
    ) throws(RDBFault) -> Value {
        try bytes(MemoryLayout<Value>.size).littleEndian(at: 0)
    }

    /// A length or a special form.
    public mutating func lengthOrSpecial() throws(RDBFault) -> Length {
        let first = try byte()
        switch first >> 6 {
        case 0: return .plain(UInt64(first & 0x3F))
        case 1: return .plain(UInt64(first & 0x3F) << 8 | UInt64(try byte()))
        case 3: return .special(first & 0x3F)
        default:
            switch first {
            case 0x80: return .plain(UInt64(try bytes(4).bigEndian(at: 0, as: UInt32.self)))
            case 0x81: return .plain(try bytes(8).bigEndian(at: 0))
            default: throw .corrupt(.badLength)
            }
        }
    }

    /// A length, where no special form may stand.
    public mutating func length() throws(RDBFault) -> UInt64 {
        guard case .plain(let value) = try lengthOrSpecial() else { throw .corrupt(.badLength) }
        return value
    }

    /// A number of elements; `bytesMin` is the least that each one takes, so that a number which
    /// no file could hold is refused before anybody counts on it.
    public mutating func count(bytesMin: Int = 1) throws(RDBFault) -> Int {
        let value = try length()
        guard value <= RDBLimits.stringBytesMax / UInt64(bytesMin) else {
            throw .corrupt(.badLength)
        }
        return Int(value)
    }

    private mutating func byteCount() throws(RDBFault) -> Int {
        let value = try length()
        guard value <= RDBLimits.stringBytesMax else { throw .corrupt(.badLength) }
        return Int(value)
    }

    /// Passes over a string without expanding it.
    public mutating func skipString() throws(RDBFault) {
        switch try lengthOrSpecial() {
        case .plain(let count):
            guard count <= RDBLimits.stringBytesMax else { throw .corrupt(.badLength) }
            _ = try bytes(Int(count))
        case .special(0): _ = try bytes(1)
        case .special(1): _ = try bytes(2)
        case .special(2): _ = try bytes(4)
        case .special(3):
            let packed = try byteCount()
            _ = try byteCount()
            _ = try bytes(packed)
        case .special(let form): throw .corrupt(.badStringEncoding(form))
        }
    }

    /// A string's bytes: in place if they are plain, else written to `scratch`, which is emptied.
    public mutating func string(scratch: inout ByteBuffer) throws(RDBFault) -> ByteSlice {
        switch try value(scratch: &scratch) {
        case .bytes(let bytes): return bytes
        case .integer(let integer):
            scratch.removeAll()
            scratch.append(decimal: integer)
            return scratch.readable
        }
    }

    /// A string that may have been stored as a number.
    public enum StringForm {
        /// Bytes, valid as long as the input and the scratch buffer.
        case bytes(ByteSlice)
        /// The decimal text of this number.
        case integer(Int64)
    }

    /// A string as it was stored; expanded bytes are written to `scratch`, which is emptied.
    public mutating func value(scratch: inout ByteBuffer) throws(RDBFault) -> StringForm {
        switch try lengthOrSpecial() {
        case .plain(let count):
            guard count <= RDBLimits.stringBytesMax else { throw .corrupt(.badLength) }
            return .bytes(try bytes(Int(count)))
        case .special(0): return .integer(Int64(try littleEndian(Int8.self)))
        case .special(1): return .integer(Int64(try littleEndian(Int16.self)))
        case .special(2): return .integer(Int64(try littleEndian(Int32.self)))
        case .special(3):
            let packed = try byteCount()
            let expanded = try byteCount()
            let data = try bytes(packed)
            scratch.removeAll()
            do {
                try LZF.decompress(data, length: expanded, into: &scratch)
            } catch {
                throw .corrupt(.badCompression)
            }
            return .bytes(scratch.readable)
        case .special(let form): throw .corrupt(.badStringEncoding(form))
        }
    }
}
