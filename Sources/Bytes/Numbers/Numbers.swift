// Numbers as text, exactly as Redis reads and prints them.
//
//   integer        strict decimal: "-?[1-9][0-9]*" or "0", no spaces, no plus, no leading zero
//   double         what C's strtod takes, whole text, no leading space, not NaN
//   long double    the same in the platform's extended precision (INCRBYFLOAT)
//
// The text forms come from C (through CLinux) because clients compare them byte by byte.

/// Reading and printing of numbers in Redis' text forms.
public enum Numbers {
    /// Longest text of a number that is looked at: Redis' own bound in extended precision
    /// (INCRBYFLOAT), 5 × 1024 bytes with its end.
    public static var textBytesMax: Int { 5_119 }

    /// The integer that `text` is in canonical decimal form; nil for any other text.
    @inlinable
    public static func integer(_ text: ByteSlice) -> Int64? {
        let count = text.count
        guard count > 0 && count <= 20 else { return nil }
        var index = 0
        var isNegative = false
        if text[checked: 0] == 0x2D {
            isNegative = true
            index = 1
            if count == 1 { return nil }
        }
        let first = text[checked: index] &- 0x30
        if first == 0 { return count == 1 ? 0 : nil }
        guard first <= 9 else { return nil }
        var magnitude = UInt64(first)
        index &+= 1
        while index < count {
            let digit = text[checked: index] &- 0x30
            guard digit <= 9 else { return nil }
            let (product, overflowed) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(UInt64(digit))
            if overflowed || carried { return nil }
            magnitude = sum
            index &+= 1
        }
        if isNegative {
            guard magnitude <= UInt64(1) << 63 else { return nil }
            return Int64(truncatingIfNeeded: 0 &- magnitude)
        }
        return magnitude <= UInt64(Int64.max) ? Int64(magnitude) : nil
    }

    /// How many bytes `value` takes in decimal.
    @inlinable
    public static func decimalCount(_ value: Int64) -> Int {
        var digits = value < 0 ? 2 : 1
        var rest = value.magnitude / 10
        while rest > 0 {
            digits &+= 1
            rest /= 10
        }
        return digits
    }

    /// The double that `text` denotes: `3.0e3`, `-inf`, `0x10`; nil when it is no number.
    public static func double(_ text: ByteSlice) -> Double? {
        guard text.count > 0 && text.count <= textBytesMax else { return nil }
        return plainDouble(text) ?? NumberText.double(text)
    }

    /// The double of a plain decimal text with at most 15 digits behind its leading zeros: number
    /// and power of ten are exact doubles then, so their quotient is rounded once, as C does. Nil
    /// for any other text.
    private static func plainDouble(_ text: ByteSlice) -> Double? {
        let count = text.count
        guard count <= 24 else { return nil }
        let isNegative = text[checked: 0] == 0x2D
        var index = isNegative ? 1 : 0
        var digits: UInt64 = 0
        var divisor = 1.0
        var hasDigit = false
        var hasPoint = false
        while index < count {
            let digit = text[checked: index] &- 0x30
            if digit <= 9 {
                digits = digits &* 10 &+ UInt64(digit)
                guard digits < 1_000_000_000_000_000 else { return nil }
                if hasPoint { divisor *= 10 }
                hasDigit = true
            } else if digit == 0x2E &- 0x30 && !hasPoint {
                hasPoint = true
            } else {
                return nil
            }
            index &+= 1
        }
        guard hasDigit && divisor <= 1e22 else { return nil }
        let value = Double(digits) / divisor
        return isNegative ? -value : value
    }

    /// Appends `value` as Redis 7.2 prints a double: digits that read back as the same number, laid
    /// out without an exponent while they stay short (`3`, `0.1`, `1e+21`, `1.5e-7`, `inf`, `-inf`,
    /// `nan`). Whole numbers below 2^62 are printed as integers.
    public static func append(_ value: Double, to buffer: inout ByteBuffer) {
        if let whole = wholeNumber(value) { return buffer.append(decimal: whole) }
        append(digitsOf: value, to: &buffer)
    }

