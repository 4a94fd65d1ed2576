// XGROUP and XACK.
internal import Bytes
internal import RESP
internal import Store

extension Streams {
    static let groupCommands: [CommandSpec] = [
        groupRow(
            "create", "5.0.0", arity: -5, [.write, .denyOutOfMemory], .insert,
            "key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]",
            "Creates a consumer group.", createGroup),
        groupRow(
            "createconsumer", "6.2.0", arity: 5, [.write, .denyOutOfMemory], .insert,
            "key group consumer", "Creates a consumer in a consumer group.", createConsumer),
        groupRow(
            "delconsumer", "5.0.0", arity: 5, [.write], .delete, "key group consumer",
            "Deletes a consumer from a consumer group.", deleteConsumer),
        CommandSpec(
            name: "destroy", since: "5.0.0", group: .stream,
            complexity: """
                O(N) where N is the number of entries in the group's pending entries list (PEL).
                """, arity: 4, flags: [.write], categories: [.stream],
            keys: [.range(first: 2, last: 2, step: 1, [.readWrite, .delete])],
            syntax: "key group", summary: "Destroys a consumer group.", handler: destroyGroup),
        helpRow(groupHelp),
        groupRow(
            "setid", "5.0.0", arity: -5, [.write], .update,
            "key group <id | $> [ENTRIESREAD entries-read]",
            "Sets the last-delivered ID of a consumer group.", setGroupID),
    ]

