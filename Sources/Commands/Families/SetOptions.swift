// The options of SET and GETEX.
//
//   SET    [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]
//   GETEX                  [EX s | PX ms | EXAT s | PXAT ms | PERSIST]
internal import Bytes
internal import RESP

/// What follows the key of GETEX or the value of SET.
struct SetOptions {
    /// The unit and base of an expire time.
    enum Time {
        case seconds, milliseconds, atSeconds, atMilliseconds

        var isAbsolute: Bool { self == .atSeconds || self == .atMilliseconds }
        var isInSeconds: Bool { self == .seconds || self == .atSeconds }
    }

    var onlyIfAbsent = false
    var onlyIfPresent = false
    var returnsOld = false
    var keepsExpiry = false
    var persists = false
    var time: (unit: Time, argument: Int)?

    /// Reads the options from position `first`.
    init(_ arguments: Arguments, from first: Int, isGetEx: Bool) throws(ReplyError) {
        var index = first
        while index < arguments.count {
            let option = arguments[index]
            let hasTime = time != nil || keepsExpiry || persists
            if !isGetEx && option.equalsIgnoringCase("nx") && !onlyIfPresent {
                onlyIfAbsent = true
            } else if !isGetEx && option.equalsIgnoringCase("xx") && !onlyIfAbsent {
                onlyIfPresent = true
            } else if !isGetEx && option.equalsIgnoringCase("get") {
                returnsOld = true
            } else if !isGetEx && option.equalsIgnoringCase("keepttl") && time == nil {
                keepsExpiry = true
            } else if isGetEx && option.equalsIgnoringCase("persist") && time == nil {
                persists = true
            } else if !hasTime, let unit = SetOptions.unit(option), index + 1 < arguments.count {
                index += 1
                time = (unit, index)
            } else {
                throw .syntax
            }
            index += 1
        }
    }

    private static func unit(_ option: ByteSlice) -> Time? {
        if option.equalsIgnoringCase("ex") { return .seconds }
        if option.equalsIgnoringCase("px") { return .milliseconds }
        if option.equalsIgnoringCase("exat") { return .atSeconds }
        if option.equalsIgnoringCase("pxat") { return .atMilliseconds }
        return nil
    }

    /// The absolute time in milliseconds; nil when none was given.
    func expiresAt(
        _ arguments: Arguments, now: Int64, command: String
    ) throws(ReplyError) -> Int64? {
        guard let time else { return nil }
        return try SetOptions.absolute(
            arguments[time.argument], unit: time.unit, now: now, command: command)
    }

    /// Turns an expire time above zero into absolute milliseconds.
    static func absolute(
        _ argument: ByteSlice, unit: Time, now: Int64, command: String
    ) throws(ReplyError) -> Int64 {
        guard let length = Numbers.integer(argument) else { throw .notInteger }
        if length <= 0 { throw .invalidExpire(command) }
        let (time, isTooLong) = length.multipliedReportingOverflow(by: unit.isInSeconds ? 1_000 : 1)
        let (sum, isTooLate) = time.addingReportingOverflow(unit.isAbsolute ? 0 : now)
        if isTooLong || isTooLate { throw .invalidExpire(command) }
        return sum
    }
}
