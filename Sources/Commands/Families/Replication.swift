// Replication and failover by command. The node does the work; here the arguments are read.
internal import Bytes
internal import RESP

/// The commands on replication.
enum ReplicationCommands {
    static let table: [CommandSpec] = [
        CommandSpec(
            name: "replicaof", since: "5.0.0", group: .server, arity: 3,
            flags: [.admin, .noScript, .stale, .noAsyncLoading],
            syntax: "<host port | NO ONE>",
            summary: "Configures a server as replica of another, or promotes it to a master.",
            handler: replicaOf),
        CommandSpec(
            name: "slaveof", since: "1.0.0", group: .server, arity: 3,
            flags: [.admin, .noScript, .stale, .noAsyncLoading],
            syntax: "<host port | NO ONE>",
            summary:
                "Sets a Redis server as a replica of another, or promotes it to being a master.",
            replacedBy: ("5.0.0", "`REPLICAOF`"), handler: replicaOf),
        CommandSpec(
            name: "role", since: "2.8.12", group: .server, arity: 1,
            flags: [.noScript, .loading, .stale, .fast], categories: [.admin, .dangerous],
            summary: "Returns the replication role.",
            handler: { engine, client, _ in engine.host.writeRole(to: client) }),
        CommandSpec(
            name: "wait", since: "3.0.0", group: .generic, arity: 3, flags: [.blocking],
            categories: [.connection], syntax: "numreplicas timeout",
            summary: """
                Blocks until the asynchronous replication of all preceding write commands sent \
                by the connection is completed.
                """, tips: ["request_policy:all_shards", "response_policy:agg_min"],
            handler: wait),
        CommandSpec(
            name: "waitaof", since: "7.2.0", group: .generic, arity: 4,
            flags: [.blocking], categories: [.connection],
            syntax: "numlocal numreplicas timeout",
            summary: """
                Blocks until all of the preceding write commands sent by the connection are \
                written to the append-only file of the master and/or replicas.
                """, tips: ["request_policy:all_shards", "response_policy:agg_min"],
            handler: waitForLogs),
        link(
            "psync", "2.8.0", -3, "replicationid offset", "An internal command used in replication."
        ),
        link("sync", "1.0.0", 1, "", "An internal command used in replication."),
        CommandSpec(
            name: "replconf", since: "3.0.0", group: .server, arity: -1,
            flags: [.admin, .noScript, .loading, .stale, .allowBusy],
            summary: "An internal command for configuring the replication stream.",
            handler: { (engine, client, arguments) throws(ReplyError) in
                try engine.host.replicationCommand(client: client, arguments: arguments)
            }),
        CommandSpec(
            name: "failover", since: "6.2.0", group: .server, arity: -1,
            flags: [.admin, .noScript, .stale],
            syntax: "[TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]",
            summary: "Starts a coordinated failover from a server to one of its replicas.",
            handler: failOver),
    ]

    private static func link(
        _ name: StaticString, _ since: StaticString, _ arity: Int, _ syntax: StaticString,
        _ summary: StaticString
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .server, arity: arity,
            flags: [.admin, .noScript, .noAsyncLoading, .noMulti], syntax: syntax,
            summary: summary,
            handler: { (engine, client, arguments) throws(ReplyError) in
                try engine.host.replicationCommand(client: client, arguments: arguments)
            })
    }

    private static func replicaOf(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var target: (host: String, port: Int)?
        if !arguments[1].equalsIgnoringCase("no") || !arguments[2].equalsIgnoringCase("one") {
            if client.isReplica {
                throw ReplyError("ERR Command is not valid when client is a replica.")
            }
            guard let port = Numbers.integer(arguments[2]), port >= 0, port <= 65_535 else {
                throw ReplyError("ERR Invalid master port")
            }
            target = (arguments[1].string, Int(port))
        }
        let status = try engine.host.replicate(from: target, client: client)
        client.writer.simpleString(composed: status)
    }

    private static func wait(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if engine.isReplica {
            throw ReplyError(
                """
                ERR WAIT cannot be used with replica instances. Please also note that since \
                Redis 4.0 if a replica is configured to be writable (which is not the default) \
                writes to replicas are just local and are not propagated.
                """)
        }
        let replicas = try engine.integer(arguments[1])
        let timeout = try engine.timeout(milliseconds: arguments[2])
        // In a transaction nothing may block: to ask for none gives the present number at once.
        let outcome = engine.host.wait(
            client: client, replicas: client.deniesBlocking ? 0 : Int(clamping: replicas),
            timeoutMilliseconds: timeout)
        if case .done(_, let acknowledged) = outcome { client.writer.integer(acknowledged) }
    }

    private static func waitForLogs(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let localLogs = Numbers.integer(arguments[1]), (0...1).contains(localLogs) else {
            throw ReplyError("ERR value is out of range, must be between 0 and 1")
        }
        guard let replicas = Numbers.integer(arguments[2]), replicas >= 0 else {
            throw .valueOutOfRangePositive
        }
        let timeout = try engine.timeout(milliseconds: arguments[3])
        if engine.isReplica {
            throw ReplyError(
                """
                ERR WAITAOF cannot be used with replica instances. Please also note that writes \
                to replicas are just local and are not propagated.
                """)
        }
        let outcome = try engine.host.waitForLogs(
            client: client, localLogs: client.deniesBlocking ? 0 : Int(localLogs),
            replicas: client.deniesBlocking ? 0 : Int(clamping: replicas),
            timeoutMilliseconds: timeout)
        if case .done(let logs, let acknowledged) = outcome {
            client.writer.arrayHeader(2)
            client.writer.integer(logs)
            client.writer.integer(acknowledged)
        }
    }

    private static func failOver(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var request = FailoverRequest()
        var index = 1
        while index < arguments.count {
            let option = arguments[index]
            if option.equalsIgnoringCase("to"), index + 2 < arguments.count,
                request.target == nil
            {
                guard let port = Numbers.integer(arguments[index + 2]), port > 0, port <= 65_535
                else { throw .notInteger }
                request.target = (arguments[index + 1].string, Int(port))
                index += 2
            } else if option.equalsIgnoringCase("timeout"), index + 1 < arguments.count,
                request.timeoutMilliseconds == 0
            {
                let value = try engine.integer(arguments[index + 1])
                if value <= 0 { throw ReplyError("ERR FAILOVER timeout must be greater than 0") }
                request.timeoutMilliseconds = value
                index += 1
            } else if option.equalsIgnoringCase("force") {
                request.isForced = true
            } else if option.equalsIgnoringCase("abort") {
                request.isAbort = true
            } else {
                throw .syntax
            }
            index += 1
        }
        if request.isAbort && arguments.count > 2 { throw .syntax }
        if request.isForced && (request.target == nil || request.timeoutMilliseconds == 0) {
            throw ReplyError(
                "ERR FAILOVER with force option requires both a timeout and target HOST and IP.")
        }
        try engine.host.failOver(request, client: client)
        client.writer.ok()
    }
}
