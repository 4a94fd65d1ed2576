// The arguments of XREAD and XREADGROUP.
//
//   [GROUP group consumer] [COUNT n] [BLOCK ms] [NOACK] STREAMS key … id …
internal import Bytes
internal import RESP
internal import Store

/// Options of XREAD and XREADGROUP.
struct StreamReadOptions {
    /// How long to wait; nil: not at all; 0: for ever.
    private(set) var timeoutMilliseconds: Int64?
    /// Most entries of each stream.
    private(set) var countMax = Int.max
    /// Position of the group's name, in front of the consumer's; 0 without a group.
    private(set) var groupPosition = 0
    private(set) var acknowledgesAtOnce = false
    /// Positions of the keys; the IDs stand behind them in the same order.
    private(set) var keys = 0..<0

    init(
        _ arguments: Arguments, isGroup: Bool, _ engine: CommandEngine
    ) throws(ReplyError) {
        var index = 1
        while index < arguments.count && keys.isEmpty {
            let option = arguments[index]
            let more = arguments.count - index - 1
            if more > 0 && option.equalsIgnoringCase("block") {
                if engine.script.isActive { throw StreamReadOptions.blocksInScript(arguments[0]) }
                index += 1
                timeoutMilliseconds = try engine.timeout(milliseconds: arguments[index])
            } else if more > 0 && option.equalsIgnoringCase("count") {
                index += 1
                let count = try engine.integer(arguments[index])
                countMax = count <= 0 ? .max : Int(count)
            } else if more > 0 && option.equalsIgnoringCase("streams") {
                try parseStreams(arguments, from: index + 1, isGroup: isGroup)
            } else if more > 1 && option.equalsIgnoringCase("group") {
                if !isGroup { throw StreamReadOptions.onlyForGroups("GROUP") }
                groupPosition = index + 1
                index += 2
            } else if option.equalsIgnoringCase("noack") {
                if !isGroup { throw StreamReadOptions.onlyForGroups("NOACK") }
                acknowledgesAtOnce = true
            } else {
                throw .syntax
            }
            index += 1
        }
        if keys.isEmpty { throw .syntax }
        if isGroup && groupPosition == 0 {
            throw ReplyError("ERR Missing GROUP option for XREADGROUP")
        }
    }

    private mutating func parseStreams(
        _ arguments: Arguments, from start: Int, isGroup: Bool
    ) throws(ReplyError) {
        let count = arguments.count - start
        if count % 2 != 0 {
            throw ReplyError(
                composed: "ERR Unbalanced '\(isGroup ? "xreadgroup" : "xread")' list of streams: "
                    + "for each stream key an ID or '\(isGroup ? ">" : "$")' must be specified.")
        }
        keys = start..<start + count / 2
    }

    /// Where the keys stand: behind the STREAMS that is the option, for a group, a consumer and a
    /// key may have that name as well. Nil when the arguments are none of these commands.
    static func keys(_ arguments: Arguments) -> Range<Int>? {
        var index = 1
        while index < arguments.count {
            let option = arguments[index]
            if option.equalsIgnoringCase("streams") {
                let count = arguments.count - index - 1
                guard count > 0, count % 2 == 0 else { return nil }
                return index + 1..<index + 1 + count / 2
            }
            if option.equalsIgnoringCase("block") || option.equalsIgnoringCase("count") {
                index += 1
            } else if option.equalsIgnoringCase("group") {
                index += 2
            } else if !option.equalsIgnoringCase("noack") {
                return nil
            }
            index += 1
        }
        return nil
    }

    private static func blocksInScript(_ command: ByteSlice) -> ReplyError {
        ReplyError(
            composed: "ERR \(command.string) command is not allowed with BLOCK option from scripts")
    }

    private static func onlyForGroups(_ option: String) -> ReplyError {
        ReplyError(
            composed: "ERR The \(option) option is only supported by XREADGROUP. "
                + "You called XREAD instead.")
    }
}
