// CONFIG, and small containers of what operators ask: MEMORY, FUNCTION.
internal import Bytes
internal import RESP
internal import Store

extension Server {
    static let configuration: [CommandSpec] = [
        .container(
            name: "config", since: "2.0.0", group: .server,
            summary: "A container for server configuration commands.",
            subcommands: [
                administrative(
                    "get", "2.0.0", -3, "parameter [parameter ...]",
                    "Returns the effective values of configuration parameters.", getValues),
                administrative(
                    "set", "2.0.0", -4, "parameter value [parameter value ...]",
                    "Sets configuration parameters in-flight.",
                    tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
                    setValues),
                administrative(
                    "rewrite", "2.8.0", 2, "",
                    "Persists the effective configuration to file."
                ) { (engine, client, _) throws(ReplyError) in
                    try engine.host.rewriteConfiguration()
                    client.writer.ok()
                },
                administrative(
                    "resetstat", "2.0.0", 2, "", "Resets the server's statistics."
                ) { engine, client, _ in
                    engine.resetStatistics()
                    engine.host.resetStatistics()
                    client.writer.ok()
                },
                helpRow("config", "5.0.0") { _, client, _ in
                    client.writeHelp(
                        "CONFIG",
                        [
                            "GET <pattern>",
                            """
                            \u{20}   Return parameters matching the glob-like <pattern> and their \
                            values.
                            """,
                            "SET <directive> <value>",
                            "    Set the configuration <directive> to <value>.",
                            "RESETSTAT",
                            "    Reset statistics reported by the INFO command.",
                            "REWRITE", "    Rewrite the configuration file.",
                        ])
                },
            ])
    ]

    static func administrative(
        _ name: StaticString, _ since: StaticString, _ arity: Int, _ syntax: StaticString,
        _ summary: StaticString, flags: CommandFlags = [.admin, .noScript, .loading, .stale],
        tips: [StaticString] = [], _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .server, arity: arity, flags: flags,
            syntax: syntax, summary: summary, tips: tips, handler: handler)
    }

    static func helpRow(
        _ container: StaticString, _ since: StaticString, _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: "help", since: since, group: .server, arity: 2, flags: [.loading, .stale],
            summary: "Returns helpful text about the different subcommands.", handler: handler)
    }

    // MARK: CONFIG

    private static func getValues(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        var patterns: [String] = []
        for index in 2..<arguments.count { patterns.append(arguments[index].string) }
        let values = engine.host.configurationValues(matching: patterns)
        client.writer.mapHeader(values.count)
        for (name, value) in values {
            client.writer.bulk(text: name)
            client.writer.bulk(text: value)
        }
    }

    private static func setValues(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if arguments.count % 2 != 0 { throw .syntax }
        var pairs: [(name: String, value: String)] = []
        for index in stride(from: 2, to: arguments.count, by: 2) {
            pairs.append((arguments[index].string, arguments[index + 1].string))
        }
        try engine.host.setConfiguration(pairs, client: client)
        client.writer.ok()
    }
}
