// Sorted sets: ranges by rank, by score and by member. Each becomes a range of ranks.
internal import Bytes
internal import RESP
internal import Store

extension SortedSets {
    static let ranges: [CommandSpec] = [
        CommandSpec(
            name: "zrange", since: "1.2.0", group: .sortedSet,
            complexity: """
                O(log(N)+M) with N being the number of elements in the sorted set and M the number \
                of elements returned.
                """,
            arity: -4, flags: [.readOnly],
            categories: [.sortedSet], keys: [.one([.readOnly, .access])],
            syntax: "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
            summary: "Returns members in a sorted set within a range of indexes.",
            handler: range),
        CommandSpec(
            name: "zrangestore", since: "6.2.0", group: .sortedSet,
            complexity: """
                O(log(N)+M) with N being the number of elements in the sorted set and M the number \
                of elements stored into the destination key.
                """,
            arity: -5, flags: [.write, .denyOutOfMemory],
            categories: [.sortedSet],
            keys: [
                .one([.overwrite, .update]),
                .range(first: 2, last: 2, step: 1, [.readOnly, .access]),
            ],
            syntax: "dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
            summary: "Stores a range of members from sorted set in a key.",
            handler: rangeStore),
    ]

    /// What a range counts by.
    enum RangeKind { case ranks, scores, members }

    /// A range as ZRANGE and its kin describe it.
    struct RangeQuery {
        private(set) var kind: RangeKind
        private(set) var isReversed: Bool
        private(set) var withScores = false
        private var offset: Int64 = 0
        private var limit: Int64 = -1
        private var first: Int64 = 0
        private var last: Int64 = 0
        private var scores = ScoreRange(0, 0)
        private var members = MemberRange(.lowest, .lowest)

        /// Reads the range whose key stands at `start`. `kind` and `isReversed` are nil where
        /// options say them.
        init(
            _ engine: CommandEngine, _ arguments: Arguments, keyAt start: Int, kind: RangeKind?,
            isReversed: Bool?, isStore: Bool
        ) throws(ReplyError) {
            self.kind = kind ?? .ranks
            self.isReversed = isReversed ?? false
            var hasKind = kind != nil
            var hasDirection = isReversed != nil
            var index = start + 3
            while index < arguments.count {
                let option = arguments[index]
                if !isStore && option.equalsIgnoringCase("withscores") {
                    withScores = true
                } else if option.equalsIgnoringCase("limit") && index + 2 < arguments.count {
                    offset = try engine.integer(arguments[index + 1])
                    limit = try engine.integer(arguments[index + 2])
                    index += 2
                } else if !hasDirection && option.equalsIgnoringCase("rev") {
                    self.isReversed = true
                    hasDirection = true
                } else if !hasKind && option.equalsIgnoringCase("bylex") {
                    self.kind = .members
                    hasKind = true
                } else if !hasKind && option.equalsIgnoringCase("byscore") {
                    self.kind = .scores
                    hasKind = true
                } else {
                    throw .syntax
                }
                index += 1
            }
            if limit != -1 && self.kind == .ranks {
                throw ReplyError(
                    """
                    ERR syntax error, LIMIT is only supported in combination with either \
                    BYSCORE or BYLEX
                    """)
            }
            if withScores && self.kind == .members {
                throw ReplyError(
                    "ERR syntax error, WITHSCORES not supported in combination with BYLEX")
            }
            let isSwapped = self.isReversed && self.kind != .ranks
            try readBounds(
                engine, arguments[start + (isSwapped ? 2 : 1)],
                arguments[start + (isSwapped ? 1 : 2)])
        }

        private mutating func readBounds(
            _ engine: CommandEngine, _ min: ByteSlice, _ max: ByteSlice
        ) throws(ReplyError) {
            switch kind {
            case .ranks:
                first = try engine.integer(min)
                last = try engine.integer(max)
            case .scores: scores = try SortedSets.scoreRange(min, max)
            case .members: members = try SortedSets.memberRange(min, max)
            }
        }

        /// The ranks that the range has in a set.
        @inline(__always)
        func ranks(_ view: SortedSetView) -> Range<Int> {
            let all: Range<Int>
            switch kind {
            case .ranks:
                let count = view.count
                let ranks = SortedSets.ranks(first, last, count: count)
                return isReversed ? (count - ranks.upperBound)..<(count - ranks.lowerBound) : ranks
            case .scores: all = view.ranks(scores)
            case .members: all = view.ranks(members)
            }
            guard offset >= 0, offset < Int64(all.count) else { return 0..<0 }
            let rest = all.count - Int(offset)
            let count = limit < 0 ? rest : Int(min(limit, Int64(rest)))
            let start =
                isReversed
                ? all.upperBound - Int(offset) - count : all.lowerBound + Int(offset)
            return start..<(start + count)
        }
    }

