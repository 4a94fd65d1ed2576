// Which clients CLIENT KILL and CLIENT LIST are about.
internal import Bytes
internal import RESP

/// The kinds of clients that TYPE tells apart.
enum ClientKind {
    case normal, master, replica, pubSub

    init(_ client: ClientState) {
        if client.isMaster {
            self = .master
        } else if client.isReplica && !client.isMonitor {
            self = .replica
        } else {
            self = client.subscriptions.total > 0 ? .pubSub : .normal
        }
    }

    init(_ name: ByteSlice) throws(ReplyError) {
        if name.equalsIgnoringCase("normal") {
            self = .normal
        } else if name.equalsIgnoringCase("master") {
            self = .master
        } else if name.equalsIgnoringCase("replica") || name.equalsIgnoringCase("slave") {
            self = .replica
        } else if name.equalsIgnoringCase("pubsub") {
            self = .pubSub
        } else {
            throw ReplyError(composed: "ERR Unknown client type '\(name.string)'")
        }
    }
}

/// The conditions of CLIENT KILL; all must hold.
struct ClientFilter {
    var id: Int64?
    var kind: ClientKind?
    var user: String?
    var address: String?
    var localAddress: String?
    /// Connected for at least so many seconds.
    var ageSecondsMin: Int64?
    var skipsCaller = true

    init() {}

    /// Whether the link to the master can be meant, by its kind or its address.
    var mayMeanUpstream: Bool {
        let isNamed = kind == .master || (kind == nil && address != nil)
        return isNamed && id == nil && user == nil && localAddress == nil && ageSecondsMin == nil
    }

    init(
        _ arguments: Arguments, from first: Int, _ engine: CommandEngine
    ) throws(ReplyError) {
        var index = first
        while index < arguments.count {
            guard index + 1 < arguments.count else { throw .syntax }
            let option = arguments[index]
            let value = arguments[index + 1]
            if option.equalsIgnoringCase("id") {
                guard let number = Numbers.integer(value), number > 0 else {
                    throw ReplyError("ERR client-id should be greater than 0")
                }
                id = number
            } else if option.equalsIgnoringCase("type") {
                kind = try ClientKind(value)
            } else if option.equalsIgnoringCase("addr") {
                address = value.string
            } else if option.equalsIgnoringCase("laddr") {
                localAddress = value.string
            } else if option.equalsIgnoringCase("user") {
                guard engine.access.user(value.array) != nil else {
                    throw ReplyError(composed: "ERR No such user '\(value.string)'")
                }
                user = value.string
            } else if option.equalsIgnoringCase("maxage") {
                guard let seconds = Numbers.integer(value) else {
                    throw ReplyError("ERR maxage is not an integer or out of range")
                }
                if seconds <= 0 { throw ReplyError("ERR maxage should be greater than 0") }
                ageSecondsMin = seconds
            } else if option.equalsIgnoringCase("skipme") {
                skipsCaller = try ClientFilter.yesOrNo(value)
            } else {
                throw .syntax
            }
            index += 2
        }
    }

    private static func yesOrNo(_ value: ByteSlice) throws(ReplyError) -> Bool {
        if value.equalsIgnoringCase("yes") { return true }
        if value.equalsIgnoringCase("no") { return false }
        throw .syntax
    }

    /// Whether the client is one of them; `now` is the node's wall clock in milliseconds.
    func matches(_ client: ClientState, caller: ClientState, now: Int64) -> Bool {
        if let ageSecondsMin, (now - client.connectedAtMilliseconds) / 1_000 < ageSecondsMin {
            return false
        }
        if let address, client.addressText != address { return false }
        if let localAddress, client.localAddressText != localAddress { return false }
        if let kind, ClientKind(client) != kind { return false }
        if let id, client.id != id { return false }
        if let user, client.userName != user { return false }
        return !(skipsCaller && client === caller)
    }
}
