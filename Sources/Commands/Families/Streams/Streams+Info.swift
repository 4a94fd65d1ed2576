// XINFO: what is known about a stream, its groups and their consumers.
internal import Bytes
internal import RESP
internal import Store

extension Streams {
    static let infoCommands: [CommandSpec] = [
        infoRow(
            "consumers", arity: 4, "key group",
            "Returns a list of the consumers in a consumer group.",
            tips: ["nondeterministic_output"], consumersInfo),
        infoRow(
            "groups", arity: 3, "key", "Returns a list of the consumer groups of a stream.",
            groupsInfo),
        helpRow(infoHelp),
        infoRow(
            "stream", arity: -3, "key [FULL [COUNT count]]",
            "Returns information about a stream.", streamInfo),
    ]

    private static func infoRow(
        _ name: StaticString, arity: Int, _ syntax: StaticString, _ summary: StaticString,
        tips: [StaticString] = [], _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: "5.0.0", group: .stream, arity: arity, flags: [.readOnly],
            categories: [.stream],
            keys: [.range(first: 2, last: 2, step: 1, [.readOnly, .access])], syntax: syntax,
            summary: summary, tips: tips, handler: handler)
    }

    /// The stream that the subcommand is about, which must exist.
    private static func infoStream(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) -> StreamObject {
        let key = arguments[2]
        let stream = try streamForRead(engine, key, engine.keyspace.hash(key), client)
        guard let stream else { throw .noSuchKey }
        return stream
    }

    // MARK: CONSUMERS and GROUPS

    private static func consumersInfo(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let stream = try infoStream(engine, client, arguments)
        guard let group = stream.group(arguments[3]) else {
            throw noGroup(arguments[3], key: arguments[2])
        }
        client.writer.arrayHeader(group.consumers.count)
        for consumer in group.consumers {
            client.writer.mapHeader(4)
            client.writer.bulk("name")
            consumer.name.withByteSlice { client.writer.bulk($0) }
            client.writer.bulk("pending")
            client.writer.integer(consumer.pendingCount)
            client.writer.bulk("idle")
            client.writer.integer(max(0, engine.now &- consumer.seenAt))
            client.writer.bulk("inactive")
            client.writer.integer(
                consumer.activeAt == -1 ? -1 : engine.now &- consumer.activeAt)
        }
    }

    private static func groupsInfo(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let stream = try infoStream(engine, client, arguments)
        client.writer.arrayHeader(stream.groups.count)
        for group in stream.groups {
            client.writer.mapHeader(6)
            client.writer.bulk("name")
            group.name.withByteSlice { client.writer.bulk($0) }
            client.writer.bulk("consumers")
            client.writer.integer(group.consumers.count)
            client.writer.bulk("pending")
            client.writer.integer(group.pendingCount)
            writeProgress(of: group, stream, engine, client)
        }
    }

    /// How far a group has read.
    private static func writeProgress(
        of group: StreamGroup, _ stream: StreamObject, _ engine: CommandEngine,
        _ client: ClientState
    ) {
        client.writer.bulk("last-delivered-id")
        write(group.lastID, engine, client)
        client.writer.bulk("entries-read")
        if group.entriesRead == StreamGroup.unknown {
            client.writer.null()
        } else {
            client.writer.integer(group.entriesRead)
        }
        client.writer.bulk("lag")
        if let lag = stream.lag(of: group) {
            client.writer.integer(lag)
        } else {
            client.writer.null()
        }
    }

    // MARK: STREAM

    private static func streamInfo(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let stream = try infoStream(engine, client, arguments)
        let isFull = arguments.count > 3
        var count: Int64 = 10
        if isFull {
            guard arguments.count == 4 || arguments.count == 6,
                arguments[3].equalsIgnoringCase("full"),
                arguments.count == 4 || arguments[4].equalsIgnoringCase("count")
            else { throw subcommandSyntax("XINFO", arguments) }
            if arguments.count == 6 {
                count = try engine.integer(arguments[5])
                if count < 0 { count = 10 }
            }
        }
        client.writer.mapHeader(isFull ? 9 : 10)
        writeCounters(of: stream, engine, client)
        if isFull {
            let countMax = count == 0 ? Int.max : Int(count)
            client.writer.bulk("entries")
            var entries = StreamEntries(stream)
            _ = write(&entries, stream, countMax: countMax, engine, client)
            client.writer.bulk("groups")
            client.writer.arrayHeader(stream.groups.count)
            for group in stream.groups {
                writeAll(of: group, stream, countMax: countMax, engine, client)
            }
        } else {
            client.writer.bulk("groups")
            client.writer.integer(stream.groups.count)
            client.writer.bulk("first-entry")
            writeEdge(of: stream, isLast: false, engine, client)
            client.writer.bulk("last-entry")
            writeEdge(of: stream, isLast: true, engine, client)
        }
    }

    private static func writeCounters(
        of stream: StreamObject, _ engine: CommandEngine, _ client: ClientState
    ) {
        client.writer.bulk("length")
        client.writer.integer(stream.length)
        client.writer.bulk("radix-tree-keys")
        client.writer.integer(stream.nodeCount)
        client.writer.bulk("radix-tree-nodes")
        client.writer.integer(stream.radixTreeNodeCount)
        client.writer.bulk("last-generated-id")
        write(stream.lastID, engine, client)
        client.writer.bulk("max-deleted-entry-id")
        write(stream.maxDeletedID, engine, client)
        client.writer.bulk("entries-added")
        client.writer.integer(Int64(bitPattern: stream.entriesAdded))
        client.writer.bulk("recorded-first-entry-id")
        write(stream.firstID, engine, client)
    }

    private static func writeEdge(
        of stream: StreamObject, isLast: Bool, _ engine: CommandEngine, _ client: ClientState
    ) {
        var entries = StreamEntries(stream, isReversed: isLast)
        if entries.next() {
            write(&entries, engine, client)
        } else {
            client.writer.null()
        }
    }

    // MARK: STREAM … FULL

    private static func writeAll(
        of group: StreamGroup, _ stream: StreamObject, countMax: Int,
        _ engine: CommandEngine, _ client: ClientState
    ) {
        client.writer.mapHeader(7)
        client.writer.bulk("name")
        group.name.withByteSlice { client.writer.bulk($0) }
        writeProgress(of: group, stream, engine, client)
        client.writer.bulk("pel-count")
        client.writer.integer(group.pendingCount)
        client.writer.bulk("pending")
        client.writer.arrayHeader(min(countMax, group.pendingCount))
        var left = min(countMax, group.pendingCount)
        var next: StreamID? = .zero
        while left > 0, let from = next, let entry = group.pendingEntry(atOrAfter: from) {
            client.writer.arrayHeader(4)
            write(entry.id, engine, client)
            group.consumer(of: entry).name.withByteSlice { client.writer.bulk($0) }
            client.writer.integer(entry.deliveredAt)
            client.writer.integer(entry.deliveryCount)
            next = entry.id.next
            left -= 1
        }
        client.writer.bulk("consumers")
        client.writer.arrayHeader(group.consumers.count)
        for consumer in group.consumers {
            writeAll(of: consumer, group, countMax: countMax, engine, client)
        }
    }

    private static func writeAll(
        of consumer: StreamConsumer, _ group: StreamGroup, countMax: Int,
        _ engine: CommandEngine, _ client: ClientState
    ) {
        client.writer.mapHeader(5)
        client.writer.bulk("name")
        consumer.name.withByteSlice { client.writer.bulk($0) }
        client.writer.bulk("seen-time")
        client.writer.integer(consumer.seenAt)
        client.writer.bulk("active-time")
        client.writer.integer(consumer.activeAt)
        client.writer.bulk("pel-count")
        client.writer.integer(consumer.pendingCount)
        client.writer.bulk("pending")
        client.writer.arrayHeader(min(countMax, consumer.pendingCount))
        var left = min(countMax, consumer.pendingCount)
        var next: StreamID? = .zero
        while left > 0, let from = next, let id = consumer.pendingID(atOrAfter: from),
            let entry = group.pendingEntry(id)
        {
            client.writer.arrayHeader(3)
            write(id, engine, client)
            client.writer.integer(entry.deliveredAt)
            client.writer.integer(entry.deliveryCount)
            next = id.next
            left -= 1
        }
    }

    private static func infoHelp(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        client.writeHelp(
            "XINFO",
            [
                "CONSUMERS <key> <groupname>",
                "    Show consumers of <groupname>.",
                "GROUPS <key>",
                "    Show the stream consumer groups.",
                "STREAM <key> [FULL [COUNT <count>]",
                "    Show information about the stream.",
            ])
    }
}
