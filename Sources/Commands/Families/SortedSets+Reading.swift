// Sorted sets: scores, ranks, counts, random members and the walk of ZSCAN.
internal import Bytes
internal import RESP
internal import Store

extension SortedSets {
    static let reading: [CommandSpec] = [
        CommandSpec(
            name: "zcard", since: "1.2.0", group: .sortedSet,
            complexity: "O(1)",
            arity: 2, flags: [.readOnly, .fast],
            categories: [.sortedSet], keys: [.one([.readOnly])],
            syntax: "key",
            summary: "Returns the number of members in a sorted set.",
            handler: cardinality),
        CommandSpec(
            name: "zscore", since: "1.2.0", group: .sortedSet,
            complexity: "O(1)",
            arity: 3, flags: [.readOnly, .fast],
            categories: [.sortedSet], keys: [.one([.readOnly, .access])],
            syntax: "key member",
            summary: "Returns the score of a member in a sorted set.",
            handler: score),
        CommandSpec(
            name: "zmscore", since: "6.2.0", group: .sortedSet,
            complexity: "O(N) where N is the number of members being requested.",
            arity: -3, flags: [.readOnly, .fast],
            categories: [.sortedSet], keys: [.one([.readOnly, .access])],
            syntax: "key member [member ...]",
            summary: "Returns the score of one or more members in a sorted set.",
            handler: scores),
        CommandSpec(
            name: "zrank", since: "2.0.0", group: .sortedSet,
            complexity: "O(log(N))",
            arity: -3, flags: [.readOnly, .fast],
            categories: [.sortedSet], keys: [.one([.readOnly, .access])],
            syntax: "key member [WITHSCORE]",
            summary: "Returns the index of a member in a sorted set ordered by ascending scores.",
            handler: rank),
        CommandSpec(
            name: "zrevrank", since: "2.0.0", group: .sortedSet,
            complexity: "O(log(N))",
            arity: -3, flags: [.readOnly, .fast],
            categories: [.sortedSet], keys: [.one([.readOnly, .access])],
            syntax: "key member [WITHSCORE]",
            summary: "Returns the index of a member in a sorted set ordered by descending scores.",
            handler: reverseRank),
        CommandSpec(
            name: "zcount", since: "2.0.0", group: .sortedSet,
            complexity: "O(log(N)) with N being the number of elements in the sorted set.",
            arity: 4, flags: [.readOnly, .fast],
            categories: [.sortedSet], keys: [.one([.readOnly, .access])],
            syntax: "key min max",
            summary: """
                Returns the count of members in a sorted set that have scores within a range.
                """,
            handler: count),
        CommandSpec(
            name: "zlexcount", since: "2.8.9", group: .sortedSet,
            complexity: "O(log(N)) with N being the number of elements in the sorted set.",
            arity: 4, flags: [.readOnly, .fast],
            categories: [.sortedSet], keys: [.one([.readOnly, .access])],
            syntax: "key min max",
            summary: """
                Returns the number of members in a sorted set within a lexicographical range.
                """,
            handler: lexicalCount),
        CommandSpec(
            name: "zrandmember", since: "6.2.0", group: .sortedSet,
            complexity: "O(N) where N is the number of members returned",
            arity: -2, flags: [.readOnly],
            categories: [.sortedSet], keys: [.one([.readOnly, .access])],
            syntax: "key [count [WITHSCORES]]",
            summary: "Returns one or more random members from a sorted set.",
            tips: ["nondeterministic_output"],
            handler: randomMember),
        CommandSpec(
            name: "zscan", since: "2.8.0", group: .sortedSet,
            complexity: """
                O(1) for every call. O(N) for a complete iteration, including enough command calls \
                for the cursor to return back to 0. N is the number of elements inside the \
                collection.
                """,
            arity: -3, flags: [.readOnly],
            categories: [.sortedSet], keys: [.one([.readOnly, .access])],
            syntax: "key cursor [MATCH pattern] [COUNT count]",
            summary: "Iterates over members and scores of a sorted set.",
            tips: ["nondeterministic_output"],
            handler: scan),
    ]

    /// The members of a key for a read; nil when there is no such key.
    @inline(__always)
    static func view(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice, _ hash: KeyHash
    ) throws(ReplyError) -> SortedSetView? {
        guard let entry = try engine.collectionForRead(key, hash, .sortedSet, client) else {
            return nil
        }
        return SortedSetView(entry)
    }

    private static func cardinality(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let view = try view(engine, client, arguments[1], engine.keyHash)
        client.writer.integer(view?.count ?? 0)
    }

    private static func score(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let view = try view(engine, client, arguments[1], engine.keyHash)
        write(view?.score(of: arguments[2]), client)
    }

    private static func scores(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let view = try view(engine, client, arguments[1], engine.keyHash)
        client.writer.arrayHeader(arguments.count - 2)
        for index in 2..<arguments.count { write(view?.score(of: arguments[index]), client) }
    }

    @inline(__always)
    private static func write(_ score: Double?, _ client: ClientState) {
        if let score { client.writer.double(score) } else { client.writer.null() }
    }

    // MARK: Ranks and counts

    private static func rank(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try rank(engine, client, arguments, isReversed: false)
    }

    private static func reverseRank(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try rank(engine, client, arguments, isReversed: true)
    }

