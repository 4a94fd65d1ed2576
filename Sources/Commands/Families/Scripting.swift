// EVAL and its kin, FCALL, SCRIPT.
//
//   EVAL text n key… argument…        EVALSHA digest n …        FCALL function n …
//
// The interpreter is behind `ScriptHost`; here the arguments are read and the replies written.
internal import Bytes
internal import RESP

/// The commands on scripts.
enum Scripting {
    static let table: [CommandSpec] =
        calls + [
            .container(
                name: "script", since: "2.6.0", group: .scripting,
                summary: "A container for Lua scripts management commands.",
                subcommands: subcommands),
            .container(
                name: "function", since: "7.0.0", group: .scripting,
                summary: "A container for function commands.", subcommands: functions),
        ]

    // MARK: Calls

    private static let calls: [CommandSpec] = [
        row("eval", "2.6.0", "script", writes: true, "Executes a server-side Lua script.") {
            (engine, client, arguments) throws(ReplyError) in
            try call(engine, client, arguments, .body, isReadOnly: false)
        },
        row("evalsha", "2.6.0", "sha1", writes: true, evalshaSummary) {
            (engine, client, arguments) throws(ReplyError) in
            try call(engine, client, arguments, .digest, isReadOnly: false)
        },
        row(
            "eval_ro", "7.0.0", "script", writes: false,
            "Executes a read-only server-side Lua script."
        ) { (engine, client, arguments) throws(ReplyError) in
            try call(engine, client, arguments, .body, isReadOnly: true)
        },
        row(
            "evalsha_ro", "7.0.0", "sha1", writes: false,
            "Executes a read-only server-side Lua script by SHA1 digest."
        ) { (engine, client, arguments) throws(ReplyError) in
            try call(engine, client, arguments, .digest, isReadOnly: true)
        },
        row("fcall", "7.0.0", "function", writes: true, "Invokes a function.") {
            (engine, client, arguments) throws(ReplyError) in
            try call(engine, client, arguments, .function, isReadOnly: false)
        },
        row("fcall_ro", "7.0.0", "function", writes: false, "Invokes a read-only function.") {
            (engine, client, arguments) throws(ReplyError) in
            try call(engine, client, arguments, .function, isReadOnly: true)
        },
    ]

    private static let evalshaSummary: StaticString =
        "Executes a server-side Lua script by SHA1 digest."

    private static func row(
        _ name: StaticString, _ since: StaticString, _ first: StaticString, writes: Bool,
        _ summary: StaticString, _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        var flags: CommandFlags = [
            .noScript, .stale, .skipMonitor, .noMandatoryKeys, .movableKeys, .runsScript,
        ]
        flags.insert(writes ? .publishes : .readOnly)
        let isDigest = ByteSlice(first) == "sha1"
        let isFunction = ByteSlice(first) == "function"
        let notes: StaticString =
            isDigest
            ? ""
            : writes
                ? "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"
                : "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"
        return CommandSpec(
            name: name, since: since, group: .scripting,
            complexity: isFunction
                ? "Depends on the function that is executed."
                : "Depends on the script that is executed.", arity: -3, flags: flags,
            categories: [.scripting],
            keys: [
                .count(
                    at: 2, first: 3,
                    writes ? [.readWrite, .access, .update] : [.readOnly, .access], notes: notes)
            ],
            syntax: isFunction
                ? "function numkeys [key [key ...]] [arg [arg ...]]"
                : isDigest
                    ? "sha1 numkeys [key [key ...]] [arg [arg ...]]"
                    : "script numkeys [key [key ...]] [arg [arg ...]]", summary: summary,
            handler: handler)
    }

    private static func call(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ kind: ScriptName, isReadOnly: Bool
    ) throws(ReplyError) {
        let host = try host(engine)
        let keyCount: Int64
        if kind == .digest && arguments[1].count != 40 { throw .noScript }
        if kind == .function {
            if host.flags(of: .function, arguments[1]) == nil {
                throw ReplyError("ERR Function not found")
            }
            guard let count = Numbers.integer(arguments[2]) else {
                throw ReplyError("ERR Bad number of keys provided")
            }
            keyCount = count
        } else {
            keyCount = try engine.integer(arguments[2])
        }
        if Int64(arguments.count - 3) < keyCount {
            throw ReplyError("ERR Number of keys can't be greater than number of args")
        }
        if keyCount < 0 { throw ReplyError("ERR Number of keys can't be negative") }
        if !engine.monitors.isEmpty {
            engine.feedMonitors(
                engine.table.number(of: arguments[0]), arguments, client, isShown: true)
        }
        let count = Int(keyCount)
        try host.run(
            ScriptCall(
                kind: kind, name: arguments[1], keys: arguments.view(from: 3, count: count),
                arguments: arguments.view(from: 3 + count, count: arguments.count - 3 - count),
                isReadOnly: isReadOnly, command: arguments), client: client)
    }

