// Lists: elements by index, ranges, and elements by value.
internal import Bytes
internal import RESP
internal import Store

extension Lists {
    // MARK: By index

    /// The index that an argument means in a list of `count` elements: negative ones count from
    /// the end. It may lie outside.
    private static func place(_ index: Int64, in count: Int) -> Int {
        Int(index < 0 ? index + Int64(count) : index)
    }

    static func index(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard
            let entry = try engine.collectionForRead(
                arguments[1], engine.keyHash, .list, client)
        else { return client.writer.null() }
        let view = ListView(entry)
        let index = place(try engine.integer(arguments[2]), in: view.count)
        guard let element = view.element(at: index) else { return client.writer.null() }
        client.writer.bulk(element)
    }

    static func set(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let hash = engine.keyHash
        guard let entry = try engine.collectionForWrite(arguments[1], hash, .list, client)
        else { throw .noSuchKey }
        let count = ListView(entry).count
        let index = place(try engine.integer(arguments[2]), in: count)
        try engine.checkElement(arguments[3])
        guard index >= 0 && index < count else { throw ReplyError("ERR index out of range") }
        engine.pack(arguments[3], for: entry)
        replace(engine, client, entry, hash, index)
        client.writer.ok()
        engine.wrote(.list, "lset", arguments, client)
    }

    private static func replace(
        _ engine: CommandEngine, _ client: ClientState, _ entry: Entry, _ hash: KeyHash,
        _ index: Int
    ) {
        if let packed = entry.packed {
            let start = packed.offset(ofElement: index)
            let removed = packed.next(after: start) - start
            let bytes = packed.end - removed + engine.packing.count
            if engine.listLimits.fitsPacked(count: packed.count, bytes: bytes) {
                _ = engine.database(client).splice(
                    entry, hash, at: start, removing: removed,
                    inserting: engine.packing.readable, countChange: 0)
                return
            }
        }
        let long = engine.makeLong(entry, hash, client)
        engine.change(long.list, long.entry, hash, client) {
            long.list.replace(index, by: engine.packing.readable, limits: engine.listLimits)
        }
    }

    // MARK: Ranges

    /// The elements from `start` to `stop` of a list of `count`; both may be negative.
    private static func bounds(_ start: Int64, _ stop: Int64, _ count: Int) -> Range<Int> {
        let total = Int64(count)
        let first = max(0, start < 0 ? start + total : start)
        let last = min(total - 1, stop < 0 ? stop + total : stop)
        return first > last || first >= total ? 0..<0 : Int(first)..<Int(last) + 1
    }

    static func range(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let start = try engine.integer(arguments[2])
        let stop = try engine.integer(arguments[3])
        guard
            let entry = try engine.collectionForRead(
                arguments[1], engine.keyHash, .list, client)
        else { return client.writer.arrayHeader(0) }
        let view = ListView(entry)
        let bounds = bounds(start, stop, view.count)
        client.writer.arrayHeader(bounds.count)
        if bounds.isEmpty { return }
        var cursor = view.cursor(at: bounds.lowerBound)
        var rest = bounds.count
        while rest > 0, let element = cursor.next() {
            client.writer.bulk(element)
            rest &-= 1
        }
    }

    static func trim(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let start = try engine.integer(arguments[2])
        let stop = try engine.integer(arguments[3])
        let key = arguments[1]
        let hash = engine.keyHash
        guard let entry = try engine.collectionForWrite(key, hash, .list, client) else {
            return client.writer.ok()
        }
        let count = ListView(entry).count
        let kept = bounds(start, stop, count)
        let removed = count - kept.count
        var isGone = engine.removeElements(
            entry, hash, from: kept.upperBound, count: count - kept.upperBound, client)
        if !isGone, kept.lowerBound > 0, let rest = engine.database(client).find(key, hash) {
            isGone = engine.removeElements(rest, hash, from: 0, count: kept.lowerBound, client)
        }
        engine.changed(key, client, count: Int64(removed))
        if removed > 0 { engine.propagate(arguments, client) }
        engine.notify(.list, "ltrim", key, client)
        if isGone { engine.notify(.generic, "del", key, client) }
        client.writer.ok()
    }

    // MARK: By value

