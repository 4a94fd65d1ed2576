// OBJECT: how a value is stored.
internal import Bytes
internal import RESP
internal import Store

extension Keys {
    static let object: [CommandSpec] = [
        .container(
            name: "object", since: "2.2.3", group: .generic,
            summary: "A container for object introspection commands.",
            subcommands: [
                objectRow(
                    "encoding", "2.2.3", "Returns the internal encoding of a Redis object.",
                    encoding),
                objectRow(
                    "freq", "4.0.0",
                    "Returns the logarithmic access frequency counter of a Redis object.",
                    frequency),
                objectRow(
                    "idletime", "2.2.3",
                    "Returns the time since the last access to a Redis object.", idleTime),
                objectRow(
                    "refcount", "2.2.3", "Returns the reference count of a value of a key.",
                    referenceCount),
                CommandSpec(
                    name: "help", since: "6.2.0", group: .generic, arity: 2,
                    flags: [.loading, .stale], categories: [.keyspace],
                    summary: "Returns helpful text about the different subcommands.",
                    handler: objectHelp),
            ])
    ]

    private static func objectRow(
        _ name: StaticString, _ since: StaticString, _ summary: StaticString,
        _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .generic, arity: 3, flags: [.readOnly],
            categories: [.keyspace],
            keys: [.range(first: 2, last: 2, step: 1, [.readOnly])], syntax: "key",
            summary: summary, tips: ["nondeterministic_output"], handler: handler)
    }

    /// The entry that the subcommand is about; writes null when there is none.
    private static func objectEntry(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) -> Entry? {
        let key = arguments[2]
        guard let entry = engine.peek(key, engine.keyspace.hash(key), client) else {
            client.writer.null()
            return nil
        }
        return entry
    }

    private static func encoding(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        guard let entry = objectEntry(engine, client, arguments) else { return }
        client.writer.bulk(entry.encodingName)
    }

    private static func frequency(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let entry = objectEntry(engine, client, arguments) else { return }
        guard engine.countsAccesses else {
            throw ReplyError(
                """
                ERR An LFU maxmemory policy is not selected, access frequency not tracked. \
                Please note that when switching between policies at runtime LRU and LFU data \
                will take some time to adjust.
                """)
        }
        client.writer.integer(Int64(engine.keyspace.accessClock.frequency(of: entry)))
    }

    private static func idleTime(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let entry = objectEntry(engine, client, arguments) else { return }
        if engine.countsAccesses {
            throw ReplyError(
                """
                ERR An LFU maxmemory policy is selected, idle time not tracked. Please note \
                that when switching between policies at runtime LRU and LFU data will take some \
                time to adjust.
                """)
        }
        client.writer.integer(engine.keyspace.accessClock.idleSeconds(of: entry))
    }

    private static func referenceCount(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        guard let entry = objectEntry(engine, client, arguments) else { return }
        client.writer.integer(isShared(entry, engine) ? Int64(Int32.max) : 1)
    }

    /// Whether Redis would keep the value as one of its common integers, which it does unless an
    /// eviction policy needs a time of use for each value.
    private static func isShared(_ entry: Entry, _ engine: CommandEngine) -> Bool {
        guard entry.type == .string, case .integer(let value) = entry.stringValue,
            0..<10_000 ~= value
        else { return false }
        let eviction = engine.settings.eviction
        return eviction.memoryBytesMax == 0
            || !eviction.policy.usesRecency && !eviction.policy.countsAccesses
    }

    private static func objectHelp(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        client.writeHelp(
            "OBJECT",
            [
                "ENCODING <key>",
                "    Return the kind of internal representation used in order to store the value",
                "    associated with a <key>.",
                "FREQ <key>",
                "    Return the access frequency index of the <key>. The returned integer is",
                "    proportional to the logarithm of the recent access frequency of the key.",
                "IDLETIME <key>",
                "    Return the idle time of the <key>, that is the approximated number of",
                "    seconds elapsed since the last access to the key.",
                "REFCOUNT <key>",
                "    Return the number of references of the value associated with the specified",
                "    <key>.",
            ])
    }
}
