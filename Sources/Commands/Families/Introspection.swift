// COMMAND: the table about itself.
internal import Bytes
internal import RESP

/// The subcommands of COMMAND.
enum Introspection {
    static let table: [CommandSpec] = [
        CommandSpec(
            name: "command", since: "2.8.13", group: .server,
            complexity: "O(N) where N is the total number of Redis commands", arity: -1,
            flags: [.loading, .stale], categories: [.connection],
            summary: "Returns detailed information about all commands.",
            tips: ["nondeterministic_output_order"], subcommands: subcommands,
            handler: { (engine, client, _) throws(ReplyError) in
                client.writer.arrayHeader(engine.table.topLevelCount)
                for number in 0..<engine.table.topLevelCount {
                    CommandReplies.describe(number, engine.table, &client.writer)
                }
            })
    ]

    private static let subcommands: [CommandSpec] = [
        row("count", "2.8.13", 2, "", "Returns a count of commands.") { engine, client, _ in
            client.writer.integer(engine.table.topLevelCount)
        },
        row(
            "info", "2.8.13", -2, "[command-name [command-name ...]]",
            "Returns information about one, multiple or all commands.",
            tips: ["nondeterministic_output_order"], info),
        row(
            "docs", "7.0.0", -2, "[command-name [command-name ...]]",
            "Returns documentary information about one, multiple or all commands.",
            tips: ["nondeterministic_output_order"], docs),
        row(
            "list", "7.0.0", -2,
            "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
            "Returns a list of command names.",
            tips: ["nondeterministic_output_order"], list),
        row(
            "getkeys", "2.8.13", -3, "command [arg [arg ...]]",
            "Extracts the key names from an arbitrary command."
        ) { (engine, client, arguments) throws(ReplyError) in
            try keys(engine, client, arguments, withFlags: false)
        },
        row(
            "getkeysandflags", "7.0.0", -3, "command [arg [arg ...]]",
            "Extracts the key names and access flags for an arbitrary command."
        ) { (engine, client, arguments) throws(ReplyError) in
            try keys(engine, client, arguments, withFlags: true)
        },
        row(
            "help", "5.0.0", 2, "", "Returns helpful text about the different subcommands.", help),
    ]

    private static func row(
        _ name: StaticString, _ since: StaticString, _ arity: Int, _ syntax: StaticString,
        _ summary: StaticString, tips: [StaticString] = [],
        _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .server, arity: arity, flags: [.loading, .stale],
            categories: [.connection], syntax: syntax, summary: summary, tips: tips,
            handler: handler)
    }

    private static func info(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        let table = engine.table
        if arguments.count == 2 {
            client.writer.arrayHeader(table.topLevelCount)
            for number in 0..<table.topLevelCount {
                CommandReplies.describe(number, table, &client.writer)
            }
            return
        }
        client.writer.arrayHeader(arguments.count - 2)
        for index in 2..<arguments.count {
            let number = table.number(ofFullName: arguments[index])
            if number < 0 {
                client.writer.null()
            } else {
                CommandReplies.describe(number, table, &client.writer)
            }
        }
    }

    private static func docs(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        var numbers = Array(0..<engine.table.topLevelCount)
        if arguments.count > 2 {
            numbers = (2..<arguments.count).map { engine.table.number(ofFullName: arguments[$0]) }
                .filter { $0 >= 0 }
        }
        client.writer.mapHeader(numbers.count)
        for number in numbers {
            client.writer.bulk(text: engine.table.fullName(number))
            CommandReplies.document(number, engine.table, &client.writer)
        }
    }

    private static func list(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let table = engine.table
        // Subcommands count as commands here, other than in COMMAND COUNT.
        var numbers = Array(table.specs.indices)
        if arguments.count == 5, arguments[2].equalsIgnoringCase("filterby") {
            let value = arguments[4]
            if arguments[3].equalsIgnoringCase("pattern") {
                numbers = numbers.filter { number in
                    Array(table.fullName(number).utf8).withByteSlice {
                        Glob.matches(pattern: value, text: $0, ignoringCase: true)
                    }
                }
            } else if arguments[3].equalsIgnoringCase("aclcat") {
                let row = ACLCategory.names.first { value.equalsIgnoringCase($0.name) }
                numbers = numbers.filter { number in
                    row.map { table.specs[number].categories.contains($0.category) } ?? false
                }
            } else if arguments[3].equalsIgnoringCase("module") {
                numbers = []
            } else {
                throw .syntax
            }
        } else if arguments.count != 2 {
            throw .syntax
        }
        client.writer.setHeader(numbers.count)
        for number in numbers { client.writer.bulk(text: table.fullName(number)) }
    }

    private static func keys(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, withFlags: Bool
    ) throws(ReplyError) {
        let command = arguments.view(from: 2, count: arguments.count - 2)
        let found = engine.table.number(of: command[0])
        let number = engine.resolve(found, command)
        guard number >= 0 else { throw ReplyError("ERR Invalid command specified") }
        let spec = engine.table.specs[number]
        guard !spec.keys.isEmpty else {
            throw ReplyError("ERR The command has no key arguments")
        }
        guard engine.table.facts[number].accepts(command.count) else {
            throw ReplyError("ERR Invalid number of arguments specified for command")
        }
        var places: [(place: Int, access: KeySpec.Access)] = []
        let fits = spec.forEachKey(command) { places.append(($0, $1.subtracting(.incomplete))) }
        if !fits || places.isEmpty {
            guard spec.flags.contains(.noMandatoryKeys) else {
                throw ReplyError("ERR Invalid arguments specified for command")
            }
            places = []
        }
        client.writer.arrayHeader(places.count)
        for (place, access) in places {
            if withFlags {
                client.writer.arrayHeader(2)
                client.writer.bulk(command[place])
                CommandReplies.writeAccess(access, &client.writer)
            } else {
                client.writer.bulk(command[place])
            }
        }
    }

    private static func help(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        client.writeHelp(
            "COMMAND",
            [
                "(no subcommand)", "    Return details about all Redis commands.", "COUNT",
                "    Return the total number of commands in this Redis server.", "LIST",
                "    Return a list of all commands in this Redis server.",
                "INFO [<command-name> ...]",
                "    Return details about multiple Redis commands.",
                "    If no command names are given, documentation details for all",
                "    commands are returned.", "DOCS [<command-name> ...]",
                "    Return documentation details about multiple Redis commands.",
                "    If no command names are given, documentation details for all",
                "    commands are returned.", "GETKEYS <full-command>",
                "    Return the keys from a full Redis command.",
                "GETKEYSANDFLAGS <full-command>",
                "    Return the keys and the access flags from a full Redis command.",
            ])
    }
}