    private static func rank(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, isReversed: Bool
    ) throws(ReplyError) {
        if arguments.count > 4 { throw .wrongArity(isReversed ? "zrevrank" : "zrank") }
        let withScore = arguments.count == 4
        if withScore && !arguments[3].equalsIgnoringCase("withscore") { throw .syntax }
        guard let view = try view(engine, client, arguments[1], engine.keyHash),
            let place = view.place(of: arguments[2])
        else {
            if withScore { client.writer.nullArray() } else { client.writer.null() }
            return
        }
        if withScore { client.writer.arrayHeader(2) }
        client.writer.integer(isReversed ? view.count - 1 - place.rank : place.rank)
        if withScore { client.writer.double(place.score) }
    }

    private static func count(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let range = try scoreRange(arguments[2], arguments[3])
        let view = try view(engine, client, arguments[1], engine.keyHash)
        client.writer.integer(view?.ranks(range).count ?? 0)
    }

    private static func lexicalCount(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let range = try memberRange(arguments[2], arguments[3])
        let view = try view(engine, client, arguments[1], engine.keyHash)
        client.writer.integer(view?.ranks(range).count ?? 0)
    }

    // MARK: ZRANDMEMBER

    private static func randomMember(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard arguments.count > 2 else {
            guard let view = try view(engine, client, arguments[1], engine.keyHash) else {
                return client.writer.null()
            }
            let rank = engine.random.below(view.count)
            return view.forEach(rank..<(rank + 1)) { member, _ in client.writer.bulk(member) }
        }
        let count = try engine.integer(arguments[2])
        if count == .min {
            throw ReplyError(
                """
                ERR value is out of range, value must between -9223372036854775807 and \
                9223372036854775807
                """)
        }
        let withScores = arguments.count > 3
        if arguments.count > 4
            || (withScores && !arguments[3].equalsIgnoringCase("withscores"))
        {
            throw .syntax
        }
        if withScores && count.magnitude > UInt64(Int64.max / 2) { throw .valueOutOfRange }
        guard let view = try view(engine, client, arguments[1], engine.keyHash), count != 0 else {
            return client.writer.arrayHeader(0)
        }
        if count < 0 {
            writeRepeatedly(engine, client, view, Int(count.magnitude), withScores)
        } else {
            writeSample(engine, client, view, Int(count), withScores)
        }
    }

    /// Random members, the same ones again and again.
    private static func writeRepeatedly(
        _ engine: CommandEngine, _ client: ClientState, _ view: SortedSetView, _ count: Int,
        _ withScores: Bool
    ) {
        writePairsHeader(count, withScores, client)
        let total = view.count
        for _ in 0..<count {
            if engine.exceedsOutputLimit(client) { return }
            let rank = engine.random.below(total)
            view.forEach(rank..<(rank + 1)) { writePair($0, $1, withScores, client) }
        }
    }

    /// Different random members in their order: each rank is taken with the probability that is
    /// left for it (Knuth's algorithm S).
    private static func writeSample(
        _ engine: CommandEngine, _ client: ClientState, _ view: SortedSetView, _ count: Int,
        _ withScores: Bool
    ) {
        let total = view.count
        var wanted = min(count, total)
        writePairsHeader(wanted, withScores, client)
        // Few of many: draw ranks instead of passing over all members.
        if wanted * 32 < total {
            var ranks = Set<Int>()
            while ranks.count < wanted { ranks.insert(engine.random.below(total)) }
            for rank in ranks {
                view.forEach(rank..<(rank + 1)) { writePair($0, $1, withScores, client) }
            }
            return
        }
        var left = total
        view.forEach(0..<total) { member, score in
            if engine.random.below(left) < wanted {
                wanted -= 1
                writePair(member, score, withScores, client)
            }
            left -= 1
        }
    }

    // MARK: Pairs in replies

    /// Begins a reply of members, each with its score when `withScores`: flat in RESP2, pairs in
    /// RESP3.
    @inline(__always)
    static func writePairsHeader(_ count: Int, _ withScores: Bool, _ client: ClientState) {
        client.writer.arrayHeader(withScores && !client.writer.isRESP3 ? count * 2 : count)
    }

    @inline(__always)
    static func writePair(
        _ member: PackedElement, _ score: Double, _ withScores: Bool, _ client: ClientState
    ) {
        if withScores && client.writer.isRESP3 { client.writer.arrayHeader(2) }
        client.writer.bulk(member)
        if withScores { client.writer.double(score) }
    }

    // MARK: ZSCAN

    private static func scan(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let cursor = try ScanOptions.cursor(arguments[2])
        guard let view = try view(engine, client, arguments[1], engine.keyHash) else {
            return writeScanReply(0, count: 0, ByteSlice(), client)
        }
        let options = try ScanOptions(arguments, from: 3)
        var found = ByteBuffer()
        var count = 0
        var text = ByteBuffer()
        var next: UInt64 = 0
        switch view {
        case .packed(let packed):
            PackedSortedSet.forEach(packed) { member, score in
                let bytes = member.text(in: &text)
                guard options.matches(bytes) else { return }
                count += 2
                found.appendBulkString(bytes)
                text.removeAll()
                Numbers.append(score, to: &text)
                found.appendBulkString(text.readable)
            }
        case .indexed(let set):
            next = set.scan(cursor: cursor, count: options.count) { member, score in
                guard options.matches(member) else { return }
                count += 2
                found.appendBulkString(member)
                text.removeAll()
                Numbers.append(precisely: score, to: &text)
                found.appendBulkString(text.readable)
            }
        }
        writeScanReply(next, count: count, found.readable, client)
    }

    private static func writeScanReply(
        _ next: UInt64, count: Int, _ elements: ByteSlice, _ client: ClientState
    ) {
        client.writer.arrayHeader(2)
        client.writer.bulk(integer: Int64(next))
        client.writer.arrayHeader(count)
        client.writer.buffer.append(elements)
    }
}
