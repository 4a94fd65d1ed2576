// Glob-style patterns as KEYS, SCAN MATCH, PSUBSCRIBE and CONFIG GET understand them.
//
//   *        any run of bytes          ?        any one byte
//   [abc]    one of                    [^a-z]   none of
//   \x       x itself
//
// The matcher remembers only the last star: when a byte does not fit, that star takes one byte
// more. Earlier stars never need to be tried again, so the work is bounded by
// pattern length × text length, whatever the pattern is.

/// Matching of glob-style patterns.
public enum Glob {
    /// Whether `pattern` matches the whole of `text`; `ignoringCase` folds ASCII letters.
    public static func matches(
        pattern: ByteSlice, text: ByteSlice, ignoringCase: Bool = false
    ) -> Bool {
        var position = 0
        var index = 0
        // Where to go on when a byte does not fit: behind the last star, one byte further.
        var starPosition = -1
        var starIndex = 0
        while index < text.count {
            if position < pattern.count && pattern[position] == UInt8(ascii: "*") {
                position += 1
                starPosition = position
                starIndex = index
                continue
            }
            if position < pattern.count,
                let next = step(
                    pattern: pattern, at: position, byte: text[index], ignoringCase: ignoringCase)
            {
                position = next
                index += 1
                continue
            }
            guard starPosition >= 0 else { return false }
            starIndex += 1
            index = starIndex
            position = starPosition
        }
        while position < pattern.count && pattern[position] == UInt8(ascii: "*") { position += 1 }
        return position == pattern.count
    }

    /// Matches one element of the pattern against `byte`; returns the position behind the element.
    private static func step(
        pattern: ByteSlice, at start: Int, byte: UInt8, ignoringCase: Bool
    ) -> Int? {
        switch pattern[start] {
        case UInt8(ascii: "?"):
            return start + 1
        case UInt8(ascii: "["):
            return stepClass(
                pattern: pattern, at: start + 1, byte: byte, ignoringCase: ignoringCase)
        case UInt8(ascii: "\\") where start + 1 < pattern.count:
            return same(pattern[start + 1], byte, ignoringCase) ? start + 2 : nil
        default:
            return same(pattern[start], byte, ignoringCase) ? start + 1 : nil
        }
    }

    /// Matches a class whose first byte behind the bracket is at `start`. A class without its
    /// closing bracket ends with the pattern, as in Redis.
    private static func stepClass(
        pattern: ByteSlice, at start: Int, byte: UInt8, ignoringCase: Bool
    ) -> Int? {
        var position = start
        var negated = false
        if position < pattern.count && pattern[position] == UInt8(ascii: "^") {
            negated = true
            position += 1
        }
        var found = false
        while position < pattern.count && pattern[position] != UInt8(ascii: "]") {
            if pattern[position] == UInt8(ascii: "\\") && position + 1 < pattern.count {
                if pattern[position + 1] == byte { found = true }
                position += 2
            } else if position + 2 < pattern.count && pattern[position + 1] == UInt8(ascii: "-") {
                let first = folded(pattern[position], ignoringCase)
                let last = folded(pattern[position + 2], ignoringCase)
                let wanted = folded(byte, ignoringCase)
                if wanted >= min(first, last) && wanted <= max(first, last) { found = true }
                position += 3
            } else {
                if same(pattern[position], byte, ignoringCase) { found = true }
                position += 1
            }
        }
        return found != negated ? min(position + 1, pattern.count) : nil
    }

    private static func same(_ left: UInt8, _ right: UInt8, _ ignoringCase: Bool) -> Bool {
        folded(left, ignoringCase) == folded(right, ignoringCase)
    }

    private static func folded(_ byte: UInt8, _ ignoringCase: Bool) -> UInt8 {
        ignoringCase && byte &- 0x41 < 26 ? byte | 0x20 : byte
    }
}
