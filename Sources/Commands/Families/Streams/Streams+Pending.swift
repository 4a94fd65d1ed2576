// XPENDING, XCLAIM and XAUTOCLAIM: what was delivered and not acknowledged, and who has it.
internal import Bytes
internal import RESP
internal import Store

extension Streams {
    /// The error for a key or group that does not exist.
    private static func noGroup(_ arguments: Arguments) -> ReplyError {
        ReplyError(
            composed: "NOGROUP No such key '\(arguments[1].string)' or consumer group "
                + "'\(arguments[2].string)'")
    }

    // MARK: XPENDING

    /// Which pending entries XPENDING lists.
    private struct PendingFilter {
        var from = StreamID.zero
        var to = StreamID.max
        var count: Int64 = 0
        var idleMillisecondsMin: Int64 = 0
        /// Position of the consumer's name; 0: all consumers.
        var consumerPosition = 0
    }

    static func pending(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let isSummary = arguments.count == 3
        let filter = isSummary ? PendingFilter() : try pendingFilter(arguments, engine)
        let stream = try streamForRead(engine, arguments[1], engine.keyHash, client)
        guard let group = stream?.group(arguments[2]) else { throw noGroup(arguments) }
        if isSummary {
            writeSummary(group, engine, client)
        } else {
            writePending(group, filter, arguments, engine, client)
        }
    }

    private static func pendingFilter(
        _ arguments: Arguments, _ engine: CommandEngine
    ) throws(ReplyError) -> PendingFilter {
        guard (6...9).contains(arguments.count) else { throw .syntax }
        var filter = PendingFilter()
        var start = 3
        if arguments[3].equalsIgnoringCase("idle") {
            filter.idleMillisecondsMin = try engine.integer(arguments[4])
            if arguments.count < 8 { throw .syntax }
            start = 5
        }
        filter.count = max(0, try engine.integer(arguments[start + 2]))
        filter.from = try startID(arguments[start])
        filter.to = try endID(arguments[start + 1])
        if start + 3 < arguments.count { filter.consumerPosition = start + 3 }
        return filter
    }

    private static func writeSummary(
        _ group: StreamGroup, _ engine: CommandEngine, _ client: ClientState
    ) {
        client.writer.arrayHeader(4)
        client.writer.integer(group.pendingCount)
        guard let first = group.firstPending, let last = group.lastPending else {
            client.writer.null()
            client.writer.null()
            return client.writer.nullArray()
        }
        write(first.id, engine, client)
        write(last.id, engine, client)
        let header = client.writer.beginArray(expecting: group.consumers.count)
        var count = 0
        for consumer in group.consumers where consumer.pendingCount > 0 {
            client.writer.arrayHeader(2)
            consumer.name.withByteSlice { client.writer.bulk($0) }
            client.writer.bulk(integer: Int64(consumer.pendingCount))
            count += 1
        }
        client.writer.end(header, count: count)
    }

    private static func writePending(
        _ group: StreamGroup, _ filter: PendingFilter, _ arguments: Arguments,
        _ engine: CommandEngine, _ client: ClientState
    ) {
        var only: StreamConsumer?
        if filter.consumerPosition > 0 {
            only = group.consumer(arguments[filter.consumerPosition])
            if only == nil { return client.writer.arrayHeader(0) }
        }
        let header = client.writer.beginArray(
            expecting: min(Int(filter.count), only?.pendingCount ?? group.pendingCount))
        var count = 0
        var next: StreamID? = filter.from
        while count < filter.count, let from = next,
            let entry = pendingEntry(atOrAfter: from, group, only), entry.id <= filter.to
        {
            next = entry.id.next
            let idle = engine.now &- entry.deliveredAt
            if filter.idleMillisecondsMin != 0 && idle < filter.idleMillisecondsMin { continue }
            client.writer.arrayHeader(4)
            write(entry.id, engine, client)
            group.consumer(of: entry).name.withByteSlice { client.writer.bulk($0) }
            client.writer.integer(max(0, idle))
            client.writer.integer(entry.deliveryCount)
            count += 1
        }
        client.writer.end(header, count: count)
    }

    /// The first pending entry from `id` on, of one consumer or of all.
    private static func pendingEntry(
        atOrAfter id: StreamID, _ group: StreamGroup, _ only: StreamConsumer?
    ) -> PendingEntry? {
        guard let only else { return group.pendingEntry(atOrAfter: id) }
        return only.pendingID(atOrAfter: id).flatMap { group.pendingEntry($0) }
    }

    // MARK: Claims

    /// What XCLAIM and XAUTOCLAIM work on.
    private struct Claims {
        let key: ByteSlice
        let hash: KeyHash
        let entry: Entry
        let stream: StreamObject
        let group: StreamGroup
        /// The reply has the IDs alone, and they do not count as delivered.
        var justID = false
    }