    private static func groupRow(
        _ name: StaticString, _ since: StaticString, arity: Int, _ flags: CommandFlags,
        _ access: KeySpec.Access, _ syntax: StaticString, _ summary: StaticString,
        _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .stream, arity: arity, flags: flags,
            categories: [.stream],
            keys: [.range(first: 2, last: 2, step: 1, [.readWrite, access])], syntax: syntax,
            summary: summary, handler: handler)
    }

    /// What a subcommand of XGROUP works on.
    private struct GroupTarget {
        let key: ByteSlice
        let hash: KeyHash
        let entry: Entry
        let stream: StreamObject
    }

    /// The stream that the subcommand is about, which must exist.
    private static func target(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) -> GroupTarget {
        let key = arguments[2]
        let hash = engine.keyspace.hash(key)
        guard let entry = engine.lookUp(key, hash, client) else {
            throw ReplyError(
                """
                ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may \
                want to use the MKSTREAM option to create an empty stream automatically.
                """)
        }
        return GroupTarget(key: key, hash: hash, entry: entry, stream: try stream(entry))
    }

    /// The group that the subcommand is about, which must exist.
    private static func group(
        _ target: GroupTarget, _ arguments: Arguments
    ) throws(ReplyError) -> StreamGroup {
        guard let group = target.stream.group(arguments[3]) else {
            throw noGroup(arguments[3], key: target.key)
        }
        return group
    }

    /// The error for a group that does not exist although its stream does.
    static func noGroup(_ name: ByteSlice, key: ByteSlice) -> ReplyError {
        ReplyError(
            composed: "NOGROUP No such consumer group '\(name.string)' for key name "
                + "'\(key.string)'")
    }

    // MARK: CREATE and SETID

    private static func createGroup(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let options = try GroupOptions(arguments, mayMake: true, engine)
        let key = arguments[2]
        let hash = engine.keyspace.hash(key)
        var present: StreamObject?
        if let entry = engine.lookUp(key, hash, client) {
            present = try stream(entry)
        } else if !options.makesStream {
            _ = try target(engine, client, arguments)
        }
        if arguments.count > 8 { throw subcommandSyntax("XGROUP", arguments) }
        let lastID =
            arguments[4] == "$" ? present?.lastID ?? .zero : try id(arguments[4])
        if present?.group(arguments[3]) != nil {
            throw ReplyError("BUSYGROUP Consumer Group name already exists")
        }
        if present == nil {
            _ = create(StreamObject(), key, hash, engine, client)
            engine.changed(key, client, count: 0)
        }
        let target = try target(engine, client, arguments)
        _ = change(target.stream, target.entry, hash, engine, client) {
            target.stream.addGroup(
                arguments[3], lastID: lastID, entriesRead: options.entriesRead)
        }
        noteGroupChange("xgroup-create", key, engine, client, arguments)
        client.writer.ok()
    }

    private static func setGroupID(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let options = try GroupOptions(arguments, mayMake: false, engine)
        let target = try target(engine, client, arguments)
        let group = try group(target, arguments)
        if arguments.count > 7 { throw subcommandSyntax("XGROUP", arguments) }
        let lastID =
            arguments[4] == "$" ? target.stream.lastID : try boundID(arguments[4])
        change(target.stream, target.entry, target.hash, engine, client) {
            group.lastID = lastID
            group.entriesRead = options.entriesRead
        }
        noteGroupChange("xgroup-setid", target.key, engine, client, arguments)
        client.writer.ok()
    }

    /// The options of CREATE and SETID.
    private struct GroupOptions {
        var makesStream = false
        var entriesRead = StreamGroup.unknown

        init(
            _ arguments: Arguments, mayMake: Bool, _ engine: CommandEngine
        ) throws(ReplyError) {
            var index = 5
            while index < arguments.count {
                if mayMake && arguments[index].equalsIgnoringCase("mkstream") {
                    makesStream = true
                    index += 1
                } else if arguments[index].equalsIgnoringCase("entriesread"),
                    index + 1 < arguments.count
                {
                    entriesRead = try engine.integer(arguments[index + 1])
                    if entriesRead < 0 && entriesRead != StreamGroup.unknown {
                        throw ReplyError("ERR value for ENTRIESREAD must be positive or -1")
                    }
                    index += 2
                } else {
                    throw subcommandSyntax("XGROUP", arguments)
                }
            }
        }
    }

    /// A change of a group that goes into the stream of effects as it came. Transactions that watch
    /// the key go on: its entries are the same.
    private static func noteGroupChange(
        _ event: StaticString, _ key: ByteSlice, _ engine: CommandEngine,
        _ client: ClientState, _ arguments: Arguments
    ) {
        engine.changeCount &+= 1
        engine.propagate(arguments, client)
        engine.notify(.stream, event, key, client)
    }

    // MARK: DESTROY and consumers

    private static func destroyGroup(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let target = try target(engine, client, arguments)
        guard let group = target.stream.group(arguments[3]) else {
            return client.writer.integer(0)
        }
        change(target.stream, target.entry, target.hash, engine, client) {
            target.stream.removeGroup(group)
        }
        noteGroupChange("xgroup-destroy", target.key, engine, client, arguments)
        // Those who wait to read in the group are told that it is gone.
        engine.wakeWaiting(target.hash, client)
        client.writer.integer(1)
    }

    private static func createConsumer(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let target = try target(engine, client, arguments)
        let group = try group(target, arguments)
        let made = change(target.stream, target.entry, target.hash, engine, client) {
            group.addConsumer(arguments[4], seenAt: engine.now)
        }
        if made != nil {
            noteGroupChange("xgroup-createconsumer", target.key, engine, client, arguments)
        }
        client.writer.integer(made == nil ? 0 : 1)
    }

    private static func deleteConsumer(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let target = try target(engine, client, arguments)
        let group = try group(target, arguments)
        guard let consumer = group.consumer(arguments[4]) else {
            return client.writer.integer(0)
        }
        let pendingCount = consumer.pendingCount
        change(target.stream, target.entry, target.hash, engine, client) {
            group.removeConsumer(consumer)
        }
        noteGroupChange("xgroup-delconsumer", target.key, engine, client, arguments)
        client.writer.integer(pendingCount)
    }

    private static func groupHelp(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        client.writeHelp(
            "XGROUP",
            [
                "CREATE <key> <groupname> <id|$> [option]",
                "    Create a new consumer group. Options are:",
                "    * MKSTREAM",
                "      Create the empty stream if it does not exist.",
                "    * ENTRIESREAD entries_read",
                "      Set the group's entries_read counter (internal use).",
                "CREATECONSUMER <key> <groupname> <consumer>",
                "    Create a new consumer in the specified group.",
                "DELCONSUMER <key> <groupname> <consumer>",
                "    Remove the specified consumer.",
                "DESTROY <key> <groupname>",
                "    Remove the specified group.",
                "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
                "    Set the current group ID and entries_read counter.",
            ])
    }

    // MARK: XACK

    static func acknowledge(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let entry = engine.lookUp(arguments[1], engine.keyHash, client)
        guard let entry else { return client.writer.integer(0) }
        let stream = try stream(entry)
        guard let group = stream.group(arguments[2]) else { return client.writer.integer(0) }
        // All or nothing: a bad ID is found before anything is acknowledged.
        for index in 3..<arguments.count { _ = try id(arguments[index]) }
        let count = change(stream, entry, engine.keyHash, engine, client) {
            var count = 0
            for index in 3..<arguments.count {
                if let id = StreamID(arguments[index]), group.removePending(id) { count += 1 }
            }
            return count
        }
        if count > 0 {
            engine.changeCount &+= Int64(count)
            engine.propagate(arguments, client)
        }
        client.writer.integer(count)
    }
}

extension CommandEngine {
    /// Lets clients that wait for a key look at it again, although its value has not changed for
    /// those who watch it.
    func wakeWaiting(_ hash: KeyHash, _ client: ClientState) {
        if waits.isEmpty { return }
        waits.noteChange(database: client.databaseIndex, hash: hash)
        updateObservers()
    }
}
