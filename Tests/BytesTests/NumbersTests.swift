import Bytes
import Testing

@Suite struct NumbersTests {
    func integer(_ text: String) -> Int64? {
        Array(text.utf8).withByteSlice { Numbers.integer($0) }
    }
    func double(_ text: String) -> Double? {
        Array(text.utf8).withByteSlice { Numbers.double($0) }
    }
    func printed(_ value: Double) -> String {
        var buffer = ByteBuffer()
        Numbers.append(value, to: &buffer)
        return buffer.readable.string
    }
    func sum(_ left: String, _ right: String) -> String? {
        let parts = [left, right].map { text in
            Array(text.utf8).withByteSlice { ExtendedNumber($0) }
        }
        guard let first = parts[0], let second = parts[1], let sum = first.adding(second) else {
            return nil
        }
        var buffer = ByteBuffer()
        sum.append(to: &buffer)
        return buffer.readable.string
    }

    @Test(arguments: [
        0, 1, -1, 10, 99, Int64.max, Int64.min, Int64.max - 1, Int64.min + 1, 1_234_567_890_123,
    ])
    func integersReadBack(value: Int64) {
        #expect(integer(String(value)) == value)
        #expect(Numbers.decimalCount(value) == String(value).utf8.count)
    }

    @Test(arguments: [
        "", "-", "+1", " 1", "1 ", "01", "-0", "-01", "1.0", "0x1", "9223372036854775808",
        "-9223372036854775809", "99999999999999999999", "18446744073709551616", "1a",
    ])
    func othersAreNoIntegers(text: String) {
        #expect(integer(text) == nil)
    }

    @Test func doublesAreReadLikeC() {
        #expect(double("3.0e3") == 3_000)
        #expect(double("-inf") == -.infinity)
        #expect(double("0x10") == 16)
        for text in ["", " 1", "1 ", "nan", "abc", "1e999", "1\u{0}"] {
            #expect(double(text) == nil)
        }
    }

    @Test(arguments: [
        (3.0, "3"), (0.1, "0.1"), (-1.5, "-1.5"), (1e21, "1e+21"), (1e20, "1e+20"),
        (123_456_789.125, "123456789.125"), (1.5e-7, "1.5e-7"), (0.000001, "0.000001"),
        (0.0, "0"), (-0.0, "-0"), (.infinity, "inf"), (-.infinity, "-inf"),
        (17_179_869_184, "17179869184"), (1.5e-300, "1.5e-300"), (3.141, "3.141"), (100, "100"),
    ])
    func doublesPrintShort(value: Double, text: String) {
        #expect(printed(value) == text)
        #expect(double(text) == value)
    }

    @Test(arguments: [
        ("5", 5.0), ("-0", -0.0), ("007", 7), (".5", 0.5), ("5.", 5), ("-1.25", -1.25),
        ("123456789012345", 123_456_789_012_345), ("0.1", 0.1), ("0.000001", 0.000001),
        ("1234567890123456", 1_234_567_890_123_456), ("3.14159265358979", 3.14159265358979),
        ("000000000000000000000001", 1), ("179769313486231570000000", 1.7976931348623157e23),
    ])
    func plainDecimalsAreReadExactly(text: String, value: Double) {
        #expect(double(text) == value && double(text)?.sign == value.sign)
    }

    @Test func textsThatLookPlainAreNoNumbers() {
        for text in ["-", ".", "-.", "1.2.3", "--1", "1-", "1e", "+", "1 "] {
            #expect(double(text) == nil, "\(text)")
        }
    }

    @Test func everyDoubleReadsBackFromItsText() {
        var random = SeededRandom(seed: 17)
        var inexact = 0
        for _ in 0..<20_000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { continue }
            let text = printed(value)
            if double(text) != value { inexact += 1 }
        }
        for value in [
            Double.leastNonzeroMagnitude, 1.7976931348623157e308, 2.2250738585072014e-308, 1e23,
            9.5e-5,
        ] {
            if double(printed(value)) != value { inexact += 1 }
        }
        #expect(inexact == 0)
        // Grisu2 does not find the one digit of 1e23; Valkey prints the same.
        #expect(
            printed(.leastNonzeroMagnitude) == "5e-324"
                && printed(1e23) == "99999999999999990000000")
        #expect(
            printed(1e9) == "1000000000" && printed(4.611686018427388e18) == "4611686018427387904")
    }

    @Test func extendedNumbersAddLikeRedis() {
        #expect(sum("1.23", "1") == "2.23")
        #expect(sum("3", "1.1") == "4.1")
        #expect(sum("1", "-1.1") == "-0.1")
        #expect(sum("17179869184", "1.5") == "17179869185.5")
        #expect(sum("-1", "1") == "0")
        #expect(sum("1e300", "0")?.hasPrefix("1000000000000000") == true)
        #expect(sum("inf", "1") == nil)
        #expect(sum("x", "1") == nil)
    }
}
