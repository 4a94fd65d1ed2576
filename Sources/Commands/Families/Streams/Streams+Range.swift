// XRANGE and XREVRANGE.
internal import Bytes
internal import RESP
internal import Store

extension Streams {
    static func range(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try range(engine, client, arguments, isReversed: false)
    }

    static func reversedRange(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try range(engine, client, arguments, isReversed: true)
    }

    private static func range(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        isReversed: Bool
    ) throws(ReplyError) {
        let from = try startID(arguments[isReversed ? 3 : 2])
        let to = try endID(arguments[isReversed ? 2 : 3])
        // -1: all; 0, which a negative count also means: none.
        var count: Int64 = -1
        var index = 4
        while index < arguments.count {
            guard index + 1 < arguments.count, arguments[index].equalsIgnoringCase("count")
            else { throw .syntax }
            count = max(0, try engine.integer(arguments[index + 1]))
            index += 2
        }
        guard let stream = try streamForRead(engine, arguments[1], engine.keyHash, client)
        else { return client.writer.arrayHeader(0) }
        if count == 0 { return client.writer.nullArray() }
        var entries = StreamEntries(stream, from: from, to: to, isReversed: isReversed)
        _ = write(
            &entries, stream, countMax: count < 0 ? .max : Int(count), engine, client)
    }

    /// Writes an array of entries; returns how many.
    static func write(
        _ entries: inout StreamEntries, _ stream: StreamObject, countMax: Int,
        _ engine: CommandEngine, _ client: ClientState
    ) -> Int {
        let header = client.writer.beginArray(expecting: min(countMax, stream.length))
        var count = 0
        while count < countMax && entries.next() {
            write(&entries, engine, client)
            count += 1
        }
        client.writer.end(header, count: count)
        return count
    }
}
