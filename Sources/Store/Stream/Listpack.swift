// The elements of a listpack, the form in which the entries of a stream lie in memory and in RDB
// files.
//
//   element = lead │ data │ backward length
//
//   lead 0xxxxxxx        0…127                       0xF1 + 2   16-bit integer, little-endian
//        10xxxxxx        string of 0…63 bytes        0xF2 + 3   24 bits
//        110xxxxx + 1    13-bit signed integer       0xF3 + 4   32 bits
//        1110xxxx + 1    string, 12-bit length       0xF4 + 8   64 bits
//        0xF0 + 4        string, 32-bit length
//
//   backward length = bytes of lead and data, seven bits a byte, the lowest last; every byte but
//   the first has the top bit set, so that it can be read from its end. Two bytes are taken below
//   16383, three below 2097151, four below 268435455: one less than seven-bit groups allow.
//
// The functions that take an offset trust the bytes: they were made here or have passed `check`.

public import Bytes

/// One element.
public enum ListpackElement {
    /// A number, stored as such.
    case integer(Int64)
    /// Bytes, valid as long as what they lie in.
    case bytes(ByteSlice)

    /// Whether the element's text is `text`.
    func equals(_ text: ByteSlice) -> Bool {
        switch self {
        case .integer(let number):
            text.count <= Listpack.integerTextMax && Numbers.integer(text) == number
        case .bytes(let bytes): bytes == text
        }
    }
}

/// Reading and writing of listpack elements.
enum Listpack {
    /// Longest text that is stored as an integer.
    static var integerTextMax: Int { 20 }
    /// Most bytes of an element beyond its string.
    static var overheadMax: Int { 10 }

    // MARK: Reading

    /// Bytes of lead and data of the element at `offset`.
    @inline(__always)
    private static func length(_ body: ByteSlice, at offset: Int) -> Int {
        let lead = body[checked: offset]
        if lead < 0x80 { return 1 }
        if lead < 0xC0 { return 1 &+ Int(lead & 0x3F) }
        if lead < 0xE0 { return 2 }
        return longLength(body, at: offset, lead)
    }

    @inline(never)
    private static func longLength(_ body: ByteSlice, at offset: Int, _ lead: UInt8) -> Int {
        switch lead {
        case 0xE0...0xEF: 2 + (Int(lead & 0x0F) << 8 | Int(body[offset + 1]))
        case 0xF0: 5 + Int(body.littleEndian(at: offset + 1, as: UInt32.self))
        case 0xF1: 3
        case 0xF2: 4
        case 0xF3: 5
        default: 9
        }
    }

    /// The offset of the element behind the one at `offset`.
    @inline(__always)
    static func next(_ body: ByteSlice, after offset: Int) -> Int {
        let length = length(body, at: offset)
        return offset &+ length &+ (length <= 127 ? 1 : backwardBytes(length))
    }

    /// The element at `offset`, which is moved behind it.
    @inline(__always)
    static func element(_ body: ByteSlice, at offset: inout Int) -> ListpackElement {
        let start = offset
        let length = length(body, at: start)
        offset = start &+ length &+ (length <= 127 ? 1 : backwardBytes(length))
        let lead = body[checked: start]
        if lead < 0x80 { return .integer(Int64(lead)) }
        if lead < 0xC0 { return .bytes(body.slice(from: start &+ 1, count: length &- 1)) }
        return longElement(body, at: start, length, lead)
    }

    @inline(never)
    private static func longElement(
        _ body: ByteSlice, at start: Int, _ length: Int, _ lead: UInt8
    ) -> ListpackElement {
        switch lead {
        case 0xC0...0xDF:
            let raw = Int64(lead & 0x1F) << 8 | Int64(body[start + 1])
            return .integer(raw >= 4096 ? raw - 8192 : raw)
        case 0xE0...0xEF: return .bytes(body.slice(from: start + 2, count: length - 2))
        case 0xF0: return .bytes(body.slice(from: start + 5, count: length - 5))
        case 0xF1: return .integer(Int64(body.littleEndian(at: start + 1, as: Int16.self)))
        case 0xF2:
            let low = Int64(body.littleEndian(at: start + 1, as: UInt16.self))
            return .integer(Int64(Int8(bitPattern: body[start + 3])) << 16 | low)
        case 0xF3: return .integer(Int64(body.littleEndian(at: start + 1, as: Int32.self)))
        default: return .integer(body.littleEndian(at: start + 1))
        }
    }

    /// The integer at `offset`, which is moved behind it.
    @inline(__always)
    static func integer(_ body: ByteSlice, at offset: inout Int) -> Int64 {
        if case .integer(let value) = element(body, at: &offset) { return value }
        preconditionFailure("a stream's node lost its structure")
    }

