// The server as a whole: facts, configuration, databases, snapshots, shutdown.
internal import Bytes
internal import RESP
internal import Store

/// The commands on the server.
enum Server {
    static let table: [CommandSpec] = facts + databases + saving + watching + configuration

    private static let facts: [CommandSpec] = [
        CommandSpec(
            name: "info", since: "1.0.0", group: .server, arity: -1, flags: [.loading, .stale],
            categories: [.dangerous], syntax: "[section [section ...]]",
            summary: "Returns information and statistics about the server.",
            tips: [
                "nondeterministic_output", "request_policy:all_shards",
                "response_policy:special",
            ], handler: info),
        CommandSpec(
            name: "time", since: "2.6.0", group: .server, arity: 1,
            flags: [.loading, .stale, .fast], summary: "Returns the server time.",
            tips: ["nondeterministic_output"],
            handler: { engine, client, _ in
                let microseconds = engine.wallMicroseconds(for: client)
                client.writer.arrayHeader(2)
                client.writer.bulk(integer: microseconds / 1_000_000)
                client.writer.bulk(integer: microseconds % 1_000_000)
            }),
        CommandSpec(
            name: "lolwut", since: "5.0.0", group: .server, arity: -1,
            flags: [.readOnly, .fast], syntax: "[VERSION version]",
            summary: "Displays computer art and the Redis version",
            handler: { _, client, _ in
                client.writer.verbatim(
                    text: "  ~~~~>  ~~~>  ~~>  ~>\nHeadwater, compatible with Redis ver. "
                        + "\(CommandEngine.compatibleVersion)\n")
            }),
        CommandSpec(
            name: "shutdown", since: "1.0.0", group: .server,
            complexity: """
                O(N) when saving, where N is the total number of keys in all databases when \
                saving data, otherwise O(1)
                """,
            arity: -1,
            flags: [.admin, .noScript, .loading, .stale, .noMulti, .allowBusy],
            syntax: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
            summary: """
                Synchronously saves the database(s) to disk and shuts down the Redis server.
                """, handler: shutDown),
    ]

    private static let databases: [CommandSpec] = [
        CommandSpec(
            name: "flushdb", since: "1.0.0", group: .server,
            complexity: "O(N) where N is the number of keys in the selected database",
            arity: -1, flags: [.write], categories: [.keyspace, .dangerous],
            syntax: "[ASYNC | SYNC]", summary: "Remove all keys from the current database.",
            tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
            handler: { (engine, client, arguments) throws(ReplyError) in
                try flush(
                    engine, client, arguments,
                    client.databaseIndex..<(client.databaseIndex + 1))
            }),
        CommandSpec(
            name: "flushall", since: "1.0.0", group: .server,
            complexity: "O(N) where N is the total number of keys in all databases", arity: -1,
            flags: [.write], categories: [.keyspace, .dangerous], syntax: "[ASYNC | SYNC]",
            summary: "Removes all keys from all databases.",
            tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
            handler: { (engine, client, arguments) throws(ReplyError) in
                try flush(engine, client, arguments, 0..<engine.keyspace.databaseCount)
                engine.flushedAll()
            }),
        CommandSpec(
            name: "swapdb", since: "4.0.0", group: .server,
            complexity: """
                O(N) where N is the count of clients watching or blocking on keys from both \
                databases.
                """,
            arity: 3, flags: [.write, .fast], categories: [.keyspace, .dangerous],
            syntax: "index1 index2", summary: "Swaps two Redis databases.", handler: swap),
    ]

