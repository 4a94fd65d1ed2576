// XREAD and XREADGROUP.
//
//   1. All keys, groups and IDs are checked, so that an error changes nothing.
//   2. Each stream that has something is served; only those appear in the reply.
//   3. When none has, the client waits with BLOCK, or gets null. `$` is replaced by the ID it means
//      now before the client waits.
internal import Bytes
internal import RESP
internal import Store

extension Streams {
    // MARK: XREAD

    static func read(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let options = try StreamReadOptions(arguments, isGroup: false, engine)
        for position in options.keys {
            let key = arguments[position]
            let entry = engine.read(key, engine.keyspace.hash(key), client)
            if let entry { _ = try stream(entry) }
            try checkReadID(arguments[position + options.keys.count])
        }
        let header = client.writer.beginMapOrPairs(expecting: options.keys.count)
        var served = 0
        for position in options.keys {
            let key = arguments[position]
            guard let entry = engine.lookUp(key, engine.keyspace.hash(key), client) else {
                continue
            }
            let stream = try stream(entry)
            let after = readID(arguments[position + options.keys.count], of: stream)
            guard stream.length > 0, let from = after.next, stream.lastEntryID > after else {
                continue
            }
            served += 1
            if !client.writer.isRESP3 { client.writer.arrayHeader(2) }
            client.writer.bulk(key)
            var entries = StreamEntries(stream, from: from)
            _ = write(&entries, stream, countMax: options.countMax, engine, client)
        }
        if served > 0 { return client.writer.end(header, count: served) }
        client.writer.cancel(header)
        try waitForEntries(engine, client, arguments, options, isGroup: false)
    }

    private static func checkReadID(_ text: ByteSlice) throws(ReplyError) {
        if text == "$" || text == "+" { return }
        if text == ">" {
            throw ReplyError(
                """
                ERR The > ID can be specified only when calling XREADGROUP using the GROUP \
                <group> <consumer> option.
                """)
        }
        _ = try id(text)
    }

    /// The ID behind which XREAD reads; the text was checked.
    private static func readID(_ text: ByteSlice, of stream: StreamObject) -> StreamID {
        if text == "$" { return stream.lastID }
        // The last entry is wanted: everything behind the ID before it.
        if text == "+" { return stream.lastEntryID.previous ?? stream.lastID }
        return StreamID(text) ?? .max
    }

    /// Lets the client wait for new entries, or answers null.
    private static func waitForEntries(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ options: StreamReadOptions, isGroup: Bool
    ) throws(ReplyError) {
        guard let timeout = options.timeoutMilliseconds else {
            return client.writer.nullArray()
        }
        var texts = ByteBuffer()
        var list = ByteSliceList()
        // The texts do not move while slices of them are in use.
        texts.reserve(options.keys.count * StreamID.textBytesMax)
        for index in 0..<arguments.count {
            let isID = index >= options.keys.upperBound
            guard isID, !isGroup, arguments[index] == "$" else {
                list.append(arguments[index])
                continue
            }
            let key = arguments[index - options.keys.count]
            let entry = engine.lookUp(key, engine.keyspace.hash(key), client)
            let last = try entry.map(stream)?.lastID ?? .zero
            let start = texts.count
            last.append(to: &texts)
            list.append(texts.readable.dropFirst(start))
        }
        let isWaiting = engine.blockOnKeys(
            client, list.view(from: 0, count: arguments.count), keys: options.keys,
            type: .stream, timeoutMilliseconds: timeout, wakesWithoutKey: isGroup)
        if !isWaiting { client.writer.nullArray() }
    }

    // MARK: XREADGROUP

    /// A stream that a group reads.
    private struct GroupReading {
        let key: ByteSlice
        let hash: KeyHash
        let entry: Entry
        let stream: StreamObject
        let group: StreamGroup
        /// History behind this ID; nil: new entries.
        let history: StreamID?
    }

    static func readGroup(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let options = try StreamReadOptions(arguments, isGroup: true, engine)
        for position in options.keys {
            _ = try reading(engine, client, arguments, options, position, isFirst: true)
        }
        let header = client.writer.beginMapOrPairs(expecting: options.keys.count)
        var served = 0
        for position in options.keys {
            let reading = try reading(
                engine, client, arguments, options, position, isFirst: false)
            if serve(reading, engine, client, arguments, options) { served += 1 }
        }
        if served > 0 { return client.writer.end(header, count: served) }
        client.writer.cancel(header)
        try waitForEntries(engine, client, arguments, options, isGroup: true)
    }

