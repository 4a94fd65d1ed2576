// Lists: moving elements between lists, popping from the first of several, and waiting for either.
//
// A command that waits runs again from its start when one of its lists has an element (see
// Blocking); what it does then goes into the stream as the command that does not wait.
internal import Bytes
internal import RESP
internal import Store

extension Lists {
    private static func end(_ word: ByteSlice) throws(ReplyError) -> End {
        if word.equalsIgnoringCase("left") { return .first }
        if word.equalsIgnoringCase("right") { return .last }
        throw .syntax
    }

    // MARK: LMOVE

    static func move(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let source = try end(arguments[3])
        let target = try end(arguments[4])
        guard try move(engine, client, arguments, from: source, to: target) else {
            return client.writer.null()
        }
        engine.propagate(arguments, client)
    }

    static func moveLastFirst(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard try move(engine, client, arguments, from: .last, to: .first) else {
            return client.writer.null()
        }
        engine.propagate(arguments, client)
    }

    static func awaitMove(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let source = try end(arguments[3])
        let target = try end(arguments[4])
        let timeout = try engine.timeout(seconds: arguments[5])
        guard try move(engine, client, arguments, from: source, to: target) else {
            return wait(engine, client, arguments, timeout)
        }
        propagateMove(engine, client, "LMOVE", arguments, count: 5)
    }

    static func awaitMoveLastFirst(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let timeout = try engine.timeout(seconds: arguments[3])
        guard try move(engine, client, arguments, from: .last, to: .first) else {
            return wait(engine, client, arguments, timeout)
        }
        propagateMove(engine, client, "RPOPLPUSH", arguments, count: 3)
    }

    private static func wait(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, _ timeout: Int64
    ) {
        let waits = engine.blockOnKeys(
            client, arguments, keys: 1..<2, type: .list, timeoutMilliseconds: timeout)
        if !waits { client.writer.null() }
    }

    private static func propagateMove(
        _ engine: CommandEngine, _ client: ClientState, _ name: StaticString,
        _ arguments: Arguments, count: Int
    ) {
        guard engine.beginEffect(database: client.databaseIndex) else { return }
        RequestWriter.begin(count, into: &engine.effects)
        RequestWriter.argument(name, into: &engine.effects)
        for index in 1..<count { RequestWriter.argument(arguments[index], into: &engine.effects) }
    }

    /// Moves an element from the list at argument 1 to that at argument 2 and answers with it;
    /// false when there is none.
    private static func move(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, from source: End,
        to target: End
    ) throws(ReplyError) -> Bool {
        let key = arguments[1]
        let hash = engine.keyHash
        guard try engine.collectionForWrite(key, hash, .list, client) != nil else { return false }
        let targetKey = arguments[2]
        let targetHash = engine.keyspace.hash(targetKey)
        let isSame = key == targetKey
        if !isSame {
            _ = try engine.collectionForWrite(targetKey, targetHash, .list, client)
        }
        let database = engine.database(client)
        // Looking the target up may have removed it, which ends the life of earlier entries.
        guard let entry = database.find(key, hash) else { return false }
        let element = engine.element(source, of: entry)
        client.writer.bulk(element)
        let texts = entry.texts
        engine.packing.removeAll()
        PackedEncoder.append(element, to: &engine.packing, as: texts)
        var isGone = false
        if isSame {
            rotate(engine, client, key, entry, hash, from: source, to: target)
        } else {
            // The source loses its element first, but the target is told of first, as in Redis.
            isGone = engine.pop(source, from: entry, hash, client)
            let other = database.find(targetKey, targetHash)
            engine.repack(from: texts, for: other)
            _ = engine.push(target, other, targetKey, targetHash, client)
        }
        engine.changed(targetKey, client, count: 0)
        engine.notify(.list, pushEvent(target), targetKey, client)
        engine.changed(key, client)
        tellPopped(engine, client, key, source, isGone)
        return true
    }

