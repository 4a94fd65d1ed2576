// What a client holds beside its buffers, for `maxmemory-clients` and CLIENT LIST.
internal import Bytes

extension ClientState {
    /// Bytes that one name in a list costs beside its text: array, slot, the server's table.
    private static let nameBytes = 96

    /// Bytes of queued commands, watched keys and subscriptions, roughly.
    public var heldBytes: Int {
        var bytes = transactionBytes
        if !watched.isEmpty {
            for key in watched { bytes += key.key.count + ClientState.nameBytes }
        }
        if subscriptionCount > 0 {
            for kind in [SubscriptionKind.channel, .pattern, .shardChannel] {
                for name in subscriptions[kind] { bytes += name.count + ClientState.nameBytes }
            }
        }
        return bytes
    }
}
