// Watching the server at work: MONITOR, SLOWLOG.
//
// Short commands share the time of their batch, in the slow log too; the commands that can be slow
// are not short, and are measured alone.
internal import Bytes
internal import RESP

/// One command that took long.
struct SlowCommand {
    let id: Int64
    let seconds: Int64
    let microseconds: Int64
    let arguments: [[UInt8]]
    let address: String
    let clientName: String
}

/// The last slow commands, newest first.
struct SlowLog {
    /// Most arguments that are kept of a command.
    static let argumentsMax = 32
    /// Longest text that is kept of an argument.
    static let argumentBytesMax = 128

    private(set) var commands: [SlowCommand] = []
    private var nextID: Int64 = 0

    mutating func add(
        _ arguments: Arguments, _ client: ClientState, seconds: Int64, microseconds: Int64,
        countMax: Int, isSecret: (Int) -> Bool
    ) {
        var kept: [[UInt8]] = []
        let shown = min(arguments.count, SlowLog.argumentsMax)
        for index in 0..<shown {
            if shown < arguments.count && index == shown - 1 {
                let rest = arguments.count - shown + 1
                kept.append(Array("... (\(rest) more arguments)".utf8))
            } else if isSecret(index) {
                kept.append(Array("(redacted)".utf8))
            } else if arguments[index].count > SlowLog.argumentBytesMax {
                let rest = arguments[index].count - SlowLog.argumentBytesMax
                kept.append(
                    arguments[index].prefix(SlowLog.argumentBytesMax).array
                        + Array("... (\(rest) more bytes)".utf8))
            } else {
                kept.append(arguments[index].array)
            }
        }
        commands.insert(
            SlowCommand(
                id: nextID, seconds: seconds, microseconds: microseconds, arguments: kept,
                address: client.addressText, clientName: client.name), at: 0)
        nextID += 1
        if commands.count > countMax { commands.removeLast(commands.count - countMax) }
    }

    mutating func removeAll() {
        commands = []
    }
}

extension Server {
    static let watching: [CommandSpec] = [monitor, slowLogRows]

    private static let monitor =
        CommandSpec(
            name: "monitor", since: "1.0.0", group: .server, arity: 1,
            flags: [.admin, .noScript, .loading, .stale],
            summary: "Listens for all requests received by the server in real-time.",
            handler: { (engine, client, _) throws(ReplyError) in
                if client.deniesBlocking {
                    throw ReplyError("ERR MONITOR isn't allowed for DENY BLOCKING client")
                }
                if !client.isMonitor {
                    client.isMonitor = true
                    engine.monitors.append(client)
                    engine.monitorsChanged()
                }
                client.writer.ok()
            })

    private static let slowLogRows =
        CommandSpec.container(
            name: "slowlog", since: "2.2.12", group: .server,
            summary: "A container for slow log commands.",
            subcommands: [
                administrative(
                    "get", "2.2.12", -2, "[count]", "Returns the slow log's entries.",
                    flags: [.admin, .loading, .stale],
                    tips: ["nondeterministic_output", "request_policy:all_nodes"], slowLog),
                administrative(
                    "len", "2.2.12", 2, "", "Returns the number of entries in the slow log.",
                    flags: [.admin, .loading, .stale],
                    tips: [
                        "nondeterministic_output", "request_policy:all_nodes",
                        "response_policy:agg_sum",
                    ]
                ) { engine, client, _ in
                    client.writer.integer(engine.slowLog.commands.count)
                },
                administrative(
                    "reset", "2.2.12", 2, "", "Clears all entries from the slow log.",
                    flags: [.admin, .loading, .stale],
                    tips: ["request_policy:all_nodes", "response_policy:all_succeeded"]
                ) { engine, client, _ in
                    engine.slowLog.removeAll()
                    client.writer.ok()
                },
                helpRow("slowlog", "6.2.0") { _, client, _ in
                    client.writeHelp(
                        "SLOWLOG",
                        [
                            "GET [<count>]",
                            """
                            \u{20}   Return top <count> entries from the slowlog (default: 10, -1 \
                            mean all).
                            """,
                            "    Entries are made of:",
                            """
                            \u{20}   id, timestamp, time in microseconds, arguments array, client \
                            IP and port,
                            """,
                            "    client name", "LEN",
                            "    Return the length of the slowlog.", "RESET",
                            "    Reset the slowlog.",
                        ])
                },
            ])

    private static func slowLog(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var count = 10
        if arguments.count == 3 {
            guard let number = Numbers.integer(arguments[2]), number >= -1 else {
                throw ReplyError("ERR count should be greater than or equal to -1")
            }
            count = number == -1 ? Int.max : Int(number)
        } else if arguments.count > 3 {
            throw .wrongArity("slowlog|get")
        }
        let shown = engine.slowLog.commands.prefix(count)
        client.writer.arrayHeader(shown.count)
        for command in shown {
            client.writer.arrayHeader(6)
            client.writer.integer(command.id)
            client.writer.integer(command.seconds)
            client.writer.integer(command.microseconds)
            client.writer.arrayHeader(command.arguments.count)
            for argument in command.arguments {
                argument.withByteSlice { client.writer.bulk($0) }
            }
            client.writer.bulk(text: command.address)
            client.writer.bulk(text: command.clientName)
        }
    }
}
