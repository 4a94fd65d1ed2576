// The few bytes that links write and read besides the stream: commands as RESP arrays of bulk
// strings, and decimal numbers in status lines.

import Bytes

enum WireText {
    /// `arguments` as a RESP array of bulk strings.
    static func command(_ arguments: [[UInt8]]) -> [UInt8] {
        var result = Array("*\(arguments.count)\r\n".utf8)
        for argument in arguments {
            result += Array("$\(argument.count)\r\n".utf8)
            result += argument
            result += [0x0D, 0x0A]
        }
        return result
    }

    /// `words` as a RESP array of bulk strings.
    static func command(_ words: String...) -> [UInt8] {
        command(words.map { Array($0.utf8) })
    }

    /// A line with its CRLF.
    static func line(_ text: String) -> [UInt8] { Array(text.utf8) + [0x0D, 0x0A] }

    /// The value of a decimal number with an optional minus sign and nothing else.
    static func integer(_ text: ByteSlice) -> Int64? {
        var index = 0
        let isNegative = text.count > 1 && text[0] == 0x2D
        if isNegative { index = 1 }
        guard text.count > index, text.count - index <= 19 else { return nil }
        var value: Int64 = 0
        while index < text.count {
            let digit = text[checked: index] &- 0x30
            guard digit < 10 else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int64(digit))
            guard !overflow, !carry else { return nil }
            value = sum
            index += 1
        }
        return isNegative ? -value : value
    }

    /// The words of `line` between single spaces.
    static func words(_ line: ByteSlice) -> [ByteSlice] {
        var result: [ByteSlice] = []
        var start = 0
        while start < line.count {
            let end = line.firstIndex(of: 0x20, from: start) ?? line.count
            if end > start { result.append(line.slice(from: start, count: end - start)) }
            start = end + 1
        }
        return result
    }

    /// The first line of `input` without its line end, and how many bytes it takes with it.
    /// Accepts CRLF and a lone LF.
    static func firstLine(_ input: ByteSlice) -> (line: ByteSlice, byteCount: Int)? {
        guard let end = input.firstIndex(of: 0x0A) else { return nil }
        let length = end > 0 && input[end - 1] == 0x0D ? end - 1 : end
        return (input.prefix(length), end + 1)
    }
}