    /// The stream at `position`, with everything checked.
    private static func reading(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ options: StreamReadOptions, _ position: Int, isFirst: Bool
    ) throws(ReplyError) -> GroupReading {
        let key = arguments[position]
        let hash = engine.keyspace.hash(key)
        let entry =
            isFirst ? engine.read(key, hash, client) : engine.lookUp(key, hash, client)
        let name = arguments[options.groupPosition]
        let stream = try entry.map(stream)
        guard let entry, let stream, let group = stream.group(name) else {
            throw ReplyError(
                composed: "NOGROUP No such key '\(key.string)' or consumer group "
                    + "'\(name.string)' in XREADGROUP with GROUP option")
        }
        let text = arguments[position + options.keys.count]
        var history: StreamID?
        if text == "$" || text == "+" {
            throw ReplyError(
                composed: "ERR The \(text.string) ID is meaningless in the context of "
                    + "XREADGROUP: you want to read the history of this consumer by specifying "
                    + "a proper ID, or use the > ID to get new messages. The \(text.string) ID "
                    + "would just return an empty result set.")
        } else if !(text == ">") {
            let after = try id(text)
            // The largest ID has nothing behind it and is taken for `>`, as elsewhere.
            history = after == .max ? nil : after
        }
        return GroupReading(
            key: key, hash: hash, entry: entry, stream: stream, group: group,
            history: history)
    }

    /// Writes what one stream has for the consumer; false, and nothing written, if that is nothing.
    private static func serve(
        _ reading: GroupReading, _ engine: CommandEngine, _ client: ClientState,
        _ arguments: Arguments, _ options: StreamReadOptions
    ) -> Bool {
        let stream = reading.stream
        let group = reading.group
        let hasNew =
            reading.history == nil && stream.length > 0
            && stream.lastEntryID > group.lastID
        let name = arguments[options.groupPosition + 1]
        let found = group.consumer(name)
        let isCreationAnEffect = options.acknowledgesAtOnce || !hasNew
        let consumer =
            found
            ?? makeConsumer(
                name, reading.key, reading.hash, reading.entry, stream, group, engine, client,
                isEffect: isCreationAnEffect)
        consumer.seenAt = engine.now
        guard hasNew || reading.history != nil else { return false }
        if !client.writer.isRESP3 { client.writer.arrayHeader(2) }
        client.writer.bulk(reading.key)
        change(stream, reading.entry, reading.hash, engine, client) {
            if let history = reading.history {
                writeHistory(after: history, reading, consumer, options, engine, client)
            } else {
                deliver(reading, consumer, options, engine, client)
            }
        }
        engine.changeCount &+= 1
        return true
    }

    /// Adds a consumer to a group; `isEffect` tells whether the stream of effects must say so
    /// because nothing else does.
    static func makeConsumer(
        _ name: ByteSlice, _ key: ByteSlice, _ hash: KeyHash, _ entry: Entry,
        _ stream: StreamObject, _ group: StreamGroup, _ engine: CommandEngine,
        _ client: ClientState, isEffect: Bool
    ) -> StreamConsumer {
        let made = change(stream, entry, hash, engine, client) {
            group.addConsumer(name, seenAt: engine.now)
        }
        guard let made else { preconditionFailure("the consumer was looked for before") }
        engine.changeCount &+= 1
        engine.notify(.stream, "xgroup-createconsumer", key, client)
        if isEffect && engine.beginEffect(database: client.databaseIndex) {
            RequestWriter.begin(5, into: &engine.effects)
            RequestWriter.argument("XGROUP", into: &engine.effects)
            RequestWriter.argument("CREATECONSUMER", into: &engine.effects)
            RequestWriter.argument(key, into: &engine.effects)
            group.name.withByteSlice { RequestWriter.argument($0, into: &engine.effects) }
            RequestWriter.argument(name, into: &engine.effects)
        }
        return made
    }

