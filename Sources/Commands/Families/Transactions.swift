// MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//
// EXEC runs the queue as one unit of execution: its effects are one transaction of the stream, with
// MULTI and EXEC around them when there is more than one.
internal import Bytes
internal import RESP
internal import Store

/// The commands on transactions.
enum Transactions {
    static let table: [CommandSpec] = [
        CommandSpec(
            name: "multi", since: "1.2.0", group: .transactions, arity: 1,
            flags: [
                .noScript, .loading, .stale, .fast, .allowBusy, .runsInsideMulti,
            ], categories: [.transaction], summary: "Starts a transaction.", handler: multi),
        CommandSpec(
            name: "exec", since: "1.2.0", group: .transactions,
            complexity: "Depends on commands in the transaction", arity: 1,
            flags: [.noScript, .loading, .stale, .skipSlowLog, .runsInsideMulti],
            categories: [.transaction], summary: "Executes all commands in a transaction.",
            handler: exec),
        CommandSpec(
            name: "discard", since: "2.0.0", group: .transactions,
            complexity: "O(N), when N is the number of queued commands", arity: 1,
            flags: [
                .noScript, .loading, .stale, .fast, .allowBusy, .runsInsideMulti,
            ], categories: [.transaction], summary: "Discards a transaction.",
            handler: { (engine, client, _) throws(ReplyError) in
                if client.transaction == nil { throw .discardWithoutMulti }
                discard(engine, client)
                client.writer.ok()
            }),
        CommandSpec(
            name: "watch", since: "2.2.0", group: .transactions,
            complexity: "O(1) for every key.", arity: -2,
            flags: [
                .noScript, .loading, .stale, .fast, .allowBusy, .runsInsideMulti,
            ], categories: [.transaction],
            keys: [.range(first: 1, last: -1, step: 1, [.readOnly])], syntax: "key [key ...]",
            summary: "Monitors changes to keys to determine the execution of a transaction.",
            handler: watch),
        CommandSpec(
            name: "unwatch", since: "2.2.0", group: .transactions, arity: 1,
            flags: [.noScript, .loading, .stale, .fast, .allowBusy],
            categories: [.transaction],
            summary: "Forgets about watched keys of a transaction.",
            handler: { (engine, client, _) in
                engine.watches.removeAll(of: client)
                client.isWatchBroken = false
                client.writer.ok()
            }),
    ]

    private static func multi(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if client.transaction != nil { throw .nestedMulti }
        client.transaction = TransactionQueue()
        client.writer.ok()
    }

    /// Ends a transaction without running it.
    static func discard(_ engine: CommandEngine, _ client: ClientState) {
        client.transaction = nil
        client.isWatchBroken = false
        engine.watches.removeAll(of: client)
    }

    private static func exec(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let queue = client.transaction else { throw .execWithoutMulti }
        let isSpoiled = client.isWatchBroken || hasExpiredWatch(engine, client)
        discard(engine, client)
        if queue.isBroken { throw .executionAborted }
        if isSpoiled { return client.writer.nullArray() }
        client.writer.arrayHeader(queue.count)
        client.deniesBlocking = true
        engine.transactionMicroseconds = 0
        run(engine, client, queue)
        client.deniesBlocking = false
    }

    private static func run(
        _ engine: CommandEngine, _ client: ClientState, _ queue: TransactionQueue
    ) {
        var list = ByteSliceList(capacity: 16)
        for index in 0..<queue.count {
            let queued = queue[index]
            let number = Int(queued.number)
            list.removeAll()
            queue.copyArguments(of: queued, into: &list)
            let arguments = list.view(from: 0, count: Int(queued.argumentCount))
            let firstKey = Int(engine.table.facts[number].firstKey)
            if firstKey > 0 && firstKey < arguments.count {
                engine.keyHash = engine.keyspace.hash(arguments[firstKey])
            }
            engine.rawRequest = engine.isPropagating ? queue.request(of: queued) : ByteSlice()
            // The rights may have shrunk since the command was queued.
            if let error = engine.accessError(number, arguments, client, in: .transaction) {
                engine.statistics[number].rejectedCalls &+= 1
                engine.fail(error, client)
                continue
            }
            let started = engine.owner.monotonicNanoseconds()
            engine.runHandler(number, arguments, client)
            if client.tracking != nil { engine.rememberReads(number, arguments, client) }
            let ended = engine.count(number, since: started)
            if ended &- started >= engine.slowLogNanoseconds {
                engine.log(number, arguments, client, nanoseconds: ended &- started)
            }
            if !engine.monitors.isEmpty { engine.feedMonitors(number, arguments, client) }
        }
        engine.rawRequest = ByteSlice()
    }

    /// Whether a watched key's time is over since WATCH, though it is still stored.
    private static func hasExpiredWatch(_ engine: CommandEngine, _ client: ClientState) -> Bool {
        client.watched.contains { watched in
            guard !watched.wasExpired else { return false }
            return isExpired(engine, watched.key, watched.database)
        }
    }

    private static func isExpired(
        _ engine: CommandEngine, _ key: [UInt8], _ database: Int
    ) -> Bool {
        key.withByteSlice { key in
            let entry = engine.keyspace.database(database).find(key, engine.keyspace.hash(key))
            guard let entry else { return false }
            return entry.hasExpiry && entry.expiresAt < engine.now
        }
    }

    private static func watch(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if client.transaction != nil { throw .watchInsideMulti }
        if !client.isWatchBroken {
            for index in 1..<arguments.count {
                let key = arguments[index].array
                engine.watches.add(
                    WatchedKey(
                        database: client.databaseIndex, key: key,
                        wasExpired: isExpired(engine, key, client.databaseIndex)),
                    client: client)
            }
        }
        client.writer.ok()
    }
}
