// Words in the quoting of Redis' configuration files: a manifest quotes names that need it.
//
//   plain   "with space"   "tab\tand\x01byte"   'single quotes know only \''

internal import Bytes

enum QuotedText {
    /// The words of a line; nil when a quote is not closed or followed by more text.
    static func split(_ line: ByteSlice) -> [String]? {
        var words: [String] = []
        var index = 0
        while true {
            while index < line.count, isSpace(line[index]) { index += 1 }
            guard index < line.count else { return words }
            guard let word = word(line, from: &index) else { return nil }
            words.append(String(decoding: word, as: UTF8.self))
        }
    }

    /// Appends `text`, quoted when it holds something a plain word must not hold.
    static func append(_ text: String, into output: inout ByteBuffer) {
        let bytes = [UInt8](text.utf8)
        let isPlain = bytes.allSatisfy {
            $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x27 && $0 != 0x5C
        }
        guard bytes.isEmpty || !isPlain else { return output.append(bytes) }
        output.append("\"")
        for byte in bytes {
            switch byte {
            case 0x22, 0x5C:
                output.append("\\")
                output.append(byte)
            case 0x0A: output.append("\\n")
            case 0x0D: output.append("\\r")
            case 0x09: output.append("\\t")
            case 0x20...0x7E: output.append(byte)
            default:
                output.append("\\x")
                output.append(hexadecimalDigits[Int(byte >> 4)])
                output.append(hexadecimalDigits[Int(byte & 15)])
            }
        }
        output.append("\"")
    }

    private static let hexadecimalDigits = [UInt8]("0123456789abcdef".utf8)

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 9 < 5 }

    private static func word(_ line: ByteSlice, from index: inout Int) -> [UInt8]? {
        var word: [UInt8] = []
        var quote: UInt8?
        while index < line.count {
            let byte = line[index]
            index += 1
            if byte == 0x5C, let active = quote {
                guard index < line.count else { return nil }
                appendEscape(line, quote: active, from: &index, to: &word)
            } else if byte == quote {
                // A closing quote ends the word: only space may follow.
                return index == line.count || isSpace(line[index]) ? word : nil
            } else if quote == nil, byte == 0x22 || byte == 0x27 {
                quote = byte
            } else if quote == nil, isSpace(byte) {
                return word
            } else {
                word.append(byte)
            }
        }
        return quote == nil ? word : nil
    }

    private static func appendEscape(
        _ line: ByteSlice, quote: UInt8, from index: inout Int, to word: inout [UInt8]
    ) {
        let byte = line[index]
        if quote == 0x27 {
            if byte == 0x27 {
                word.append(byte)
                index += 1
            } else {
                word.append(0x5C)
            }
            return
        }
        index += 1
        if byte == 0x78, index + 1 < line.count,
            let high = hexadecimal(line[index]), let low = hexadecimal(line[index + 1])
        {
            word.append(high << 4 | low)
            index += 2
            return
        }
        switch byte {
        case 0x6E: word.append(0x0A)
        case 0x72: word.append(0x0D)
        case 0x74: word.append(0x09)
        case 0x62: word.append(0x08)
        case 0x61: word.append(0x07)
        default: word.append(byte)
        }
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