    /// The interpreter.
    static func host(_ engine: CommandEngine) throws(ReplyError) -> any ScriptHost {
        guard let host = engine.scriptHost else {
            throw ReplyError("ERR This instance has scripting support disabled")
        }
        return host
    }

    // MARK: SCRIPT

    private static let everywhere: [StaticString] = [
        "request_policy:all_nodes", "response_policy:all_succeeded",
    ]

    private static let subcommands: [CommandSpec] = [
        subcommand(
            "load", "2.6.0", 3, [.noScript, .stale], "script",
            "Loads a server-side Lua script to the script cache.", tips: everywhere,
            complexity: "O(N) with N being the length in bytes of the script body.", load),
        subcommand(
            "exists", "2.6.0", -3, [.noScript], "sha1 [sha1 ...]",
            "Determines whether server-side Lua scripts exist in the script cache.",
            tips: ["request_policy:all_shards", "response_policy:agg_logical_and"],
            complexity: """
                O(N) with N being the number of scripts to check (so checking a single script is \
                an O(1) operation).
                """, exists),
        subcommand(
            "flush", "2.6.0", -2, [.noScript], "[ASYNC | SYNC]",
            "Removes all server-side Lua scripts from the script cache.", tips: everywhere,
            complexity: "O(N) with N being the number of scripts in cache", flush),
        subcommand(
            "kill", "2.6.0", 2, [.noScript, .allowBusy], "",
            "Terminates a server-side Lua script during execution.",
            tips: ["request_policy:all_shards", "response_policy:one_succeeded"]
        ) { (engine, client, _) throws(ReplyError) in
            try engine.killScript(isFunction: false)
            client.writer.ok()
        },
        subcommand(
            "debug", "3.2.0", 3, [.noScript], "<YES | SYNC | NO>",
            "Sets the debug mode of server-side Lua scripts.", debug),
        subcommand(
            "show", "7.2.0", 3, [.noScript], "sha1",
            "Shows the text of a server-side Lua script in the script cache.", show),
        subcommand(
            "help", "5.0.0", 2, [.loading, .stale], "",
            "Returns helpful text about the different subcommands.", help),
    ]

    static func subcommand(
        _ name: StaticString, _ since: StaticString, _ arity: Int, _ flags: CommandFlags,
        _ syntax: StaticString, _ summary: StaticString, tips: [StaticString] = [],
        complexity: StaticString = "O(1)", _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .scripting, complexity: complexity, arity: arity,
            flags: flags, categories: [.scripting], syntax: syntax, summary: summary, tips: tips,
            handler: handler)
    }

    private static func load(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let digest = try host(engine).load(arguments[2])
        digest.withByteSlice { client.writer.bulk($0) }
    }

    private static func exists(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let host = try host(engine)
        client.writer.arrayHeader(arguments.count - 2)
        for index in 2..<arguments.count {
            client.writer.integer(host.holds(digest: arguments[index]) ? 1 : 0)
        }
    }

    private static func flush(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let isKnown =
            arguments.count == 2 || arguments[2].equalsIgnoringCase("async")
            || arguments[2].equalsIgnoringCase("sync")
        guard isKnown && arguments.count <= 3 else {
            throw ReplyError("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
        }
        try host(engine).removeScripts()
        client.writer.ok()
    }

    private static func debug(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard client.writer.buffer.isEmpty else {
            throw ReplyError("ERR SCRIPT DEBUG must be called outside a pipeline")
        }
        let mode = arguments[2]
        if mode.equalsIgnoringCase("no") {
            client.scriptDebugging = .off
        } else if mode.equalsIgnoringCase("yes") {
            client.scriptDebugging = .onCopy
        } else if mode.equalsIgnoringCase("sync") {
            client.scriptDebugging = .inEngine
        } else {
            throw ReplyError("ERR Use SCRIPT DEBUG YES/SYNC/NO")
        }
        client.writer.ok()
    }

    private static func show(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let source = try host(engine).source(digest: arguments[2]) else {
            throw .noScript
        }
        source.withByteSlice { client.writer.bulk($0) }
    }

    private static func help(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        client.writeHelp(
            "SCRIPT",
            [
                "DEBUG (YES|SYNC|NO)",
                "    Set the debug mode for subsequent scripts executed.",
                "EXISTS <sha1> [<sha1> ...]",
                "    Return information about the existence of the scripts in the script cache.",
                "FLUSH [ASYNC|SYNC]",
                "    Flush the Lua scripts cache. Very dangerous on replicas.",
                "    When called without the optional mode argument, the behavior is determined",
                "    by the lazyfree-lazy-user-flush configuration directive. Valid modes are:",
                "    * ASYNC: Asynchronously flush the scripts cache.",
                "    * SYNC: Synchronously flush the scripts cache.", "KILL",
                "    Kill the currently executing Lua script.", "LOAD <script>",
                "    Load a script into the scripts cache without executing it.",
                "SHOW <sha1>", "    Return the text of a script in the scripts cache.",
            ])
    }
}
