// Sorted sets: taking members from either end, at once or as soon as there are any.
internal import Bytes
internal import RESP
internal import Store

extension SortedSets {
    static let popping: [CommandSpec] = [
        CommandSpec(
            name: "zpopmin", since: "5.0.0", group: .sortedSet,
            complexity: """
                O(log(N)*M) with N being the number of elements in the sorted set, and M being the \
                number of elements popped.
                """,
            arity: -2, flags: [.write, .fast],
            categories: [.sortedSet], keys: [.one([.readWrite, .access, .delete])],
            syntax: "key [count]",
            summary: """
                Returns the lowest-scoring members from a sorted set after removing them. Deletes \
                the sorted set if the last member was popped.
                """,
            handler: popMin),
        CommandSpec(
            name: "zpopmax", since: "5.0.0", group: .sortedSet,
            complexity: """
                O(log(N)*M) with N being the number of elements in the sorted set, and M being the \
                number of elements popped.
                """,
            arity: -2, flags: [.write, .fast],
            categories: [.sortedSet], keys: [.one([.readWrite, .access, .delete])],
            syntax: "key [count]",
            summary: """
                Returns the highest-scoring members from a sorted set after removing them. Deletes \
                the sorted set if the last member was popped.
                """,
            handler: popMax),
        CommandSpec(
            name: "zmpop", since: "7.0.0", group: .sortedSet,
            complexity: """
                O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of \
                elements in the sorted set, and M being the number of elements popped.
                """,
            arity: -4, flags: [.write, .movableKeys],
            categories: [.sortedSet],
            keys: [.count(at: 1, first: 2, [.readWrite, .access, .delete])],
            syntax: "numkeys key [key ...] <MIN | MAX> [COUNT count]",
            summary: """
                Returns the highest- or lowest-scoring members from one or more sorted sets after \
                removing them. Deletes the sorted set if the last member was popped.
                """,
            handler: popFromSeveral),
        CommandSpec(
            name: "bzpopmin", since: "5.0.0", group: .sortedSet,
            complexity: "O(log(N)) with N being the number of elements in the sorted set.",
            arity: -3, flags: [.write, .blocking, .fast],
            categories: [.sortedSet],
            keys: [.range(first: 1, last: -2, step: 1, [.readWrite, .access, .delete])],
            syntax: "key [key ...] timeout",
            summary: """
                Removes and returns the member with the lowest score from one or more sorted sets. \
                Blocks until a member is available otherwise. Deletes the sorted set if the last \
                element was popped.
                """,
            handler: blockingPopMin),
        CommandSpec(
            name: "bzpopmax", since: "5.0.0", group: .sortedSet,
            complexity: "O(log(N)) with N being the number of elements in the sorted set.",
            arity: -3, flags: [.write, .blocking, .fast],
            categories: [.sortedSet],
            keys: [.range(first: 1, last: -2, step: 1, [.readWrite, .access, .delete])],
            syntax: "key [key ...] timeout",
            summary: """
                Removes and returns the member with the highest score from one or more sorted \
                sets. Blocks until a member is available otherwise. Deletes the sorted set if the \
                last element was popped.
                """,
            handler: blockingPopMax),
        CommandSpec(
            name: "bzmpop", since: "7.0.0", group: .sortedSet,
            complexity: """
                O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of \
                elements in the sorted set, and M being the number of elements popped.
                """,
            arity: -5, flags: [.write, .blocking, .movableKeys],
            categories: [.sortedSet],
            keys: [.count(at: 2, first: 3, [.readWrite, .access, .delete])],
            syntax: "timeout numkeys key [key ...] <MIN | MAX> [COUNT count]",
            summary: """
                Removes and returns a member by score from one or more sorted sets. Blocks until a \
                member is available otherwise. Deletes the sorted set if the last element was \
                popped.
                """,
            handler: blockingPopFromSeveral),
    ]

    /// How a reply to a pop looks.
    private enum PopReply {
        /// ZPOPMIN, ZPOPMAX: members and scores.
        case members(isNested: Bool)
        /// BZPOPMIN, BZPOPMAX: key, member, score.
        case keyAndMember
        /// ZMPOP, BZMPOP: key, then pairs.
        case keyAndPairs
    }

    private static func popMin(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try pop(engine, client, arguments, fromEnd: false)
    }

    private static func popMax(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try pop(engine, client, arguments, fromEnd: true)
    }

    private static func pop(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, fromEnd: Bool
    ) throws(ReplyError) {
        if arguments.count > 3 { throw .syntax }
        var count: Int64 = 1
        if arguments.count == 3 {
            guard let number = Numbers.integer(arguments[2]), number >= 0 else {
                throw .valueOutOfRangePositive
            }
            count = number
        }
        guard
            let entry = try engine.collectionForWrite(
                arguments[1], engine.keyHash, .sortedSet, client), count > 0
        else { return client.writer.arrayHeader(0) }
        let reply = PopReply.members(isNested: client.writer.isRESP3 && arguments.count == 3)
        take(
            engine, client, arguments[1], engine.keyHash, entry, count, fromEnd: fromEnd, reply
        ) { _ in engine.propagate(arguments, client) }
    }

