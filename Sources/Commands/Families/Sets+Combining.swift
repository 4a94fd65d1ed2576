// Intersection, union and difference of sets.
//
//   intersection   walk the smallest set, ask the others in rising order of their size
//   union          add all members of all sets
//   difference     either ask the other sets for each member of the first (cost: members of the
//                  first times sets), or take the members of all others out of the first (cost: all
//                  members), whichever is less work; the first way has half the constant
internal import Bytes
internal import RESP
internal import Store

extension Sets {
    private static let intersectionCost: StaticString = """
        O(N*M) worst case where N is the cardinality of the smallest set and M is the number of \
        sets.
        """
    private static let totalCost: StaticString =
        "O(N) where N is the total number of elements in all given sets."

    static let combining: [CommandSpec] = [
        combiningRow("sinter", intersectionCost, "Returns the intersect of multiple sets.", inter),
        CommandSpec(
            name: "sintercard", since: "7.0.0", group: .set, complexity: intersectionCost,
            arity: -3, flags: [.readOnly, .movableKeys], categories: [.set],
            keys: [.count(at: 1, first: 2, [.readOnly, .access])],
            syntax: "numkeys key [key ...] [LIMIT limit]",
            summary: "Returns the number of members of the intersect of multiple sets.",
            handler: interCount),
        combiningRow("sunion", totalCost, "Returns the union of multiple sets.", union),
        combiningRow("sdiff", totalCost, "Returns the difference of multiple sets.", difference),
    ]

    static let storing: [CommandSpec] = [
        storingRow(
            "sinterstore", intersectionCost, "Stores the intersect of multiple sets in a key.",
            interStore),
        storingRow(
            "sunionstore", totalCost, "Stores the union of multiple sets in a key.", unionStore),
        storingRow(
            "sdiffstore", totalCost, "Stores the difference of multiple sets in a key.",
            differenceStore),
    ]

