// What the node asks of the engine outside of commands: new clients, and keys whose time is over.
internal import Bytes
internal import Store

extension CommandEngine {
    /// Tells a new client whether it must authenticate; once, before its first command.
    public func welcome(_ client: ClientState) {
        client.isAuthenticated = settings.password == nil || client.isMaster
    }

    /// Whether keys may be removed because their time is over: not on a replica, while the data
    /// set is loaded, while clients are paused, or when DEBUG SET-ACTIVE-EXPIRE forbids it.
    public var mayExpireActively: Bool { expiresActively && deletesExpiredKeys }

    /// Removes keys whose time is over, as effects of their own, until the budget of buckets is
    /// used; true when every database was passed.
    public func expireKeys(bucketBudget: Int) -> Bool {
        guard mayExpireActively else { return true }
        let sweep = keyspace.removeExpired(now: now, bucketBudget: bucketBudget) {
            database, entry in
            counts.expiredKeys += 1
            changeCount &+= 1
            beginUnit()
            propagate(settings.expiresLazily ? "UNLINK" : "DEL", entry.key, database: database)
            notify(.expired, "expired", entry.key, database: database)
            if !watches.isEmpty { watches.touch(database: database, key: entry.key) }
            unitEffectCount = 0
        }
        return sweep.isComplete
    }
}
