// Runs the commands of waiting clients again whose keys have changed.
//
//   unit that changed keys ──► ready keys, in the order of their first change
//        │                        │ each: its clients, first come first served, as long as the
//        │                        │       key is there with the type that they wait for
//        ▼                        ▼
//   effects of the unit   then   effects of each command that is run again, as units of their own
//
// A command that is run again may change further keys (BLMOVE): these come in the next round. A
// client that joined a queue during a round is not looked at in it, so every round ends.
internal import Bytes
internal import RESP
internal import Store

extension CommandEngine {
    /// Serves the clients whose keys have changed. The engine does so at the end of each unit; the
    /// node calls it where data change outside of commands.
    public func serveReadyKeys() {
        // While a script is busy its unit is not over: whoever it wakes would be told so. It is
        // served when the script has ended.
        guard hasReadyKeys && pause != .all && !isLoading && !script.isActive else { return }
        // As after each command of Redis: what a long unit has let expire is gone now.
        nowMilliseconds = owner.wallMicroseconds() / 1_000
        var postponed: [AwaitedKey] = []
        while waits.hasReadyKeys {
            for awaited in waits.takeReadyKeys() {
                awaited.isReady = false
                if !serve(awaited) { postponed.append(awaited) }
            }
        }
        for awaited in postponed { waits.noteReady(awaited) }
        updateObservers()
        rawRequest = ByteSlice()
    }

    /// Serves the clients of one key; false when one must wait for the end of a pause.
    private func serve(_ awaited: AwaitedKey) -> Bool {
        let last = awaited.queue.lastTicket
        var ticket: UInt64 = 0
        while let wait = awaited.queue.next(after: ticket, upTo: last) {
            ticket = wait.ticket
            let type = presentType(of: awaited)
            if type == nil && awaited.wakingWithoutKey == 0 { return true }
            guard wait.wakesWithoutKey || type == wait.type else { continue }
            let number = Int(wait.request[0].number)
            if mustWait(table.facts[number].flags, wait.client) { return false }
            runAgain(wait, number)
        }
        return true
    }

    /// The type of what is stored under the key; nil when there is nothing that clients see.
    private func presentType(of awaited: AwaitedKey) -> ValueType? {
        let database = keyspace.database(awaited.database)
        let entry = awaited.key.withByteSlice { database.find($0, awaited.hash) }
        guard let entry, !(entry.hasExpiry && entry.expiresAt < now) else { return nil }
        return entry.type
    }

    private func runAgain(_ wait: KeyWait, _ number: Int) {
        let client = wait.client
        // What this client must hear of follows its own reply, not that of whoever woke it.
        let outer = (client: runningClient, invalidations: ownInvalidations)
        runningClient = client
        ownInvalidations = []
        defer {
            client.releaseOwnPushes()
            tellOwnInvalidations()
            runningClient = outer.client
            ownInvalidations = outer.invalidations
        }
        waits.remove(wait)
        client.blocked = nil
        let queued = wait.request[0]
        servedArguments.removeAll()
        wait.request.copyArguments(of: queued, into: &servedArguments)
        let arguments = servedArguments.view(from: 0, count: Int(queued.argumentCount))
        let firstKey = Int(table.facts[number].firstKey)
        if firstKey > 0 && firstKey < arguments.count {
            keyHash = keyspace.hash(arguments[firstKey])
        }
        rawRequest = isPropagating ? wait.request.request(of: queued) : ByteSlice()
        answer(client) {
            if case .refuse(let error) = admit(number, number, arguments, client) {
                return reject(error, number, client)
            }
            let started = owner.monotonicNanoseconds()
            beginUnit()
            runHandler(number, arguments, client)
            if client.tracking != nil { rememberReads(number, arguments, client) }
            endUnit(client)
            guard client.blocked == nil else { return }
            let ended = count(number, since: started)
            if ended &- started >= slowLogNanoseconds {
                log(number, arguments, client, nanoseconds: ended &- started)
            }
        }
        if client.blocked == nil {
            client.wait = nil
            noteUnblocked(client)
        }
    }
}
