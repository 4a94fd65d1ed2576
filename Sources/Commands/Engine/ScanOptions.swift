// The options that HSCAN, SSCAN and ZSCAN share: MATCH and COUNT; HSCAN has NOVALUES too.
internal import Bytes
internal import RESP

/// MATCH and COUNT of HSCAN, SSCAN and ZSCAN.
struct ScanOptions {
    /// How many elements a call is to look at.
    private(set) var count = 10
    /// What elements must match; nil for all.
    private(set) var pattern: ByteSlice?

    /// Whether HSCAN gives fields only (Redis 7.4, Valkey 8).
    private(set) var leavesValuesOut = false

    /// Reads the options from `first` on.
    init(
        _ arguments: Arguments, from first: Int, takesNoValues: Bool = false
    ) throws(ReplyError) {
        var index = first
        while index < arguments.count {
            if takesNoValues && arguments[index].equalsIgnoringCase("novalues") {
                leavesValuesOut = true
                index += 1
                continue
            }
            guard index + 1 < arguments.count else { throw .syntax }
            let value = arguments[index + 1]
            if arguments[index].equalsIgnoringCase("count") {
                guard let number = Numbers.integer(value) else { throw .notInteger }
                if number < 1 { throw .syntax }
                count = Int(number)
            } else if arguments[index].equalsIgnoringCase("match") {
                pattern = value == "*" ? nil : value
            } else {
                throw .syntax
            }
            index += 2
        }
    }

    /// The argument as cursor.
    static func cursor(_ text: ByteSlice) throws(ReplyError) -> UInt64 {
        guard let cursor = UInt64(text.string) else { throw .invalidCursor }
        return cursor
    }

    /// Whether MATCH lets the element through.
    func matches(_ text: ByteSlice) -> Bool {
        guard let pattern else { return true }
        return Glob.matches(pattern: pattern, text: text)
    }
}