    /// The offset of the element that ends before `offset`.
    static func previous(_ body: ByteSlice, before offset: Int) -> Int {
        var length = 0
        var shift = 0
        var place = offset - 1
        while true {
            let byte = body[place]
            length |= Int(byte & 0x7F) << shift
            if byte & 0x80 == 0 { break }
            shift += 7
            place -= 1
        }
        return place - length
    }

    /// Bytes of the backward length of an element of `length` bytes.
    static func backwardBytes(_ length: Int) -> Int {
        switch length {
        case ...127: 1
        case ..<16_383: 2
        case ..<2_097_151: 3
        case ..<268_435_455: 4
        default: 5
        }
    }

    /// Bytes that an integer takes with its backward length.
    static func bytes(ofInteger value: Int64) -> Int {
        switch value {
        case 0...127: 2
        case -4096...4095: 3
        case -32_768...32_767: 4
        case -8_388_608...8_388_607: 5
        case -2_147_483_648...2_147_483_647: 6
        default: 10
        }
    }

    // MARK: Checking

    /// Whether `body` is nothing but whole elements; calls `visit` for each and stops when it says
    /// false.
    static func check(_ body: ByteSlice, _ visit: (ListpackElement, Int) -> Bool) -> Bool {
        var offset = 0
        while offset < body.count {
            guard let header = headerBytes(body[offset]), offset + header <= body.count else {
                return false
            }
            let length = length(body, at: offset)
            let behind = offset + length
            let end = behind + backwardBytes(length)
            guard end <= body.count, hasBackwardLength(body, from: behind, to: end, length) else {
                return false
            }
            var place = offset
            if !visit(element(body, at: &place), offset) { return false }
            offset = end
        }
        return true
    }

    /// Bytes that must be there to know an element's length; nil for a lead that does not exist.
    private static func headerBytes(_ lead: UInt8) -> Int? {
        switch lead {
        case ..<0xC0: 1
        case ..<0xF0: 2
        case 0xF0: 5
        case 0xF1...0xF4: 1
        default: nil
        }
    }

    private static func hasBackwardLength(
        _ body: ByteSlice, from start: Int, to end: Int, _ length: Int
    ) -> Bool {
        var value = 0
        for place in start..<end {
            let byte = body[place]
            if (byte & 0x80 == 0) != (place == start) { return false }
            value = value << 7 | Int(byte & 0x7F)
        }
        return value == length
    }
}

// MARK: Writing

extension StreamNode {
    /// Bytes of the node as a listpack: frame, the two counters and the body.
    var listpackBytes: Int {
        7 &+ Listpack.bytes(ofInteger: Int64(count)) &+ Listpack.bytes(ofInteger: Int64(deleted))
            &+ used
    }

    /// Adds a string element; the text of an integer becomes one. There is room.
    @inline(__always)
    func append(string text: ByteSlice) {
        if text.count <= Listpack.integerTextMax, let number = Numbers.integer(text) {
            return append(integer: number)
        }
        elements &+= 1
        let length = text.count
        if length < 64 {
            put(0x80 | UInt8(truncatingIfNeeded: length))
            put(text)
            put(UInt8(truncatingIfNeeded: length &+ 1))
        } else {
            appendLong(text)
        }
    }

    private func appendLong(_ text: ByteSlice) {
        let length = text.count
        var header = 5
        if length < 4096 {
            put(0xE0 | UInt8(length >> 8))
            put(UInt8(length & 0xFF))
            header = 2
        } else {
            put(0xF0)
            put(littleEndian: UInt32(length))
        }
        put(text)
        appendBackward(header + length)
    }

    private func appendBackward(_ length: Int) {
        let bytes = Listpack.backwardBytes(length)
        for index in 0..<bytes {
            let group = UInt8((length >> (7 * (bytes - 1 - index))) & 0x7F)
            put(index == 0 ? group : group | 0x80)
        }
    }

    /// Adds an integer element. There is room.
    @inline(__always)
    func append(integer value: Int64) {
        elements &+= 1
        if value >= 0 && value <= 127 {
            put(UInt8(truncatingIfNeeded: value))
            put(1)
        } else {
            appendLarge(value)
        }
    }

    private func appendLarge(_ value: Int64) {
        switch value {
        case -4096...4095:
            let raw = UInt16(bitPattern: Int16(value)) & 0x1FFF
            put(0xC0 | UInt8(raw >> 8))
            put(UInt8(raw & 0xFF))
            put(2)
        case -32_768...32_767:
            put(0xF1)
            put(littleEndian: Int16(value))
            put(3)
        case -8_388_608...8_388_607:
            put(0xF2)
            put(littleEndian: UInt16(truncatingIfNeeded: value))
            put(UInt8(truncatingIfNeeded: value >> 16))
            put(4)
        case -2_147_483_648...2_147_483_647:
            put(0xF3)
            put(littleEndian: Int32(value))
            put(5)
        default:
            put(0xF4)
            put(littleEndian: value)
            put(9)
        }
    }
}