    private static func combiningRow(
        _ name: StaticString, _ complexity: StaticString, _ summary: StaticString,
        _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: "1.0.0", group: .set, complexity: complexity, arity: -2,
            flags: [.readOnly], categories: [.set],
            keys: [.range(first: 1, last: -1, step: 1, [.readOnly, .access])],
            syntax: "key [key ...]", summary: summary, tips: ["nondeterministic_output_order"],
            handler: handler)
    }

    private static func storingRow(
        _ name: StaticString, _ complexity: StaticString, _ summary: StaticString,
        _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: "1.0.0", group: .set, complexity: complexity, arity: -3,
            flags: [.write, .denyOutOfMemory], categories: [.set],
            keys: [
                .one([.overwrite, .update]),
                .range(first: 2, last: -1, step: 1, [.readOnly, .access]),
            ], syntax: "destination key [key ...]", summary: summary, handler: handler)
    }

    // MARK: Operands

    /// The sets that the arguments from `first` on name; nil for keys that do not exist.
    private static func operands(
        _ engine: CommandEngine, _ client: ClientState, _ keys: Arguments
    ) throws(ReplyError) -> [SetView?] {
        for index in 0..<keys.count {
            // Reading may remove a key whose time is over, which ends the life of entries that were
            // found before: they are found again below.
            let found = engine.read(keys[index], engine.keyspace.hash(keys[index]), client)
            if let found, found.type != .set { throw .wrongType }
        }
        let database = engine.database(client)
        return (0..<keys.count).map { index in
            let entry = database.find(keys[index], engine.keyspace.hash(keys[index]))
            guard let entry, !engine.isHidden(entry, client) else { return nil }
            return SetView(entry)
        }
    }

    // MARK: Intersection

    private static func inter(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let views = try operands(
            engine, client, arguments.view(from: 1, count: arguments.count - 1))
        var found = ByteBuffer()
        var count = 0
        intersect(views, engine) { member in
            found.appendBulk(element: member)
            count += 1
            return true
        }
        client.writer.setHeader(count)
        client.writer.buffer.append(found.readable)
    }

    private static func interStore(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let views = try operands(
            engine, client, arguments.view(from: 2, count: arguments.count - 2))
        var builder = engine.makeSetBuilder()
        intersect(views, engine) { member in
            _ = builder.add(member)
            return true
        }
        store(&builder, "sinterstore", engine, client, arguments)
    }

    private static func interCount(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let number = Numbers.integer(arguments[1]), number > 0 else {
            throw ReplyError("ERR numkeys should be greater than 0")
        }
        guard number <= Int64(arguments.count - 2) else {
            throw ReplyError("ERR Number of keys can't be greater than number of args")
        }
        var limit: Int64 = 0
        let keyCount = Int(number)
        var index = 2 + keyCount
        while index < arguments.count {
            guard arguments[index].equalsIgnoringCase("limit"), index + 1 < arguments.count else {
                throw .syntax
            }
            guard let value = Numbers.integer(arguments[index + 1]), value >= 0 else {
                throw ReplyError("ERR LIMIT can't be negative")
            }
            limit = value
            index += 2
        }
        let views = try operands(engine, client, arguments.view(from: 2, count: Int(number)))
        var count: Int64 = 0
        intersect(views, engine) { _ in
            count += 1
            return count != limit
        }
        client.writer.integer(count)
    }

    /// Calls `body` with each member that all sets have, until it returns false.
    private static func intersect(
        _ operands: [SetView?], _ engine: CommandEngine, _ body: (PackedElement) -> Bool
    ) {
        var views: [SetView] = []
        views.reserveCapacity(operands.count)
        for operand in operands {
            guard let operand else { return }
            views.append(operand)
        }
        views.sort { $0.count < $1.count }
        var text = ByteBuffer()
        views[0].visit(while: { member in
            for index in 1..<max(1, views.count) {
                if !views[index].contains(member, scratch: &text) { return true }
            }
            return body(member)
        })
    }

    // MARK: Union

    private static func union(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let views = try operands(
            engine, client, arguments.view(from: 1, count: arguments.count - 1))
        var builder = engine.makeSetBuilder()
        unite(views, into: &builder)
        write(&builder, client)
    }

    private static func unionStore(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let views = try operands(
            engine, client, arguments.view(from: 2, count: arguments.count - 2))
        var builder = engine.makeSetBuilder()
        unite(views, into: &builder)
        store(&builder, "sunionstore", engine, client, arguments)
    }

    private static func unite(_ views: [SetView?], into builder: inout SetBuilder) {
        for view in views {
            view?.forEach { _ = builder.add($0) }
        }
    }

    // MARK: Difference

    private static func difference(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let keys = arguments.view(from: 1, count: arguments.count - 1)
        var builder = engine.makeSetBuilder()
        try subtract(keys, engine, client, into: &builder)
        write(&builder, client)
    }

    private static func differenceStore(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let keys = arguments.view(from: 2, count: arguments.count - 2)
        var builder = engine.makeSetBuilder()
        try subtract(keys, engine, client, into: &builder)
        store(&builder, "sdiffstore", engine, client, arguments)
    }

    private static func subtract(
        _ keys: Arguments, _ engine: CommandEngine, _ client: ClientState,
        into builder: inout SetBuilder
    ) throws(ReplyError) {
        let operands = try operands(engine, client, keys)
        guard let first = operands[0] else { return }
        for index in 1..<max(1, keys.count) where keys[index] == keys[0] { return }
        var others = operands.dropFirst().compactMap { $0 }
        let asking = first.count * (others.count + 1) / 2
        let removing = others.reduce(first.count) { $0 + $1.count }
        var text = ByteBuffer()
        if asking <= removing {
            // The largest set is the likeliest to have a member.
            others.sort { $0.count > $1.count }
            first.forEach { member in
                for other in others where other.contains(member, scratch: &text) { return }
                _ = builder.add(member)
            }
            return
        }
        first.forEach { _ = builder.add($0) }
        for other in others {
            other.visit(while: { member in
                _ = builder.remove(member)
                return builder.count > 0
            })
        }
    }

    // MARK: Results

    private static func write(_ builder: inout SetBuilder, _ client: ClientState) {
        client.writer.setHeader(builder.count)
        builder.forEach { client.writer.bulk($0) }
    }

    /// Stores a result under the first key, or removes that key when the result is empty.
    private static func store(
        _ builder: inout SetBuilder, _ event: StaticString, _ engine: CommandEngine,
        _ client: ClientState, _ arguments: Arguments
    ) {
        let key = arguments[1]
        let hash = engine.keyHash
        let found = engine.lookUp(key, hash, client)
        if builder.count > 0 {
            if found == nil { engine.notify(.newKey, "new", key, client) }
            builder.store(in: engine.database(client), key, hash)
            engine.changed(key, client)
            engine.propagate(arguments, client)
            engine.notify(.set, event, key, client)
        } else if let found {
            engine.database(client).remove(found, hash, .overwrite)
            engine.changed(key, client)
            engine.propagate(arguments, client)
            engine.notify(.generic, "del", key, client)
        }
        client.writer.integer(builder.count)
    }
}