    /// Writes entries that nobody in the group has got; they become pending at the consumer.
    private static func deliver(
        _ reading: GroupReading, _ consumer: StreamConsumer, _ options: StreamReadOptions,
        _ engine: CommandEngine, _ client: ClientState
    ) {
        let stream = reading.stream
        let group = reading.group
        guard let from = group.lastID.next else { return client.writer.arrayHeader(0) }
        var entries = StreamEntries(stream, from: from)
        let header = client.writer.beginArray(expecting: min(options.countMax, stream.length))
        var count = 0
        while count < options.countMax && entries.next() {
            let id = entries.id
            stream.advance(group, to: id)
            write(&entries, engine, client)
            count += 1
            if options.acknowledgesAtOnce { continue }
            // Whoever had it before (XGROUP SETID went back) has it no longer.
            group.assign(id, to: consumer, deliveredAt: engine.now, deliveryCount: 1)
            consumer.activeAt = engine.now
            propagateClaim(id, reading.key, group, consumer, engine.now, 1, engine, client)
        }
        client.writer.end(header, count: count)
        if options.acknowledgesAtOnce && count > 0 {
            propagateLastID(reading.key, group, engine, client)
        }
    }

    /// Writes what is pending at the consumer behind an ID; entries that are gone are null.
    private static func writeHistory(
        after: StreamID, _ reading: GroupReading, _ consumer: StreamConsumer,
        _ options: StreamReadOptions, _ engine: CommandEngine, _ client: ClientState
    ) {
        let header = client.writer.beginArray(
            expecting: min(options.countMax, consumer.pendingCount))
        var count = 0
        var next = after.next
        while count < options.countMax, let from = next,
            let id = consumer.pendingID(atOrAfter: from)
        {
            var entries = StreamEntries(reading.stream, from: id, to: id)
            if entries.next() {
                write(&entries, engine, client)
                reading.group.noteDelivery(id, at: engine.now)
            } else {
                client.writer.arrayHeader(2)
                write(id, engine, client)
                client.writer.nullArray()
            }
            count += 1
            next = id.next
        }
        client.writer.end(header, count: count)
    }

    // MARK: Effects

    /// The effect that gives a pending entry to a consumer, whatever was before.
    static func propagateClaim(
        _ id: StreamID, _ key: ByteSlice, _ group: StreamGroup, _ consumer: StreamConsumer,
        _ deliveredAt: Int64, _ deliveryCount: Int64, _ engine: CommandEngine,
        _ client: ClientState
    ) {
        guard engine.beginEffect(database: client.databaseIndex) else { return }
        RequestWriter.begin(14, into: &engine.effects)
        RequestWriter.argument("XCLAIM", into: &engine.effects)
        RequestWriter.argument(key, into: &engine.effects)
        group.name.withByteSlice { RequestWriter.argument($0, into: &engine.effects) }
        consumer.name.withByteSlice { RequestWriter.argument($0, into: &engine.effects) }
        RequestWriter.argument(Int64(0), into: &engine.effects)
        argument(id, engine)
        RequestWriter.argument("TIME", into: &engine.effects)
        RequestWriter.argument(deliveredAt, into: &engine.effects)
        RequestWriter.argument("RETRYCOUNT", into: &engine.effects)
        RequestWriter.argument(deliveryCount, into: &engine.effects)
        RequestWriter.argument("FORCE", into: &engine.effects)
        RequestWriter.argument("JUSTID", into: &engine.effects)
        RequestWriter.argument("LASTID", into: &engine.effects)
        argument(group.lastID, engine)
    }

    /// The effect that moves a group on without anything pending.
    static func propagateLastID(
        _ key: ByteSlice, _ group: StreamGroup, _ engine: CommandEngine, _ client: ClientState
    ) {
        guard engine.beginEffect(database: client.databaseIndex) else { return }
        RequestWriter.begin(7, into: &engine.effects)
        RequestWriter.argument("XGROUP", into: &engine.effects)
        RequestWriter.argument("SETID", into: &engine.effects)
        RequestWriter.argument(key, into: &engine.effects)
        group.name.withByteSlice { RequestWriter.argument($0, into: &engine.effects) }
        argument(group.lastID, engine)
        RequestWriter.argument("ENTRIESREAD", into: &engine.effects)
        RequestWriter.argument(group.entriesRead, into: &engine.effects)
    }
}
