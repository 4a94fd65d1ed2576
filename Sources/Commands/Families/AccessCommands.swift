// ACL: users and their rights.
internal import Bytes
internal import RESP

/// The subcommands of ACL.
enum AccessCommands {
    static let table: [CommandSpec] = [
        .container(
            name: "acl", since: "6.0.0", group: .server,
            summary: "A container for Access List Control commands.",
            subcommands: changing + asking + files)
    ]

    private static let changing: [CommandSpec] = [
        administrative(
            "setuser", "6.0.0", -3, "username [rule [rule ...]]",
            "Creates and modifies an ACL user and its rules.",
            complexity: "O(N). Where N is the number of rules provided.", setUser),
        administrative(
            "deluser", "6.0.0", -3, "username [username ...]",
            "Deletes ACL users, and terminates their connections.",
            complexity: "O(1) amortized time considering the typical user.", deleteUsers),
        administrative(
            "log", "6.0.0", -2, "[count | RESET]",
            "Lists recent security events generated due to ACL rules.",
            complexity: "O(N) with N being the number of entries shown.", log),
    ]

    private static let asking: [CommandSpec] = [
        administrative(
            "getuser", "6.0.0", 3, "username", "Lists the ACL rules of a user.",
            complexity: """
                O(N). Where N is the number of password, command and pattern rules that the user \
                has.
                """, getUser),
        administrative(
            "list", "6.0.0", 2, "", "Dumps the effective rules in ACL file format.",
            complexity: "O(N). Where N is the number of configured users."
        ) { engine, client, _ in
            let users = engine.access.inOrder
            client.writer.arrayHeader(users.count)
            for user in users { client.writer.bulk(text: "user " + user.line) }
        },
        administrative(
            "users", "6.0.0", 2, "", "Lists all ACL users.",
            complexity: "O(N). Where N is the number of configured users."
        ) { engine, client, _ in
            let users = engine.access.inOrder
            client.writer.arrayHeader(users.count)
            for user in users { user.name.withByteSlice { client.writer.bulk($0) } }
        },
        administrative(
            "dryrun", "7.0.0", -4, "username command [arg [arg ...]]",
            "Simulates the execution of a command by a user, without executing the command.",
            complexity: "O(1).", dryRun),
        plain(
            "cat", "6.0.0", -2, "[category]",
            "Lists the ACL categories, or the commands inside a category.",
            "O(1) since the categories and commands are a fixed set.", categories),
        plain(
            "genpass", "6.0.0", -2, "[bits]",
            """
            Generates a pseudorandom, secure password that can be used to identify ACL users.
            """, "O(1)", generatePassword),
        plain(
            "whoami", "6.0.0", 2, "",
            "Returns the authenticated username of the current connection.", "O(1)"
        ) { _, client, _ in client.writer.bulk(text: client.userName) },
        Server.helpRow("acl", "6.0.0") { _, client, _ in client.writeHelp("ACL", helpLines) },
    ]

    private static let files: [CommandSpec] = [
        administrative(
            "load", "6.0.0", 2, "", "Reloads the rules from the configured ACL file.",
            complexity: "O(N). Where N is the number of configured users.", load),
        administrative(
            "save", "6.0.0", 2, "", "Saves the effective ACL rules in the configured ACL file.",
            complexity: "O(N). Where N is the number of configured users."
        ) { (engine, client, _) throws(ReplyError) in
            _ = try fileName(engine)
            try engine.host.writeAccessFile(engine.access.fileText)
            client.writer.ok()
        },
    ]

