// DEBUG subcommands that look into keys and tables.
internal import Bytes
internal import Persistence
internal import RESP
internal import Store

extension Debugging {
    /// Runs what is about values; false when the subcommand is not known here.
    static func inspect(
        _ name: String, _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) -> Bool {
        switch (name, arguments.count) {
        case ("object", 3): try object(engine, client, arguments, isFast: false)
        case ("object", 4) where arguments[3].equalsIgnoringCase("fast"):
            try object(engine, client, arguments, isFast: true)
        case ("sdslen", 3): try stringLengths(engine, client, arguments)
        case ("listpack", 3): try packedSize(engine, client, arguments[2])
        case ("htstats", 3), ("htstats", 4): try tables(engine, client, arguments)
        case ("htstats-key", 3), ("htstats-key", 4): try memberTable(engine, client, arguments)
        default: return false
        }
        return true
    }

    private static func entry(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice
    ) throws(ReplyError) -> Entry {
        guard let entry = engine.database(client).find(key, engine.keyspace.hash(key)) else {
            throw .noSuchKey
        }
        return entry
    }

    /// `fast` leaves out what takes time in proportion to the value: its length in a snapshot.
    private static func object(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, isFast: Bool
    ) throws(ReplyError) {
        let entry = try entry(engine, client, arguments[2])
        var text = "Value at:0x0 refcount:1 encoding:\(entry.encodingName)"
        if !isFast {
            var length = 0
            // Without the type in front and the footer behind.
            engine.dumpCodec.withPayload(of: entry) {
                length = $0.count - 1 - DumpCodec.footerBytes
            }
            text += " serializedlength:\(length)"
        }
        let idle = engine.keyspace.accessClock.idleSeconds(of: entry)
        text += " lru:\(entry.accessClock) lru_seconds_idle:\(idle)"
        if let list = entry.object as? ListObject, entry.encodingName.description == "quicklist" {
            let nodes = max(list.pageCount, 1)
            let hundredths = list.count * 100 / nodes
            let fraction = hundredths % 100
            text +=
                " ql_nodes:\(list.pageCount) ql_avg_node:\(hundredths / 100)."
                + "\(fraction < 10 ? "0" : "")\(fraction)"
                + " ql_listpack_max:\(engine.settings.listPackedSize) ql_compressed:0"
                + " ql_uncompressed_size:\(list.elementBytes)"
        }
        client.writer.simpleString(composed: text)
    }

    private static func stringLengths(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let entry = try entry(engine, client, arguments[2])
        guard entry.type == .string, entry.encodingName.description != "int" else {
            throw ReplyError("ERR Not an sds encoded string.")
        }
        client.writer.simpleString(
            composed: "key_sds_len:\(entry.key.count), key_sds_avail:0, key_zmalloc: 0, "
                + "val_sds_len:\(engine.textCount(of: entry)), val_sds_avail:0, "
                + "val_zmalloc: \(entry.memoryUsage)")
    }

    /// Writes the size of a small collection to the log. Other servers print its elements.
    private static func packedSize(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice
    ) throws(ReplyError) {
        let entry = try entry(engine, client, key)
        guard entry.encodingName.description == "listpack" else {
            throw ReplyError("ERR Not a listpack encoded object.")
        }
        engine.host.log(.warning, "DEBUG LISTPACK \(key.string): \(entry.memoryUsage) bytes")
        client.writer.simpleString(composed: "Listpack structure printed on stdout")
    }

    /// Matches texts and patterns of special characters at random, as DEBUG STRINGMATCH-TEST
    /// promises: a fault would end the process.
    static func tryPatterns() {
        let letters = Array("ab*?[]^-\\\0".utf8)
        var random = SystemRandomNumberGenerator()
        func draw() -> [UInt8] {
            (0..<Int.random(in: 0...24, using: &random)).map { _ in
                letters[Int.random(in: 0..<letters.count, using: &random)]
            }
        }
        for _ in 0..<100_000 {
            let pattern = draw()
            let text = draw()
            pattern.withByteSlice { pattern in
                text.withByteSlice { _ = Glob.matches(pattern: pattern, text: $0) }
            }
        }
    }

    // MARK: Tables

    private static func describe(_ slots: Int, _ count: Int) -> String {
        if count == 0 { return "No stats available for empty dictionaries\n" }
        return """
            Hash table 0 stats (main hash table):
             table size: \(slots)
             number of elements: \(count)

            """
    }

    private static func tables(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let index = Numbers.integer(arguments[2]), index >= 0,
            index < Int64(engine.keyspace.databaseCount)
        else { throw ReplyError("ERR Out of range database") }
        let database = engine.keyspace.database(Int(index))
        client.writer.verbatim(
            text: "[Dictionary HT]\n" + describe(database.slotCount, database.count)
                + "[Expires HT]\n" + describe(database.slotCount, database.expiringCount))
    }

    private static func memberTable(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let entry = try entry(engine, client, arguments[2])
        guard let object = entry.object, let slots = object.tableSlotCount else {
            throw ReplyError(
                """
                ERR The value stored at the specified key is not represented using an hash \
                table
                """)
        }
        client.writer.verbatim(text: describe(slots, object.freeEffort))
    }
}