    private static func claims(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) -> Claims {
        let entry = engine.lookUp(arguments[1], engine.keyHash, client)
        let stream = try entry.map(stream)
        guard let entry, let stream, let group = stream.group(arguments[2]) else {
            throw noGroup(arguments)
        }
        return Claims(
            key: arguments[1], hash: engine.keyHash, entry: entry, stream: stream, group: group)
    }

    /// The consumer that claims, made when it is new.
    private static func claimant(
        _ name: ByteSlice, _ claims: Claims, _ engine: CommandEngine, _ client: ClientState
    ) -> StreamConsumer {
        let consumer =
            claims.group.consumer(name)
            ?? makeConsumer(
                name, claims.key, claims.hash, claims.entry, claims.stream, claims.group,
                engine, client, isEffect: false)
        consumer.seenAt = engine.now
        return consumer
    }

    private static func exists(_ id: StreamID, in stream: StreamObject) -> Bool {
        var entries = StreamEntries(stream, from: id, to: id)
        return entries.next()
    }

    /// Makes an entry that is gone from the stream no longer pending.
    private static func dropPending(
        _ pending: PendingEntry, _ claims: Claims, _ engine: CommandEngine,
        _ client: ClientState
    ) {
        propagateClaim(
            pending.id, claims.key, claims.group, claims.group.consumer(of: pending),
            pending.deliveredAt, pending.deliveryCount, engine, client)
        engine.changeCount &+= 1
        _ = claims.group.removePending(pending.id)
    }

    /// Gives an entry to the claimant and writes it.
    private static func give(
        _ id: StreamID, to consumer: StreamConsumer, _ claims: Claims, deliveredAt: Int64,
        deliveryCount: Int64, _ engine: CommandEngine, _ client: ClientState
    ) {
        claims.group.assign(
            id, to: consumer, deliveredAt: deliveredAt, deliveryCount: deliveryCount)
        if claims.justID {
            write(id, engine, client)
        } else {
            var entries = StreamEntries(claims.stream, from: id, to: id)
            if entries.next() { write(&entries, engine, client) }
        }
        consumer.activeAt = engine.now
        propagateClaim(
            id, claims.key, claims.group, consumer, deliveredAt, deliveryCount, engine, client)
        engine.changeCount &+= 1
    }

    // MARK: XCLAIM

    /// The options behind the IDs of XCLAIM.
    private struct ClaimOptions {
        /// Position behind the last ID.
        var idsEnd = 5
        var deliveredAt: Int64 = -1
        var deliveryCount: Int64 = -1
        var makesPending = false
        var justID = false
        var lastID = StreamID.zero

        init(_ arguments: Arguments, now: Int64) throws(ReplyError) {
            while idsEnd < arguments.count, StreamID(arguments[idsEnd]) != nil { idsEnd += 1 }
            var index = idsEnd
            while index < arguments.count {
                let option = arguments[index]
                let hasMore = index + 1 < arguments.count
                if option.equalsIgnoringCase("force") {
                    makesPending = true
                } else if option.equalsIgnoringCase("justid") {
                    justID = true
                } else if hasMore && option.equalsIgnoringCase("idle") {
                    index += 1
                    deliveredAt = now &- (try ClaimOptions.integer(arguments[index], "IDLE"))
                } else if hasMore && option.equalsIgnoringCase("time") {
                    index += 1
                    deliveredAt = try ClaimOptions.integer(arguments[index], "TIME")
                } else if hasMore && option.equalsIgnoringCase("retrycount") {
                    index += 1
                    deliveryCount = try ClaimOptions.integer(arguments[index], "RETRYCOUNT")
                } else if hasMore && option.equalsIgnoringCase("lastid") {
                    index += 1
                    lastID = try Streams.id(arguments[index])
                } else {
                    throw ReplyError(
                        composed: "ERR Unrecognized XCLAIM option '\(option.string)'")
                }
                index += 1
            }
            // A time in the future is a clock that differs, no reason to refuse the claim.
            if deliveredAt < 0 || deliveredAt > now { deliveredAt = now }
        }

        private static func integer(
            _ text: ByteSlice, _ option: String
        ) throws(ReplyError) -> Int64 {
            guard let value = Numbers.integer(text) else {
                throw ReplyError(
                    composed: "ERR Invalid \(option) option argument for XCLAIM")
            }
            return value
        }
    }

