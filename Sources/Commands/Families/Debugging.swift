// DEBUG: what test suites need. Subcommands that concern the process or its files are the node's.
internal import Bytes
internal import Persistence
internal import RESP
internal import Store

/// The subcommands of DEBUG.
enum Debugging {
    static let table: [CommandSpec] = [
        CommandSpec(
            name: "debug", since: "1.0.0", group: .server,
            complexity: "Depends on subcommand.", arity: -2,
            flags: [.admin, .noScript, .loading, .stale], syntax: "subcommand [arg [arg ...]]",
            summary: "A container for debugging commands.", handler: debug)
    ]

    private static func debug(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let isNear = client.isOnThisMachine || !engine.settings.debugNeedsLocalClient
        guard engine.settings.allowsDebug && isNear else {
            throw ReplyError(
                """
                ERR DEBUG command not allowed. If the enable-debug-command option is set to \
                "local", you can run it from a local connection, otherwise you need to set this \
                option in the configuration file, and then restart the server.
                """)
        }
        let name = arguments[1].string.lowercased()
        if try runLocally(name, engine, client, arguments) { return }
        if try inspect(name, engine, client, arguments) { return }
        guard try engine.host.debug(subcommand: name, arguments: arguments, client: client) else {
            throw subcommandSyntax("DEBUG", arguments)
        }
    }

    /// Runs what needs no host; false when the subcommand is not known here.
    private static func runLocally(
        _ name: String, _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) -> Bool {
        switch (name, arguments.count) {
        case ("set-active-expire", 3):
            engine.expiresActively = try engine.integer(arguments[2]) != 0
            client.writer.ok()
        case ("set-disable-deny-scripts", 3):
            engine.allowsAllFromScripts = try engine.integer(arguments[2]) != 0
            client.writer.ok()
        case ("digest", 2):
            client.writer.simpleString(composed: DataDigest.of(engine.keyspace).text)
        case ("digest-value", 2...): digestValues(engine, client, arguments)
        case ("populate", 3...5): try populate(engine, client, arguments)
        case ("protocol", 3): try showProtocol(client, arguments[2])
        case ("reload", 2...5): try reload(engine, client, arguments)
        case ("loadaof", 2):
            try engine.host.reloadLog()
            client.writer.ok()
        case ("log", 3):
            engine.host.log(.warning, "DEBUG LOG: " + arguments[2].string)
            client.writer.ok()
        case ("error", 3):
            throw ReplyError(composed: arguments[2].string)
        case ("leak", 3):
            engine.leakedTexts.append(arguments[2].array)
            client.writer.ok()
        case ("stringmatch-test", 2):
            tryPatterns()
            client.writer.simpleString(composed: "Apparently Redis did not crash: test passed")
        case ("set-skip-checksum-validation", 3):
            engine.dumpCodec.verifiesChecksum = try engine.integer(arguments[2]) == 0
            client.writer.ok()
        case ("replicate", 3...): replicate(engine, client, arguments)
        case ("help", 2):
            client.writeHelp("DEBUG", helpLines)
        default:
            guard try isIdleSwitch(name, arguments) else { return false }
            client.writer.ok()
        }
        return true
    }

    /// Whether this is a switch of a mechanism that this store does not have: there is nothing to
    /// turn, but suites turn it.
    private static func isIdleSwitch(
        _ name: String, _ arguments: Arguments
    ) throws(ReplyError) -> Bool {
        switch (name, arguments.count) {
        case ("quicklist-packed-threshold", 3):
            guard Int64(arguments[2].string.prefix { $0.isNumber }) != nil else {
                throw ReplyError(
                    """
                    ERR argument must be a memory value bigger than 1 and smaller than 4gb
                    """)
            }
            return true
        case ("replybuffer", 4):
            return arguments[2].equalsIgnoringCase("peak-reset-time")
                || arguments[2].equalsIgnoringCase("resizing")
        case ("dict-resizing", 3), ("aof-flush-sleep", 3),
            ("delay-rdb-client-free-seconds", 3):
            guard Numbers.integer(arguments[2]) != nil else { throw .notInteger }
            return true
        default: return false
        }
    }

    /// Sends a command to the replicas that is not run here.
    private static func replicate(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        if engine.beginEffect(database: client.databaseIndex) {
            RequestWriter.begin(arguments.count - 2, into: &engine.effects)
            for index in 2..<arguments.count {
                RequestWriter.argument(arguments[index], into: &engine.effects)
            }
        }
        client.writer.ok()
    }

    private static func digestValues(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        client.writer.arrayHeader(arguments.count - 2)
        for index in 2..<max(2, arguments.count) {
            var digest = DataDigest()
            let key = arguments[index]
            if let entry = engine.database(client).find(key, engine.keyspace.hash(key)) {
                digest.addValue(entry)
            }
            client.writer.simpleString(composed: digest.text)
        }
    }

