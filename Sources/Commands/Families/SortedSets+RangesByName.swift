// Sorted sets: the older commands for ranges, each a form of ZRANGE, and the removal of ranges.
internal import Bytes
internal import RESP
internal import Store

extension SortedSets {
    static let rangesByName: [CommandSpec] = [
        CommandSpec(
            name: "zrevrange", since: "1.2.0", group: .sortedSet,
            complexity: """
                O(log(N)+M) with N being the number of elements in the sorted set and M the number \
                of elements returned.
                """,
            arity: -4, flags: [.readOnly],
            categories: [.sortedSet], keys: [.one([.readOnly, .access])],
            syntax: "key start stop [WITHSCORES]",
            summary: "Returns members in a sorted set within a range of indexes in reverse order.",
            replacedBy: ("6.2.0", "`ZRANGE` with the `REV` argument"),
            handler: reverseRange),
        CommandSpec(
            name: "zrangebyscore", since: "1.0.5", group: .sortedSet,
            complexity: """
                O(log(N)+M) with N being the number of elements in the sorted set and M the number \
                of elements being returned. If M is constant (e.g. always asking for the first 10 \
                elements with LIMIT), you can consider it O(log(N)).
                """,
            arity: -4, flags: [.readOnly],
            categories: [.sortedSet], keys: [.one([.readOnly, .access])],
            syntax: "key min max [WITHSCORES] [LIMIT offset count]",
            summary: "Returns members in a sorted set within a range of scores.",
            replacedBy: ("6.2.0", "`ZRANGE` with the `BYSCORE` argument"),
            handler: rangeByScore),
        CommandSpec(
            name: "zrevrangebyscore", since: "2.2.0", group: .sortedSet,
            complexity: """
                O(log(N)+M) with N being the number of elements in the sorted set and M the number \
                of elements being returned. If M is constant (e.g. always asking for the first 10 \
                elements with LIMIT), you can consider it O(log(N)).
                """,
            arity: -4, flags: [.readOnly],
            categories: [.sortedSet], keys: [.one([.readOnly, .access])],
            syntax: "key max min [WITHSCORES] [LIMIT offset count]",
            summary: "Returns members in a sorted set within a range of scores in reverse order.",
            replacedBy: ("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments"),
            handler: reverseRangeByScore),
        CommandSpec(
            name: "zrangebylex", since: "2.8.9", group: .sortedSet,
            complexity: """
                O(log(N)+M) with N being the number of elements in the sorted set and M the number \
                of elements being returned. If M is constant (e.g. always asking for the first 10 \
                elements with LIMIT), you can consider it O(log(N)).
                """,
            arity: -4, flags: [.readOnly],
            categories: [.sortedSet], keys: [.one([.readOnly, .access])],
            syntax: "key min max [LIMIT offset count]",
            summary: "Returns members in a sorted set within a lexicographical range.",
            replacedBy: ("6.2.0", "`ZRANGE` with the `BYLEX` argument"),
            handler: rangeByMember),
        CommandSpec(
            name: "zrevrangebylex", since: "2.8.9", group: .sortedSet,
            complexity: """
                O(log(N)+M) with N being the number of elements in the sorted set and M the number \
                of elements being returned. If M is constant (e.g. always asking for the first 10 \
                elements with LIMIT), you can consider it O(log(N)).
                """,
            arity: -4, flags: [.readOnly],
            categories: [.sortedSet], keys: [.one([.readOnly, .access])],
            syntax: "key max min [LIMIT offset count]",
            summary: """
                Returns members in a sorted set within a lexicographical range in reverse order.
                """,
            replacedBy: ("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments"),
            handler: reverseRangeByMember),
    ]

    static let rangeRemovals: [CommandSpec] = [
        CommandSpec(
            name: "zremrangebyrank", since: "2.0.0", group: .sortedSet,
            complexity: """
                O(log(N)+M) with N being the number of elements in the sorted set and M the number \
                of elements removed by the operation.
                """,
            arity: 4, flags: [.write],
            categories: [.sortedSet], keys: [.one([.readWrite, .delete])],
            syntax: "key start stop",
            summary: """
                Removes members in a sorted set within a range of indexes. Deletes the sorted set \
                if all members were removed.
                """,
            handler: removeByRank),
        CommandSpec(
            name: "zremrangebyscore", since: "1.2.0", group: .sortedSet,
            complexity: """
                O(log(N)+M) with N being the number of elements in the sorted set and M the number \
                of elements removed by the operation.
                """,
            arity: 4, flags: [.write],
            categories: [.sortedSet], keys: [.one([.readWrite, .delete])],
            syntax: "key min max",
            summary: """
                Removes members in a sorted set within a range of scores. Deletes the sorted set \
                if all members were removed.
                """,
            handler: removeByScore),
        CommandSpec(
            name: "zremrangebylex", since: "2.8.9", group: .sortedSet,
            complexity: """
                O(log(N)+M) with N being the number of elements in the sorted set and M the number \
                of elements removed by the operation.
                """,
            arity: 4, flags: [.write],
            categories: [.sortedSet], keys: [.one([.readWrite, .delete])],
            syntax: "key min max",
            summary: """
                Removes members in a sorted set within a lexicographical range. Deletes the sorted \
                set if all members were removed.
                """,
            handler: removeByMember),
    ]

    private static func reverseRange(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try writeRange(engine, client, arguments, kind: .ranks, isReversed: true)
    }

    private static func rangeByScore(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try writeRange(engine, client, arguments, kind: .scores, isReversed: false)
    }

    private static func reverseRangeByScore(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try writeRange(engine, client, arguments, kind: .scores, isReversed: true)
    }

    private static func rangeByMember(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try writeRange(engine, client, arguments, kind: .members, isReversed: false)
    }

    private static func reverseRangeByMember(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try writeRange(engine, client, arguments, kind: .members, isReversed: true)
    }

    // MARK: Removal

    private static func removeByRank(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let first = try engine.integer(arguments[2])
        let last = try engine.integer(arguments[3])
        try removeRange(engine, client, arguments, "zremrangebyrank") {
            ranks(first, last, count: $0.count)
        }
    }

    private static func removeByScore(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let range = try scoreRange(arguments[2], arguments[3])
        try removeRange(engine, client, arguments, "zremrangebyscore") { $0.ranks(range) }
    }

    private static func removeByMember(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let range = try memberRange(arguments[2], arguments[3])
        try removeRange(engine, client, arguments, "zremrangebylex") { $0.ranks(range) }
    }

    private static func removeRange(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ event: StaticString, _ ranks: (SortedSetView) -> Range<Int>
    ) throws(ReplyError) {
        let key = arguments[1]
        let hash = engine.keyHash
        guard var entry = try engine.collectionForWrite(key, hash, .sortedSet, client) else {
            return client.writer.integer(0)
        }
        let removed = ranks(SortedSetView(entry))
        if !removed.isEmpty {
            engine.database(client).removeMembers(removed, of: &entry, hash)
            engine.propagate(arguments, client)
            finishRemoval(
                engine, client, key, entry, hash, event, count: Int64(removed.count))
        }
        client.writer.integer(removed.count)
    }
}
