// Adding entries, and deleting them.
internal import Bytes
internal import RESP
internal import Store

extension Streams {
    // MARK: XADD

    static func add(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let options = try StreamTrimOptions(arguments, isAddition: true, engine, client)
        let fieldStart = options.idPosition + 1
        let fieldCount = arguments.count - fieldStart
        if fieldCount < 2 || fieldCount % 2 != 0 { throw .wrongArity("xadd") }
        if case .exact(.zero) = options.newID {
            throw ReplyError("ERR The ID specified in XADD must be greater than 0-0")
        }
        let key = arguments[1]
        let hash = engine.keyHash
        let found = engine.lookUp(key, hash, client)
        var present: StreamObject?
        if let found {
            present = try stream(found)
        } else if options.mustExist {
            return client.writer.null()
        }
        let id = try newID(options.newID, after: present?.lastID ?? .zero, now: engine.now)
        let fields = arguments.view(from: fieldStart, count: fieldCount)
        guard StreamObject.fits(fields) else {
            throw ReplyError("ERR Elements are too large to be stored")
        }
        let limits = engine.settings.streamNodeLimits
        let stream = present ?? StreamObject()
        let entry: Entry
        if let found {
            change(stream, found, hash, engine, client) {
                stream.append(id, fields, limits: limits)
            }
            entry = found
        } else {
            stream.append(id, fields, limits: limits)
            entry = create(stream, key, hash, engine, client)
        }
        write(id, engine, client)
        engine.changed(key, client)
        engine.notify(.stream, "xadd", key, client)
        if options.trimming != nil {
            trim(stream, options, key, entry, hash, engine, client)
        }
        propagate(arguments, options, id, stream, engine, client)
    }

    /// Stores a new stream.
    static func create(
        _ stream: StreamObject, _ key: ByteSlice, _ hash: KeyHash, _ engine: CommandEngine,
        _ client: ClientState
    ) -> Entry {
        if engine.eventMask.contains(.newKey) { engine.notify(.newKey, "new", key, client) }
        return engine.database(client).set(key, hash, object: stream, type: .stream)
    }

    /// The ID of the entry to add.
    @inline(__always)
    private static func newID(
        _ wanted: StreamTrimOptions.NewID, after last: StreamID, now: Int64
    ) throws(ReplyError) -> StreamID {
        if last == .max {
            throw ReplyError(
                """
                ERR The stream has exhausted the last possible ID, unable to add more items
                """)
        }
        let id: StreamID
        switch wanted {
        case .automatic:
            let time = UInt64(max(0, now))
            id = time > last.milliseconds ? StreamID(time, 0) : last.next ?? .zero
        case .inMillisecond(let milliseconds):
            if milliseconds != last.milliseconds {
                id = StreamID(milliseconds, 0)
            } else if last.sequence == .max {
                throw .streamIDTooSmall
            } else {
                id = StreamID(milliseconds, last.sequence + 1)
            }
        case .exact(let exact):
            id = exact
        }
        if id <= last { throw .streamIDTooSmall }
        return id
    }

    /// Trims a stream of the database; returns how many entries were deleted.
    @discardableResult
    private static func trim(
        _ stream: StreamObject, _ options: StreamTrimOptions, _ key: ByteSlice, _ entry: Entry,
        _ hash: KeyHash, _ engine: CommandEngine, _ client: ClientState
    ) -> Int {
        guard let trimming = options.trimming else { return 0 }
        let deleted = change(stream, entry, hash, engine, client) {
            stream.trim(
                trimming, isApproximate: options.isApproximate, limit: options.limit)
        }
        if deleted > 0 { engine.notify(.stream, "xtrim", key, client) }
        return deleted
    }

    /// The effect: the command with the ID that was used and, instead of an approximate trimming,
    /// the exact one that has the same result. A LIMIT stays, as elsewhere: who applies the effect
    /// must not heed it.
    private static func propagate(
        _ arguments: Arguments, _ options: StreamTrimOptions, _ id: StreamID?,
        _ stream: StreamObject, _ engine: CommandEngine, _ client: ClientState
    ) {
        var generated = id
        if case .exact = options.newID { generated = nil }
        if !options.isApproximate && generated == nil {
            return engine.propagate(arguments, client)
        }
        guard engine.beginEffect(database: client.databaseIndex) else { return }
        RequestWriter.begin(arguments.count, into: &engine.effects)
        for index in 0..<arguments.count {
            if let generated, index == options.idPosition {
                argument(generated, engine)
            } else if options.isApproximate && index == options.thresholdPosition - 1 {
                RequestWriter.argument("=", into: &engine.effects)
            } else if options.isApproximate && index == options.thresholdPosition {
                if case .length = options.trimming {
                    RequestWriter.argument(Int64(stream.length), into: &engine.effects)
                } else {
                    argument(stream.firstStoredID, engine)
                }
            } else {
                RequestWriter.argument(arguments[index], into: &engine.effects)
            }
        }
    }