    private static func administrative(
        _ name: StaticString, _ since: StaticString, _ arity: Int, _ syntax: StaticString,
        _ summary: StaticString, complexity: StaticString, _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .server, complexity: complexity, arity: arity,
            flags: [.admin, .noScript, .loading, .stale], syntax: syntax, summary: summary,
            handler: handler)
    }

    private static func plain(
        _ name: StaticString, _ since: StaticString, _ arity: Int, _ syntax: StaticString,
        _ summary: StaticString, _ complexity: StaticString, _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .server, complexity: complexity, arity: arity,
            flags: [.noScript, .loading, .stale], syntax: syntax, summary: summary,
            handler: handler)
    }

    // MARK: Changing

    private static func setUser(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let name = arguments[2].array
        if AccessSelector.hasBlanks(name) {
            throw ReplyError("ERR Usernames can't contain spaces or null characters")
        }
        let words = try merged(arguments)
        let user = engine.access.user(name)
        do throws(AccessWordError) {
            let rules = try engine.access.rules(
                user?.rules ?? engine.access.newRules, changedBy: words)
            if let user {
                engine.change(user, to: rules)
            } else {
                engine.access.set(name, rules)
            }
        } catch {
            throw ReplyError(
                composed: "ERR Error in ACL SETUSER modifier '\(error.text)': "
                    + error.problem.text)
        }
        client.writer.ok()
    }

    private static func merged(_ arguments: Arguments) throws(ReplyError) -> [[UInt8]] {
        let words = (3..<max(3, arguments.count)).map { arguments[$0].array }
        do throws(AccessWords.Unclosed) {
            return try AccessWords.merge(words)
        } catch {
            throw ReplyError(
                composed: "ERR Unmatched parenthesis in acl selector starting at "
                    + "'\(arguments[error.index + 3].string)'.")
        }
    }

    private static func deleteUsers(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        for index in 2..<arguments.count where arguments[index] == "default" {
            throw ReplyError("ERR The 'default' user cannot be removed")
        }
        var count = 0
        for index in 2..<arguments.count where engine.deleteUser(arguments[index].array) {
            count += 1
        }
        client.writer.integer(count)
    }

    // MARK: Asking

    private static func getUser(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        guard let user = engine.access.user(arguments[2].array) else {
            return client.writer.null()
        }
        client.writer.mapHeader(6)
        client.writer.bulk("flags")
        client.writer.setHeader(user.flags.count)
        for flag in user.flags { client.writer.bulk(flag) }
        client.writer.bulk("passwords")
        client.writer.arrayHeader(user.rules.passwords.count)
        for password in user.rules.passwords {
            password.withByteSlice { client.writer.bulk($0) }
        }
        describe(user.rules.selectors[0], &client.writer)
        client.writer.bulk("selectors")
        client.writer.arrayHeader(user.rules.selectors.count - 1)
        for selector in user.rules.selectors.dropFirst() {
            client.writer.mapHeader(3)
            describe(selector, &client.writer)
        }
    }

    private static func describe(_ selector: AccessSelector, _ writer: inout ReplyWriter) {
        writer.bulk("commands")
        writer.bulk(text: selector.commandText)
        writer.bulk("keys")
        writer.bulk(text: selector.keyText)
        writer.bulk("channels")
        writer.bulk(text: selector.channelText)
    }

    private static func dryRun(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let user = engine.access.user(arguments[2].array) else {
            throw ReplyError(composed: "ERR User '\(arguments[2].string)' not found")
        }
        let command = arguments.view(from: 3, count: arguments.count - 3)
        let number = engine.resolve(engine.table.number(of: command[0]), command)
        guard number >= 0 else {
            throw ReplyError(composed: "ERR Command '\(command[0].string)' not found")
        }
        guard engine.table.facts[number].accepts(command.count) else {
            throw .wrongArity(engine.table.fullName(number))
        }
        guard let refusal = user.refusal(number, command, engine.table) else {
            return client.writer.ok()
        }
        client.writer.bulk(
            text: engine.accessText(refusal, number, command, user, isVerbose: true))
    }

    private static func categories(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if arguments.count == 2 {
            client.writer.arrayHeader(ACLCategory.names.count)
            for row in ACLCategory.names { client.writer.bulk(row.name) }
            return
        }
        guard arguments.count == 3 else { throw subcommandSyntax("ACL", arguments) }
        guard
            let row = ACLCategory.names.first(where: {
                arguments[2].equalsIgnoringCase($0.name)
            })
        else {
            let name = arguments[2].prefix(min(128, arguments[2].count)).string
            throw ReplyError(composed: "ERR Unknown category '\(name)'")
        }
        let members = engine.table.specs.indices.filter { number in
            engine.table.specs[number].categories.contains(row.category)
        }
        client.writer.arrayHeader(members.count)
        for number in members { client.writer.bulk(text: engine.table.fullName(number)) }
    }

    /// Longest generated password.
    private static var passwordBitsMax: Int64 { 4_096 }

    private static func generatePassword(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if arguments.count > 3 { throw subcommandSyntax("ACL", arguments) }
        let bits = arguments.count == 3 ? try engine.integer(arguments[2]) : 256
        guard bits > 0 && bits <= passwordBitsMax else {
            throw ReplyError(
                """
                ERR ACL GENPASS argument must be the number of bits for the output password, a \
                positive number up to 4096
                """)
        }
        let digitCount = (Int(bits) + 3) / 4
        let digits = engine.host.randomBytes((digitCount + 1) / 2)
            .flatMap { [$0 >> 4, $0 & 15] }.prefix(digitCount).map(QuotedText.hexadecimal)
        digits.withByteSlice { client.writer.bulk($0) }
    }

    // MARK: Log

    private static func log(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if arguments.count > 3 { throw subcommandSyntax("ACL", arguments) }
        var count: Int64 = 10
        if arguments.count == 3 {
            if arguments[2].equalsIgnoringCase("reset") {
                engine.access.log.removeAll()
                return client.writer.ok()
            }
            count = max(0, try engine.integer(arguments[2]))
        }
        let shown = engine.access.log.entries.prefix(Int(clamping: count))
        client.writer.arrayHeader(shown.count)
        for entry in shown { write(entry, now: engine.now, &client.writer) }
    }

    private static func write(
        _ entry: AccessLog.Entry, now: Int64, _ writer: inout ReplyWriter
    ) {
        writer.mapHeader(10)
        writer.bulk("count")
        writer.integer(entry.count)
        writer.bulk("reason")
        writer.bulk(entry.reason.name)
        writer.bulk("context")
        writer.bulk(entry.context.name)
        writer.bulk("object")
        entry.object.withByteSlice { writer.bulk($0) }
        writer.bulk("username")
        entry.userName.withByteSlice { writer.bulk($0) }
        writer.bulk("age-seconds")
        writer.double(Double(now - entry.updatedMilliseconds) / 1_000)
        writer.bulk("client-info")
        writer.bulk(text: entry.clientLine)
        writer.bulk("entry-id")
        writer.integer(entry.id)
        writer.bulk("timestamp-created")
        writer.integer(entry.createdMilliseconds)
        writer.bulk("timestamp-last-updated")
        writer.integer(entry.updatedMilliseconds)
    }

    // MARK: Files

    private static func fileName(_ engine: CommandEngine) throws(ReplyError) -> String {
        guard let name = engine.host.accessFileName() else {
            throw ReplyError(
                """
                ERR This Redis instance is not configured to use an ACL file. You may want to \
                specify users via the ACL SETUSER command and then issue a CONFIG REWRITE \
                (assuming you have a Redis configuration file set) in order to store users in \
                the Redis configuration.
                """)
        }
        return name
    }

    private static func load(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let name = try fileName(engine)
        let bytes = try engine.host.readAccessFile()
        do throws(AccessLoadFailure) {
            try engine.loadUsers(file: bytes, name: name)
        } catch {
            throw ReplyError(composed: "ERR " + error.message)
        }
        client.writer.ok()
    }

    private static let helpLines: [StaticString] = [
        "CAT [<category>]",
        "    List all commands that belong to <category>, or all command categories",
        "    when no category is specified.", "DELUSER <username> [<username> ...]",
        "    Delete a list of users.", "DRYRUN <username> <command> [<arg> ...]",
        """
        \u{20}   Returns whether the user can execute the given command without executing the \
        command.
        """,
        "GETUSER <username>", "    Get the user's details.", "GENPASS [<bits>]",
        "    Generate a secure 256-bit user password. The optional `bits` argument can",
        "    be used to specify a different size.", "LIST",
        "    Show users details in config file format.", "LOAD",
        "    Reload users from the ACL file.", "LOG [<count> | RESET]",
        "    Show the ACL log entries.", "SAVE",
        "    Save the current config to the ACL file.",
        "SETUSER <username> <attribute> [<attribute> ...]",
        "    Create or modify a user with the specified attributes.", "USERS",
        "    List all the registered usernames.", "WHOAMI",
        "    Return the current connection username.",
    ]
}
