// CLIENT LIST, KILL, PAUSE, UNBLOCK: what one connection sees of others and does to them.
//
//   id=3 addr=127.0.0.1:6379 laddr=… fd=8 name= age=5 idle=0 flags=N db=0 sub=0 psub=0 ssub=0 …
internal import Bytes
internal import RESP

extension Clients {
    static let others: [CommandSpec] = [
        row(
            "list", "2.4.0", arity: -2,
            syntax: "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
            "Lists open connections.", isAdministrative: true,
            complexity: "O(N) where N is the number of client connections",
            tips: ["nondeterministic_output"], list),
        row(
            "kill", "2.4.0", arity: -3,
            syntax: """
                <ip:port | [ID client-id] [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] \
                [USER username] [ADDR ip:port] [LADDR ip:port] [SKIPME <YES | NO>] \
                [MAXAGE maxage]>
                """,
            "Terminates open connections.", isAdministrative: true,
            complexity: "O(N) where N is the number of client connections", kill),
        row(
            "pause", "3.0.0", arity: -3, syntax: "timeout [WRITE | ALL]",
            "Suspends commands processing.", isAdministrative: true, pause),
        row(
            "unpause", "6.2.0", arity: 2, "Resumes processing commands from paused clients.",
            isAdministrative: true, complexity: "O(N) Where N is the number of paused clients"
        ) { engine, client, _ in
            engine.host.resumeClients()
            client.writer.ok()
        },
        row(
            "unblock", "5.0.0", arity: -3, syntax: "client-id [TIMEOUT | ERROR]",
            "Unblocks a client blocked by a blocking command from a different connection.",
            isAdministrative: true,
            complexity: "O(log N) where N is the number of client connections",
            unblock),
    ]

    // MARK: LIST

    private static func list(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var kind: ClientKind?
        var identifiers: Set<Int64>?
        if arguments.count == 4, arguments[2].equalsIgnoringCase("type") {
            kind = try ClientKind(arguments[3])
        } else if arguments.count > 3, arguments[2].equalsIgnoringCase("id") {
            var wanted = Set<Int64>()
            for index in 3..<arguments.count {
                guard let id = Numbers.integer(arguments[index]), id > 0 else {
                    throw ReplyError("ERR Invalid client ID")
                }
                wanted.insert(id)
            }
            identifiers = wanted
        } else if arguments.count != 2 {
            throw .syntax
        }
        var text = ""
        engine.host.forEachClient { other in
            if let kind, ClientKind(other) != kind { return }
            if let identifiers, !identifiers.contains(other.id) { return }
            text += line(of: other, engine) + "\n"
        }
        client.writer.verbatim(text: text)
    }

    /// The line of CLIENT LIST for one client.
    static func line(of client: ClientState, _ engine: CommandEngine) -> String {
        let now = engine.now
        let command =
            client.lastCommandNumber < 0
            ? "NULL" : engine.table.fullName(client.lastCommandNumber)
        // Redis counts the first bytes apart from those that its limits are about.
        let outputBytes = client.writer.buffer.count
        let firstBytes = min(outputBytes, 16_384)
        let listedBytes = outputBytes - firstBytes
        let memory =
            client.queryBufferBytes + client.queryBufferFreeBytes
            + client.writer.buffer.capacity + client.heldBytes
        let fields: [(String, String)] = [
            ("id", "\(client.id)"), ("addr", client.addressText),
            ("laddr", client.localAddressText), ("fd", "\(client.descriptorNumber)"),
            ("name", client.name),
            ("age", "\(max(0, now - client.connectedAtMilliseconds) / 1_000)"),
            ("idle", "\(max(0, now - client.lastInteractionMilliseconds) / 1_000)"),
            ("flags", flags(of: client)), ("db", "\(client.databaseIndex)"),
            ("sub", "\(client.channelCount)"), ("psub", "\(client.patternCount)"),
            ("ssub", "\(client.shardChannelCount)"), ("multi", "\(client.queuedCount)"),
            ("qbuf", "\(client.queryBufferBytes)"),
            ("qbuf-free", "\(client.queryBufferFreeBytes)"), ("argv-mem", "0"),
            ("multi-mem", "\(client.transactionBytes)"),
            ("rbs", "\(client.writer.buffer.capacity)"), ("rbp", "\(outputBytes)"),
            ("obl", "\(firstBytes)"), ("oll", "\((listedBytes + 16_383) / 16_384)"),
            ("omem", "\(listedBytes)"),
            ("tot-mem", "\(memory)"), ("events", client.writer.buffer.isEmpty ? "r" : "rw"),
            ("cmd", command),
            ("user", client.userName), ("redir", "\(client.tracking?.redirectID ?? -1)"),
            ("resp", "\(client.writer.version)"),
            ("lib-name", client.libraryName), ("lib-ver", client.libraryVersion),
        ]
        return fields.map { $0.0 + "=" + $0.1 }.joined(separator: " ")
    }

