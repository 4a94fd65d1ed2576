// Walking the keys: KEYS, SCAN, RANDOMKEY, DBSIZE.
internal import Bytes
internal import RESP
internal import Store

extension Keys {
    static let walking: [CommandSpec] = [
        CommandSpec(
            name: "keys", since: "1.0.0", group: .generic,
            complexity: """
                O(N) with N being the number of keys in the database, under the assumption that \
                the key names in the database and the given pattern have limited length.
                """,
            arity: 2, flags: [.readOnly], categories: [.keyspace, .dangerous],
            syntax: "pattern", summary: "Returns all key names that match a pattern.",
            tips: ["request_policy:all_shards", "nondeterministic_output_order"],
            handler: keys),
        CommandSpec(
            name: "scan", since: "2.8.0", group: .generic,
            complexity: """
                O(1) for every call. O(N) for a complete iteration, including enough command \
                calls for the cursor to return back to 0. N is the number of elements inside \
                the collection.
                """,
            arity: -2, flags: [.readOnly], categories: [.keyspace],
            syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
            summary: "Iterates over the key names in the database.",
            tips: [
                "nondeterministic_output", "request_policy:special", "response_policy:special",
            ], handler: scan),
        CommandSpec(
            name: "randomkey", since: "1.0.0", group: .generic, arity: 1, flags: [.readOnly],
            categories: [.keyspace], summary: "Returns a random key name from the database.",
            tips: [
                "request_policy:all_shards", "response_policy:special",
                "nondeterministic_output",
            ], handler: randomKey),
        CommandSpec(
            name: "dbsize", since: "1.0.0", group: .server, arity: 1, flags: [.readOnly, .fast],
            categories: [.keyspace], summary: "Returns the number of keys in the database.",
            tips: ["request_policy:all_shards", "response_policy:agg_sum"], handler: size),
    ]

    /// How often RANDOMKEY tries to find a key whose time is not over.
    private static let randomKeyTriesMax = 100

    private static func keys(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        let pattern = arguments[1]
        let takesAll = pattern == "*"
        var found = ByteBuffer()
        var count = 0
        engine.database(client).forEach { entry in
            guard takesAll || Glob.matches(pattern: pattern, text: entry.key),
                !engine.isHidden(entry, client)
            else { return }
            found.appendBulkString(entry.key)
            count += 1
        }
        client.writer.arrayHeader(count)
        client.writer.buffer.append(found.readable)
    }

    private static func scan(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let cursor = cursor(arguments[1]) else { throw .invalidCursor }
        var count = 10
        var pattern: ByteSlice?
        var type: ByteSlice?
        var index = 2
        while index < arguments.count {
            guard index + 1 < arguments.count else { throw .syntax }
            let value = arguments[index + 1]
            if arguments[index].equalsIgnoringCase("count") {
                let number = try engine.integer(value)
                if number < 1 { throw .syntax }
                count = Int(number)
            } else if arguments[index].equalsIgnoringCase("match") {
                pattern = value == "*" ? nil : value
            } else if arguments[index].equalsIgnoringCase("type") {
                type = value
            } else {
                throw .syntax
            }
            index += 2
        }
        var found = ByteBuffer()
        var foundCount = 0
        let next = engine.database(client).scan(cursor: cursor, count: count) { entry in
            if let pattern, !Glob.matches(pattern: pattern, text: entry.key) { return }
            if let type, !type.equalsIgnoringCase(entry.type.name) { return }
            if engine.isHidden(entry, client) { return }
            found.appendBulkString(entry.key)
            foundCount += 1
        }
        client.writer.arrayHeader(2)
        client.writer.bulk(integer: Int64(next))
        client.writer.arrayHeader(foundCount)
        client.writer.buffer.append(found.readable)
    }

    /// An unsigned number of 64 bits; cursors that this server gave are far smaller.
    private static func cursor(_ text: ByteSlice) -> UInt64? {
        UInt64(text.string)
    }

    private static func randomKey(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        for _ in 0..<randomKeyTriesMax {
            guard let entry = engine.database(client).randomEntry(&engine.random) else {
                return client.writer.null()
            }
            if !engine.isHidden(entry, client) { return client.writer.bulk(entry.key) }
            guard engine.deletesExpiredKeys else { continue }
            entry.key.array.withByteSlice { key in
                engine.deleteExpired(
                    key, engine.keyspace.hash(key), databaseIndex: client.databaseIndex)
            }
        }
        client.writer.null()
    }

    private static func size(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        client.writer.integer(engine.database(client).count)
    }
}
