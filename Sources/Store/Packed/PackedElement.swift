// One element of a packed collection: a text, or a number that stands for its decimal text.

public import Bytes

/// An element of a packed collection; borrowed like its view.
public enum PackedElement {
    /// The decimal text of this number.
    case integer(Int64)
    /// These bytes.
    case bytes(ByteSlice)
    /// These ASCII characters, stored in seven bits each.
    case sevenBits(SevenBitText)

    /// The element that `text` becomes.
    @inlinable
    public init(_ text: ByteSlice) {
        if let number = PackedEncoder.integer(text) {
            self = .integer(number)
        } else {
            self = .bytes(text)
        }
    }

    /// Length of the text.
    @inlinable public var count: Int {
        switch self {
        case .integer(let number): Numbers.decimalCount(number)
        case .bytes(let bytes): bytes.count
        case .sevenBits(let text): text.count
        }
    }

    /// Appends the text.
    @inlinable
    public func append(to buffer: inout ByteBuffer) {
        switch self {
        case .integer(let number): buffer.append(decimal: number)
        case .bytes(let bytes): buffer.append(bytes)
        case .sevenBits(let text): buffer.append(text)
        }
    }

    /// Whether the text is `other`.
    @inlinable
    public func equals(_ other: ByteSlice) -> Bool {
        switch self {
        case .integer(let number): PackedEncoder.integer(other) == number
        case .bytes(let bytes): bytes == other
        case .sevenBits(let text): text.count == other.count && text.compare(other) == 0
        }
    }

    /// Whether both texts are the same.
    @inlinable
    public func equals(_ other: PackedElement) -> Bool {
        switch (self, other) {
        case (.integer(let mine), .integer(let theirs)): mine == theirs
        case (.bytes(let mine), .bytes(let theirs)): mine == theirs
        case (.sevenBits(let mine), .sevenBits(let theirs)):
            mine.count == theirs.count && mine.bytes == theirs.bytes
        case (.sevenBits, .bytes(let theirs)): equals(theirs)
        case (.bytes(let mine), .sevenBits): other.equals(mine)
        default: false
        }
    }

    /// Negative, zero or positive as the text sorts before, with or after `other` (order of
    /// `memcmp`, then length).
    public func compare(_ other: ByteSlice) -> Int {
        switch self {
        case .bytes(let bytes): return bytes.compare(other)
        case .sevenBits(let text): return text.compare(other)
        case .integer(let number):
            var digits = DecimalDigits(number)
            var index = 0
            while let digit = digits.next() {
                if index == other.count { return 1 }
                let theirs = other[index]
                if digit != theirs { return digit < theirs ? -1 : 1 }
                index += 1
            }
            return index - other.count
        }
    }

    /// The number that the text denotes; nil when it is none.
    public func asDouble() -> Double? {
        switch self {
        case .integer(let number): return Double(number)
        case .bytes(let bytes): return Numbers.double(bytes)
        case .sevenBits(let text):
            var characters = ByteBuffer(capacity: 80)
            characters.append(text)
            return Numbers.double(characters.readable)
        }
    }

    /// The number if the text is a canonical integer.
    @inlinable public var asInteger: Int64? {
        switch self {
        case .integer(let number): number
        case .bytes, .sevenBits: nil
        }
    }
}

/// The decimal text of an integer, byte by byte from the front.
struct DecimalDigits {
    private var rest: UInt64
    private var divisor: UInt64 = 1
    private var needsSign: Bool

    init(_ number: Int64) {
        rest = number.magnitude
        needsSign = number < 0
        while rest / divisor >= 10 { divisor *= 10 }
    }

    mutating func next() -> UInt8? {
        if needsSign {
            needsSign = false
            return UInt8(ascii: "-")
        }
        guard divisor > 0 else { return nil }
        let digit = UInt8(ascii: "0") + UInt8(rest / divisor)
        rest %= divisor
        divisor /= 10
        return digit
    }
}
