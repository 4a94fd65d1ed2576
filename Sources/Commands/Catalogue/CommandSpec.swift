// One row of the command table. Everything the server knows about a command follows from its row:
// lookup, arity errors, COMMAND, gates, keys, access categories, statistics, documentation.
public import Bytes
public import RESP

/// The arguments of one command, its name at index 0; valid until the command ends.
public typealias Arguments = ByteSliceView

/// The code of a command. It writes its reply to the client and its effects through the engine; an
/// error thrown becomes the reply.
public typealias CommandHandler =
    @Sendable (CommandEngine, ClientState, Arguments) throws(ReplyError) -> Void

/// Tells the positions of a command's keys and what it does to each, where the specifications in
/// its row cannot; false when the arguments do not fit.
public typealias KeyFinder =
    @Sendable (Arguments, (Int, KeySpec.Access) -> Void) -> Bool

/// The groups of the public documentation.
public enum CommandGroup: Sendable {
    /// The group's name in COMMAND DOCS.
    case generic, string, list, set, sortedSet, hash, stream, bitmap, hyperLogLog, geo
    /// The group's name in COMMAND DOCS.
    case pubSub, transactions, scripting, connection, server, cluster

    /// The name that COMMAND DOCS prints.
    var name: StaticString {
        switch self {
        case .generic: "generic"
        case .string: "string"
        case .list: "list"
        case .set: "set"
        case .sortedSet: "sorted-set"
        case .hash: "hash"
        case .stream: "stream"
        case .bitmap: "bitmap"
        case .hyperLogLog: "hyperloglog"
        case .geo: "geo"
        case .pubSub: "pubsub"
        case .transactions: "transactions"
        case .scripting: "scripting"
        case .connection: "connection"
        case .server: "server"
        case .cluster: "cluster"
        }
    }
}

/// One command or subcommand.
public struct CommandSpec: Sendable {
    /// Name in lower case, without the container's name.
    public let name: StaticString
    /// First version of Redis that had it.
    public let since: StaticString
    /// Group of the documentation.
    public let group: CommandGroup
    /// Cost, in words.
    public let complexity: StaticString
    /// Number of arguments with the name (and the subcommand's); negative: at least so many.
    public let arity: Int
    /// What it does and where it may run.
    public let flags: CommandFlags
    /// Access categories beyond those that the flags imply.
    public let categories: ACLCategory
    /// Its keys; most commands have one specification.
    public let keys: [KeySpec]
    /// Finds the keys in place of `keys`, which then only describe them.
    public let findKeys: KeyFinder?
    /// Arguments as one line: `key value [NX | XX] [EX seconds]`.
    public let syntax: StaticString
    /// One sentence.
    public let summary: StaticString
    /// Hints for proxies and clients (`request_policy:all_shards`, …).
    public let tips: [StaticString]
    /// What replaces it, and since when it is not advised any more.
    public let replacedBy: (since: StaticString, command: StaticString)?
    /// Subcommands of a container.
    public let subcommands: [CommandSpec]
    /// The code.
    public let handler: CommandHandler

    /// A row.
    public init(
        name: StaticString, since: StaticString, group: CommandGroup,
        complexity: StaticString = "O(1)", arity: Int, flags: CommandFlags = [],
        categories: ACLCategory = [], keys: [KeySpec] = [], findKeys: KeyFinder? = nil,
        syntax: StaticString = "", summary: StaticString, tips: [StaticString] = [],
        replacedBy: (since: StaticString, command: StaticString)? = nil,
        subcommands: [CommandSpec] = [], handler: @escaping CommandHandler
    ) {
        self.name = name
        self.since = since
        self.group = group
        self.complexity = complexity
        self.arity = arity
        self.flags = subcommands.isEmpty ? flags : flags.union(.container)
        self.categories = CommandSpec.allCategories(of: flags, beside: categories)
        self.keys = keys
        self.findKeys = findKeys
        self.syntax = syntax
        self.summary = summary
        self.tips = tips
        self.replacedBy = replacedBy
        self.subcommands = subcommands
        self.handler = handler
    }

    /// A container: it has no code of its own, `name` alone is an arity error.
    public static func container(
        name: StaticString, since: StaticString, group: CommandGroup, summary: StaticString,
        flags: CommandFlags = [], subcommands: [CommandSpec]
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: group, complexity: "Depends on subcommand.",
            arity: -2, flags: flags, summary: summary, subcommands: subcommands,
            handler: { _, _, _ in preconditionFailure("a container is never run") })
    }

    /// Calls `body` with the position of each key and what the command does to it; false when the
    /// arguments do not fit the row. Arguments that only look like keys are left out.
    func forEachKey(
        _ arguments: Arguments, _ body: (Int, KeySpec.Access) -> Void
    ) -> Bool {
        if let findKeys { return findKeys(arguments, body) }
        for specification in keys where !specification.access.contains(.notKey) {
            let fits = specification.forEachKey(arguments) { body($0, specification.access) }
            if !fits { return false }
        }
        return true
    }

    /// The categories that follow from the flags, as in Redis.
    private static func allCategories(
        of flags: CommandFlags, beside explicit: ACLCategory
    ) -> ACLCategory {
        var all = explicit
        if flags.contains(.write) { all.insert(.write) }
        // Scripts have their own rule: EVAL_RO reads without being in @read.
        if flags.contains(.readOnly) && !explicit.contains(.scripting) { all.insert(.read) }
        if flags.contains(.admin) { all.formUnion([.admin, .dangerous]) }
        if flags.contains(.pubSub) { all.insert(.pubSub) }
        if flags.contains(.fast) { all.insert(.fast) }
        if flags.contains(.blocking) { all.insert(.blocking) }
        if !all.contains(.fast) { all.insert(.slow) }
        return all
    }
}
