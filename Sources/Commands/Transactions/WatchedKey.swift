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

    /// Breaks the transactions of those who watch the key. `exists`: it exists after the change.
    ///
    /// A key that had expired when WATCH saw it may go without breaking anything: the client has
    /// seen it as absent.
    func touch(database: Int, key: ByteSlice, exists: Bool) {
        let watched = WatchedKey(database: database, key: key.array)
        for client in clientsByKey[watched] ?? [] { spoil(watched, client, exists: exists) }
    }

    /// As `touch` for all keys of a database; `changes` says whether the key is concerned and
    /// whether it exists afterwards.
    func touchAll(database: Int, _ changes: (WatchedKey) -> (isChanged: Bool, exists: Bool)) {
        for (key, clients) in clientsByKey where key.database == database {
            let change = changes(key)
            guard change.isChanged else { continue }
            for client in clients { spoil(key, client, exists: change.exists) }
        }
    }

    private func spoil(_ key: WatchedKey, _ client: ClientState, exists: Bool) {
        guard let place = client.watched.firstIndex(of: key) else { return }
        if client.watched[place].wasExpired && !exists {
            client.watched[place].wasExpired = false
        } else {
            client.isWatchBroken = true
        }
    }
}
