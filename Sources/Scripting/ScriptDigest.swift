// The name of a script: the SHA-1 digest of its text in forty hexadecimal digits.
//
//   digits 0–15 │ 16–31 │ 32–39      three words; the first finds a script, all are compared
internal import Bytes

/// Forty lower-case hexadecimal digits.
struct ScriptDigest: BitwiseCopyable {
    /// Number of digits.
    static let digitCount = 40
    /// Sixteen digits each, and eight.
    private var first: UInt64 = 0
    private var second: UInt64 = 0
    private var third: UInt32 = 0

    /// The digest of a text.
    init(of text: ByteSlice) {
        let bytes = SHA1.digest(text)
        for index in 0..<8 { first = first << 8 | UInt64(bytes[index]) }
        for index in 8..<16 { second = second << 8 | UInt64(bytes[index]) }
        for index in 16..<20 { third = third << 8 | UInt32(bytes[index]) }
    }

    /// Reads digits in either case; nil when these are not forty digits.
    @inline(__always)
    init?(digits: ByteSlice) {
        guard digits.count == ScriptDigest.digitCount else { return nil }
        var index = 0
        while index < ScriptDigest.digitCount {
            var digit = digits[checked: index]
            if digit &- 0x30 < 10 {
                digit &-= 0x30
            } else {
                digit = (digit | 0x20) &- 0x61
                guard digit < 6 else { return nil }
                digit &+= 10
            }
            if index < 16 {
                first = first << 4 | UInt64(digit)
            } else if index < 32 {
                second = second << 4 | UInt64(digit)
            } else {
                third = third << 4 | UInt32(digit)
            }
            index &+= 1
        }
    }

    /// Digest bits are as good as any hash.
    @inline(__always) var hash: UInt64 { first }

    /// The digit at `index`, as a character.
    subscript(index: Int) -> UInt8 {
        let value: UInt64
        if index < 16 {
            value = first >> UInt64(60 - index * 4)
        } else if index < 32 {
            value = second >> UInt64(124 - index * 4)
        } else {
            value = UInt64(third) >> UInt64(156 - index * 4)
        }
        let digit = UInt8(value & 15)
        return digit < 10 ? digit + 0x30 : digit + 0x57
    }

    /// All digits as text.
    var text: [UInt8] { (0..<ScriptDigest.digitCount).map { self[$0] } }

    /// Whether both are the same.
    @inline(__always)
    static func == (left: ScriptDigest, right: ScriptDigest) -> Bool {
        left.first == right.first && left.second == right.second && left.third == right.third
    }
}