    /// Moves the element in `packing` from one end of a list to the other, or leaves it.
    private static func rotate(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice, _ entry: Entry,
        _ hash: KeyHash, from source: End, to target: End
    ) {
        if ListView(entry).count == 1 || source == target { return }
        _ = engine.pop(source, from: entry, hash, client)
        let rest = engine.database(client).find(key, hash)
        _ = engine.push(target, rest, key, hash, client)
    }

    // MARK: BLPOP, BRPOP

    static func awaitFirst(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try awaitOne(engine, client, arguments, from: .first)
    }

    static func awaitLast(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try awaitOne(engine, client, arguments, from: .last)
    }

    private static func awaitOne(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, from end: End
    ) throws(ReplyError) {
        let last = arguments.count - 1
        let timeout = try engine.timeout(seconds: arguments[last])
        for index in 1..<last {
            let key = arguments[index]
            let hash = index == 1 ? engine.keyHash : engine.keyspace.hash(key)
            guard let entry = try engine.collectionForWrite(key, hash, .list, client) else {
                continue
            }
            client.writer.arrayHeader(2)
            client.writer.bulk(key)
            client.writer.bulk(engine.element(end, of: entry))
            let isGone = engine.pop(end, from: entry, hash, client)
            engine.changed(key, client)
            engine.propagate(popName(end), key, database: client.databaseIndex)
            return tellPopped(engine, client, key, end, isGone)
        }
        let waits = engine.blockOnKeys(
            client, arguments, keys: 1..<last, type: .list, timeoutMilliseconds: timeout)
        if !waits { client.writer.nullArray() }
    }

    private static func popName(_ end: End) -> StaticString { end == .first ? "LPOP" : "RPOP" }

    // MARK: LMPOP, BLMPOP

    /// `numkeys key [key ...] LEFT|RIGHT [COUNT count]`
    private struct ManyArguments {
        let keys: Range<Int>
        let end: End
        let count: Int64

        init(_ arguments: Arguments, from first: Int) throws(ReplyError) {
            guard let number = Numbers.integer(arguments[first]), number > 0 else {
                throw ReplyError("ERR numkeys should be greater than 0")
            }
            guard number < Int64(arguments.count - first - 1) else { throw .syntax }
            let keyCount = Int(number)
            keys = first + 1..<first + 1 + keyCount
            end = try Lists.end(arguments[keys.upperBound])
            var count: Int64?
            var index = keys.upperBound + 1
            while index < arguments.count {
                guard count == nil, arguments[index].equalsIgnoringCase("count"),
                    index + 1 < arguments.count
                else { throw .syntax }
                guard let given = Numbers.integer(arguments[index + 1]), given > 0 else {
                    throw ReplyError("ERR count should be greater than 0")
                }
                count = given
                index += 2
            }
            self.count = count ?? 1
        }
    }

    static func popMany(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let options = try ManyArguments(arguments, from: 1)
        if try !popMany(engine, client, arguments, options) { client.writer.nullArray() }
    }

    static func awaitMany(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let options = try ManyArguments(arguments, from: 2)
        let timeout = try engine.timeout(seconds: arguments[1])
        if try popMany(engine, client, arguments, options) { return }
        let waits = engine.blockOnKeys(
            client, arguments, keys: options.keys, type: .list, timeoutMilliseconds: timeout)
        if !waits { client.writer.nullArray() }
    }

    /// Pops from the first of the lists that has elements; false when none has.
    private static func popMany(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ options: ManyArguments
    ) throws(ReplyError) -> Bool {
        for index in options.keys {
            let key = arguments[index]
            let hash = engine.keyspace.hash(key)
            guard let entry = try engine.collectionForWrite(key, hash, .list, client) else {
                continue
            }
            client.writer.arrayHeader(2)
            client.writer.bulk(key)
            let popped = popElements(
                engine, client, entry, hash, options.count, from: options.end)
            engine.changed(key, client, count: Int64(popped.count))
            engine.propagate(
                popName(options.end), key, Int64(popped.count), database: client.databaseIndex)
            tellPopped(engine, client, key, options.end, popped.isGone)
            return true
        }
        return false
    }
}