    /// Removes members from one end of a set that has some, and replies with them. `propagate` gets
    /// their number.
    private static func take(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice, _ hash: KeyHash,
        _ entry: Entry, _ wanted: Int64, fromEnd: Bool, _ reply: PopReply,
        _ propagate: (_ count: Int) -> Void
    ) {
        var entry = entry
        let view = SortedSetView(entry)
        let total = view.count
        let count = Int(min(wanted, Int64(total)))
        let isNested: Bool
        switch reply {
        case .members(let nested):
            isNested = nested
            client.writer.arrayHeader(nested ? count : count * 2)
        case .keyAndMember:
            isNested = false
            client.writer.arrayHeader(count * 2 + 1)
            client.writer.bulk(key)
        case .keyAndPairs:
            isNested = true
            client.writer.arrayHeader(2)
            client.writer.bulk(key)
            client.writer.arrayHeader(count)
        }
        let ranks = fromEnd ? (total - count)..<total : 0..<count
        view.forEach(ranks, isReversed: fromEnd) { member, score in
            if isNested { client.writer.arrayHeader(2) }
            client.writer.bulk(member)
            client.writer.double(score)
        }
        engine.database(client).removeMembers(ranks, of: &entry, hash)
        propagate(count)
        finishRemoval(
            engine, client, key, entry, hash, fromEnd ? "zpopmax" : "zpopmin",
            count: Int64(count))
    }

    /// The first of some keys that holds a sorted set; an error when one before it holds another
    /// type.
    private static func firstSet(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, _ keys: Range<Int>
    ) throws(ReplyError) -> (entry: Entry, hash: KeyHash, key: ByteSlice)? {
        for position in keys {
            let key = arguments[position]
            let hash = engine.keyspace.hash(key)
            if let entry = try engine.collectionForWrite(key, hash, .sortedSet, client) {
                return (entry, hash, key)
            }
        }
        return nil
    }

    // MARK: ZMPOP

    /// `numkeys key … MIN | MAX [COUNT count]`, its first argument at `start`.
    private struct SeveralKeys {
        let keys: Range<Int>
        let fromEnd: Bool
        private(set) var count: Int64 = 1

        init(_ arguments: Arguments, from start: Int) throws(ReplyError) {
            guard let number = Numbers.integer(arguments[start]), number > 0 else {
                throw ReplyError("ERR numkeys should be greater than 0")
            }
            guard number < Int64(arguments.count - start - 1) else { throw .syntax }
            let keyCount = Int(number)
            keys = (start + 1)..<(start + 1 + keyCount)
            let end = arguments[keys.upperBound]
            fromEnd = end.equalsIgnoringCase("max")
            if !fromEnd && !end.equalsIgnoringCase("min") { throw .syntax }
            var index = keys.upperBound + 1
            var hasCount = false
            while index < arguments.count {
                guard !hasCount, index + 1 < arguments.count,
                    arguments[index].equalsIgnoringCase("count")
                else { throw .syntax }
                guard let wanted = Numbers.integer(arguments[index + 1]), wanted > 0 else {
                    throw ReplyError("ERR count should be greater than 0")
                }
                count = wanted
                hasCount = true
                index += 2
            }
        }
    }

    private static func popFromSeveral(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let request = try SeveralKeys(arguments, from: 1)
        if try !popFromSeveral(engine, client, arguments, request) { client.writer.nullArray() }
    }

    private static func popFromSeveral(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ request: SeveralKeys
    ) throws(ReplyError) -> Bool {
        guard let found = try firstSet(engine, client, arguments, request.keys) else {
            return false
        }
        take(
            engine, client, found.key, found.hash, found.entry, request.count,
            fromEnd: request.fromEnd, .keyAndPairs
        ) { count in
            engine.propagate(
                request.fromEnd ? "ZPOPMAX" : "ZPOPMIN", found.key, Int64(count),
                database: client.databaseIndex)
        }
        return true
    }

    // MARK: Waiting

    private static func blockingPopMin(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try blockingPop(engine, client, arguments, fromEnd: false)
    }

    private static func blockingPopMax(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try blockingPop(engine, client, arguments, fromEnd: true)
    }

    private static func blockingPop(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, fromEnd: Bool
    ) throws(ReplyError) {
        let keys = 1..<(arguments.count - 1)
        let timeout = try engine.timeout(seconds: arguments[arguments.count - 1])
        guard let found = try firstSet(engine, client, arguments, keys) else {
            return wait(engine, client, arguments, keys, timeout)
        }
        take(
            engine, client, found.key, found.hash, found.entry, 1, fromEnd: fromEnd, .keyAndMember
        ) { _ in
            engine.propagate(
                fromEnd ? "ZPOPMAX" : "ZPOPMIN", found.key, database: client.databaseIndex)
        }
    }

    private static func blockingPopFromSeveral(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let request = try SeveralKeys(arguments, from: 2)
        let timeout = try engine.timeout(seconds: arguments[1])
        if try !popFromSeveral(engine, client, arguments, request) {
            wait(engine, client, arguments, request.keys, timeout)
        }
    }

    private static func wait(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ keys: Range<Int>, _ timeout: Int64
    ) {
        let isWaiting = engine.blockOnKeys(
            client, arguments, keys: keys, type: .sortedSet, timeoutMilliseconds: timeout)
        if !isWaiting { client.writer.nullArray() }
    }
}
