// Sorted sets: unions, intersections and differences, also with plain sets, whose members have the
// score 1.
//
//   1. The inputs are looked up; all but those of a difference are sorted by size.
//   2. The scores of the result are collected in a table of members.
//   3. The table becomes a sorted set: the reply, or what is stored.
//
// Two infinities of different sign add up to 0, and 0 times infinity is 0, as in Redis.
internal import Bytes
internal import RESP
internal import Store

extension SortedSets {
    static let algebra: [CommandSpec] = [
        CommandSpec(
            name: "zunion", since: "6.2.0", group: .sortedSet,
            complexity: """
                O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M \
                being the number of elements in the resulting sorted set.
                """,
            arity: -3, flags: [.readOnly, .movableKeys],
            categories: [.sortedSet], keys: [.count(at: 1, first: 2, [.readOnly, .access])],
            syntax: """
                numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] \
                [WITHSCORES]
                """,
            summary: "Returns the union of multiple sorted sets.",
            handler: union),
        CommandSpec(
            name: "zinter", since: "6.2.0", group: .sortedSet,
            complexity: """
                O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being \
                the number of input sorted sets and M being the number of elements in the \
                resulting sorted set.
                """,
            arity: -3, flags: [.readOnly, .movableKeys],
            categories: [.sortedSet], keys: [.count(at: 1, first: 2, [.readOnly, .access])],
            syntax: """
                numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] \
                [WITHSCORES]
                """,
            summary: "Returns the intersect of multiple sorted sets.",
            handler: intersection),
        CommandSpec(
            name: "zdiff", since: "6.2.0", group: .sortedSet,
            complexity: """
                O(L + (N-K)log(N)) worst case where L is the total number of elements in all the \
                sets, N is the size of the first set, and K is the size of the result set.
                """,
            arity: -3, flags: [.readOnly, .movableKeys],
            categories: [.sortedSet], keys: [.count(at: 1, first: 2, [.readOnly, .access])],
            syntax: "numkeys key [key ...] [WITHSCORES]",
            summary: "Returns the difference between multiple sorted sets.",
            handler: difference),
        CommandSpec(
            name: "zunionstore", since: "2.0.0", group: .sortedSet,
            complexity: """
                O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M \
                being the number of elements in the resulting sorted set.
                """,
            arity: -4, flags: [.write, .denyOutOfMemory, .movableKeys],
            categories: [.sortedSet],
            keys: [.one([.overwrite, .update]), .count(at: 2, first: 3, [.readOnly, .access])],
            syntax: """
                destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | \
                MIN | MAX>]
                """,
            summary: "Stores the union of multiple sorted sets in a key.",
            handler: unionStore),
        CommandSpec(
            name: "zinterstore", since: "2.0.0", group: .sortedSet,
            complexity: """
                O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being \
                the number of input sorted sets and M being the number of elements in the \
                resulting sorted set.
                """,
            arity: -4, flags: [.write, .denyOutOfMemory, .movableKeys],
            categories: [.sortedSet],
            keys: [.one([.overwrite, .update]), .count(at: 2, first: 3, [.readOnly, .access])],
            syntax: """
                destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | \
                MIN | MAX>]
                """,
            summary: "Stores the intersect of multiple sorted sets in a key.",
            handler: intersectionStore),
        CommandSpec(
            name: "zdiffstore", since: "6.2.0", group: .sortedSet,
            complexity: """
                O(L + (N-K)log(N)) worst case where L is the total number of elements in all the \
                sets, N is the size of the first set, and K is the size of the result set.
                """,
            arity: -4, flags: [.write, .denyOutOfMemory, .movableKeys],
            categories: [.sortedSet],
            keys: [.one([.overwrite, .update]), .count(at: 2, first: 3, [.readOnly, .access])],
            syntax: "destination numkeys key [key ...]",
            summary: "Stores the difference of multiple sorted sets in a key.",
            handler: differenceStore),
        CommandSpec(
            name: "zintercard", since: "7.0.0", group: .sortedSet,
            complexity: """
                O(N*K) worst case with N being the smallest input sorted set, K being the number \
                of input sorted sets.
                """,
            arity: -3, flags: [.readOnly, .movableKeys],
            categories: [.sortedSet], keys: [.count(at: 1, first: 2, [.readOnly, .access])],
            syntax: "numkeys key [key ...] [LIMIT limit]",
            summary: "Returns the number of members of the intersect of multiple sorted sets.",
            handler: intersectionCardinality),
    ]

