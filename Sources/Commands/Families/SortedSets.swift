// Sorted sets: adding, changing and removing members. Reading is in SortedSets+Reading, ranges in
// SortedSets+Ranges, sets of sets in SortedSets+Algebra, popping in SortedSets+Pop.
internal import Bytes
internal import RESP
internal import Store

/// The commands on sorted sets.
enum SortedSets {
    static let table: [CommandSpec] =
        writing + popping + reading + ranges + rangesByName + rangeRemovals + algebra

    private static let writing: [CommandSpec] = [
        CommandSpec(
            name: "zadd", since: "1.2.0", group: .sortedSet,
            complexity: """
                O(log(N)) for each item added, where N is the number of elements in the sorted \
                set.
                """,
            arity: -4, flags: [.write, .denyOutOfMemory, .fast],
            categories: [.sortedSet], keys: [.one([.readWrite, .update])],
            syntax: "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
            summary: """
                Adds one or more members to a sorted set, or updates their scores. Creates the key \
                if it doesn't exist.
                """,
            handler: add),
        CommandSpec(
            name: "zincrby", since: "1.2.0", group: .sortedSet,
            complexity: "O(log(N)) where N is the number of elements in the sorted set.",
            arity: 4, flags: [.write, .denyOutOfMemory, .fast],
            categories: [.sortedSet], keys: [.one([.readWrite, .access, .update])],
            syntax: "key increment member",
            summary: "Increments the score of a member in a sorted set.",
            handler: incrementBy),
        CommandSpec(
            name: "zrem", since: "1.2.0", group: .sortedSet,
            complexity: """
                O(M*log(N)) with N being the number of elements in the sorted set and M the number \
                of elements to be removed.
                """,
            arity: -3, flags: [.write, .fast],
            categories: [.sortedSet], keys: [.one([.readWrite, .delete])],
            syntax: "key member [member ...]",
            summary: """
                Removes one or more members from a sorted set. Deletes the sorted set if all \
                members were removed.
                """,
            handler: remove),
    ]

    // MARK: ZADD and ZINCRBY

    /// What stands before the scores of ZADD and GEOADD.
    struct Options {
        /// Where the scores begin.
        var end: Int
        var change = ScoreChange(0)
        /// The reply counts members whose score changed, too (CH).
        var countsUpdates = false

        /// Reads options from `start` on; GEOADD knows fewer.
        init(_ arguments: Arguments, from start: Int, isIncrement: Bool, isGeo: Bool) {
            end = start
            change.isIncrement = isIncrement
            while end < arguments.count {
                let option = arguments[end]
                if option.equalsIgnoringCase("nx") {
                    change.mayUpdate = false
                } else if option.equalsIgnoringCase("xx") {
                    change.mayAdd = false
                } else if option.equalsIgnoringCase("ch") {
                    countsUpdates = true
                } else if isGeo {
                    return
                } else if option.equalsIgnoringCase("incr") {
                    change.isIncrement = true
                } else if option.equalsIgnoringCase("gt") {
                    change.onlyIfGreater = true
                } else if option.equalsIgnoringCase("lt") {
                    change.onlyIfLess = true
                } else {
                    return
                }
                end += 1
            }
        }

        /// Checks that the options go together and with `count` members.
        func check(count: Int) throws(ReplyError) {
            if !change.mayUpdate && !change.mayAdd {
                throw ReplyError("ERR XX and NX options at the same time are not compatible")
            }
            if (change.onlyIfGreater && change.onlyIfLess)
                || (!change.mayUpdate && (change.onlyIfGreater || change.onlyIfLess))
            {
                throw ReplyError(
                    "ERR GT, LT, and/or NX options at the same time are not compatible")
            }
            if change.isIncrement && count > 1 {
                throw ReplyError("ERR INCR option supports a single increment-element pair")
            }
        }
    }

    private static func add(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try add(engine, client, arguments, isIncrement: false)
    }

    private static func incrementBy(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try add(engine, client, arguments, isIncrement: true)
    }

    @inline(__always)
    private static func add(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, isIncrement: Bool
    ) throws(ReplyError) {
        let options = Options(arguments, from: 2, isIncrement: isIncrement, isGeo: false)
        let rest = arguments.count - options.end
        if rest == 0 || rest % 2 != 0 { throw .syntax }
        try options.check(count: rest / 2)
        engine.scores.removeAll()
        for index in stride(from: options.end, to: arguments.count, by: 2) {
            engine.scores.append(try score(arguments[index]))
        }
        let isChanged = try apply(
            options, engine, client, arguments, firstMember: options.end + 1, step: 2)
        if isChanged { engine.propagate(arguments, client) }
    }