    static func insert(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let isBehind = arguments[2].equalsIgnoringCase("after")
        if !isBehind && !arguments[2].equalsIgnoringCase("before") { throw .syntax }
        try engine.checkElement(arguments[4])
        let hash = engine.keyHash
        guard let entry = try engine.collectionForWrite(arguments[1], hash, .list, client)
        else { return client.writer.integer(0) }
        let length: Int
        if let packed = entry.packed {
            guard let pivot = packed.find(arguments[3]) else { return client.writer.integer(-1) }
            length = packed.count + 1
            insert(
                engine, client, entry, hash, packed,
                at: isBehind ? packed.next(after: pivot) : pivot, arguments[4])
        } else {
            let long = engine.makeLong(entry, hash, client)
            engine.pack(arguments[3], for: entry)
            guard let pivot = position(of: engine.packing.readable, in: entry) else {
                return client.writer.integer(-1)
            }
            engine.pack(arguments[4], for: entry)
            engine.change(long.list, entry, hash, client) {
                long.list.insert(
                    engine.packing.readable, at: pivot, behind: isBehind,
                    limits: engine.listLimits)
            }
            length = long.list.count
        }
        client.writer.integer(length)
        engine.wrote(.list, "linsert", arguments, client)
    }

    /// Inserts into a packed list at an offset; it may become a long one.
    private static func insert(
        _ engine: CommandEngine, _ client: ClientState, _ entry: Entry, _ hash: KeyHash,
        _ packed: PackedView, at offset: Int, _ element: ByteSlice
    ) {
        engine.pack(element, for: entry)
        let bytes = packed.end + engine.packing.count
        if engine.listLimits.fitsPacked(count: packed.count + 1, bytes: bytes) {
            _ = engine.database(client).splice(
                entry, hash, at: offset, removing: 0, inserting: engine.packing.readable,
                countChange: 1)
            return
        }
        var index = 0
        var place = PackedView.start
        while place < offset {
            place = packed.next(after: place)
            index += 1
        }
        let long = engine.makeLong(entry, hash, client)
        engine.change(long.list, long.entry, hash, client) {
            if index == long.list.count {
                long.list.append(engine.packing.readable, limits: engine.listLimits)
            } else {
                long.list.insert(
                    engine.packing.readable, at: ListView(long.entry).cursor(at: index).position,
                    behind: false, limits: engine.listLimits)
            }
        }
    }

    private static func position(of raw: ByteSlice, in entry: Entry) -> ListPosition? {
        var cursor = ListView(entry).cursor()
        while cursor.prepare() {
            let position = cursor.position
            if let found = cursor.nextRaw(), found == raw { return position }
        }
        return nil
    }

    static func remove(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let count = try engine.integer(arguments[2])
        // As Redis: the smallest number has no opposite.
        guard count != Int64.min else {
            throw ReplyError(
                """
                ERR value is out of range, value must between -9223372036854775807 and \
                9223372036854775807
                """)
        }
        let key = arguments[1]
        let hash = engine.keyHash
        guard let entry = try engine.collectionForWrite(key, hash, .list, client) else {
            return client.writer.integer(0)
        }
        let limit = count == 0 ? Int.max : Int(count.magnitude)
        engine.pack(arguments[3], for: entry)
        let removed: Int
        if let packed = entry.packed {
            removed = removePacked(
                engine, client, entry, hash, packed, limit, fromBack: count < 0)
        } else {
            let long = engine.makeLong(entry, hash, client)
            removed = engine.change(long.list, entry, hash, client) {
                long.list.removeElements(
                    equal: engine.packing.readable, limit: limit, fromBack: count < 0,
                    limits: engine.listLimits)
            }
        }
        client.writer.integer(removed)
        if removed == 0 { return }
        let isGone =
            engine.database(client).find(key, hash).map {
                engine.removeIfEmpty($0, hash, client)
            } ?? true
        engine.changed(key, client, count: Int64(removed))
        engine.propagate(arguments, client)
        engine.notify(.list, "lrem", key, client)
        if isGone { engine.notify(.generic, "del", key, client) }
    }

