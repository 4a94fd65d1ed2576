// Writes packed collections and their elements; the format is drawn in PackedView.swift.

public import Bytes

/// Appends elements in packed form to a buffer.
public enum PackedEncoder {
    /// Longest text that may be a 64-bit integer: "-9223372036854775808".
    @inlinable public static var integerTextMax: Int { 20 }

    /// The integer that `text` is stored as; nil for any other text.
    @inlinable @inline(__always)
    public static func integer(_ text: ByteSlice) -> Int64? {
        guard text.count > 0 && text.count <= integerTextMax else { return nil }
        let first = text[checked: 0]
        // Most texts are told apart by their first byte.
        guard first &- 0x30 < 10 || first == 0x2D else { return nil }
        return Numbers.integer(text)
    }

    /// Begins a collection of `count` elements; they follow.
    @inlinable
    public static func begin(_ buffer: inout ByteBuffer, count: Int = 0) {
        buffer.append(littleEndian: noted(count))
    }

    /// Notes the number of elements of the collection that `buffer` holds from its start.
    public static func setCount(_ count: Int, in buffer: inout ByteBuffer) {
        let word = noted(count)
        buffer.replace(at: 0, with: UInt8(truncatingIfNeeded: word))
        buffer.replace(at: 1, with: UInt8(truncatingIfNeeded: word &>> 8))
    }

    /// What the header says for `count` elements.
    @inlinable @inline(__always)
    static func noted(_ count: Int) -> UInt16 {
        UInt16(truncatingIfNeeded: min(count, PackedView.countUnknown))
    }

    /// How texts are stored.
    public enum Texts {
        /// In seven bits a character if they are ASCII: in packed values.
        case compact
        /// As they are: in the pages of long lists, which are read and written in bulk.
        case plain
    }

    /// Appends a text as an element.
    @inlinable
    public static func append(
        _ text: ByteSlice, to buffer: inout ByteBuffer, as texts: Texts = .compact
    ) {
        if let number = integer(text) { return append(integer: number, to: &buffer) }
        let count = text.count
        if texts == .compact
            && buffer.append(marker: lead(ofSevenBits: count), sevenBits: text)
        {
            return
        }
        if count < 0x40 {
            buffer.append(UInt8(truncatingIfNeeded: count))
        } else if count < 0x2000 {
            buffer.append(0xC0 | UInt8(truncatingIfNeeded: count &>> 8))
            buffer.append(UInt8(truncatingIfNeeded: count))
        } else {
            precondition(count <= Int(UInt32.max), "longer than any packed element")
            buffer.append(0xE0)
            buffer.append(littleEndian: UInt32(truncatingIfNeeded: count))
        }
        buffer.append(text)
    }

    /// The first byte of an ASCII text; of any byte for a length that does not fit.
    @inlinable @inline(__always)
    static func lead(ofSevenBits count: Int) -> UInt8 {
        0x40 | UInt8(truncatingIfNeeded: count &- SevenBitText.shortest) & 0x3F
    }

    /// Appends a number as an element.
    @inlinable
    public static func append(integer value: Int64, to buffer: inout ByteBuffer) {
        let lead = lead(of: value)
        buffer.append(lead)
        switch lead {
        case 0xE8...0xEF: buffer.append(UInt8(truncatingIfNeeded: value &- 128))
        case 0xF1: buffer.append(UInt8(truncatingIfNeeded: value))
        case 0xF2: buffer.append(littleEndian: Int16(truncatingIfNeeded: value))
        case 0xF3:
            buffer.append(littleEndian: UInt16(truncatingIfNeeded: value))
            buffer.append(UInt8(truncatingIfNeeded: value &>> 16))
        case 0xF4: buffer.append(littleEndian: Int32(truncatingIfNeeded: value))
        case 0xF5: buffer.append(littleEndian: value)
        default: break
        }
    }

    /// Appends the text of an element.
    @inlinable
    public static func append(
        _ element: PackedElement, to buffer: inout ByteBuffer, as texts: Texts = .compact
    ) {
        switch element {
        case .integer(let number): append(integer: number, to: &buffer)
        case .bytes(let bytes): append(bytes, to: &buffer, as: texts)
        case .sevenBits(let text):
            if texts == .compact {
                buffer.append(lead(ofSevenBits: text.count))
                buffer.append(text.bytes)
            } else {
                appendPlain(text, to: &buffer)
            }
        }
    }

    /// Appends an ASCII text as a plain string.
    @usableFromInline
    static func appendPlain(_ text: SevenBitText, to buffer: inout ByteBuffer) {
        if text.count < 0x40 {
            buffer.append(UInt8(truncatingIfNeeded: text.count))
        } else {
            buffer.append(0xC0)
            buffer.append(UInt8(truncatingIfNeeded: text.count))
        }
        buffer.append(text)
    }

    /// The first byte of a number's shortest form.
    @inlinable @inline(__always)
    static func lead(of value: Int64) -> UInt8 {
        if value >= 0 && value < 64 { return 0x80 | UInt8(truncatingIfNeeded: value) }
        if value >= -128 && value < 128 { return 0xF1 }
        if value >= 128 && value < 2176 {
            return 0xE8 | UInt8(truncatingIfNeeded: (value &- 128) &>> 8)
        }
        if value >= -32768 && value < 32768 { return 0xF2 }
        if value >= -0x80_0000 && value < 0x80_0000 { return 0xF3 }
        return value >= Int64(Int32.min) && value <= Int64(Int32.max) ? 0xF4 : 0xF5
    }

    /// Bytes that a number takes as an element.
    public static func encodedCount(integer value: Int64) -> Int {
        PackedView.length(of: lead(of: value))
    }
}
