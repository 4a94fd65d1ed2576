// Commands that wait for a key: how they begin to wait and how they end without being served.
//
//   1. The handler finds nothing in any of its keys and calls `blockOnKeys`; it writes no reply.
//   2. `changed` notices the keys that somebody waits for.
//   3. At the end of the unit that changed them `serveReadyKeys` runs the blocked commands again
//      (CommandEngine+Serving). One that still finds nothing blocks again, with its old deadline.
//   4. Or the time is over, CLIENT UNBLOCK, a change of role, or the connection ends.
//
// The node lets a client's unread commands run when `takeUnblockedClients` names it, and calls
// `endTimedOutWaits` when `nextWaitDeadline` has come.
public import Bytes
public import RESP
internal import Store

extension CommandEngine {
    // MARK: For handlers

    /// Lets the client wait until one of `keys` (positions in `arguments`) holds a value of `type`,
    /// and then runs `arguments` again. False when it must not block: the handler then answers as
    /// if its time were over.
    ///
    /// The command must not have changed anything. `arguments` may differ from what the client has
    /// sent, when a part of it means something else later (`$` of XREAD).
    ///
    /// - Parameters:
    ///   - timeoutMilliseconds: how long at most; 0 is for ever.
    ///   - wakesWithoutKey: it is also run again when a key is gone or got another type.
    func blockOnKeys(
        _ client: ClientState, _ arguments: Arguments, keys: Range<Int>, type: ValueType,
        timeoutMilliseconds: Int64, wakesWithoutKey: Bool = false
    ) -> Bool {
        if client.deniesBlocking || client.isMaster { return false }
        let wait =
            client.wait
            ?? makeWait(client, arguments, type, timeoutMilliseconds, wakesWithoutKey)
        client.wait = wait
        waits.add(
            wait, database: client.databaseIndex,
            keys: arguments.view(from: keys.lowerBound, count: keys.count), keyspace: keyspace)
        client.blocked = BlockedState(
            reason: .keys, deadline: wait.deadline)
        updateObservers()
        return true
    }

    private func makeWait(
        _ client: ClientState, _ arguments: Arguments, _ type: ValueType,
        _ timeoutMilliseconds: Int64, _ wakesWithoutKey: Bool
    ) -> KeyWait {
        let request = TransactionQueue()
        request.append(
            number: table.number(of: arguments[0]), flags: [], arguments: arguments)
        let deadline =
            timeoutMilliseconds > 0
            ? Deadline(timeoutMilliseconds, after: owner.monotonicNanoseconds() / 1_000_000) : nil
        return KeyWait(
            client: client, request: request, type: type, wakesWithoutKey: wakesWithoutKey,
            deadline: deadline)
    }

    /// A timeout in seconds, as BLPOP and its kin take it; the result is in milliseconds, rounded
    /// up.
    func timeout(seconds argument: ByteSlice) throws(ReplyError) -> Int64 {
        guard let seconds = Numbers.double(argument), !seconds.isNaN else {
            // A number that only extended precision holds.
            guard ExtendedNumber(argument) != nil else {
                throw ReplyError("ERR timeout is not a float or out of range")
            }
            throw argument[0] == UInt8(ascii: "-") ? .timeoutNegative : .timeoutOutOfRange
        }
        let milliseconds = (seconds * 1_000).rounded(.up)
        if milliseconds < 0 { throw .timeoutNegative }
        guard let exact = Int64(exactly: milliseconds) else { throw .timeoutOutOfRange }
        return try timeout(exact)
    }

    /// A timeout in milliseconds, as XREAD, WAIT and CLIENT PAUSE take it.
    func timeout(milliseconds argument: ByteSlice) throws(ReplyError) -> Int64 {
        guard let milliseconds = Numbers.integer(argument) else { throw .timeoutNotInteger }
        return try timeout(milliseconds)
    }

    /// Refuses times whose end the wall clock cannot say.
    private func timeout(_ milliseconds: Int64) throws(ReplyError) -> Int64 {
        if milliseconds < 0 { throw .timeoutNegative }
        if milliseconds > Int64.max.subtractingClamped(now) { throw .timeoutOutOfRange }
        return milliseconds
    }

