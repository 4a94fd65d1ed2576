// MODULE: there are no modules here, so that the list is empty and nothing can be loaded.
internal import Bytes
internal import RESP

/// The subcommands of MODULE.
enum Modules {
    static let table: [CommandSpec] = [
        .container(
            name: "module", since: "4.0.0", group: .server,
            summary: "A container for module commands.",
            subcommands: [
                CommandSpec(
                    name: "list", since: "4.0.0", group: .server,
                    complexity: "O(N) where N is the number of loaded modules.", arity: 2,
                    flags: [.admin, .noScript], summary: "Returns all loaded modules.",
                    tips: ["nondeterministic_output_order"],
                    handler: { _, client, _ in client.writer.arrayHeader(0) }),
                row("load", "4.0.0", -3, "path [arg ...]", "Loads a module.", load),
                row(
                    "loadex", "7.0.0", -3, "path [arg ...]",
                    "Loads a module using extended parameters.", load),
                row("unload", "4.0.0", 3, "name", "Unloads a module.", unload),
                Server.helpRow("module", "5.0.0") { _, client, _ in
                    client.writeHelp(
                        "MODULE",
                        [
                            "LIST", "    Return a list of loaded modules.",
                            "LOAD <path> [<arg> ...]",
                            """
                            \u{20}   Load a module library from <path>, passing to it any \
                            optional arguments.
                            """,
                            "LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
                            """
                            \u{20}   Load a module library from <path>, while passing it module \
                            configurations and optional arguments.
                            """,
                            "UNLOAD <name>", "    Unload a module.",
                        ])
                },
            ])
    ]

    private static func row(
        _ name: StaticString, _ since: StaticString, _ arity: Int, _ syntax: StaticString,
        _ summary: StaticString, _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .server, arity: arity,
            flags: [.admin, .noScript, .noAsyncLoading], syntax: syntax, summary: summary,
            handler: handler)
    }

    private static func checkRight(_ engine: CommandEngine) throws(ReplyError) {
        let value = engine.host.configurationValues(matching: ["enable-module-command"])
        guard value.first?.value ?? "no" != "no" else {
            throw ReplyError(
                """
                ERR MODULE command not allowed. If the enable-module-command option is set to \
                "local", you can run it from a local connection, otherwise you need to set this \
                option in the configuration file, and then restart the server.
                """)
        }
    }

    private static func load(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try checkRight(engine)
        engine.host.log(
            .warning, "Module \(arguments[2].string) was not loaded: this server has no modules")
        throw ReplyError("ERR Error loading the extension. Please check the server logs.")
    }

    private static func unload(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try checkRight(engine)
        throw ReplyError("ERR Error unloading module: no such module with that name")
    }
}