    static func claim(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var claims = try claims(engine, client, arguments)
        guard let idle = Numbers.integer(arguments[4]) else {
            throw ReplyError("ERR Invalid min-idle-time argument for XCLAIM")
        }
        let idleMillisecondsMin = max(0, idle)
        let options = try ClaimOptions(arguments, now: engine.now)
        claims.justID = options.justID
        let consumer = claimant(arguments[3], claims, engine, client)
        change(claims.stream, claims.entry, claims.hash, engine, client) {
            let group = claims.group
            var mustTellLastID = options.lastID > group.lastID
            if mustTellLastID { group.lastID = options.lastID }
            let header = client.writer.beginArray(expecting: options.idsEnd - 5)
            var count = 0
            for index in 5..<options.idsEnd {
                guard let id = StreamID(arguments[index]) else { continue }
                let pending = group.pendingEntry(id)
                if !exists(id, in: claims.stream) {
                    guard let pending else { continue }
                    dropPending(pending, claims, engine, client)
                    mustTellLastID = false
                    continue
                }
                if pending == nil && !options.makesPending { continue }
                if let pending, idleMillisecondsMin > 0,
                    engine.now &- pending.deliveredAt < idleMillisecondsMin
                {
                    continue
                }
                let counted = (pending?.deliveryCount ?? 1) &+ (options.justID ? 0 : 1)
                give(
                    id, to: consumer, claims, deliveredAt: options.deliveredAt,
                    deliveryCount: options.deliveryCount >= 0 ? options.deliveryCount : counted,
                    engine, client)
                mustTellLastID = false
                count += 1
            }
            if mustTellLastID {
                propagateLastID(claims.key, group, engine, client)
                engine.changeCount &+= 1
            }
            client.writer.end(header, count: count)
        }
    }

    // MARK: XAUTOCLAIM

    /// The options of XAUTOCLAIM.
    private struct AutoClaimOptions {
        var from = StreamID.zero
        var countMax: Int64 = 100
        var idleMillisecondsMin: Int64 = 0
        var justID = false

        /// Pending entries looked at for each one that may be claimed.
        static let attemptsPerEntry: Int64 = 10
        private static let countLimit = Int64.max / 16

        init(_ arguments: Arguments) throws(ReplyError) {
            guard let idle = Numbers.integer(arguments[4]) else {
                throw ReplyError("ERR Invalid min-idle-time argument for XAUTOCLAIM")
            }
            idleMillisecondsMin = max(0, idle)
            from = try Streams.startID(arguments[5])
            var index = 6
            while index < arguments.count {
                if arguments[index].equalsIgnoringCase("count"), index + 1 < arguments.count {
                    index += 1
                    guard let count = Numbers.integer(arguments[index]), count >= 1,
                        count <= AutoClaimOptions.countLimit
                    else { throw ReplyError("ERR COUNT must be > 0") }
                    countMax = count
                } else if arguments[index].equalsIgnoringCase("justid") {
                    justID = true
                } else {
                    throw .syntax
                }
                index += 1
            }
        }
    }

    static func autoClaim(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let options = try AutoClaimOptions(arguments)
        var claims = try claims(engine, client, arguments)
        claims.justID = options.justID
        let consumer = claimant(arguments[3], claims, engine, client)
        change(claims.stream, claims.entry, claims.hash, engine, client) {
            autoClaim(options, claims, consumer, engine, client)
        }
    }

    /// Writes the ID to go on with, what was claimed, and the IDs that are gone from the stream.
    private static func autoClaim(
        _ options: AutoClaimOptions, _ claims: Claims, _ consumer: StreamConsumer,
        _ engine: CommandEngine, _ client: ClientState
    ) {
        let group = claims.group
        client.writer.arrayHeader(3)
        let start = client.writer.position
        let header = client.writer.beginArray(
            expecting: Int(min(options.countMax, Int64(group.pendingCount))))
        var claimed = 0
        var gone: [StreamID] = []
        var left = options.countMax
        // The limit of COUNT keeps the product in range.
        var attempts = options.countMax * AutoClaimOptions.attemptsPerEntry
        var next: StreamID? = options.from
        while attempts > 0 && left > 0, let from = next,
            let pending = group.pendingEntry(atOrAfter: from)
        {
            attempts -= 1
            next = pending.id.next
            if !exists(pending.id, in: claims.stream) {
                dropPending(pending, claims, engine, client)
                gone.append(pending.id)
                left -= 1
                continue
            }
            if options.idleMillisecondsMin > 0,
                engine.now &- pending.deliveredAt < options.idleMillisecondsMin
            {
                continue
            }
            give(
                pending.id, to: consumer, claims, deliveredAt: engine.now,
                deliveryCount: pending.deliveryCount &+ (claims.justID ? 0 : 1), engine, client)
            claimed += 1
            left -= 1
        }
        client.writer.end(header, count: claimed)
        let rest = next.flatMap { group.pendingEntry(atOrAfter: $0)?.id } ?? .zero
        engine.numberText.removeAll()
        rest.append(to: &engine.numberText)
        client.writer.insertBulk(engine.numberText.readable, at: start)
        client.writer.arrayHeader(gone.count)
        for id in gone { write(id, engine, client) }
    }
}
