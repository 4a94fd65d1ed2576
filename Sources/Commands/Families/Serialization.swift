// Values as payloads: DUMP gives one, RESTORE makes a key of it. The format is Persistence's.
internal import Bytes
internal import Persistence
internal import RESP
internal import Store

/// The commands on payloads.
enum Serialization {
    static let table: [CommandSpec] = [
        CommandSpec(
            name: "dump", since: "2.6.0", group: .generic,
            complexity: """
                O(1) to access the key and additional O(N*M) to serialize it, where N is the \
                number of Redis objects composing the value and M their average size. For small \
                string values the time complexity is thus O(1)+O(1*M) where M is small, so \
                simply O(1).
                """,
            arity: 2, flags: [.readOnly], categories: [.keyspace],
            keys: [.one([.readOnly, .access])], syntax: "key",
            summary: "Returns a serialized representation of the value stored at a key.",
            tips: ["nondeterministic_output"], handler: dump),
        restoreRow("restore", since: "2.6.0", flags: []),
        restoreRow("restore-asking", since: "3.0.0", flags: [.asking]),
    ]

    private static func restoreRow(
        _ name: StaticString, since: StaticString, flags: CommandFlags
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since,
            group: flags.isEmpty ? .generic : .server,
            complexity: """
                O(1) to create the new key and additional O(N*M) to reconstruct the serialized \
                value, where N is the number of Redis objects composing the value and M their \
                average size. For small string values the time complexity is thus O(1)+O(1*M) \
                where M is small, so simply O(1). However for sorted set values the complexity \
                is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).
                """,
            arity: -4, flags: flags.union([.write, .denyOutOfMemory]),
            categories: [.keyspace, .dangerous], keys: [.one([.overwrite, .update])],
            syntax: """
                key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
                """,
            summary: flags.isEmpty
                ? "Creates a key from the serialized representation of a value."
                : "An internal command for migrating keys in a cluster.",
            handler: restore)
    }

    private static func dump(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        guard let entry = engine.read(arguments[1], engine.keyHash, client) else {
            return client.writer.null()
        }
        engine.dumpCodec.withPayload(of: entry) { client.writer.bulk($0) }
    }

    // MARK: RESTORE

    /// What follows the payload.
    private struct Options {
        var replaces = false
        var isAbsolute = false
        var idleSeconds: Int64?
        var frequency: UInt8?

        init(_ arguments: Arguments) throws(ReplyError) {
            var index = 4
            while index < arguments.count {
                let option = arguments[index]
                let hasValue = index + 1 < arguments.count
                if option.equalsIgnoringCase("replace") {
                    replaces = true
                } else if option.equalsIgnoringCase("absttl") {
                    isAbsolute = true
                } else if option.equalsIgnoringCase("idletime"), hasValue, frequency == nil {
                    index += 1
                    idleSeconds = try Options.idle(arguments[index])
                } else if option.equalsIgnoringCase("freq"), hasValue, idleSeconds == nil {
                    index += 1
                    frequency = try Options.frequency(arguments[index])
                } else {
                    throw .syntax
                }
                index += 1
            }
        }

        private static func idle(_ argument: ByteSlice) throws(ReplyError) -> Int64 {
            guard let value = Numbers.integer(argument) else { throw .notInteger }
            guard value >= 0 else {
                throw ReplyError("ERR Invalid IDLETIME value, must be >= 0")
            }
            return value
        }

        private static func frequency(_ argument: ByteSlice) throws(ReplyError) -> UInt8 {
            guard let value = Numbers.integer(argument) else { throw .notInteger }
            guard let frequency = UInt8(exactly: value) else {
                throw ReplyError("ERR Invalid FREQ value, must be >= 0 and <= 255")
            }
            return frequency
        }
    }

    private static func restore(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let options = try Options(arguments)
        let key = arguments[1]
        let hash = engine.keyHash
        let existed = engine.lookUp(key, hash, client) != nil
        if existed && !options.replaces {
            throw ReplyError("BUSYKEY Target key name already exists.")
        }
        var expiresAt = try engine.integer(arguments[2])
        guard expiresAt >= 0 else {
            throw ReplyError("ERR Invalid TTL value, must be >= 0")
        }
        let expires = expiresAt != 0
        if expires && !options.isAbsolute {
            // A time to live beyond the clock's range is as good as one that ends with it.
            let (sum, overflowed) = expiresAt.addingReportingOverflow(engine.now)
            expiresAt = overflowed ? .max : sum
        }
        let codec = engine.dumpCodec
        do throws(DumpPayloadError) {
            try codec.checkFooter(of: arguments[3])
            try codec.withValue(of: arguments[3], key: key) { source, entry, sourceHash in
                if expires && engine.isPast(expiresAt, client) {
                    return dropExpired(engine, client, key, existed: existed)
                }
                let database = engine.database(client)
                if !existed { engine.notify(.newKey, "new", key, client) }
                let moved = source.move(entry, sourceHash, to: database, key: key, hash)
                let made =
                    expires ? database.setExpiry(moved, hash, expiresAt: expiresAt) : moved
                engine.keyspace.accessClock.restore(
                    made, idleSeconds: options.idleSeconds ?? -1,
                    frequency: options.frequency.map { Int($0) } ?? -1)
                engine.changed(key, client)
                propagate(engine, client, arguments, expiresAt: expiresAt, options)
                engine.notify(.generic, "restore", key, client)
            }
        } catch {
            switch error {
            case .badFooter:
                throw ReplyError("ERR DUMP payload version or checksum are wrong")
            case .badValue:
                let kind = encodingName(ofType: arguments[3][0])
                engine.host.log(.warning, "RESTORE: \(kind) integrity check failed.")
                throw ReplyError("ERR Bad data format")
            }
        }
        client.writer.ok()
    }

    /// What Redis' log calls the encoding of a payload that begins with this byte.
    private static func encodingName(ofType type: UInt8) -> StaticString {
        switch type {
        case 9: "Zipmap"
        case 10, 12, 13, 14: "Ziplist"
        case 11: "Intset"
        case 15, 19, 21: "Stream listpack"
        case 16, 17, 18, 20: "Listpack"
        default: "Value"
        }
    }

    /// The time of the payload is over already: the key that it replaces goes.
    private static func dropExpired(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice, existed: Bool
    ) {
        guard existed, engine.database(client).remove(key, engine.keyHash) else { return }
        engine.changed(key, client)
        engine.propagate(engine.deletionName, key, database: client.databaseIndex)
        engine.notify(.generic, "del", key, client)
    }

    /// The effect is the command with its expiry as an absolute time.
    private static func propagate(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        expiresAt: Int64, _ options: Options
    ) {
        if expiresAt == 0 || options.isAbsolute { return engine.propagate(arguments, client) }
        guard engine.beginEffect(database: client.databaseIndex) else { return }
        RequestWriter.begin(arguments.count + 1, into: &engine.effects)
        for index in 0..<arguments.count {
            if index == 2 {
                RequestWriter.argument(expiresAt, into: &engine.effects)
            } else {
                RequestWriter.argument(arguments[index], into: &engine.effects)
            }
        }
        RequestWriter.argument("ABSTTL", into: &engine.effects)
    }
}
