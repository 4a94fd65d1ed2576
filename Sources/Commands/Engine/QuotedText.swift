// Text with everything unprintable escaped, as logs, MONITOR and DEBUG show it.
internal import Bytes

/// Quoting as Redis does it.
enum QuotedText {
    /// Appends `"…"`.
    static func append(_ bytes: ByteSlice, to text: inout ByteBuffer) {
        text.append(UInt8(ascii: "\""))
        for index in 0..<bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""):
                text.append(UInt8(ascii: "\\"))
                text.append(byte)
            case 0x0A: text.append("\\n")
            case 0x0D: text.append("\\r")
            case 0x09: text.append("\\t")
            case 0x07: text.append("\\a")
            case 0x08: text.append("\\b")
            case 0x20...0x7E: text.append(byte)
            default:
                text.append("\\x")
                text.append(hexadecimal(byte >> 4))
                text.append(hexadecimal(byte & 15))
            }
        }
        text.append(UInt8(ascii: "\""))
    }

    /// The lower-case digit of a value below 16.
    static func hexadecimal(_ value: UInt8) -> UInt8 {
        value < 10 ? value + 0x30 : value + 0x57
    }
}
