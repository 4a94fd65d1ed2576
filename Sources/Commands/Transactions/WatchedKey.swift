// Which keys are watched by whom (WATCH), so that a change of one breaks their transactions.
//
// Nothing is hashed or looked up while no client watches anything: `isEmpty` is one comparison.
internal import Bytes

/// A key of one database, owned.
struct WatchedKey: Hashable {
    let database: Int
    let key: [UInt8]
    /// The key had already expired, and was still stored, when WATCH saw it.
    var wasExpired = false

    static func == (left: WatchedKey, right: WatchedKey) -> Bool {
        left.database == right.database && left.key == right.key
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(database)
        hasher.combine(key)
    }
}

/// All watched keys of the server.
struct WatchTable {
    private var clientsByKey: [WatchedKey: [ClientState]] = [:]

    /// Whether nobody watches anything.
    var isEmpty: Bool { clientsByKey.isEmpty }
    /// Number of watched keys.
    var keyCount: Int { clientsByKey.count }

    mutating func add(_ key: WatchedKey, client: ClientState) {
        if client.watched.contains(key) { return }
        client.watched.append(key)
        clientsByKey[key, default: []].append(client)
    }

    /// Ends all watches of `client`.
    mutating func removeAll(of client: ClientState) {
        for key in client.watched {
            clientsByKey[key]?.removeAll { $0 === client }
            if clientsByKey[key]?.isEmpty == true { clientsByKey[key] = nil }
        }
        client.watched = []
    }

    /// Breaks the transactions of those who watch the key.
    func touch(database: Int, key: ByteSlice) {
        for client in clientsByKey[WatchedKey(database: database, key: key.array)] ?? [] {
            client.isWatchBroken = true
        }
    }

    /// Breaks the transactions of those who watch a key of which `changes` is true. Keys that had
    /// expired when the watch began do not count when they go.
    func touch(database: Int, where changes: (WatchedKey) -> Bool) {
        for (key, clients) in clientsByKey where key.database == database && changes(key) {
            for client in clients {
                let own = client.watched.first { $0 == key }
                if own?.wasExpired != true { client.isWatchBroken = true }
            }
        }
    }
}