    // MARK: Changes

    /// Whether anybody wants to know of changes; kept in one field for the straight path.
    func updateObservers() {
        observesChanges = !watches.isEmpty || !waits.isEmpty || !tracking.isEmpty
        hasReadyKeys = waits.hasReadyKeys
    }

    /// Tells those who watch the key or wait for it; called only when there are any.
    @inline(never)
    func noteChange(_ key: ByteSlice, database: Int) {
        let hash = keyspace.hash(key)
        if !watches.isEmpty {
            let exists = keyspace.database(database).find(key, hash) != nil
            watches.touch(database: database, key: key, exists: exists)
        }
        if !waits.isEmpty {
            waits.noteChange(database: database, hash: hash)
            hasReadyKeys = waits.hasReadyKeys
        }
        if !tracking.isEmpty { noteTrackedChange(key) }
    }

    /// Any key of a database may have changed: those who wait for one look at it again.
    func noteChanges(database: Int) {
        if waits.isEmpty { return }
        waits.noteChanges(database: database)
        hasReadyKeys = waits.hasReadyKeys
    }

    // MARK: The end of waits

    /// Clients that stopped to wait since the last call: what they sent meanwhile may run.
    public func takeUnblockedClients() -> [ClientState] {
        if unblockedClients.isEmpty { return [] }
        let clients = unblockedClients
        unblockedClients = []
        return clients
    }

    /// When the next wait for a key ends by itself, on the monotonic clock.
    public var nextWaitDeadline: Deadline? { waits.firstTimed?.deadline }

    /// Ends the waits for keys whose time is over.
    public func endTimedOutWaits(nowMilliseconds: Int64) {
        while let wait = waits.firstTimed,
            let deadline = wait.deadline, deadline.isOver(at: nowMilliseconds)
        {
            end(wait, with: nil)
        }
    }

    /// Ends the wait of a client for keys as if its time were over, or with `error`. False when it
    /// does not wait for a key.
    public func endWait(of client: ClientState, with error: ReplyError? = nil) -> Bool {
        guard let wait = client.wait else { return false }
        end(wait, with: error)
        return true
    }

    /// Ends all waits for keys with `error`; returns the clients.
    public func endWaits(with error: ReplyError) -> [ClientState] {
        waits.all.map { wait in
            end(wait, with: error)
            return wait.client
        }
    }

    private func end(_ wait: KeyWait, with error: ReplyError?) {
        let client = wait.client
        waits.remove(wait)
        updateObservers()
        client.wait = nil
        client.blocked = nil
        let number = Int(wait.request[0].number)
        statistics[number].calls &+= 1
        counts.commands &+= 1
        answer(client) {
            guard let error else { return client.writer.nullArray() }
            statistics[number].failedCalls &+= 1
            fail(error, client)
        }
        noteUnblocked(client)
    }

    /// Calls `write`, which answers a client that has waited, and drops the answer if the client
    /// wants none.
    func answer(_ client: ClientState, _ write: () -> Void) {
        let start = client.writer.buffer.count
        let isSilent = client.replyMode == .off || client.replyMode == .skipCurrent
        write()
        if isSilent { client.writer.buffer.truncate(to: start) }
        if client.replyMode == .skipCurrent && client.blocked == nil { client.replyMode = .on }
        noteOutput(client)
    }

    func noteUnblocked(_ client: ClientState) { unblockedClients.append(client) }

    /// Forgets the wait of a client that is gone.
    func dropWait(of client: ClientState) {
        unblockedClients.removeAll { $0 === client }
        guard let wait = client.wait else { return }
        waits.remove(wait)
        client.wait = nil
        updateObservers()
    }

    // MARK: Facts

    /// Keys that clients wait for, and those of them that wake a client also when they are gone.
    public var awaitedKeyCounts: (all: Int, wakingWithoutKey: Int) {
        (waits.keyCount, waits.keyCountWakingWithoutKey)
    }

    /// Clients whose wait for a key ends by itself.
    public var timedWaitCount: Int { waits.timedCount }
}
