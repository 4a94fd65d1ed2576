// Numbers as text, exactly as Redis reads and prints them.
//
//   integer        strict decimal: "-?[1-9][0-9]*" or "0", no spaces, no plus, no leading zero
//   double         what C's strtod takes, whole text, no leading space, not NaN
//   long double    the same in the platform's extended precision (INCRBYFLOAT)
//
// The text forms come from C (through CLinux) because clients compare them byte by byte.

/// Reading and printing of numbers in Redis' text forms.
public enum Numbers {
    /// Longest text of a number that is looked at (Redis' own bound for floating point).
    public static var textBytesMax: Int { 255 }

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
        return NumberText.double(text)
    }

    /// Appends `value` with the fewest digits that read back as the same number, laid out as
    /// Redis 7.2 does (`3`, `0.1`, `1e+21`, `1.5e-7`, `inf`, `-inf`, `nan`).
    public static func append(_ value: Double, to buffer: inout ByteBuffer) {
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
        let (digits, exponent) = shortestDigits(value.magnitude)
        appendLayout(digits: digits, exponent: exponent, to: &buffer)
    }

    /// The shortest decimal digits of `value` and the power of ten of the last one.
    private static func shortestDigits(_ value: Double) -> (digits: [UInt8], exponent: Int) {
        var digits: [UInt8] = []
        var exponent = 0
        var seenPoint = false
        let text = Array(value.description.utf8)
        var index = 0
        while index < text.count, text[index] != UInt8(ascii: "e") {
            if text[index] == UInt8(ascii: ".") {
                seenPoint = true
            } else {
                digits.append(text[index])
                if seenPoint { exponent -= 1 }
            }
            index += 1
        }
        if index < text.count,
            let power = Int(String(decoding: text[(index + 1)...], as: UTF8.self))
        {
            exponent += power
        }
        while digits.count > 1, digits[0] == UInt8(ascii: "0") { digits.removeFirst() }
        while digits.count > 1, digits.last == UInt8(ascii: "0") {
            digits.removeLast()
            exponent += 1
        }
        return (digits, exponent)
    }

    /// Places the point: plain notation while it stays short, else `d.ddde±n`.
    private static func appendLayout(
        digits: [UInt8], exponent: Int, to buffer: inout ByteBuffer
    ) {
        let leading = exponent + digits.count - 1
        if exponent >= 0 && leading < digits.count + 7 {
            buffer.append(digits)
            for _ in 0..<exponent { buffer.append(UInt8(ascii: "0")) }
        } else if exponent < 0 && (exponent > -7 || leading.magnitude < 4) {
            let whole = digits.count + exponent
            if whole <= 0 {
                buffer.append("0.")
                for _ in whole..<0 { buffer.append(UInt8(ascii: "0")) }
                buffer.append(digits)
            } else {
                buffer.append(Array(digits[..<whole]))
                buffer.append(UInt8(ascii: "."))
                buffer.append(Array(digits[whole...]))
            }
        } else {
            buffer.append(digits[0])
            if digits.count > 1 {
                buffer.append(UInt8(ascii: "."))
                buffer.append(Array(digits[1...]))
            }
            buffer.append(UInt8(ascii: "e"))
            buffer.append(leading < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
            buffer.append(decimal: Int64(leading.magnitude))
        }
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

    init(text: NumberText.Extended) { self.text = text }

    /// The sum; nil when it is infinite or not a number.
    public func adding(_ other: ExtendedNumber) -> ExtendedNumber? {
        NumberText.sum(text, other.text).map(ExtendedNumber.init(text:))
    }

    /// Appends the number in plain notation with up to 17 decimals, trailing zeros cut off.
    public func append(to buffer: inout ByteBuffer) {
        NumberText.appendExtended(text, to: &buffer)
    }
}
