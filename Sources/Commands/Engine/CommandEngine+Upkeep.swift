// What the node asks of the engine outside of commands: new clients, and keys whose time is over.
internal import Bytes
internal import Store

extension CommandEngine {
    /// Tells a new client whether it must authenticate; once, before its first command.
    public func welcome(_ client: ClientState) { logOut(client) }

    /// Whether keys may be removed because their time is over: not on a replica, while the data
    /// set is loaded, while clients are paused, or when DEBUG SET-ACTIVE-EXPIRE forbids it.
    public var mayExpireActively: Bool { expiresActively && deletesExpiredKeys }

    /// Removes keys whose time is over, as effects of their own, until the budget of buckets is
    /// used; true when every database was passed.
    public func expireKeys(bucketBudget: Int) -> Bool {
        guard mayExpireActively else { return true }
        // Listeners and watchers are told afterwards: the keyspace must not be looked at meanwhile.
        let tells = observesChanges || eventMask.contains(.expired)
        var removed: [(database: Int, key: [UInt8])] = []
        let sweep = keyspace.removeExpired(now: now, bucketBudget: bucketBudget) {
            database, entry in
            beginUnit()
            propagate(deletionName, entry.key, database: database)
            if tells { removed.append((database, entry.key.array)) }
        }
        unitEffectCount = 0
        counts.expiredKeys += Int64(sweep.removed)
        changeCount &+= Int64(sweep.removed)
        for (database, key) in removed {
            key.withByteSlice { key in
                notify(.expired, "expired", key, database: database)
                if observesChanges { noteChange(key, database: database) }
            }
        }
        serveReadyKeys()
        return sweep.isComplete
    }
}
