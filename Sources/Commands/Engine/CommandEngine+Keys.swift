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

    /// The entry of `key` unless its time is over, for a change. Does not count as a read. A change
    /// notes the time of the use by itself; where uses are counted, looking up counts.
    @inline(__always)
    func lookUp(_ key: ByteSlice, _ hash: KeyHash, _ client: ClientState) -> Entry? {
        guard let entry = peek(key, hash, client) else { return nil }
        if countsAccesses && !client.leavesAccessTimes { touch(entry) }
        return entry
    }

    /// The entry of `key` unless its time is over; neither a read nor a use.
    @inline(__always)
    func peek(_ key: ByteSlice, _ hash: KeyHash, _ client: ClientState) -> Entry? {
        guard let entry = database(client).find(key, hash) else { return nil }
        if !entry.hasExpiry || entry.expiresAt >= now { return entry }
        return lookUpExpired(entry, key, hash, client)
    }

    /// The entry of `key` in another database than the client's, unless its time is over.
    func lookUp(
        _ key: ByteSlice, _ hash: KeyHash, _ client: ClientState, database index: Int
    ) -> Entry? {
        guard let entry = keyspace.database(index).find(key, hash) else { return nil }
        if !entry.hasExpiry || entry.expiresAt >= now || client.isMaster { return entry }
        if deletesExpiredKeys { deleteExpired(key, hash, databaseIndex: index) }
        return nil
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

    /// Whether the client must not see the entry because its time is over.
    func isHidden(_ entry: Entry, _ client: ClientState) -> Bool {
        entry.hasExpiry && entry.expiresAt < now && !client.isMaster
    }

    /// The entry of `key` for a read: counts hits and misses and notes the access.
    @inline(__always)
    func read(_ key: ByteSlice, _ hash: KeyHash, _ client: ClientState) -> Entry? {
        guard let entry = readUntouched(key, hash, client) else { return nil }
        if !client.leavesAccessTimes { touch(entry) }
        return entry
    }

    /// As `read`, for commands that ask about a key without using it.
    @inline(__always)
    func readUntouched(_ key: ByteSlice, _ hash: KeyHash, _ client: ClientState) -> Entry? {
        guard let entry = peek(key, hash, client) else {
            counts.misses &+= 1
            if eventMask.contains(.keyMiss) { notify(.keyMiss, "keymiss", key, client) }
            return nil
        }
        counts.hits &+= 1
        return entry
    }

    /// Notes a use of the entry.
    @inline(__always)
    func touch(_ entry: Entry) {
        if countsAccesses {
            keyspace.accessClock.touch(entry)
        } else {
            entry.accessClock = accessClock
        }
    }

    /// Whether setting this expiry time means to delete the key. What a master sends, or a node
    /// that is loading, is stored as it is.
    func isPast(_ time: Int64, _ client: ClientState) -> Bool {
        time <= now && !client.isMaster && !isLoading && !isReplica
    }

    /// What deletes an expired key in the stream.
    var deletionName: StaticString { settings.expiresLazily ? "UNLINK" : "DEL" }

    /// Deletes a key whose time is over and says so to stream, watchers and listeners.
    func deleteExpired(_ key: ByteSlice, _ hash: KeyHash, databaseIndex: Int) {
        guard keyspace.database(databaseIndex).remove(key, hash, .expiry) else { return }
        counts.expiredKeys += 1
        propagate(deletionName, key, database: databaseIndex)
        notify(.expired, "expired", key, database: databaseIndex)
        if observesChanges { noteChange(key, database: databaseIndex) }
    }
}