    /// A score as clients write it.
    @inline(__always)
    static func score(_ text: ByteSlice) throws(ReplyError) -> Double {
        guard let score = Numbers.double(text) else { throw .notFloat }
        return score
    }

    /// Gives each member the score that stands at its place in `engine.scores`, and replies. Says
    /// whether anything changed; the effect is the caller's.
    static func apply(
        _ options: Options, _ engine: CommandEngine, _ client: ClientState,
        _ arguments: Arguments, firstMember: Int, step: Int
    ) throws(ReplyError) -> Bool {
        let key = arguments[1]
        let hash = engine.keyHash
        let count = engine.scores.count
        var change = options.change
        var tally = Tally()
        var index = 0
        var found = try engine.collectionForWrite(key, hash, .sortedSet, client)
        if found == nil && change.mayAdd {
            let score = engine.scores[0]
            found = create(engine, client, key, arguments[firstMember], score, count: count)
            tally.note(.added(score))
            index = 1
        }
        if var entry = found {
            let database = engine.database(client)
            let limits = engine.settings.encoding
            if index == 0 && count > limits.sortedSetPackedEntriesMax && entry.packed != nil {
                database.convertSortedSet(&entry, hash)
            }
            while index < count {
                change.score = engine.scores[index]
                let outcome = database.apply(
                    change, to: arguments[firstMember + index * step], of: &entry, hash, limits,
                    buffer: &engine.packing)
                if outcome == .notANumber {
                    throw ReplyError("ERR resulting score is not a number (NaN)")
                }
                tally.note(outcome)
                index += 1
            }
        }
        reply(tally, options, client)
        let changes = tally.added + tally.updated
        if changes == 0 { return false }
        engine.changed(key, client, count: changes)
        if change.isIncrement {
            engine.notify(.sortedSet, "zincr", key, client)
        } else {
            engine.notify(.sortedSet, "zadd", key, client)
        }
        return true
    }

    /// What became of the members of one command.
    private struct Tally {
        var added: Int64 = 0
        var updated: Int64 = 0
        /// The score of the last member; nil when its condition did not hold.
        var last: Double?

        @inline(__always)
        mutating func note(_ outcome: ScoreChange.Outcome) {
            switch outcome {
            case .added(let score):
                added += 1
                last = score
            case .updated(let score):
                updated += 1
                last = score
            case .unchanged(let score): last = score
            case .refused, .notANumber: break
            }
        }
    }

    @inline(__always)
    private static func reply(_ tally: Tally, _ options: Options, _ client: ClientState) {
        if !options.change.isIncrement {
            let count = options.countsUpdates ? tally.added + tally.updated : tally.added
            client.writer.integer(count)
        } else if let score = tally.last {
            client.writer.double(score)
        } else {
            client.writer.null()
        }
    }

    /// A new sorted set with its first member; `count` members will follow it or be it.
    private static func create(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice, _ member: ByteSlice,
        _ score: Double, count: Int
    ) -> Entry {
        let limits = engine.settings.encoding
        guard count <= limits.sortedSetPackedEntriesMax,
            member.count <= limits.sortedSetPackedValueBytesMax
        else {
            let set = SortedSet(hasher: engine.keyspace.hasher)
            set.add(member, score)
            return engine.store(key, engine.keyHash, object: set, .sortedSet, client)
        }
        engine.packing.removeAll()
        PackedEncoder.begin(&engine.packing, count: 2)
        PackedSortedSet.append(member, score, to: &engine.packing)
        return engine.store(
            key, engine.keyHash, packed: engine.packing.readable, .sortedSet, client)
    }

    // MARK: ZREM

    private static func remove(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let key = arguments[1]
        let hash = engine.keyHash
        guard var entry = try engine.collectionForWrite(key, hash, .sortedSet, client) else {
            return client.writer.integer(0)
        }
        let database = engine.database(client)
        var removed: Int64 = 0
        for index in 2..<arguments.count {
            guard database.removeMember(arguments[index], of: &entry, hash) else { continue }
            removed += 1
            if SortedSetView(entry).count == 0 { break }
        }
        if removed > 0 {
            engine.propagate(arguments, client)
            finishRemoval(engine, client, key, entry, hash, "zrem", count: removed)
        }
        client.writer.integer(removed)
    }

    /// Tells of removed members, and removes the key when none is left. The effect is the caller's.
    static func finishRemoval(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice, _ entry: Entry,
        _ hash: KeyHash, _ event: StaticString, count: Int64
    ) {
        let isEmpty = engine.removeIfEmpty(entry, hash, client)
        engine.changed(key, client, count: count)
        engine.notify(.sortedSet, event, key, client)
        if isEmpty { engine.notify(.generic, "del", key, client) }
    }
}
