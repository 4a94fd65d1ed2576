// FUNCTION: libraries of functions, which belong to the data set: they are in snapshots and in the
// replication stream.
internal import Bytes
internal import Persistence
internal import RESP

extension Scripting {
    private static let onEachShard: [StaticString] = [
        "request_policy:all_shards", "response_policy:all_succeeded",
    ]

    static let functions: [CommandSpec] = [
        subcommand(
            "load", "7.0.0", -3, [.write, .denyOutOfMemory, .noScript],
            "[REPLACE] function-code", "Creates a library.", tips: onEachShard,
            complexity: "O(1) (considering compilation time is redundant)", loadLibrary),
        subcommand(
            "delete", "7.0.0", 3, [.write, .noScript], "library-name",
            "Deletes a library and its functions.", tips: onEachShard, deleteLibrary),
        subcommand(
            "flush", "7.0.0", -2, [.write, .noScript], "[ASYNC | SYNC]",
            "Deletes all libraries and functions.", tips: onEachShard,
            complexity: "O(N) where N is the number of functions deleted", flushLibraries),
        subcommand(
            "list", "7.0.0", -2, [.noScript], "[LIBRARYNAME library-name-pattern] [WITHCODE]",
            "Returns information about all libraries.", tips: ["nondeterministic_output_order"],
            complexity: "O(N) where N is the number of functions", list),
        subcommand(
            "stats", "7.0.0", 2, [.noScript, .allowBusy], "",
            "Returns information about a function during execution.",
            tips: [
                "nondeterministic_output", "request_policy:all_shards",
                "response_policy:special",
            ], statistics),
        subcommand(
            "dump", "7.0.0", 2, [.noScript], "",
            "Dumps all libraries into a serialized binary payload.",
            complexity: "O(N) where N is the number of functions", dump),
        subcommand(
            "restore", "7.0.0", -3, [.write, .denyOutOfMemory, .noScript],
            "serialized-value [FLUSH | APPEND | REPLACE]", "Restores all libraries from a payload.",
            tips: onEachShard,
            complexity: "O(N) where N is the number of functions on the payload", restore),
        subcommand(
            "kill", "7.0.0", 2, [.noScript, .allowBusy], "",
            "Terminates a function during execution.",
            tips: ["request_policy:all_shards", "response_policy:one_succeeded"]
        ) { (engine, client, _) throws(ReplyError) in
            try engine.killScript(isFunction: true)
            client.writer.ok()
        },
        subcommand(
            "help", "7.0.0", 2, [.loading, .stale], "",
            "Returns helpful text about the different subcommands.", help),
    ]

    /// The libraries have changed by the command itself.
    private static func changed(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        engine.changeCount &+= 1
        engine.propagate(arguments, client)
    }

    // MARK: Changes

    private static func loadLibrary(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var replaces = false
        let last = arguments.count - 1
        for index in 2..<last {
            guard arguments[index].equalsIgnoringCase("replace") else {
                throw ReplyError(
                    composed: "ERR Unknown option given: \(arguments[index].string)")
            }
            replaces = true
        }
        let name = try host(engine).loadLibrary(
            arguments[last], replacing: replaces, isLimited: !client.isMaster)
        changed(engine, client, arguments)
        name.withByteSlice { client.writer.bulk($0) }
    }

    private static func deleteLibrary(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard try host(engine).removeLibrary(arguments[2]) else {
            throw ReplyError("ERR Library not found")
        }
        changed(engine, client, arguments)
        client.writer.ok()
    }