    /// As `append`, but whole numbers are no exception: `1e+20`, also `1e+9`.
    public static func append(digitsOf value: Double, to buffer: inout ByteBuffer) {
        if value.isNaN { return buffer.append("nan") }
        if value.isInfinite {
            if value < 0 { return buffer.append("-inf") }
            return buffer.append("inf")
        }
        if value == 0 {
            if value.sign == .minus { return buffer.append("-0") }
            return buffer.append("0")
        }
        if value.sign == .minus { buffer.append(UInt8(ascii: "-")) }
        appendLayout(DecimalDigits(value.magnitude), to: &buffer)
    }

    /// The integer that `value` is; nil for fractions, for large numbers and for zero with a minus.
    @inlinable
    public static func wholeNumber(_ value: Double) -> Int64? {
        // 2^62 is half of the range, where Redis draws the line, too.
        guard value >= -4_611_686_018_427_387_904, value <= 4_611_686_018_427_387_904 else {
            return nil
        }
        let whole = Int64(value)
        return Double(whole) == value && (whole != 0 || value.sign == .plus) ? whole : nil
    }

    /// Places the point: plain notation while it stays short, else `d.ddde±n`.
    private static func appendLayout(_ number: DecimalDigits, to buffer: inout ByteBuffer) {
        let exponent = number.exponent
        let count = number.count
        let leading = exponent + count - 1
        if exponent >= 0 && leading < count + 7 {
            number.append(0..<count, to: &buffer)
            for _ in 0..<exponent { buffer.append(UInt8(ascii: "0")) }
        } else if exponent < 0 && (exponent > -7 || leading.magnitude < 4) {
            let whole = count + exponent
            if whole <= 0 {
                buffer.append("0.")
                for _ in whole..<0 { buffer.append(UInt8(ascii: "0")) }
                number.append(0..<count, to: &buffer)
            } else {
                number.append(0..<whole, to: &buffer)
                buffer.append(UInt8(ascii: "."))
                number.append(whole..<count, to: &buffer)
            }
        } else {
            number.append(0..<1, to: &buffer)
            if count > 1 {
                buffer.append(UInt8(ascii: "."))
                number.append(1..<count, to: &buffer)
            }
            buffer.append(UInt8(ascii: "e"))
            buffer.append(leading < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
            buffer.append(decimal: Int64(leading.magnitude))
        }
    }

    /// Appends `value` with 17 significant digits, as C's `%.17g` does: the form in which Redis
    /// hashes scores and ZSCAN prints them.
    public static func append(precisely value: Double, to buffer: inout ByteBuffer) {
        NumberText.append(value, .significant17, to: &buffer)
    }

    /// Appends `value` with six decimals, as C's `%f` does.
    public static func append(fixed value: Double, to buffer: inout ByteBuffer) {
        NumberText.append(value, .fixed6, to: &buffer)
    }

    /// The bound of a range of scores: what C's strtod takes, leading space and the empty text (0)
    /// included, up to a zero byte; nil for any other text and for NaN.
    public static func scoreBound(_ text: ByteSlice) -> Double? {
        if text.isEmpty { return 0 }
        return text.count <= textBytesMax ? NumberText.scoreBound(text) : nil
    }
}

/// A number in the platform's extended precision, as INCRBYFLOAT computes with.
public struct ExtendedNumber {
    let text: NumberText.Extended

    /// Reads `text`; nil when it is no number.
    public init?(_ text: ByteSlice) {
        guard text.count > 0 && text.count <= Numbers.textBytesMax,
            let value = NumberText.extended(text)
        else { return nil }
        self.text = value
    }

    /// A double in extended precision.
    public init(_ value: Double) { text = NumberText.extended(value) }

    init(text: NumberText.Extended) { self.text = text }

    /// Whether the number is neither infinite nor not a number.
    public var isFinite: Bool { NumberText.sum(text, .zero) != nil }

    /// The sum; nil when it is infinite or not a number.
    public func adding(_ other: ExtendedNumber) -> ExtendedNumber? {
        NumberText.sum(text, other.text).map(ExtendedNumber.init(text:))
    }

    /// Appends the number in plain notation with up to 17 decimals, trailing zeros cut off.
    public func append(to buffer: inout ByteBuffer) {
        NumberText.appendExtended(text, to: &buffer)
    }
}