    /// Ranks from two places that count from the end when they are negative.
    static func ranks(_ first: Int64, _ last: Int64, count: Int) -> Range<Int> {
        let count = Int64(count)
        let start = max(0, first < 0 ? count + first : first)
        let end = min(count - 1, last < 0 ? count + last : last)
        if start > end || start >= count { return 0..<0 }
        return Int(start)..<(Int(end) + 1)
    }

    /// Bounds of scores: `1.5`, `(1.5` for a bound that is not in the range, `-inf`.
    static func scoreRange(_ min: ByteSlice, _ max: ByteSlice) throws(ReplyError) -> ScoreRange {
        let lower = try scoreBound(min)
        let upper = try scoreBound(max)
        var range = ScoreRange(lower.score, upper.score)
        range.excludesMin = lower.isExcluded
        range.excludesMax = upper.isExcluded
        return range
    }

    private static func scoreBound(
        _ text: ByteSlice
    ) throws(ReplyError) -> (score: Double, isExcluded: Bool) {
        let isExcluded = !text.isEmpty && text[0] == UInt8(ascii: "(")
        guard let score = Numbers.scoreBound(isExcluded ? text.dropFirst(1) : text) else {
            throw ReplyError("ERR min or max is not a float")
        }
        return (score, isExcluded)
    }

    /// Bounds of members: `[a`, `(a` for a bound that is not in the range, `-` and `+`.
    static func memberRange(_ min: ByteSlice, _ max: ByteSlice) throws(ReplyError) -> MemberRange {
        MemberRange(try memberBound(min), try memberBound(max))
    }

    private static func memberBound(_ text: ByteSlice) throws(ReplyError) -> MemberRange.Bound {
        if !text.isEmpty {
            switch text[0] {
            case UInt8(ascii: "["): return .at(text.dropFirst(1))
            case UInt8(ascii: "("): return .behind(text.dropFirst(1))
            case UInt8(ascii: "-") where text.count == 1: return .lowest
            case UInt8(ascii: "+") where text.count == 1: return .highest
            default: break
            }
        }
        throw ReplyError("ERR min or max not valid string range item")
    }

    // MARK: Replies

    static func writeRange(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        kind: RangeKind?, isReversed: Bool?
    ) throws(ReplyError) {
        let query = try RangeQuery(
            engine, arguments, keyAt: 1, kind: kind, isReversed: isReversed, isStore: false)
        guard let view = try view(engine, client, arguments[1], engine.keyHash) else {
            return client.writer.arrayHeader(0)
        }
        let ranks = query.ranks(view)
        writePairsHeader(ranks.count, query.withScores, client)
        view.forEach(ranks, isReversed: query.isReversed) { member, score in
            writePair(member, score, query.withScores, client)
        }
    }

    private static func range(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try writeRange(engine, client, arguments, kind: nil, isReversed: nil)
    }

    // MARK: ZRANGESTORE

    private static func rangeStore(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let query = try RangeQuery(
            engine, arguments, keyAt: 2, kind: nil, isReversed: nil, isStore: true)
        let source = arguments[2]
        let result = SortedSet(hasher: engine.keyspace.hasher)
        if let view = try view(engine, client, source, engine.keyspace.hash(source)) {
            var text = ByteBuffer()
            view.forEach(query.ranks(view)) { member, score in
                result.add(member.text(in: &text), score)
            }
        }
        let count = store(result, engine, client, arguments[1], "zrangestore", arguments)
        client.writer.integer(count)
    }

    /// Puts the result of a command in the place of `key`, or removes the key when there is none;
    /// the effect is the command itself. Returns the number of members.
    static func store(
        _ result: SortedSet, _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice,
        _ event: StaticString, _ arguments: Arguments, changes: Int64 = 1
    ) -> Int {
        let hash = engine.keyspace.hash(key)
        guard result.count > 0 else {
            if let entry = engine.lookUp(key, hash, client) {
                engine.database(client).remove(entry, hash, .overwrite)
                engine.changed(key, client)
                engine.propagate(arguments, client)
                engine.notify(.generic, "del", key, client)
            }
            return 0
        }
        if result.packed(engine.settings.encoding, into: &engine.packing) {
            engine.store(key, hash, packed: engine.packing.readable, .sortedSet, client)
        } else {
            engine.store(key, hash, object: result, .sortedSet, client)
        }
        engine.changed(key, client, count: changes)
        engine.propagate(arguments, client)
        engine.notify(.sortedSet, event, key, client)
        return result.count
    }
}
