// SORT and SORT_RO: the elements of a list, set or sorted set in order, or what they point to.
//
//   1. Read the options; the last STORE counts, each GET adds a column.
//   2. Copy the elements: looking other keys up may remove some whose time is over.
//   3. Weigh: by the element itself or by what BY makes of it; as a number or as text.
//   4. Sort, cut to LIMIT, then reply with (or store) the elements or the columns.
//
//   BY and GET    weight_*        the string under the key in which the element replaces the star
//                 object_*->name  the field of a hash, in the same way
//                 #               the element itself (GET only)
//   BY without a star means: do not sort.
internal import Bytes
internal import RESP
internal import Store

/// SORT and SORT_RO.
enum Sorting {
    static let table: [CommandSpec] = [
        CommandSpec(
            name: "sort", since: "1.0.0", group: .generic, complexity: cost, arity: -2,
            flags: [.write, .denyOutOfMemory, .movableKeys],
            categories: [.set, .sortedSet, .list, .dangerous],
            keys: [
                .one([.readOnly, .access]), patterns,
                .unknown(
                    [.overwrite, .update],
                    notes: """
                        For the optional STORE keyword. It is marked 'unknown' because the \
                        keyword can appear anywhere in the argument array
                        """),
            ], findKeys: keys,
            syntax: """
                key [BY by-pattern] [LIMIT offset count] [GET get-pattern [GET get-pattern \
                ...]] [ASC | DESC] [ALPHA] [STORE destination]
                """,
            summary: """
                Sorts the elements in a list, a set, or a sorted set, optionally storing the \
                result.
                """,
            handler: { (engine, client, arguments) throws(ReplyError) in
                try sort(engine, client, arguments, mayStore: true)
            }),
        CommandSpec(
            name: "sort_ro", since: "7.0.0", group: .generic, complexity: cost, arity: -2,
            flags: [.readOnly, .movableKeys],
            categories: [.set, .sortedSet, .list, .dangerous],
            keys: [.one([.readOnly, .access]), patterns], findKeys: firstKey,
            syntax: """
                key [BY by-pattern] [LIMIT offset count] [GET get-pattern [GET get-pattern \
                ...]] [ASC | DESC] [ALPHA]
                """,
            summary: "Returns the sorted elements of a list, a set, or a sorted set.",
            handler: { (engine, client, arguments) throws(ReplyError) in
                try sort(engine, client, arguments, mayStore: false)
            }),
    ]

    private static let cost: StaticString = """
        O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the \
        number of returned elements. When the elements are not sorted, complexity is O(N).
        """

    private static let patterns = KeySpec.unknown(
        [.readOnly, .access],
        notes: """
            For the optional BY/GET keyword. It is marked 'unknown' because the key names derive \
            from the content of the key we sort
            """)

    // MARK: Keys

    private static func firstKey(
        _ arguments: Arguments, _ body: (Int, KeySpec.Access) -> Void
    ) -> Bool {
        guard arguments.count > 1 else { return false }
        body(1, [.readOnly, .access])
        return true
    }

    private static func keys(
        _ arguments: Arguments, _ body: (Int, KeySpec.Access) -> Void
    ) -> Bool {
        guard firstKey(arguments, body) else { return false }
        var target: Int?
        var index = 2
        while index < arguments.count {
            let word = arguments[index]
            if word.equalsIgnoringCase("limit") {
                index += 2
            } else if word.equalsIgnoringCase("get") || word.equalsIgnoringCase("by") {
                index += 1
            } else if word.equalsIgnoringCase("store") && index + 1 < arguments.count {
                target = index + 1
            }
            index += 1
        }
        if let target { body(target, [.overwrite, .update]) }
        return true
    }

    // MARK: Options

    /// What the arguments ask for.
    private struct Options {
        var isDescending = false
        var isAlphabetic = false
        var sorts = true
        var by: ByteSlice?
        var columns: [ByteSlice] = []
        var target: ByteSlice?
        var limitStart: Int64 = 0
        var limitCount: Int64 = -1

        init(_ arguments: Arguments, mayStore: Bool) throws(ReplyError) {
            var index = 2
            while index < arguments.count {
                let word = arguments[index]
                let left = arguments.count - index - 1
                if word.equalsIgnoringCase("asc") {
                    isDescending = false
                } else if word.equalsIgnoringCase("desc") {
                    isDescending = true
                } else if word.equalsIgnoringCase("alpha") {
                    isAlphabetic = true
                } else if word.equalsIgnoringCase("limit") && left >= 2 {
                    guard let start = Numbers.integer(arguments[index + 1]),
                        let count = Numbers.integer(arguments[index + 2])
                    else { throw .notInteger }
                    (limitStart, limitCount) = (start, count)
                    index += 2
                } else if mayStore && word.equalsIgnoringCase("store") && left >= 1 {
                    target = arguments[index + 1]
                    index += 1
                } else if word.equalsIgnoringCase("by") && left >= 1 {
                    let pattern = arguments[index + 1]
                    by = pattern
                    if pattern.firstIndex(of: UInt8(ascii: "*")) == nil { sorts = false }
                    index += 1
                } else if word.equalsIgnoringCase("get") && left >= 1 {
                    columns.append(arguments[index + 1])
                    index += 1
                } else {
                    throw .syntax
                }
                index += 1
            }
        }

        /// The part of `count` elements that LIMIT leaves.
        func range(of count: Int) -> Range<Int> {
            let start = Int(min(max(limitStart, 0), Int64(count)))
            let length = Int(min(max(limitCount, -1), Int64(count)))
            if length < 0 { return start..<count }
            return start..<min(count, start + length)
        }
    }

    // MARK: The command

