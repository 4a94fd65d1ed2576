// The connection itself: greeting, authentication, liveness, selected database.
internal import Bytes
internal import RESP
internal import Store

/// The commands on the connection.
enum Connection {
    static let table: [CommandSpec] = [
        CommandSpec(
            name: "hello", since: "6.0.0", group: .connection, arity: -1,
            flags: [.noScript, .loading, .stale, .fast, .noAuth, .allowBusy],
            categories: [.connection],
            syntax: "[protover [AUTH username password] [SETNAME clientname]]",
            summary: "Handshakes with the Redis server.", handler: hello),
        CommandSpec(
            name: "auth", since: "1.0.0", group: .connection,
            complexity: "O(N) where N is the number of passwords defined for the user",
            arity: -2, flags: [.noScript, .loading, .stale, .fast, .noAuth, .allowBusy],
            categories: [.connection], syntax: "[username] password",
            summary: "Authenticates the connection.", handler: authenticate),
        CommandSpec(
            name: "ping", since: "1.0.0", group: .connection, arity: -1,
            flags: [.fast, .allowedWhileSubscribed],
            categories: [.connection], syntax: "[message]",
            summary: "Returns the server's liveliness response.",
            tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
            handler: ping),
        CommandSpec(
            name: "echo", since: "1.0.0", group: .connection, arity: 2,
            flags: [.loading, .stale, .fast], categories: [.connection], syntax: "message",
            summary: "Returns the given string.",
            handler: { _, client, arguments in client.writer.bulk(arguments[1]) }),
        CommandSpec(
            name: "select", since: "1.0.0", group: .connection, arity: 2,
            flags: [.loading, .stale, .fast], categories: [.connection], syntax: "index",
            summary: "Changes the selected database.",
            handler: { (engine, client, arguments) throws(ReplyError) in
                client.databaseIndex = try Keys.databaseIndex(engine, arguments[1])
                client.writer.ok()
            }),
        CommandSpec(
            name: "quit", since: "1.0.0", group: .connection, arity: -1,
            flags: [
                .allowBusy, .noScript, .loading, .stale, .fast, .noAuth, .runsInsideMulti,
                .allowedWhileSubscribed,
            ], categories: [.connection], summary: "Closes the connection.",
            replacedBy: ("7.2.0", "just closing the connection"),
            handler: { _, client, _ in
                client.writer.ok()
                client.closesAfterReplies = true
            }),
        CommandSpec(
            name: "reset", since: "6.2.0", group: .connection, arity: 1,
            flags: [
                .noScript, .loading, .stale, .fast, .noAuth, .allowBusy, .runsInsideMulti,
                .allowedWhileSubscribed,
            ], categories: [.connection], summary: "Resets the connection.", handler: reset),
    ]

    private static func ping(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if arguments.count > 2 { throw .wrongArity("ping") }
        if client.subscriptions.total > 0 && !client.writer.isRESP3 {
            client.writer.arrayHeader(2)
            client.writer.bulk("pong")
            client.writer.bulk(arguments.count == 2 ? arguments[1] : ByteSlice())
        } else if arguments.count == 2 {
            client.writer.bulk(arguments[1])
        } else {
            client.writer.simpleString("PONG")
        }
    }

    private static func reset(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        Transactions.discard(engine, client)
        engine.dropSubscriptions(of: client)
        engine.stopTracking(client)
        if client.isMonitor {
            client.isMonitor = false
            engine.monitors.removeAll { $0 === client }
            engine.monitorsChanged()
        }
        client.databaseIndex = 0
        client.writer.isRESP3 = false
        client.replyMode = .on
        client.name = ""
        client.isExemptFromEviction = false
        client.leavesAccessTimes = false
        engine.logOut(client)
        engine.host.authenticationChanged(client)
        client.writer.simpleString("RESET")
    }

    // MARK: Authentication

    private static func authenticate(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if arguments.count > 3 { throw .syntax }
        if arguments.count == 2 {
            if engine.access.defaultUser.rules.needsNoPassword {
                throw ReplyError(
                    """
                    ERR AUTH <password> called without any password configured for the default \
                    user. Are you sure your configuration is correct?
                    """)
            }
            try engine.logIn(
                client, user: ByteSlice("default"), password: arguments[1], command: arguments[0])
        } else {
            try engine.logIn(
                client, user: arguments[1], password: arguments[2], command: arguments[0])
        }
        client.writer.ok()
    }

    // MARK: HELLO

    private static func hello(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var version: Int64?
        if arguments.count > 1 {
            guard let number = Numbers.integer(arguments[1]) else {
                throw ReplyError("ERR Protocol version is not an integer or out of range")
            }
            guard number == 2 || number == 3 else { throw .unsupportedProtocol }
            version = number
        }
        var name: String?
        var credentials: (user: ByteSlice, password: ByteSlice)?
        var index = 2
        while index < arguments.count {
            let option = arguments[index]
            if option.equalsIgnoringCase("auth"), index + 2 < arguments.count {
                credentials = (arguments[index + 1], arguments[index + 2])
                index += 3
            } else if option.equalsIgnoringCase("setname"), index + 1 < arguments.count {
                name = try Clients.checkedName(arguments[index + 1])
                index += 2
            } else {
                throw ReplyError(
                    composed: "ERR Syntax error in HELLO option '\(option.string)'")
            }
        }
        if let credentials {
            try engine.logIn(
                client, user: credentials.user, password: credentials.password,
                command: arguments[0])
        }
        if engine.needsAuthentication(client) {
            throw ReplyError(
                """
                NOAUTH HELLO must be called with the client already authenticated, otherwise \
                the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the \
                client and select the RESP protocol version at the same time
                """)
        }
        if let name { client.name = name }
        if let version { client.writer.isRESP3 = version == 3 }
        client.updateSpecial()
        greet(engine, client)
    }

    private static func greet(_ engine: CommandEngine, _ client: ClientState) {
        client.writer.mapHeader(7)
        client.writer.bulk("server")
        client.writer.bulk("redis")
        client.writer.bulk("version")
        client.writer.bulk(CommandEngine.compatibleVersion)
        client.writer.bulk("proto")
        client.writer.integer(client.writer.version)
        client.writer.bulk("id")
        client.writer.integer(client.id)
        client.writer.bulk("mode")
        client.writer.bulk("standalone")
        client.writer.bulk("role")
        client.writer.bulk(engine.isReplica ? "replica" : "master")
        client.writer.bulk("modules")
        client.writer.arrayHeader(0)
    }
}
