// Looking keys up, with what must happen when their time is over.
//
//   master            an expired key is deleted; DEL is an effect of the running unit
//   replica           it reads as absent and stays until the master's DEL arrives
//   the stream itself (a client that applies it) sees expired keys as present
internal import Bytes
internal import Store

extension CommandEngine {
    /// The client's database.
    @inline(__always)
    func database(_ client: ClientState) -> Database {
        keyspace.database(client.databaseIndex)
    }

    /// The entry of `key` unless its time is over. Does not count as a read.
    @inline(__always)
    func lookUp(_ key: ByteSlice, _ hash: KeyHash, _ client: ClientState) -> Entry? {
        guard let entry = database(client).find(key, hash) else { return nil }
        if !entry.hasExpiry || entry.expiresAt >= now { return entry }
        return lookUpExpired(entry, key, hash, client)
    }

    @inline(never)
    private func lookUpExpired(
        _ entry: Entry, _ key: ByteSlice, _ hash: KeyHash, _ client: ClientState
    ) -> Entry? {
        if client.isMaster { return entry }
        if deletesExpiredKeys {
            deleteExpired(key, hash, databaseIndex: client.databaseIndex)
        }
        return nil
    }

    /// The entry of `key` for a read: counts hits and misses and notes the access.
    @inline(__always)
    func read(_ key: ByteSlice, _ hash: KeyHash, _ client: ClientState) -> Entry? {
        guard let entry = lookUp(key, hash, client) else {
            counts.misses &+= 1
            if eventMask.contains(.keyMiss) { notify(.keyMiss, "keymiss", key, client) }
            return nil
        }
        counts.hits &+= 1
        return entry
    }

    /// Deletes a key whose time is over and says so to stream, watchers and listeners.
    func deleteExpired(_ key: ByteSlice, _ hash: KeyHash, databaseIndex: Int) {
        guard keyspace.database(databaseIndex).remove(key, hash) else { return }
        counts.expiredKeys += 1
        propagate(settings.expiresLazily ? "UNLINK" : "DEL", key, database: databaseIndex)
        notify(.expired, "expired", key, database: databaseIndex)
        if !watches.isEmpty { watches.touch(database: databaseIndex, key: key) }
    }
}
