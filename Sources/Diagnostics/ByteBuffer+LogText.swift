// Pieces of log lines.
import Bytes
import Platform

extension ByteBuffer {
    /// Appends `number`, zero or more, with leading zeros.
    mutating func append(padded number: Int, width: Int) {
        var bound = 10
        for _ in 1..<width {
            if number < bound { append(0x30) }
            bound *= 10
        }
        append(decimal: Int64(number))
    }

    /// Appends `11:20:00.123`.
    mutating func append(time: CalendarTime) {
        append(padded: time.hour, width: 2)
        append(0x3A)
        append(padded: time.minute, width: 2)
        append(0x3A)
        append(padded: time.second, width: 2)
        append(0x2E)
        append(padded: time.millisecond, width: 3)
    }

    /// Appends text with control characters escaped: what a client sent cannot forge a line.
    mutating func append(printable text: String) {
        for byte in text.utf8 {
            switch byte {
            case 0x0A: append("\\n")
            case 0x0D: append("\\r")
            case 0x00..<0x20, 0x7F: append(hexadecimal: byte)
            default: append(byte)
            }
        }
    }

    /// Appends a JSON string with its quotes.
    mutating func append(json text: String) {
        append(0x22)
        for byte in text.utf8 {
            switch byte {
            case 0x22: append("\\\"")
            case 0x5C: append("\\\\")
            case 0x0A: append("\\n")
            case 0x0D: append("\\r")
            case 0x09: append("\\t")
            case 0x00..<0x20:
                append("\\u00")
                append(digit: byte >> 4)
                append(digit: byte & 15)
            default: append(byte)
            }
        }
        append(0x22)
    }

    private mutating func append(hexadecimal byte: UInt8) {
        append("\\x")
        append(digit: byte >> 4)
        append(digit: byte & 15)
    }

    private mutating func append(digit: UInt8) {
        append(digit < 10 ? 0x30 + digit : 0x61 + digit - 10)
    }
}
