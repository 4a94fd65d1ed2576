// CLIENT: what a connection tells about itself and does to others. Texts of CLIENT LIST are in
// Clients+List, CLIENT KILL and its filters in Clients+Filter.
internal import Bytes
internal import RESP

/// The subcommands of CLIENT.
enum Clients {
    static let table: [CommandSpec] = [
        .container(
            name: "client", since: "2.4.0", group: .connection,
            summary: "A container for client connection commands.",
            subcommands: own + others + modes + tracking)
    ]

    static func row(
        _ name: StaticString, _ since: StaticString, arity: Int, syntax: StaticString = "",
        _ summary: StaticString, isAdministrative: Bool = false,
        complexity: StaticString = "O(1)", tips: [StaticString] = [],
        _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .connection, complexity: complexity, arity: arity,
            flags: isAdministrative
                ? [.admin, .noScript, .loading, .stale] : [.noScript, .loading, .stale],
            categories: [.connection], syntax: syntax, summary: summary, tips: tips,
            handler: handler)
    }

    private static let own: [CommandSpec] = [
        row("id", "5.0.0", arity: 2, "Returns the unique client ID of the connection.") {
            _, client, _ in client.writer.integer(client.id)
        },
        row("getname", "2.6.9", arity: 2, "Returns the name of the connection.") {
            _, client, _ in
            if client.name.isEmpty {
                client.writer.null()
            } else {
                client.writer.bulk(text: client.name)
            }
        },
        row(
            "setname", "2.6.9", arity: 3, syntax: "connection-name",
            "Sets the connection name."
        ) { (_, client, arguments) throws(ReplyError) in
            client.name = try checkedName(arguments[2])
            client.writer.ok()
        },
        row(
            "setinfo", "7.2.0", arity: 4, syntax: "<LIB-NAME libname | LIB-VER libver>",
            "Sets information specific to the client or connection.", setInfo),
        row(
            "info", "6.2.0", arity: 2, "Returns information about the connection.",
            tips: ["nondeterministic_output"]
        ) {
            engine, client, _ in
            client.writer.verbatim(text: line(of: client, engine) + "\n")
        },
        CommandSpec(
            name: "help", since: "5.0.0", group: .connection, arity: 2,
            flags: [.loading, .stale], categories: [.connection],
            summary: "Returns helpful text about the different subcommands.", handler: help),
    ]

    private static let modes: [CommandSpec] = [
        row(
            "reply", "3.2.0", arity: 3, syntax: "<ON | OFF | SKIP>",
            "Instructs the server whether to reply to commands.", reply),
        row(
            "no-evict", "7.0.0", arity: 3, syntax: "<ON | OFF>",
            "Sets the client eviction mode of the connection.", isAdministrative: true
        ) { (_, client, arguments) throws(ReplyError) in
            client.isExemptFromEviction = try onOrOff(arguments[2])
            client.writer.ok()
        },
        row(
            "no-touch", "7.2.0", arity: 3, syntax: "<ON | OFF>",
            """
            Controls whether commands sent by the client affect the LRU/LFU of accessed keys.
            """
        ) { (_, client, arguments) throws(ReplyError) in
            client.leavesAccessTimes = try onOrOff(arguments[2])
            client.writer.ok()
        },
    ]

    // MARK: Own facts

    /// A name without blanks and control characters.
    static func checkedName(_ name: ByteSlice) throws(ReplyError) -> String {
        guard isPrintable(name) else {
            throw ReplyError(
                "ERR Client names cannot contain spaces, newlines or special characters.")
        }
        return name.string
    }

    private static func isPrintable(_ text: ByteSlice) -> Bool {
        for index in 0..<text.count where text[index] < 0x21 || text[index] > 0x7E {
            return false
        }
        return true
    }

    private static func setInfo(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let option = arguments[2]
        let isName = option.equalsIgnoringCase("lib-name")
        guard isName || option.equalsIgnoringCase("lib-ver") else {
            throw ReplyError(composed: "ERR Unrecognized option '\(option.string)'")
        }
        guard isPrintable(arguments[3]) else {
            throw ReplyError(
                composed: "ERR \(isName ? "lib-name" : "lib-ver") cannot contain spaces, "
                    + "newlines or special characters.")
        }
        if isName {
            client.libraryName = arguments[3].string
        } else {
            client.libraryVersion = arguments[3].string
        }
        client.writer.ok()
    }

    private static func onOrOff(_ argument: ByteSlice) throws(ReplyError) -> Bool {
        if argument.equalsIgnoringCase("on") { return true }
        if argument.equalsIgnoringCase("off") { return false }
        throw .syntax
    }

    private static func reply(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let mode = arguments[2]
        if mode.equalsIgnoringCase("on") {
            client.replyMode = .on
            client.writer.ok()
        } else if mode.equalsIgnoringCase("off") {
            client.replyMode = .off
        } else if mode.equalsIgnoringCase("skip") {
            if client.replyMode != .off { client.replyMode = .skipNext }
        } else {
            throw .syntax
        }
    }

    private static func help(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        client.writeHelp("CLIENT", Clients.helpLines)
    }
}
