// One line of the configuration language of redis.conf.
//
//   line   = blanks word { blanks word } blanks
//   word   = { plain | double | single }        parts may touch: ab"c d"'e' is one word
//   double = " { byte | \n \r \t \b \a | \xHH | \byte } "     followed by a blank or the end
//   single = ' { byte | \' } '                               followed by a blank or the end
//
// The same rules as Redis' `sdssplitargs`.

/// Splitting and quoting of configuration lines.
public enum ConfigLine {
    /// The words of `line`; nil when a quote is not closed, or is followed by more text.
    public static func split(_ line: some Collection<UInt8>) -> [[UInt8]]? {
        let bytes = Array(line)
        var words: [[UInt8]] = []
        var index = 0
        while true {
            while index < bytes.count && isBlank(bytes[index]) { index += 1 }
            guard index < bytes.count else { return words }
            var word: [UInt8] = []
            while index < bytes.count && !isBlank(bytes[index]) {
                switch bytes[index] {
                case UInt8(ascii: "\""):
                    guard readDouble(bytes, &index, into: &word) else { return nil }
                case UInt8(ascii: "'"):
                    guard readSingle(bytes, &index, into: &word) else { return nil }
                default:
                    word.append(bytes[index])
                    index += 1
                }
            }
            words.append(word)
        }
    }

    /// Words of a text; nil when a quote is not closed or a word is not UTF-8.
    public static func split(text: String) -> [String]? {
        guard let words = split(text.utf8) else { return nil }
        var texts: [String] = []
        for word in words {
            guard let text = String(validating: word, as: UTF8.self) else { return nil }
            texts.append(text)
        }
        return texts
    }

    /// `text` in double quotes, so that `split` gives it back as one word.
    public static func quoted(_ text: String) -> String {
        let hexadecimal = Array("0123456789abcdef".utf8)
        var bytes: [UInt8] = [UInt8(ascii: "\"")]
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), byte]
            case 0x0A: bytes += Array(#"\n"#.utf8)
            case 0x0D: bytes += Array(#"\r"#.utf8)
            case 0x09: bytes += Array(#"\t"#.utf8)
            case 0x07: bytes += Array(#"\a"#.utf8)
            case 0x08: bytes += Array(#"\b"#.utf8)
            case 0..<0x20, 0x7F:
                bytes += Array(#"\x"#.utf8)
                bytes += [hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `text` as it is when that is one word, quoted otherwise.
    public static func word(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { byte in
                byte > 0x20 && byte != 0x7F && byte != UInt8(ascii: "\"")
                    && byte != UInt8(ascii: "'") && byte != UInt8(ascii: "\\")
            }
        return isPlain ? text : quoted(text)
    }

    /// `line` without the blanks at both ends.
    static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var line = line
        while let first = line.first, isBlank(first) { line.removeFirst() }
        while let last = line.last, isBlank(last) { line.removeLast() }
        return line
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) || byte == 0
    }

    /// Reads a double-quoted part from its opening quote; moves `index` behind it.
    private static func readDouble(
        _ bytes: [UInt8], _ index: inout Int, into word: inout [UInt8]
    ) -> Bool {
        index += 1
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                index += 1
                return index == bytes.count || isBlank(bytes[index])
            }
            guard byte == UInt8(ascii: "\\"), index + 1 < bytes.count else {
                word.append(byte)
                index += 1
                continue
            }
            let escaped = bytes[index + 1]
            if escaped == UInt8(ascii: "x"), index + 3 < bytes.count,
                let high = digit(bytes[index + 2]), let low = digit(bytes[index + 3])
            {
                word.append(high << 4 | low)
                index += 4
                continue
            }
            switch escaped {
            case UInt8(ascii: "n"): word.append(0x0A)
            case UInt8(ascii: "r"): word.append(0x0D)
            case UInt8(ascii: "t"): word.append(0x09)
            case UInt8(ascii: "b"): word.append(0x08)
            case UInt8(ascii: "a"): word.append(0x07)
            default: word.append(escaped)
            }
            index += 2
        }
        return false
    }

    /// Reads a single-quoted part from its opening quote; moves `index` behind it.
    private static func readSingle(
        _ bytes: [UInt8], _ index: inout Int, into word: inout [UInt8]
    ) -> Bool {
        index += 1
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "'") {
                index += 1
                return index == bytes.count || isBlank(bytes[index])
            }
            if byte == UInt8(ascii: "\\"), index + 1 < bytes.count,
                bytes[index + 1] == UInt8(ascii: "'")
            {
                word.append(UInt8(ascii: "'"))
                index += 2
            } else {
                word.append(byte)
                index += 1
            }
        }
        return false
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
