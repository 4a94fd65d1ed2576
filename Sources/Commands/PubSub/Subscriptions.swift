// Who listens to which channel.
//
//   channels        name    ──► clients            SUBSCRIBE
//   patterns        pattern ──► clients            PSUBSCRIBE
//   shardChannels   name    ──► clients            SSUBSCRIBE
//
// Each client has the same three sets from its own side.
internal import Bytes

/// A channel name or pattern, owned.
typealias ChannelName = [UInt8]

/// The three kinds of subscription.
enum SubscriptionKind {
    case channel, pattern, shardChannel
}

/// What one client is subscribed to, in order of subscription.
struct ClientSubscriptions {
    var channels: [ChannelName] = []
    var patterns: [ChannelName] = []
    var shardChannels: [ChannelName] = []

    /// All subscriptions.
    var total: Int { channels.count + patterns.count + shardChannels.count }

    subscript(kind: SubscriptionKind) -> [ChannelName] {
        get {
            switch kind {
            case .channel: channels
            case .pattern: patterns
            case .shardChannel: shardChannels
            }
        }
        set {
            switch kind {
            case .channel: channels = newValue
            case .pattern: patterns = newValue
            case .shardChannel: shardChannels = newValue
            }
        }
    }

    /// The number that (un)subscribe replies carry: shard channels count for themselves.
    func count(for kind: SubscriptionKind) -> Int {
        kind == .shardChannel ? shardChannels.count : channels.count + patterns.count
    }
}

/// All subscriptions of the server.
struct SubscriptionTable {
    private var channels: [ChannelName: [ClientState]] = [:]
    private var patterns: [ChannelName: [ClientState]] = [:]
    private var shardChannels: [ChannelName: [ClientState]] = [:]

    /// Whether nobody listens to anything.
    var isEmpty: Bool { channels.isEmpty && patterns.isEmpty && shardChannels.isEmpty }

    subscript(kind: SubscriptionKind) -> [ChannelName: [ClientState]] {
        _read {
            switch kind {
            case .channel: yield channels
            case .pattern: yield patterns
            case .shardChannel: yield shardChannels
            }
        }
        _modify {
            switch kind {
            case .channel: yield &channels
            case .pattern: yield &patterns
            case .shardChannel: yield &shardChannels
            }
        }
    }

    /// False when the client had subscribed already.
    mutating func add(_ name: ChannelName, kind: SubscriptionKind, client: ClientState) -> Bool {
        if client.subscriptions[kind].contains(name) { return false }
        client.subscriptions[kind].append(name)
        self[kind][name, default: []].append(client)
        return true
    }

    /// False when the client had not subscribed.
    mutating func remove(
        _ name: ChannelName, kind: SubscriptionKind, client: ClientState
    ) -> Bool {
        guard let place = client.subscriptions[kind].firstIndex(of: name) else { return false }
        client.subscriptions[kind].remove(at: place)
        self[kind][name]?.removeAll { $0 === client }
        if self[kind][name]?.isEmpty == true { self[kind][name] = nil }
        return true
    }
}
