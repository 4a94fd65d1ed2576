// LCS: the longest common subsequence of two strings.
//
//   lengths[i][j] = length for the first i bytes of one and the first j of the other
//
// The table has (n + 1) × (m + 1) numbers of 32 bits; walking it back from the end gives the
// subsequence and, joined together, the ranges in which both strings agree.
internal import Bytes
internal import RESP
internal import Store

extension Strings {
    /// The options of LCS.
    private struct SubsequenceOptions {
        var wantsLength = false
        var wantsRanges = false
        var withMatchLength = false
        var matchLengthMin: Int64 = 0

        init(_ engine: CommandEngine, _ arguments: Arguments) throws(ReplyError) {
            var index = 3
            while index < arguments.count {
                let option = arguments[index]
                if option.equalsIgnoringCase("len") {
                    wantsLength = true
                } else if option.equalsIgnoringCase("idx") {
                    wantsRanges = true
                } else if option.equalsIgnoringCase("withmatchlen") {
                    withMatchLength = true
                } else if option.equalsIgnoringCase("minmatchlen"), index + 1 < arguments.count {
                    index += 1
                    matchLengthMin = max(0, try engine.integer(arguments[index]))
                } else {
                    throw .syntax
                }
                index += 1
            }
            if wantsLength && wantsRanges {
                throw ReplyError(
                    "ERR If you want both the length and indexes, please just use IDX.")
            }
        }
    }

    /// A stretch in which both strings agree.
    private struct Match {
        var first: ClosedRange<Int>
        var second: ClosedRange<Int>
    }

    static func lcs(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let left = try subsequenceOperand(engine, client, arguments[1])
        let right = try subsequenceOperand(engine, client, arguments[2])
        let options = try SubsequenceOptions(engine, arguments)
        if left.count >= Int(UInt32.max) - 1 || right.count >= Int(UInt32.max) - 1 {
            throw ReplyError("ERR String too long for LCS")
        }
        let (cells, overflowed) = (left.count + 1).multipliedReportingOverflow(
            by: right.count + 1)
        if overflowed || cells > engine.settings.bulkBytesMax / 4 {
            throw ReplyError(
                """
                ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len
                """)
        }
        let lengths = subsequenceLengths(left, right)
        let total = Int(lengths[cells - 1])
        if options.wantsLength { return client.writer.integer(total) }
        let (matches, text) = subsequenceMatches(left, right, lengths)
        guard options.wantsRanges else {
            text.withByteSlice { client.writer.bulk($0) }
            return
        }
        let shown = matches.filter { Int64($0.first.count) >= options.matchLengthMin }
        client.writer.mapHeader(2)
        client.writer.bulk("matches")
        client.writer.arrayHeader(shown.count)
        for match in shown {
            client.writer.arrayHeader(options.withMatchLength ? 3 : 2)
            for range in [match.first, match.second] {
                client.writer.arrayHeader(2)
                client.writer.integer(range.lowerBound)
                client.writer.integer(range.upperBound)
            }
            if options.withMatchLength { client.writer.integer(match.first.count) }
        }
        client.writer.bulk("len")
        client.writer.integer(total)
    }

    /// A copy: looking the second key up may change the database.
    private static func subsequenceOperand(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice
    ) throws(ReplyError) -> [UInt8] {
        guard let entry = engine.read(key, engine.keyspace.hash(key), client) else { return [] }
        guard entry.type == .string else {
            throw ReplyError("ERR The specified keys must contain string values")
        }
        return engine.text(of: entry).array
    }

    private static func subsequenceLengths(_ left: [UInt8], _ right: [UInt8]) -> [UInt32] {
        let width = right.count + 1
        var lengths = [UInt32](repeating: 0, count: (left.count + 1) * width)
        for row in 0..<left.count {
            for column in 0..<right.count {
                let place = (row + 1) * width + column + 1
                lengths[place] =
                    left[row] == right[column]
                    ? lengths[place - width - 1] + 1
                    : max(lengths[place - width], lengths[place - 1])
            }
        }
        return lengths
    }

    /// Walks back from the end; matches come last first, as Redis reports them.
    private static func subsequenceMatches(
        _ left: [UInt8], _ right: [UInt8], _ lengths: [UInt32]
    ) -> (matches: [Match], text: [UInt8]) {
        let width = right.count + 1
        var matches: [Match] = []
        var text: [UInt8] = []
        var row = left.count
        var column = right.count
        while row > 0 && column > 0 {
            if left[row - 1] == right[column - 1] {
                row -= 1
                column -= 1
                text.append(left[row])
                if let last = matches.last, last.first.lowerBound == row + 1,
                    last.second.lowerBound == column + 1
                {
                    matches[matches.count - 1] = Match(
                        first: row...last.first.upperBound,
                        second: column...last.second.upperBound)
                } else {
                    matches.append(Match(first: row...row, second: column...column))
                }
            } else if lengths[(row - 1) * width + column] > lengths[row * width + column - 1] {
                row -= 1
            } else {
                column -= 1
            }
        }
        return (matches, text.reversed())
    }
}
