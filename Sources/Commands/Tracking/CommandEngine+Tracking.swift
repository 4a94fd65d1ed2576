// Telling clients that cache what they have read when it changes.
//
//   read  ──► rememberReads           the keys, unless the client's mode says no
//   write ──► noteTrackedChange  ──┬► others: the message at once
//                                  ├► the client that writes: behind its reply
//                                  └► broadcast: gathered, told at the end of the turn
internal import Bytes
internal import RESP

extension CommandEngine {
    // MARK: Reads

    /// Remembers the keys that a command has read for its client. `client` is who asked, also when
    /// a script or a transaction runs the command.
    func rememberReads(_ number: Int, _ arguments: Arguments, _ client: ClientState) {
        guard let mode = client.tracking, mode.remembersReads else { return }
        let spec = table.specs[number]
        // Scripts are remembered by what they run.
        guard spec.flags.contains(.readOnly), !spec.flags.contains(.pubSub),
            !spec.categories.contains(.scripting)
        else { return }
        let id = client.id
        _ = spec.forEachKey(arguments) { position, _ in
            tracking.remember(arguments[position].array, client: id)
        }
        limitTrackedKeys(to: settings.trackedKeysMax, effort: CommandEngine.droppedKeysMax)
    }

    /// How many keys one command may push out of a table that is too large.
    private static var droppedKeysMax: Int { 100 }

    /// Forgets some keys when there are too many, and says so to their readers.
    func limitTrackedKeys(to countMax: Int, effort: Int) {
        guard countMax > 0 else { return }
        var effort = effort
        while tracking.keyCount > countMax, effort > 0,
            let key = tracking.anyKey(&random)
        {
            effort -= 1
            tellReaders(of: key, isChange: false)
        }
    }

    // MARK: Changes

    /// A key has changed: tells those who have read it.
    func noteTrackedChange(_ key: ByteSlice) {
        let key = key.array
        if !tracking.prefixes.isEmpty { tracking.noteChange(key, by: runningClient?.id ?? 0) }
        tellReaders(of: key)
    }

    /// `isChange`: the running client has changed the key, which NOLOOP keeps from itself.
    private func tellReaders(of key: [UInt8], isChange: Bool = true) {
        for id in tracking.takeReaders(of: key) {
            guard let client = owner.client(id: id), let mode = client.tracking,
                !mode.isBroadcast
            else { continue }
            if client === runningClient {
                if !isChange || !mode.ignoresOwnChanges { ownInvalidations.append(key) }
            } else {
                tell(client, changed: [key])
            }
        }
    }

    /// Whole databases are empty or replaced: nothing that was read holds any more.
    func noteTrackedFlush() {
        if tracking.isEmpty { return }
        for client in tracking.clients {
            if client === runningClient {
                ownInvalidations.append(nil)
            } else {
                tell(client, changed: nil)
            }
        }
        tracking.forgetReads()
    }

    /// The unit of the running client is over: its own messages follow its reply.
    func tellOwnInvalidations() {
        let pending = ownInvalidations
        ownInvalidations = []
        guard let client = runningClient, client.tracking != nil else { return }
        for key in pending { tell(client, changed: key.map { [$0] }) }
    }

    /// The turn is over: tells the keys that were gathered for broadcasting clients.
    func broadcastInvalidations() {
        if tracking.prefixes.isEmpty { return }
        for prefix in tracking.takeChanges() {
            let keys = prefix.changes.keys.sorted { $0.lexicographicallyPrecedes($1) }
            for client in prefix.clients {
                let ignored = client.tracking?.ignoresOwnChanges == true ? client.id : 0
                let told =
                    ignored == 0 ? keys : keys.filter { prefix.changes[$0] != ignored }
                if !told.isEmpty { tell(client, changed: told) }
            }
        }
    }

    // MARK: Messages

    /// Writes one message to the client or to whom it redirects; nil stands for all keys.
    private func tell(_ client: ClientState, changed keys: [[UInt8]]?) {
        guard let mode = client.tracking else { return }
        var receiver = client
        if mode.redirectID != 0 {
            guard let other = owner.client(id: mode.redirectID) else {
                return redirectionBroke(client, mode)
            }
            receiver = other
        }
        if receiver.writer.isRESP3 {
            receiver.writer.pushHeader(2)
            receiver.writer.bulk("invalidate")
        } else if mode.redirectID != 0 && receiver.subscriptions.total > 0 {
            receiver.writer.pushHeader(3)
            receiver.writer.bulk("message")
            receiver.writer.bulk("__redis__:invalidate")
        } else {
            // RESP2 knows no messages beside replies.
            return
        }
        if let keys {
            receiver.writer.arrayHeader(keys.count)
            for key in keys { key.withByteSlice { receiver.writer.bulk($0) } }
        } else {
            receiver.writer.null()
        }
        noteOutput(receiver)
    }

    private func redirectionBroke(_ client: ClientState, _ mode: ClientTracking) {
        mode.isRedirectBroken = true
        guard client.writer.isRESP3 else { return }
        client.writer.pushHeader(2)
        client.writer.bulk("tracking-redir-broken")
        client.writer.integer(mode.redirectID)
        noteOutput(client)
    }

    // MARK: Modes

    /// Begins to track, or changes the mode.
    func track(_ client: ClientState, _ mode: ClientTracking) {
        let old = client.tracking?.prefixes ?? []
        let added = mode.isBroadcast && mode.prefixes.isEmpty ? [[]] : mode.prefixes
        mode.prefixes =
            mode.isBroadcast
            ? (old + added.filter { !old.contains($0) }).sorted {
                $0.lexicographicallyPrecedes($1)
            } : []
        client.tracking = mode
        tracking.add(client)
        for prefix in mode.prefixes { tracking.add(prefix: prefix, of: client) }
        updateObservers()
    }

    /// Ends tracking; does nothing when the client does not track.
    func stopTracking(_ client: ClientState) {
        guard client.tracking != nil else { return }
        tracking.remove(client)
        client.tracking = nil
        updateObservers()
    }

    /// Figures for INFO: clients, remembered keys, pairs of key and client, prefixes.
    public var trackingCounts: (clients: Int, keys: Int, items: Int, prefixes: Int) {
        (
            tracking.clients.count, tracking.keyCount, tracking.itemCount,
            tracking.prefixes.count
        )
    }
}