    private static func flushLibraries(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let isKnown =
            arguments.count == 2 || arguments[2].equalsIgnoringCase("async")
            || arguments[2].equalsIgnoringCase("sync")
        guard isKnown && arguments.count <= 3 else {
            throw ReplyError("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
        }
        engine.scriptHost?.removeLibraries()
        changed(engine, client, arguments)
        client.writer.ok()
    }

    // MARK: Reading

    private static func list(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var showsCode = false
        var pattern: ByteSlice?
        var index = 2
        while index < arguments.count {
            if !showsCode, arguments[index].equalsIgnoringCase("withcode") {
                showsCode = true
            } else if pattern == nil, arguments[index].equalsIgnoringCase("libraryname") {
                index += 1
                guard index < arguments.count else {
                    throw ReplyError("ERR library name argument was not given")
                }
                pattern = arguments[index]
            } else {
                throw ReplyError(composed: "ERR Unknown argument \(arguments[index].string)")
            }
            index += 1
        }
        let libraries = (engine.scriptHost?.libraries ?? []).filter { library in
            guard let pattern else { return true }
            return library.name.withByteSlice {
                Glob.matches(pattern: pattern, text: $0, ignoringCase: true)
            }
        }
        client.writer.arrayHeader(libraries.count)
        for library in libraries { write(library, client, withCode: showsCode) }
    }

    private static func write(
        _ library: ScriptLibrary, _ client: ClientState, withCode: Bool
    ) {
        client.writer.mapHeader(withCode ? 4 : 3)
        client.writer.bulk("library_name")
        library.name.withByteSlice { client.writer.bulk($0) }
        client.writer.bulk("engine")
        client.writer.bulk("LUA")
        client.writer.bulk("functions")
        client.writer.arrayHeader(library.functions.count)
        for function in library.functions {
            client.writer.mapHeader(3)
            client.writer.bulk("name")
            function.name.withByteSlice { client.writer.bulk($0) }
            client.writer.bulk("description")
            if let description = function.description {
                description.withByteSlice { client.writer.bulk($0) }
            } else {
                client.writer.null()
            }
            client.writer.bulk("flags")
            let flags = ScriptFlags.names.filter { function.flags.contains($0.flag) }
            client.writer.setHeader(flags.count)
            for row in flags { client.writer.simpleString(row.name) }
        }
        guard withCode else { return }
        client.writer.bulk("library_code")
        library.source.withByteSlice { client.writer.bulk($0) }
    }

    private static func statistics(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if engine.script.isActive && !engine.script.isFunction { throw engine.busyError }
        client.writer.mapHeader(2)
        client.writer.bulk("running_script")
        if let running = engine.runningScript {
            client.writer.mapHeader(3)
            client.writer.bulk("name")
            running.name.withByteSlice { client.writer.bulk($0) }
            client.writer.bulk("command")
            client.writer.arrayHeader(engine.script.command.count)
            for word in engine.script.command {
                word.withByteSlice { client.writer.bulk($0) }
            }
            client.writer.bulk("duration_ms")
            client.writer.integer(running.milliseconds)
        } else {
            client.writer.null()
        }
        let figures = engine.scriptHost?.figures ?? ScriptFigures()
        client.writer.bulk("engines")
        client.writer.mapHeader(1)
        client.writer.bulk("LUA")
        client.writer.mapHeader(2)
        client.writer.bulk("libraries_count")
        client.writer.integer(figures.libraryCount)
        client.writer.bulk("functions_count")
        client.writer.integer(figures.functionCount)
    }

    // MARK: Payloads

    private static func dump(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        let sources = (engine.scriptHost?.libraries ?? []).map(\.source)
        LibraryPayload.encode(sources).withByteSlice { client.writer.bulk($0) }
    }

    private static func restore(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard arguments.count <= 4 else {
            throw ReplyError(
                """
                ERR unknown subcommand or wrong number of arguments for 'RESTORE'. Try FUNCTION \
                HELP.
                """)
        }
        var policy = LibraryPolicy.append
        if arguments.count == 4 {
            let word = arguments[3]
            if word.equalsIgnoringCase("replace") {
                policy = .replace
            } else if word.equalsIgnoringCase("flush") {
                policy = .flush
            } else if !word.equalsIgnoringCase("append") {
                throw ReplyError(
                    """
                    ERR Wrong restore policy given, value should be either FLUSH, APPEND or \
                    REPLACE.
                    """)
            }
        }
        let sources: [[UInt8]]
        do throws(LibraryPayload.Problem) {
            sources = try LibraryPayload.decode(arguments[2])
        } catch {
            throw error.reply
        }
        try host(engine).restoreLibraries(sources, policy)
        changed(engine, client, arguments)
        client.writer.ok()
    }

    private static func help(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        client.writeHelp(
            "FUNCTION",
            [
                "LOAD [REPLACE] <FUNCTION CODE>",
                "    Create a new library with the given library name and code.",
                "DELETE <LIBRARY NAME>", "    Delete the given library.",
                "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
                "    Return general information on all the libraries:", "    * Library name",
                "    * The engine used to run the Library", "    * Library description",
                "    * Functions list", "    * Library code (if WITHCODE is given)",
                """
                    It also possible to get only function that matches a pattern using \
                LIBRARYNAME argument.
                """,
                "STATS", "    Return information about the current function running:",
                "    * Function name", "    * Command used to run the function",
                "    * Duration in MS that the function is running",
                "    If no function is running, return nil",
                "    In addition, returns a list of available engines.", "KILL",
                "    Kill the current running function.", "FLUSH [ASYNC|SYNC]",
                "    Delete all the libraries.",
                """
                    When called without the optional mode argument, the behavior is determined \
                by the
                """,
                "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
                "    * ASYNC: Asynchronously flush the libraries.",
                "    * SYNC: Synchronously flush the libraries.", "DUMP",
                """
                    Return a serialized payload representing the current libraries, can be \
                restored using FUNCTION RESTORE command
                """,
                "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
                """
                    Restore the libraries represented by the given payload, it is possible to \
                give a restore policy to
                """,
                "    control how to handle existing libraries (default APPEND):",
                "    * FLUSH: delete all existing libraries.",
                """
                    * APPEND: appends the restored libraries to the existing libraries. On \
                collision, abort.
                """,
                """
                    * REPLACE: appends the restored libraries to the existing libraries, On \
                collision, replace the old
                """,
                """
                      libraries with the new libraries (notice that even on this option there is \
                a chance of failure
                """,
                "      in case of functions name conflict with another library).",
            ])
    }
}
