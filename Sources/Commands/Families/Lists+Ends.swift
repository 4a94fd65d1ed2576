// Lists: pushing and popping at either end, and their length.
internal import Bytes
internal import RESP
internal import Store

extension Lists {
    typealias End = CommandEngine.ListEnd

    // MARK: Pushing

    static func pushFirst(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try push(engine, client, arguments, to: .first, creating: true)
    }

    static func pushLast(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try push(engine, client, arguments, to: .last, creating: true)
    }

    static func pushFirstIfExists(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try push(engine, client, arguments, to: .first, creating: false)
    }

    static func pushLastIfExists(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try push(engine, client, arguments, to: .last, creating: false)
    }

    @inline(__always)
    private static func push(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, to end: End,
        creating: Bool
    ) throws(ReplyError) {
        for index in 2..<arguments.count { try engine.checkElement(arguments[index]) }
        let key = arguments[1]
        let hash = engine.keyHash
        let entry = try engine.collectionForWrite(key, hash, .list, client)
        if entry == nil && !creating { return client.writer.integer(0) }
        let length = engine.pushAll(
            arguments, from: 2, to: end, entry, key, hash, client)
        client.writer.integer(length)
        engine.changed(key, client, count: Int64(arguments.count &- 2))
        engine.propagate(arguments, client)
        engine.notify(.list, pushEvent(end), key, client)
    }

    static func pushEvent(_ end: End) -> StaticString { end == .first ? "lpush" : "rpush" }
    static func popEvent(_ end: End) -> StaticString { end == .first ? "lpop" : "rpop" }

    // MARK: Popping

    static func popFirst(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try pop(engine, client, arguments, from: .first)
    }

    static func popLast(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try pop(engine, client, arguments, from: .last)
    }

    @inline(__always)
    private static func pop(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, from end: End
    ) throws(ReplyError) {
        if arguments.count > 2 { return try popCount(engine, client, arguments, from: end) }
        let key = arguments[1]
        let hash = engine.keyHash
        guard let entry = try engine.collectionForWrite(key, hash, .list, client) else {
            return client.writer.null()
        }
        client.writer.bulk(engine.element(end, of: entry))
        let isGone = engine.pop(end, from: entry, hash, client)
        engine.changed(key, client)
        engine.propagate(arguments, client)
        tellPopped(engine, client, key, end, isGone)
    }

    private static func popCount(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, from end: End
    ) throws(ReplyError) {
        if arguments.count > 3 { throw .wrongArity(popEvent(end).description) }
        guard let count = Numbers.integer(arguments[2]), count >= 0 else {
            throw .valueOutOfRangePositive
        }
        let key = arguments[1]
        let hash = engine.keyHash
        guard let entry = try engine.collectionForWrite(key, hash, .list, client) else {
            return client.writer.nullArray()
        }
        if count == 0 { return client.writer.arrayHeader(0) }
        let popped = popElements(engine, client, entry, hash, count, from: end)
        engine.changed(key, client, count: Int64(popped.count))
        engine.propagate(arguments, client)
        tellPopped(engine, client, key, end, popped.isGone)
    }

    /// Writes an array of up to `count` elements from an end and removes them.
    static func popElements(
        _ engine: CommandEngine, _ client: ClientState, _ entry: Entry, _ hash: KeyHash,
        _ count: Int64, from end: End
    ) -> (count: Int, isGone: Bool) {
        let view = ListView(entry)
        let total = view.count
        let length = Int(min(Int64(total), count))
        client.writer.arrayHeader(length)
        if end == .first {
            var cursor = view.cursor()
            for _ in 0..<length {
                if let element = cursor.next() { client.writer.bulk(element) }
            }
        } else {
            var cursor = view.reversed(at: total - 1)
            for _ in 0..<length {
                if let element = cursor.next() { client.writer.bulk(element) }
            }
        }
        let isGone = engine.removeElements(
            entry, hash, from: end == .first ? 0 : total - length, count: length, client)
        return (length, isGone)
    }

    @inline(__always)
    static func tellPopped(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice, _ end: End,
        _ isGone: Bool
    ) {
        engine.notify(.list, popEvent(end), key, client)
        if isGone { engine.notify(.generic, "del", key, client) }
    }

    // MARK: Length

    static func length(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let entry = try engine.collectionForRead(arguments[1], engine.keyHash, .list, client)
        client.writer.integer(entry.map { ListView($0).count } ?? 0)
    }
}