    private static func flags(of client: ClientState) -> String {
        var flags = ""
        if client.isReplica { flags += client.isMonitor ? "O" : "S" }
        if client.isMonitor && !client.isReplica { flags += "O" }
        if client.isMaster { flags += "M" }
        if client.subscriptions.total > 0 { flags += "P" }
        if client.transaction != nil { flags += "x" }
        if client.blocked != nil { flags += "b" }
        if let mode = client.tracking {
            flags += "t"
            if mode.isRedirectBroken { flags += "R" }
            if mode.isBroadcast { flags += "B" }
        }
        if client.isWatchBroken { flags += "d" }
        if client.closesAfterReplies { flags += "c" }
        if client.isExemptFromEviction { flags += "e" }
        if client.leavesAccessTimes { flags += "T" }
        return flags.isEmpty ? "N" : flags
    }

    // MARK: KILL

    private static func kill(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let isOldForm = arguments.count == 3
        var filter = ClientFilter()
        if isOldForm {
            filter.address = arguments[2].string
            filter.skipsCaller = false
        } else {
            filter = try ClientFilter(arguments, from: 2, engine)
        }
        var victims: [ClientState] = []
        engine.host.forEachClient { other in
            if filter.matches(other, caller: client, now: engine.now) { victims.append(other) }
        }
        let breaksUpstream = filter.mayMeanUpstream && engine.breakUpstream(filter.address)
        if isOldForm && victims.isEmpty && !breaksUpstream {
            throw ReplyError("ERR No such client")
        }
        for victim in victims {
            if victim === client {
                client.closesAfterReplies = true
            } else {
                engine.host.close(victim, .now)
            }
        }
        if isOldForm {
            client.writer.ok()
        } else {
            client.writer.integer(Int64(victims.count + (breaksUpstream ? 1 : 0)))
        }
    }

    // MARK: PAUSE, UNBLOCK

    private static func pause(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var mode = PauseMode.all
        if arguments.count == 4 {
            if arguments[3].equalsIgnoringCase("write") {
                mode = .writes
            } else if !arguments[3].equalsIgnoringCase("all") {
                throw ReplyError("ERR CLIENT PAUSE mode must be WRITE or ALL")
            }
        } else if arguments.count > 4 {
            throw .syntax
        }
        let timeout = try engine.timeout(milliseconds: arguments[2])
        engine.host.pauseClients(mode, milliseconds: timeout)
        client.writer.ok()
    }

    private static func unblock(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var withError = false
        if arguments.count == 4 {
            if arguments[3].equalsIgnoringCase("error") {
                withError = true
            } else if !arguments[3].equalsIgnoringCase("timeout") {
                throw ReplyError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
            }
        } else if arguments.count > 4 {
            throw .wrongArity("client|unblock")
        }
        let id = try engine.integer(arguments[2])
        guard let target = engine.host.client(id: id) else { return client.writer.integer(0) }
        let error = ReplyError("UNBLOCKED client unblocked via CLIENT UNBLOCK")
        let isUnblocked =
            engine.endWait(of: target, with: withError ? error : nil)
            || engine.host.unblock(target, withError: withError)
        client.writer.integer(isUnblocked ? 1 : 0)
    }

    static let helpLines: [StaticString] = [
        "CACHING (YES|NO)",
        "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
        "GETREDIR",
        "    Return the client ID we are redirecting to when tracking is enabled.",
        "GETNAME", "    Return the name of the current connection.",
        "ID", "    Return the ID of the current connection.",
        "INFO", "    Return information about the current client connection.",
        "KILL <ip:port>", "    Kill connection made from <ip:port>.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Kill connections. Options are:",
        "    * ADDR (<ip:port>|<unixsocket>:0)",
        "      Kill connections made from the specified address",
        "    * LADDR (<ip:port>|<unixsocket>:0)",
        "      Kill connections made to specified local address",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      Kill connections by type.", "    * USER <username>",
        "      Kill connections authenticated by <username>.",
        "    * SKIPME (YES|NO)", "      Skip killing current connection (default: yes).",
        "    * MAXAGE <maxage>", "      Kill connections older than the specified age.",
        "LIST [options ...]", "    Return information about client connections. Options:",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      Return clients of specified type.",
        "UNPAUSE", "    Stop the current client pause, resuming traffic.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Suspend all, or just write, clients for <timeout> milliseconds.",
        "REPLY (ON|OFF|SKIP)", "    Control the replies sent to the current connection.",
        "SETNAME <name>", "    Assign the name <name> to the current connection.",
        "SETINFO <option> <value>", "    Set client meta attr. Options are:",
        "    * LIB-NAME: the client lib name.", "    * LIB-VER: the client lib version.",
        "UNBLOCK <clientid> [TIMEOUT|ERROR]", "    Unblock the specified blocked client.",
        "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
        "         [OPTIN] [OPTOUT] [NOLOOP]",
        "    Control server assisted client side caching.",
        "TRACKINGINFO", "    Report tracking status for the current connection.",
        "NO-EVICT (ON|OFF)", "    Protect current client connection from eviction.",
        "NO-TOUCH (ON|OFF)",
        "    Will not touch LRU/LFU stats when this mode is on.",
    ]
}
