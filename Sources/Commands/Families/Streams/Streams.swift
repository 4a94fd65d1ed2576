// Streams: the rows, and what the other files of the family share. Adding and trimming is in
// Streams+Add, ranges in Streams+Range, XREAD and XREADGROUP in Streams+Read, groups in
// Streams+Groups, pending entries in Streams+Pending, XINFO in Streams+Info.
internal import Bytes
internal import RESP
internal import Store

/// The commands on streams.
enum Streams {
    static let table: [CommandSpec] = entries + reads + ownership + containers

    private static let entries: [CommandSpec] = [
        CommandSpec(
            name: "xadd", since: "5.0.0", group: .stream,
            complexity: """
                O(1) when adding a new entry, O(N) when trimming where N being the number of \
                entries evicted.
                """, arity: -5, flags: [.write, .denyOutOfMemory, .fast], categories: [.stream],
            keys: [
                .one(
                    [.readWrite, .update],
                    notes: "UPDATE instead of INSERT because of the optional trimming feature")
            ],
            syntax: """
                key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> \
                field value [field value ...]
                """,
            summary: """
                Appends a new message to a stream. Creates the key if it doesn't exist.
                """, tips: ["nondeterministic_output"], handler: add),
        CommandSpec(
            name: "xlen", since: "5.0.0", group: .stream, arity: 2, flags: [.readOnly, .fast],
            categories: [.stream], keys: [.one([.readOnly])], syntax: "key",
            summary: "Return the number of messages in a stream.", handler: length),
        CommandSpec(
            name: "xdel", since: "5.0.0", group: .stream,
            complexity: """
                O(1) for each single item to delete in the stream, regardless of the stream size.
                """, arity: -3, flags: [.write, .fast], categories: [.stream],
            keys: [.one([.readWrite, .delete])], syntax: "key id [id ...]",
            summary: "Returns the number of messages after removing them from a stream.",
            handler: delete),
        CommandSpec(
            name: "xtrim", since: "5.0.0", group: .stream,
            complexity: """
                O(N), with N being the number of evicted entries. Constant times are very small \
                however, since entries are organized in macro nodes containing multiple entries \
                that can be released with a single deallocation.
                """, arity: -4, flags: [.write], categories: [.stream],
            keys: [.one([.readWrite, .delete])],
            syntax: "key <MAXLEN | MINID> [= | ~] threshold [LIMIT count]",
            summary: "Deletes messages from the beginning of a stream.",
            tips: ["nondeterministic_output"], handler: trim),
        CommandSpec(
            name: "xsetid", since: "5.0.0", group: .stream, arity: -3,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.stream],
            keys: [.one([.readWrite, .update])],
            syntax: "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]",
            summary: "An internal command for replicating stream values.", handler: setID),
    ]

    private static let reads: [CommandSpec] = [
        CommandSpec(
            name: "xrange", since: "5.0.0", group: .stream,
            complexity: """
                O(N) with N being the number of elements being returned. If N is constant (e.g. \
                always asking for the first 10 elements with COUNT), you can consider it O(1).
                """, arity: -4, flags: [.readOnly], categories: [.stream],
            keys: [.one([.readOnly, .access])], syntax: "key start end [COUNT count]",
            summary: "Returns the messages from a stream within a range of IDs.",
            handler: range),
        CommandSpec(
            name: "xrevrange", since: "5.0.0", group: .stream,
            complexity: """
                O(N) with N being the number of elements returned. If N is constant (e.g. always \
                asking for the first 10 elements with COUNT), you can consider it O(1).
                """, arity: -4, flags: [.readOnly], categories: [.stream],
            keys: [.one([.readOnly, .access])], syntax: "key end start [COUNT count]",
            summary: """
                Returns the messages from a stream within a range of IDs in reverse order.
                """, handler: reversedRange),
        CommandSpec(
            name: "xread", since: "5.0.0", group: .stream, arity: -4,
            flags: [.readOnly, .blocking, .movableKeys], categories: [.stream],
            keys: [
                .keyword("STREAMS", from: 1, last: -1, step: 1, limit: 2, [.readOnly, .access])
            ], findKeys: readKeys,
            syntax: """
                [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]
                """,
            summary: """
                Returns messages from multiple streams with IDs greater than the ones requested. \
                Blocks until a message is available otherwise.
                """, handler: read),
        CommandSpec(
            name: "xreadgroup", since: "5.0.0", group: .stream,
            complexity: """
                For each stream mentioned: O(M) with M being the number of elements returned. If \
                M is constant (e.g. always asking for the first 10 elements with COUNT), you can \
                consider it O(1). On the other side when XREADGROUP blocks, XADD will pay the \
                O(N) time in order to serve the N clients blocked on the stream getting new data.
                """, arity: -7, flags: [.write, .blocking, .movableKeys],
            categories: [.stream],
            keys: [
                .keyword("STREAMS", from: 4, last: -1, step: 1, limit: 2, [.readOnly, .access])
            ], findKeys: readKeys,
            syntax: """
                GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] \
                STREAMS key [key ...] id [id ...]
                """,
            summary: """
                Returns new or historical messages from a stream for a consumer in a group. \
                Blocks until a message is available otherwise.
                """, handler: readGroup),
    ]

    private static func readKeys(
        _ arguments: Arguments, _ body: (Int, KeySpec.Access) -> Void
    ) -> Bool {
        guard let places = StreamReadOptions.keys(arguments) else { return false }
        for place in places { body(place, [.readOnly, .access]) }
        return true
    }

    private static let ownership: [CommandSpec] = [
        CommandSpec(
            name: "xack", since: "5.0.0", group: .stream,
            complexity: "O(1) for each message ID processed.", arity: -4,
            flags: [.write, .fast], categories: [.stream], keys: [.one([.readWrite, .update])],
            syntax: "key group id [id ...]",
            summary: """
                Returns the number of messages that were successfully acknowledged by the \
                consumer group member of a stream.
                """, handler: acknowledge),
        CommandSpec(
            name: "xclaim", since: "5.0.0", group: .stream,
            complexity: """
                O(log N) with N being the number of messages in the PEL of the consumer group.
                """, arity: -6, flags: [.write, .fast], categories: [.stream],
            keys: [.one([.readWrite, .update])],
            syntax: """
                key group consumer min-idle-time id [id ...] [IDLE ms] \
                [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]
                """,
            summary: """
                Changes, or acquires, ownership of a message in a consumer group, as if the \
                message was delivered a consumer group member.
                """, tips: ["nondeterministic_output"], handler: claim),
        CommandSpec(
            name: "xautoclaim", since: "6.2.0", group: .stream,
            complexity: "O(1) if COUNT is small.", arity: -6, flags: [.write, .fast],
            categories: [.stream], keys: [.one([.readWrite, .delete])],
            syntax: "key group consumer min-idle-time start [COUNT count] [JUSTID]",
            summary: """
                Changes, or acquires, ownership of messages in a consumer group, as if the \
                messages were delivered to as consumer group member.
                """, tips: ["nondeterministic_output"], handler: autoClaim),
        CommandSpec(
            name: "xpending", since: "5.0.0", group: .stream,
            complexity: """
                O(N) with N being the number of elements returned, so asking for a small fixed \
                number of entries per call is O(1). O(M), where M is the total number of entries \
                scanned when used with the IDLE filter. When the command returns just the summary \
                and the list of consumers is small, it runs in O(1) time; otherwise, an \
                additional O(N) time for iterating every consumer.
                """, arity: -3, flags: [.readOnly], categories: [.stream],
            keys: [.one([.readOnly, .access])],
            syntax: "key group [[IDLE min-idle-time] start end count [consumer]]",
            summary: """
                Returns the information and entries from a stream consumer group's pending \
                entries list.
                """, tips: ["nondeterministic_output"], handler: pending),
    ]

    private static let containers: [CommandSpec] = [
        .container(
            name: "xgroup", since: "5.0.0", group: .stream,
            summary: "A container for consumer groups commands.", subcommands: groupCommands),
        .container(
            name: "xinfo", since: "5.0.0", group: .stream,
            summary: "A container for stream introspection commands.",
            subcommands: infoCommands),
    ]

    /// HELP of a container.
    static func helpRow(_ handler: @escaping CommandHandler) -> CommandSpec {
        CommandSpec(
            name: "help", since: "5.0.0", group: .stream, arity: 2, flags: [.loading, .stale],
            categories: [.stream],
            summary: "Returns helpful text about the different subcommands.", handler: handler)
    }

    // MARK: IDs

    /// An ID that is written out; `missing` stands for a sequence that is not.
    static func id(
        _ text: ByteSlice, missingSequence missing: UInt64 = 0
    ) throws(ReplyError) -> StreamID {
        guard let id = StreamID(text, missingSequence: missing) else { throw .invalidStreamID }
        return id
    }

    /// An ID, or `-` for the smallest and `+` for the largest.
    static func boundID(
        _ text: ByteSlice, missingSequence missing: UInt64 = 0
    ) throws(ReplyError) -> StreamID {
        if text == "-" { return .zero }
        if text == "+" { return .max }
        return try id(text, missingSequence: missing)
    }

    /// The first ID of a range: `(` in front leaves the ID itself out.
    static func startID(_ text: ByteSlice) throws(ReplyError) -> StreamID {
        guard text.count > 1, text[0] == UInt8(ascii: "(") else { return try boundID(text) }
        guard let next = try id(text.dropFirst(1)).next else {
            throw ReplyError("ERR invalid start ID for the interval")
        }
        return next
    }

    /// The last ID of a range: `(` in front leaves the ID itself out.
    static func endID(_ text: ByteSlice) throws(ReplyError) -> StreamID {
        guard text.count > 1, text[0] == UInt8(ascii: "(") else {
            return try boundID(text, missingSequence: .max)
        }
        guard let previous = try id(text.dropFirst(1), missingSequence: .max).previous else {
            throw ReplyError("ERR invalid end ID for the interval")
        }
        return previous
    }

    // MARK: Looking up

    /// The stream of an entry.
    static func stream(_ entry: Entry) throws(ReplyError) -> StreamObject {
        guard entry.type == .stream, let stream = entry.object as? StreamObject else {
            throw .wrongType
        }
        return stream
    }

    /// The stream at `key` for a read; nil when there is no such key.
    static func streamForRead(
        _ engine: CommandEngine, _ key: ByteSlice, _ hash: KeyHash, _ client: ClientState
    ) throws(ReplyError) -> StreamObject? {
        guard let entry = engine.read(key, hash, client) else { return nil }
        return try stream(entry)
    }

    // MARK: Replies

    /// Writes an ID as a bulk string.
    static func write(_ id: StreamID, _ engine: CommandEngine, _ client: ClientState) {
        engine.numberText.removeAll()
        id.append(to: &engine.numberText)
        client.writer.bulk(engine.numberText.readable)
    }

    /// Writes the entry at which `entries` stands: ID, and fields with values.
    static func write(
        _ entries: inout StreamEntries, _ engine: CommandEngine, _ client: ClientState
    ) {
        client.writer.arrayHeader(2)
        write(entries.id, engine, client)
        client.writer.arrayHeader(entries.fieldCount * 2)
        for _ in 0..<entries.fieldCount {
            write(entries.nextField(), client)
            write(entries.nextValue(), client)
        }
    }

    @inline(__always)
    private static func write(_ element: ListpackElement, _ client: ClientState) {
        switch element {
        case .bytes(let bytes): client.writer.bulk(bytes)
        case .integer(let number): client.writer.bulk(integer: number)
        }
    }

    // MARK: Effects

    /// Adds an ID as an argument of an effect.
    static func argument(_ id: StreamID, _ engine: CommandEngine) {
        engine.numberText.removeAll()
        id.append(to: &engine.numberText)
        RequestWriter.argument(engine.numberText.readable, into: &engine.effects)
    }

    /// Changes a stream in place: tells a running snapshot before, and accounts for the memory, so
    /// changes do not nest.
    @inline(__always)
    static func change<Result>(
        _ stream: StreamObject, _ entry: Entry, _ hash: KeyHash, _ engine: CommandEngine,
        _ client: ClientState, _ body: () -> Result
    ) -> Result {
        let database = engine.database(client)
        database.willModify(entry, hash)
        let before = stream.memoryUsage
        let result = body()
        database.noteMemoryChange(stream.memoryUsage - before)
        return result
    }
}

extension ReplyError {
    /// A text that is no ID of a stream's entry.
    static var invalidStreamID: ReplyError {
        ReplyError("ERR Invalid stream ID specified as stream command argument")
    }

    /// The ID given to XADD is not above the last one.
    static var streamIDTooSmall: ReplyError {
        ReplyError(
            "ERR The ID specified in XADD is equal or smaller than the target stream top item")
    }
}