    private static let saving: [CommandSpec] = [
        CommandSpec(
            name: "save", since: "1.0.0", group: .server,
            complexity: "O(N) where N is the total number of keys in all databases", arity: 1,
            flags: [.admin, .noScript, .noAsyncLoading, .noMulti],
            summary: "Synchronously saves the database(s) to disk.",
            handler: { (engine, client, _) throws(ReplyError) in
                try engine.host.saveSnapshot()
                client.writer.ok()
            }),
        CommandSpec(
            name: "bgsave", since: "1.0.0", group: .server, arity: -1,
            flags: [.admin, .noScript, .noAsyncLoading], syntax: "[SCHEDULE]",
            summary: "Asynchronously saves the database(s) to disk.",
            handler: { (engine, client, arguments) throws(ReplyError) in
                let isScheduled =
                    arguments.count == 2 && arguments[1].equalsIgnoringCase("schedule")
                if arguments.count > 1 && !isScheduled { throw .syntax }
                client.writer.simpleString(
                    composed: try engine.host.startBackgroundSave(scheduling: isScheduled))
            }),
        CommandSpec(
            name: "bgrewriteaof", since: "1.0.0", group: .server, arity: 1,
            flags: [.admin, .noScript, .noAsyncLoading],
            summary: "Asynchronously rewrites the append-only file to disk.",
            handler: { (engine, client, _) throws(ReplyError) in
                client.writer.simpleString(composed: try engine.host.startLogRewrite())
            }),
        CommandSpec(
            name: "lastsave", since: "1.0.0", group: .server, arity: 1,
            flags: [.loading, .stale, .fast], categories: [.admin, .dangerous],
            summary: "Returns the Unix timestamp of the last successful save to disk.",
            tips: ["nondeterministic_output"],
            handler: { engine, client, _ in
                client.writer.integer(engine.host.lastSaveSeconds())
            }),
    ]

    // MARK: Facts

    private static func info(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        var sections: [String] = []
        for index in 1..<max(1, arguments.count) {
            sections.append(arguments[index].string.lowercased())
        }
        var text = ByteBuffer()
        engine.host.appendInformation(sections: sections, client: client, to: &text)
        client.writer.verbatim(text.readable, format: "txt")
    }

    private static func shutDown(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var options = ShutdownOptions()
        var isAbort = false
        for index in 1..<max(1, arguments.count) {
            let option = arguments[index]
            if option.equalsIgnoringCase("nosave"), options.saves != true {
                options.saves = false
            } else if option.equalsIgnoringCase("save"), options.saves != false {
                options.saves = true
            } else if option.equalsIgnoringCase("now") {
                options.isImmediate = true
            } else if option.equalsIgnoringCase("force") {
                options.isForced = true
            } else if option.equalsIgnoringCase("abort") {
                isAbort = true
            } else {
                throw .syntax
            }
        }
        if isAbort {
            if options != ShutdownOptions() { throw .syntax }
            try engine.host.abortShutdown()
            return client.writer.ok()
        }
        if engine.script.isBusy {
            guard options.saves == false else { throw engine.busyError }
            // Nothing may stop it any more: what the script has begun is taken back.
            options.isForced = true
            options.isImmediate = true
            engine.abandonScript()
        }
        try engine.host.shutDown(options, client: client)
    }

    // MARK: Databases

    private static func flush(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ indexes: Range<Int>
    ) throws(ReplyError) {
        let isSync = arguments.count == 2 && arguments[1].equalsIgnoringCase("sync")
        let isAsync = arguments.count == 2 && arguments[1].equalsIgnoringCase("async")
        if arguments.count > 1 && !isSync && !isAsync { throw .syntax }
        let isAtOnce = isSync || (!isAsync && !engine.settings.flushesLazily)
        for index in indexes { engine.empty(database: index, atOnce: isAtOnce) }
        engine.noteTrackedFlush()
        engine.changeCount += 1
        // Also when there was nothing: a replica may hold keys that the master does not.
        engine.propagate(arguments, client)
        client.writer.ok()
    }

    private static func swap(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        // A number of more than 32 bits is none, not one out of range: so do the real servers.
        guard let first = Numbers.integer(arguments[1]).flatMap(Int32.init(exactly:)) else {
            throw ReplyError("ERR invalid first DB index")
        }
        guard let second = Numbers.integer(arguments[2]).flatMap(Int32.init(exactly:)) else {
            throw ReplyError("ERR invalid second DB index")
        }
        let count = Int32(engine.keyspace.databaseCount)
        guard first >= 0, first < count, second >= 0, second < count else {
            throw .databaseOutOfRange
        }
        engine.swap(Int(first), Int(second))
        engine.changeCount += 1
        engine.propagate(arguments, client)
        client.writer.ok()
    }
}
