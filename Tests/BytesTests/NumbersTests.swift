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
