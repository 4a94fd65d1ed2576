// ACL LOG: refused commands and logins, newest first.
//
// Equal refusals within a minute are one entry with a count, so that a client that tries in a loop
// does not push everything else out.
internal import Bytes

/// Where a command was refused.
enum AccessContext {
    case topLevel, transaction, script

    var name: StaticString {
        switch self {
        case .topLevel: "toplevel"
        case .transaction: "multi"
        case .script: "lua"
        }
    }
}

/// What was refused.
enum AccessReason {
    case command, key, channel, authentication

    init(_ denial: AccessDenial) {
        switch denial {
        case .command: self = .command
        case .key: self = .key
        case .channel: self = .channel
        }
    }

    var name: StaticString {
        switch self {
        case .command: "command"
        case .key: "key"
        case .channel: "channel"
        case .authentication: "auth"
        }
    }
}

/// The refusals of late.
struct AccessLog {
    /// One refusal, or several equal ones.
    struct Entry {
        var count: Int64 = 1
        let reason: AccessReason
        let context: AccessContext
        let object: [UInt8]
        let userName: [UInt8]
        var clientLine: String
        let id: Int64
        let createdMilliseconds: Int64
        var updatedMilliseconds: Int64
    }

    /// How far apart equal refusals may be to be one entry.
    static let groupingMilliseconds: Int64 = 60_000
    /// How many entries are looked through for an equal one.
    static let comparedMax = 10

    private(set) var entries: [Entry] = []
    private var nextID: Int64 = 0

    mutating func add(
        _ reason: AccessReason, _ context: AccessContext, object: [UInt8], userName: [UInt8],
        clientLine: String, now: Int64, countMax: Int
    ) {
        let place = entries.prefix(AccessLog.comparedMax).firstIndex { entry in
            entry.reason == reason && entry.context == context && entry.object == object
                && entry.userName == userName
                && abs(now - entry.updatedMilliseconds) <= AccessLog.groupingMilliseconds
        }
        if let place {
            var entry = entries.remove(at: place)
            entry.count += 1
            entry.clientLine = clientLine
            entry.updatedMilliseconds = now
            entries.insert(entry, at: 0)
        } else {
            entries.insert(
                Entry(
                    reason: reason, context: context, object: object, userName: userName,
                    clientLine: clientLine, id: nextID, createdMilliseconds: now,
                    updatedMilliseconds: now), at: 0)
            nextID += 1
        }
        trim(to: countMax)
    }

    mutating func trim(to countMax: Int) {
        if entries.count > countMax { entries.removeLast(entries.count - countMax) }
    }

    mutating func removeAll() { entries = [] }
}

/// How often something was refused since the start or CONFIG RESETSTAT.
public struct AccessDenials: Sendable, Equatable {
    /// Logins.
    public var authentication: Int64 = 0
    /// Commands.
    public var command: Int64 = 0
    /// Commands because of a key.
    public var key: Int64 = 0
    /// Commands because of a channel.
    public var channel: Int64 = 0
    /// None.
    public init() {}

    mutating func count(_ reason: AccessReason) {
        switch reason {
        case .command: command += 1
        case .key: key += 1
        case .channel: channel += 1
        case .authentication: authentication += 1
        }
    }
}
