// Inline commands: what a person types into a plain TCP connection.
//
//   words are separated by blanks · "…" with \n \r \t \b \a \xHH and \c · '…' with \' only
//   a closing quote must be followed by a blank or the end · a zero byte ends the line
//
// Words of a line without quotes are slices of the input. A line with quotes is decoded into
// memory of its own, kept by the parser until `releaseDecodedLines`.
internal import Bytes

/// The decoded words of one inline command, back to back.
final class InlineLine {
    var bytes: ByteBuffer
    /// Room for the whole line, so that the buffer never moves.
    init(capacity: Int) { bytes = ByteBuffer(capacity: capacity) }
}

extension RequestParser {
    mutating func parseInline(
        _ rest: ByteSlice, into list: inout ByteSliceList
    ) throws(ProtocolError) -> ParseOutcome {
        guard let newline = rest.firstIndex(of: 0x0A) else {
            if rest.count > RequestLimits.lineBytesMax { throw .tooBigInlineRequest }
            return .needMore
        }
        var line = rest.prefix(newline)
        if line.count > 0 && line[line.count - 1] == 0x0D { line = line.prefix(line.count - 1) }
        if let zero = line.firstIndex(of: 0) { line = line.prefix(zero) }
        let listed = list.count
        if line.firstIndex(of: UInt8(ascii: "\"")) == nil
            && line.firstIndex(of: UInt8(ascii: "'")) == nil
        {
            appendPlainWords(line, into: &list)
        } else if !appendQuotedWords(line, into: &list) {
            list.truncate(to: listed)
            throw .unbalancedQuotes
        }
        noteInline()
        return .command(consumed: newline + 1, argumentCount: list.count - listed)
    }

    private func appendPlainWords(_ line: ByteSlice, into list: inout ByteSliceList) {
        var index = 0
        while true {
            while index < line.count && isBlank(line[index]) { index += 1 }
            if index == line.count { return }
            let start = index
            while index < line.count && !endsWord(line[index]) { index += 1 }
            list.append(line.slice(from: start, count: index - start))
        }
    }

    private mutating func appendQuotedWords(
        _ line: ByteSlice, into list: inout ByteSliceList
    ) -> Bool {
        let decoded = InlineLine(capacity: line.count)
        var words: [(start: Int, count: Int)] = []
        var index = 0
        while true {
            while index < line.count && isBlank(line[index]) { index += 1 }
            if index == line.count { break }
            let start = decoded.bytes.count
            guard let end = decodeWord(line, from: index, into: &decoded.bytes) else {
                return false
            }
            words.append((start, decoded.bytes.count - start))
            index = end
        }
        let bytes = decoded.bytes.readable
        for word in words { list.append(bytes.slice(from: word.start, count: word.count)) }
        keep(decoded)
        return true
    }

    /// Decodes one word; returns the place behind it, or nil when its quotes do not match.
    private func decodeWord(
        _ line: ByteSlice, from start: Int, into bytes: inout ByteBuffer
    ) -> Int? {
        var index = start
        while index < line.count && !endsWord(line[index]) {
            let byte = line[index]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                guard let end = decodeQuoted(line, quote: byte, from: index + 1, into: &bytes),
                    end == line.count || isBlank(line[end])
                else { return nil }
                return end
            }
            bytes.append(byte)
            index += 1
        }
        return index
    }

    /// Decodes up to the closing `quote`; returns the place behind it, or nil without one.
    private func decodeQuoted(
        _ line: ByteSlice, quote: UInt8, from start: Int, into bytes: inout ByteBuffer
    ) -> Int? {
        let isDouble = quote == UInt8(ascii: "\"")
        var index = start
        while index < line.count {
            let byte = line[index]
            if byte == quote { return index + 1 }
            guard byte == UInt8(ascii: "\\"), index + 1 < line.count else {
                bytes.append(byte)
                index += 1
                continue
            }
            let next = line[index + 1]
            if isDouble, next == UInt8(ascii: "x"), index + 3 < line.count,
                let high = hexadecimal(line[index + 2]), let low = hexadecimal(line[index + 3])
            {
                bytes.append(high << 4 | low)
                index += 4
            } else if isDouble {
                bytes.append(unescaped(next))
                index += 2
            } else if next == quote {
                bytes.append(quote)
                index += 2
            } else {
                bytes.append(byte)
                index += 1
            }
        }
        return nil
    }

    private func unescaped(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "a"): 0x07
        default: byte
        }
    }

    private func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// What C's isspace accepts.
    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }

    /// What ends a word: fewer bytes than `isBlank`, as in Redis.
    private func endsWord(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }
}