    // MARK: XTRIM

    static func trim(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let options = try StreamTrimOptions(arguments, isAddition: false, engine, client)
        let key = arguments[1]
        let hash = engine.keyHash
        guard let entry = engine.lookUp(key, hash, client) else {
            return client.writer.integer(0)
        }
        let stream = try stream(entry)
        let deleted = trim(stream, options, key, entry, hash, engine, client)
        if deleted > 0 {
            engine.changed(key, client, count: Int64(deleted))
            propagate(arguments, options, nil, stream, engine, client)
        }
        client.writer.integer(deleted)
    }

    // MARK: XDEL, XLEN, XSETID

    static func delete(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let key = arguments[1]
        let hash = engine.keyHash
        guard let entry = engine.lookUp(key, hash, client) else {
            return client.writer.integer(0)
        }
        let stream = try stream(entry)
        // All or nothing: a bad ID is found before anything is deleted.
        for index in 2..<arguments.count { _ = try id(arguments[index]) }
        let deleted = change(stream, entry, hash, engine, client) {
            var deleted = 0
            for index in 2..<arguments.count {
                if let id = StreamID(arguments[index]), stream.delete(id) { deleted += 1 }
            }
            if deleted > 0 { stream.noteDeletions() }
            return deleted
        }
        if deleted > 0 {
            engine.changed(key, client, count: Int64(deleted))
            engine.notify(.stream, "xdel", key, client)
            engine.propagate(arguments, client)
        }
        client.writer.integer(deleted)
    }

    static func length(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let stream = try streamForRead(engine, arguments[1], engine.keyHash, client)
        client.writer.integer(stream?.length ?? 0)
    }

    static func setID(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let lastID = try id(arguments[2])
        var entriesAdded: Int64?
        var maxDeletedID = StreamID.zero
        var index = 3
        while index < arguments.count {
            guard index + 1 < arguments.count else { throw .syntax }
            if arguments[index].equalsIgnoringCase("entriesadded") {
                let count = try engine.integer(arguments[index + 1])
                if count < 0 { throw ReplyError("ERR entries_added must be positive") }
                entriesAdded = count
            } else if arguments[index].equalsIgnoringCase("maxdeletedid") {
                maxDeletedID = try id(arguments[index + 1])
                if lastID < maxDeletedID {
                    throw ReplyError(
                        """
                        ERR The ID specified in XSETID is smaller than the provided \
                        max_deleted_entry_id
                        """)
                }
            } else {
                throw .syntax
            }
            index += 2
        }
        guard let entry = engine.lookUp(arguments[1], engine.keyHash, client) else {
            throw .noSuchKey
        }
        let stream = try stream(entry)
        try checkLastID(lastID, entriesAdded, stream)
        engine.database(client).willModify(entry, engine.keyHash)
        stream.lastID = lastID
        if let entriesAdded { stream.entriesAdded = UInt64(entriesAdded) }
        if maxDeletedID != .zero { stream.maxDeletedID = maxDeletedID }
        engine.changeCount &+= 1
        engine.propagate(arguments, client)
        engine.notify(.stream, "xsetid", arguments[1], client)
        client.writer.ok()
    }

    /// Refuses a last ID that the stream's entries contradict.
    private static func checkLastID(
        _ lastID: StreamID, _ entriesAdded: Int64?, _ stream: StreamObject
    ) throws(ReplyError) {
        if lastID < stream.maxDeletedID {
            throw ReplyError(
                """
                ERR The ID specified in XSETID is smaller than current max_deleted_entry_id
                """)
        }
        guard stream.length > 0 else { return }
        if lastID < stream.lastEntryID {
            throw ReplyError(
                "ERR The ID specified in XSETID is smaller than the target stream top item")
        }
        if let entriesAdded, Int64(stream.length) > entriesAdded {
            throw ReplyError(
                """
                ERR The entries_added specified in XSETID is smaller than the target stream length
                """)
        }
    }
}