    private static func sort(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, mayStore: Bool
    ) throws(ReplyError) {
        var options = try Options(arguments, mayStore: mayStore)
        try checkAccess(options, engine, client, arguments)
        let list = SortList()
        if let entry = engine.read(arguments[1], engine.keyspace.hash(arguments[1]), client) {
            // The order of a set is arbitrary: what is stored or seen by a script must not depend
            // on it.
            if !options.sorts && entry.type == .set
                && (options.target != nil || engine.script.isActive)
            {
                options.sorts = true
                options.isAlphabetic = true
                options.by = nil
            }
            let isReversed = !options.sorts && options.isDescending
            guard list.load(entry, isReversed: isReversed) else { throw .wrongType }
        }
        if options.sorts {
            let isNumeric = weigh(list, options, engine, client)
            guard isNumeric else {
                throw ReplyError("ERR One or more scores can't be converted into double")
            }
            list.sort(
                isAlphabetic: options.isAlphabetic, isDescending: options.isDescending,
                hasWeights: options.by != nil)
        }
        let range = options.range(of: list.items.count)
        if let target = options.target {
            store(list, range, options, target, engine, client, arguments)
        } else {
            write(list, range, options, engine, client)
        }
    }

    /// The keys that patterns lead to are not known beforehand: who uses them may read all keys.
    private static func checkAccess(
        _ options: Options, _ engine: CommandEngine, _ client: ClientState,
        _ arguments: Arguments
    ) throws(ReplyError) {
        let looksUp = options.by != nil && options.sorts
        if !looksUp && options.columns.isEmpty { return }
        let number = engine.table.number(of: arguments[0])
        if engine.mayReadAllKeys(number, arguments, client) { return }
        // The option that comes first is the one that is told.
        for index in 2..<arguments.count {
            if looksUp && arguments[index].equalsIgnoringCase("by") {
                throw ReplyError(
                    "ERR BY option of SORT denied due to insufficient ACL permissions.")
            }
            if arguments[index].equalsIgnoringCase("get") { break }
        }
        throw ReplyError("ERR GET option of SORT denied due to insufficient ACL permissions.")
    }

    /// Finds out by what the elements are sorted; false when a number is none.
    private static func weigh(
        _ list: SortList, _ options: Options, _ engine: CommandEngine, _ client: ClientState
    ) -> Bool {
        var isNumeric = true
        for index in list.items.indices {
            var weight = list.items[index].text
            if let by = options.by {
                guard let found = list.lookUp(by, index, engine, client) else { continue }
                weight = found
                list.items[index].weight = found
            }
            if options.isAlphabetic { continue }
            if let score = number(list.bytes(weight)) {
                list.items[index].score = score
            } else {
                isNumeric = false
            }
        }
        return isNumeric
    }

    /// The number that C's `strtod` makes of the whole text; it takes blanks in front and finds
    /// nothing to be zero.
    private static func number(_ text: ByteSlice) -> Double? {
        var text = text
        while text.count > 0 && (text[0] == 0x20 || (text[0] >= 0x09 && text[0] <= 0x0D)) {
            text = text.dropFirst(1)
        }
        return text.isEmpty ? 0 : Numbers.double(text)
    }

    /// Calls `body` with each value of the result; nil for one that does not exist.
    private static func forEachResult(
        _ list: SortList, _ range: Range<Int>, _ options: Options, _ engine: CommandEngine,
        _ client: ClientState, _ body: (ByteSlice?) -> Void
    ) {
        for index in range {
            if options.columns.isEmpty { body(list.bytes(list.items[index].text)) }
            for column in options.columns {
                let found = list.lookUp(column, index, engine, client)
                body(found.map { list.bytes($0) })
                list.forgetLookups()
            }
        }
    }

    private static func write(
        _ list: SortList, _ range: Range<Int>, _ options: Options, _ engine: CommandEngine,
        _ client: ClientState
    ) {
        list.weightsAreDone()
        client.writer.arrayHeader(range.count * max(1, options.columns.count))
        forEachResult(list, range, options, engine, client) { value in
            if let value { client.writer.bulk(value) } else { client.writer.null() }
        }
    }

    /// Stores the result as a list; values that do not exist become empty elements.
    private static func store(
        _ list: SortList, _ range: Range<Int>, _ options: Options, _ target: ByteSlice,
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        let limits = engine.listLimits
        var packed = ByteBuffer(capacity: 64)
        PackedEncoder.begin(&packed)
        var count = 0
        var object: ListObject?
        list.weightsAreDone()
        forEachResult(list, range, options, engine, client) { value in
            engine.packing.removeAll()
            PackedEncoder.append(
                value ?? ByteSlice(), to: &engine.packing, as: object == nil ? .compact : .plain)
            count += 1
            if object == nil {
                if limits.fitsPacked(count: count, bytes: packed.count + engine.packing.count) {
                    return packed.append(engine.packing.readable)
                }
                PackedEncoder.setCount(count - 1, in: &packed)
                object = ListObject(PackedView(packed.readable), limits: limits)
            }
            object?.append(engine.packing.readable, limits: limits)
        }
        let hash = engine.keyspace.hash(target)
        let found = engine.lookUp(target, hash, client)
        if count > 0 {
            if let object {
                engine.store(target, hash, object: object, .list, client)
            } else {
                PackedEncoder.setCount(count, in: &packed)
                engine.store(target, hash, packed: packed.readable, .list, client)
            }
            engine.changed(target, client, count: Int64(count))
            engine.propagate(arguments, client)
            engine.notify(.list, "sortstore", target, client)
        } else if let found {
            engine.database(client).remove(found, hash, .overwrite)
            engine.changed(target, client)
            engine.propagate(arguments, client)
            engine.notify(.generic, "del", target, client)
        }
        client.writer.integer(count)
    }
}