    private enum Operation { case union, intersection, difference }

    private enum Aggregate {
        case sum, least, greatest

        func combine(_ left: Double, _ right: Double) -> Double {
            switch self {
            case .sum: SortedSets.number(left + right)
            case .least: right < left ? right : left
            case .greatest: right > left ? right : left
            }
        }
    }

    private static func number(_ value: Double) -> Double { value.isNaN ? 0 : value }

    /// One input.
    private struct Source {
        enum Members {
            case none
            case sorted(SortedSetView)
            case plain(SetView)
        }

        let entry: Entry?
        let members: Members
        var weight = 1.0

        init(_ entry: Entry?) {
            self.entry = entry
            if let entry {
                members =
                    entry.type == .set ? .plain(SetView(entry)) : .sorted(SortedSetView(entry))
            } else {
                members = .none
            }
        }

        var count: Int {
            switch members {
            case .none: 0
            case .sorted(let view): view.count
            case .plain(let view): view.count
            }
        }

        func forEach(_ body: (_ member: PackedElement, _ score: Double) -> Void) {
            switch members {
            case .none: break
            case .sorted(let view): view.forEach(0..<view.count) { body($0, $1) }
            case .plain(let view): view.forEach { body($0, 1) }
            }
        }

        func score(of member: ByteSlice) -> Double? {
            switch members {
            case .none: nil
            case .sorted(let view): view.score(of: member)
            case .plain(let view): view.contains(member) ? 1 : nil
            }
        }
    }

    /// What stands behind the name: `numkeys key … [WEIGHTS …] [AGGREGATE …] [WITHSCORES]`.
    private struct Query {
        let operation: Operation
        private(set) var sources: [Source] = []
        private(set) var aggregate = Aggregate.sum
        private(set) var withScores = false
        private(set) var limit = Int.max

        /// Reads the arguments from the number of keys on.
        init(
            _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
            numberAt start: Int, _ operation: Operation, isStore: Bool = false,
            isCount: Bool = false
        ) throws(ReplyError) {
            self.operation = operation
            let number = try engine.integer(arguments[start])
            if number < 1 {
                let name = arguments[0].string.lowercased()
                throw ReplyError(
                    composed: "ERR at least 1 input key is needed for '\(name)' command")
            }
            if number > Int64(arguments.count - start - 1) { throw .syntax }
            let keyCount = Int(number)
            let end = start + 1 + keyCount
            for index in (start + 1)..<end {
                let key = arguments[index]
                let entry = engine.read(key, engine.keyspace.hash(key), client)
                if let entry, entry.type != .sortedSet && entry.type != .set { throw .wrongType }
                sources.append(Source(entry))
            }
            try readOptions(engine, arguments, from: end, isStore: isStore, isCount: isCount)
            // An expired key that a later look-up removed has left nothing behind; the others are
            // still where they were, because nothing else changes them.
            if operation != .difference {
                sources = sources.enumerated()
                    .sorted { ($0.element.count, $0.offset) < ($1.element.count, $1.offset) }
                    .map(\.element)
            }
        }

        private mutating func readOptions(
            _ engine: CommandEngine, _ arguments: Arguments, from start: Int, isStore: Bool,
            isCount: Bool
        ) throws(ReplyError) {
            let takesWeights = operation != .difference && !isCount
            var index = start
            while index < arguments.count {
                let option = arguments[index]
                let rest = arguments.count - index
                if takesWeights && rest > sources.count && option.equalsIgnoringCase("weights") {
                    for number in sources.indices {
                        guard let weight = Numbers.double(arguments[index + 1 + number]) else {
                            throw ReplyError("ERR weight value is not a float")
                        }
                        sources[number].weight = weight
                    }
                    index += 1 + sources.count
                } else if takesWeights && rest > 1 && option.equalsIgnoringCase("aggregate") {
                    aggregate = try Query.aggregate(arguments[index + 1])
                    index += 2
                } else if !isStore && !isCount && option.equalsIgnoringCase("withscores") {
                    withScores = true
                    index += 1
                } else if isCount && rest > 1 && option.equalsIgnoringCase("limit") {
                    guard let limit = Numbers.integer(arguments[index + 1]), limit >= 0 else {
                        throw ReplyError("ERR LIMIT can't be negative")
                    }
                    self.limit = limit == 0 ? .max : Int(limit)
                    index += 2
                } else {
                    throw .syntax
                }
            }
        }

