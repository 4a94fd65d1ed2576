// The options that XADD and XTRIM share.
//
//   [NOMKSTREAM] [MAXLEN [=|~] count | MINID [=|~] id [LIMIT count]] <* | ms-* | ms[-sequence]>
internal import Bytes
internal import RESP
internal import Store

/// Options of XADD and XTRIM.
struct StreamTrimOptions {
    /// The ID that XADD is told to use.
    enum NewID {
        /// `*`: the time, or the number behind the last ID.
        case automatic
        /// `ms-*`: the next sequence of this millisecond.
        case inMillisecond(UInt64)
        /// This one.
        case exact(StreamID)
    }

    /// What is deleted; nil when nothing is.
    private(set) var trimming: StreamObject.Trimming?
    private(set) var isApproximate = false
    private(set) var limit = 0
    private(set) var mustExist = false
    private(set) var newID = NewID.automatic
    /// Position of the threshold; 0 when there is none.
    private(set) var thresholdPosition = 0
    /// Position of LIMIT; 0 when there is none.
    private(set) var limitPosition = 0
    /// Position of the new ID; behind the arguments when there is none.
    private(set) var idPosition = 0

    /// The most that an approximate trimming deletes at once.
    private static let limitMax = 1_000_000

    init(
        _ arguments: Arguments, isAddition: Bool, _ engine: CommandEngine, _ client: ClientState
    ) throws(ReplyError) {
        var index = 2
        loop: while index < arguments.count {
            let option = arguments[index]
            let hasMore = index + 1 < arguments.count
            if isAddition && option == "*" { break }
            if hasMore && option.equalsIgnoringCase("maxlen") {
                index = try parseThreshold(arguments, index, isLength: true)
            } else if hasMore && option.equalsIgnoringCase("minid") {
                index = try parseThreshold(arguments, index, isLength: false)
            } else if hasMore && option.equalsIgnoringCase("limit") {
                try parseLimit(arguments, index, engine)
                index += 1
            } else if isAddition && option.equalsIgnoringCase("nomkstream") {
                mustExist = true
            } else if isAddition {
                if let milliseconds = StreamID.millisecondsOfOpenID(option) {
                    newID = .inMillisecond(milliseconds)
                } else {
                    newID = .exact(try Streams.id(option))
                }
                break loop
            } else {
                throw .syntax
            }
            index += 1
        }
        idPosition = index
        try checkLimit(isAddition: isAddition, engine, client)
    }

    /// Returns the position of the threshold.
    private mutating func parseThreshold(
        _ arguments: Arguments, _ start: Int, isLength: Bool
    ) throws(ReplyError) -> Int {
        if trimming != nil {
            throw ReplyError(
                """
                ERR syntax error, MAXLEN and MINID options at the same time are not compatible
                """)
        }
        var index = start + 1
        isApproximate = false
        if index + 1 < arguments.count {
            if arguments[index] == "~" { isApproximate = true }
            if isApproximate || arguments[index] == "=" { index += 1 }
        }
        let text = arguments[index]
        if isLength {
            guard let length = Numbers.integer(text) else { throw .notInteger }
            if length < 0 { throw ReplyError("ERR The MAXLEN argument must be >= 0.") }
            trimming = .length(Int(length))
        } else {
            trimming = .minimum(try Streams.id(text))
        }
        thresholdPosition = index
        return index
    }

    private mutating func parseLimit(
        _ arguments: Arguments, _ index: Int, _ engine: CommandEngine
    ) throws(ReplyError) {
        let count = try engine.integer(arguments[index + 1])
        if count < 0 { throw ReplyError("ERR The LIMIT argument must be >= 0.") }
        limit = Int(count)
        limitPosition = index
    }

    private mutating func checkLimit(
        isAddition: Bool, _ engine: CommandEngine, _ client: ClientState
    ) throws(ReplyError) {
        if limit > 0 && trimming == nil {
            throw ReplyError(
                """
                ERR syntax error, LIMIT cannot be used without specifying a trimming strategy
                """)
        }
        if !isAddition && trimming == nil {
            throw ReplyError(
                "ERR syntax error, XTRIM must be called with a trimming strategy")
        }
        // The master has written what it did: nothing may be left out here.
        if client.isMaster {
            limit = 0
        } else if limitPosition > 0 {
            if !isApproximate {
                throw ReplyError(
                    "ERR syntax error, LIMIT cannot be used without the special ~ option")
            }
        } else if isApproximate {
            // A hundred nodes at once, so that no client waits long.
            let entries = engine.settings.streamNodeEntriesMax
            limit =
                entries <= 0
                ? 10_000 : min(entries.multipliedClamped(by: 100), StreamTrimOptions.limitMax)
        }
    }
}