    /// DEBUG POPULATE count [prefix] [size]: keys `prefix:0` … with values `value:0` …; keys that
    /// exist stay. Not an effect, as in Redis.
    private static func populate(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let count = try engine.integer(arguments[2])
        guard count >= 0 else { throw .valueOutOfRangePositive }
        let prefix = arguments.count > 3 ? arguments[3].string : "key"
        let size = arguments.count > 4 ? try engine.integer(arguments[4]) : 0
        guard size >= 0 else { throw .valueOutOfRangePositive }
        var key = ByteBuffer()
        var value = ByteBuffer()
        for number in 0..<count {
            key.removeAll()
            key.append(text: "\(prefix):\(number)")
            let hash = engine.keyspace.hash(key.readable)
            if engine.database(client).find(key.readable, hash) != nil { continue }
            value.removeAll()
            value.append(text: "value:\(number)")
            if size > 0 {
                while value.count < Int(size) { value.append(0) }
                value.truncate(to: Int(size))
            }
            _ = engine.database(client).set(key.readable, hash, value.readable)
            engine.changed(key.readable, client)
        }
        client.writer.ok()
    }

    private static func reload(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var saves = true
        var flushes = true
        for index in 2..<max(2, arguments.count) {
            let option = arguments[index]
            if option.equalsIgnoringCase("nosave") {
                saves = false
            } else if option.equalsIgnoringCase("noflush") {
                flushes = false
            } else if !option.equalsIgnoringCase("merge") {
                throw ReplyError(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
            }
        }
        try engine.host.reloadSnapshot(saving: saves, flushing: flushes)
        client.writer.ok()
    }

    private static func showProtocol(
        _ client: ClientState, _ type: ByteSlice
    ) throws(ReplyError) {
        switch type.string.lowercased() {
        case "string": client.writer.bulk("Hello World")
        case "integer": client.writer.integer(12_345)
        case "double": client.writer.double(3.141)
        case "null": client.writer.null()
        case "array":
            client.writer.arrayHeader(3)
            for value in 0..<3 { client.writer.integer(value) }
        case "set":
            client.writer.setHeader(3)
            for value in 0..<3 { client.writer.integer(value) }
        case "map":
            client.writer.mapHeader(3)
            for value in 0..<3 {
                client.writer.integer(value)
                client.writer.bool(value == 1)
            }
        case "attrib":
            if client.writer.isRESP3 {
                client.writer.attributeHeader(1)
                client.writer.bulk("key-popularity")
                client.writer.arrayHeader(2)
                client.writer.bulk("key:123")
                client.writer.integer(90)
            }
            client.writer.bulk("Some real reply following the attribute")
        case "push":
            guard client.writer.isRESP3 else {
                throw ReplyError("ERR RESP2 is not supported by this command")
            }
            client.writer.pushHeader(2)
            client.writer.bulk("server-cpu-usage")
            client.writer.integer(42)
            client.writer.bulk("Some real reply following the push reply")
        case "bignum": client.writer.bigNumber("1234567999999999999999999999999999999")
        case "true": client.writer.bool(true)
        case "false": client.writer.bool(false)
        case "verbatim":
            client.writer.verbatim(ByteSlice("This is a verbatim\nstring"), format: "txt")
        default:
            throw ReplyError(
                """
                ERR Wrong protocol type name. Please use one of the following: \
                string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false
                """)
        }
    }

    private static let helpLines: [StaticString] = [
        "ASSERT", "    Crash by assertion failed.", "CONFIG-REWRITE-FORCE-ALL",
        "    Like CONFIG REWRITE but writes all configuration options, including",
        "    keywords not listed in original configuration file or default values.", "DIGEST",
        "    Output a hex signature representing the current DB content.",
        "DIGEST-VALUE <key> [<key> ...]",
        "    Output a hex signature of the values of all the specified keys.",
        "HTSTATS <dbid>",
        "    Return hash table statistics of the specified Redis database.",
        "HTSTATS-KEY <key>",
        "    Like HTSTATS but for the hash table stored at <key>'s value.",
        "ERROR <string>",
        "    Return a Redis protocol error with <string> as message.", "LEAK <string>",
        "    Create a memory leak of the input string.", "LISTPACK <key>",
        "    Write the size of a value that is encoded as listpack to the server log.",
        "LOADAOF",
        "    Flush the AOF buffers on disk and reload the AOF in memory.", "LOG <message>",
        "    Write <message> to the server log.", "OBJECT <key> [fast]",
        "    Show low level info about `key` and associated value.", "OOM",
        "    Crash the server simulating an out-of-memory error.", "PANIC",
        "    Crash the server simulating a panic.", "PAUSE-CRON <0|1>",
        "    Stop periodic cron job processing.",
        "POPULATE <count> [<prefix>] [<size>]",
        "    Create <count> string keys named key:<num>.",
        "PROTOCOL <type>", "    Reply with a test value of the specified type.",
        "RELOAD [option ...]", "    Save the RDB on disk and reload it back to memory.",
        "REPLICATE <string>",
        "    Replicates the provided string to replicas, allowing data divergence.",
        "SDSLEN <key>", "    Show low level SDS string info representing `key` and value.",
        "SEGFAULT", "    Crash the server with sigsegv.",
        "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
        "    Enables or disables checksum checks for RDB files and RESTORE's payload.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Setting it to 0 disables expiring keys in background when they are not",
        "    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the",
        "    default.", "SLEEP <seconds>",
        "    Stop the server for <seconds>. Decimals allowed.", "STRINGMATCH-TEST",
        "    Run a fuzz tester against the matcher of patterns.",
    ]
}