        private static func aggregate(_ text: ByteSlice) throws(ReplyError) -> Aggregate {
            if text.equalsIgnoringCase("sum") { return .sum }
            if text.equalsIgnoringCase("min") { return .least }
            if text.equalsIgnoringCase("max") { return .greatest }
            throw .syntax
        }
    }

    // MARK: Computation

    private static func result(_ query: Query, _ engine: CommandEngine) -> SortedSet {
        var table = MemberTable(hasher: engine.keyspace.hasher)
        var text = ByteBuffer()
        switch query.operation {
        case .union:
            for source in query.sources {
                source.forEach { member, score in
                    let weighted = number(source.weight * score)
                    let member = member.text(in: &text)
                    let hash = table.hash(member)
                    if let entry = table.find(member, hash) {
                        let sum = query.aggregate.combine(
                            Double(bitPattern: entry.word), weighted)
                        entry.word = sum.bitPattern
                    } else {
                        _ = table.insert(member, hash, word: weighted.bitPattern)
                    }
                }
            }
        case .intersection:
            forEachShared(query) { member, score in
                _ = table.insert(member, table.hash(member), word: score.bitPattern)
                return true
            }
        case .difference:
            guard let first = query.sources.first else { break }
            let others = query.sources.dropFirst()
            first.forEach { member, score in
                let member = member.text(in: &text)
                let isElsewhere = others.contains { other in
                    other.entry == first.entry || other.score(of: member) != nil
                }
                if isElsewhere { return }
                _ = table.insert(member, table.hash(member), word: score.bitPattern)
            }
        }
        return SortedSet(table)
    }

    /// Calls `body` with the members of all sources and what their scores make together, until it
    /// returns false.
    private static func forEachShared(_ query: Query, _ body: (ByteSlice, Double) -> Bool) {
        guard let first = query.sources.first else { return }
        let others = query.sources.dropFirst()
        var text = ByteBuffer()
        var goesOn = true
        first.forEach { member, score in
            guard goesOn else { return }
            let member = member.text(in: &text)
            var total = number(first.weight * score)
            for other in others {
                guard let theirs = other.entry == first.entry ? score : other.score(of: member)
                else { return }
                total = query.aggregate.combine(total, theirs * other.weight)
            }
            goesOn = body(member, total)
        }
    }

    // MARK: Replies

    private static func reply(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ operation: Operation
    ) throws(ReplyError) {
        let query = try Query(engine, client, arguments, numberAt: 1, operation)
        let result = result(query, engine)
        writePairsHeader(result.count, query.withScores, client)
        result.forEach { member, score in
            writePair(.bytes(member), score, query.withScores, client)
        }
    }

    private static func store(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ operation: Operation, _ event: StaticString
    ) throws(ReplyError) {
        let query = try Query(engine, client, arguments, numberAt: 2, operation, isStore: true)
        let result = result(query, engine)
        client.writer.integer(
            store(result, engine, client, arguments[1], event, arguments))
    }

    private static func union(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) { try reply(engine, client, arguments, .union) }

    private static func intersection(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) { try reply(engine, client, arguments, .intersection) }

    private static func difference(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) { try reply(engine, client, arguments, .difference) }

    private static func unionStore(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) { try store(engine, client, arguments, .union, "zunionstore") }

    private static func intersectionStore(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) { try store(engine, client, arguments, .intersection, "zinterstore") }

    private static func differenceStore(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) { try store(engine, client, arguments, .difference, "zdiffstore") }

    private static func intersectionCardinality(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let query = try Query(
            engine, client, arguments, numberAt: 1, .intersection, isCount: true)
        var count = 0
        forEachShared(query) { _, _ in
            count += 1
            return count < query.limit
        }
        client.writer.integer(count)
    }
}