    /// Removes elements that equal the one in `packing` from a packed list, which is written anew.
    private static func removePacked(
        _ engine: CommandEngine, _ client: ClientState, _ entry: Entry, _ hash: KeyHash,
        _ packed: PackedView, _ limit: Int, fromBack: Bool
    ) -> Int {
        let wanted = engine.packing.readable
        var total = 0
        var cursor = ListView(entry).cursor()
        while let raw = cursor.nextRaw() { total += raw == wanted ? 1 : 0 }
        let removed = min(total, limit)
        if removed == 0 { return 0 }
        let skipped = fromBack ? total - removed : 0
        engine.scratch.removeAll()
        PackedEncoder.begin(&engine.scratch, count: packed.count - removed)
        var seen = 0
        cursor = ListView(entry).cursor()
        while let raw = cursor.nextRaw() {
            if raw == wanted {
                seen += 1
                if seen > skipped && seen <= skipped + removed { continue }
            }
            engine.scratch.append(raw)
        }
        engine.database(client).set(
            entry.key, hash, packed: engine.scratch.readable, type: .list, keepingExpiry: true)
        return removed
    }

    // MARK: LPOS

    private struct Search {
        var rank: Int64 = 1
        /// nil: one, and the reply is no array.
        var count: Int64?
        var lengthMax: Int64 = 0

        init(_ engine: CommandEngine, _ arguments: Arguments) throws(ReplyError) {
            var index = 3
            while index < arguments.count {
                guard index + 1 < arguments.count else { throw .syntax }
                let option = arguments[index]
                let value = arguments[index + 1]
                if option.equalsIgnoringCase("rank") {
                    rank = try Search.rank(engine, value)
                } else if option.equalsIgnoringCase("count") {
                    guard let number = Numbers.integer(value), number >= 0 else {
                        throw ReplyError("ERR COUNT can't be negative")
                    }
                    count = number
                } else if option.equalsIgnoringCase("maxlen") {
                    guard let number = Numbers.integer(value), number >= 0 else {
                        throw ReplyError("ERR MAXLEN can't be negative")
                    }
                    lengthMax = number
                } else {
                    throw .syntax
                }
                index += 2
            }
        }

        private static func rank(
            _ engine: CommandEngine, _ value: ByteSlice
        ) throws(ReplyError) -> Int64 {
            let rank = try engine.integer(value)
            if rank == 0 {
                throw ReplyError(
                    """
                    ERR RANK can't be zero: use 1 to start from the first match, 2 from the \
                    second ... or use negative to start from the end of the list
                    """)
            }
            guard rank != Int64.min else {
                throw ReplyError(
                    """
                    ERR value is out of range, value must between -9223372036854775807 and \
                    9223372036854775807
                    """)
            }
            return rank
        }
    }

    static func position(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let search = try Search(engine, arguments)
        guard
            let entry = try engine.collectionForRead(
                arguments[1], engine.keyHash, .list, client)
        else {
            return search.count == nil ? client.writer.null() : client.writer.arrayHeader(0)
        }
        engine.pack(arguments[2], for: entry)
        let found = indexes(of: engine.packing.readable, in: ListView(entry), search)
        guard search.count != nil else {
            if found.count == 0 { return client.writer.null() }
            return client.writer.integer(found[0])
        }
        client.writer.arrayHeader(found.count)
        for index in 0..<found.count { client.writer.integer(found[index]) }
    }

    private static func indexes(
        of wanted: ByteSlice, in view: ListView, _ search: Search
    ) -> TrivialList<Int> {
        var found = TrivialList<Int>(capacity: 8)
        let total = view.count
        let length = search.lengthMax == 0 ? total : Int(min(Int64(total), search.lengthMax))
        let most = search.count.map { $0 == 0 ? Int64.max : $0 } ?? 1
        let isBackwards = search.rank < 0
        var skips = Int64(search.rank.magnitude) - 1
        var forward = view.cursor()
        var backward = view.reversed(at: total - 1)
        for step in 0..<length {
            let raw = isBackwards ? backward.nextRaw() : forward.nextRaw()
            guard raw == wanted else { continue }
            if skips > 0 {
                skips -= 1
                continue
            }
            found.append(isBackwards ? total - 1 - step : step)
            if Int64(found.count) >= most { break }
        }
        return found
    }
}
