// Strings: setting and getting whole values. Parts are in Strings+Parts, numbers in
// Strings+Numbers, the longest common subsequence in Strings+Subsequence.
internal import Bytes
internal import RESP
internal import Store

/// The commands on strings.
enum Strings {
    static let table: [CommandSpec] = whole + several + parts + numbers

    private static let whole: [CommandSpec] = [
        CommandSpec(
            name: "set", since: "1.0.0", group: .string, arity: -3,
            flags: [.write, .denyOutOfMemory], categories: [.string],
            keys: [
                .one(
                    [.readWrite, .access, .update, .variable],
                    notes: "RW and ACCESS due to the optional `GET` argument")
            ], findKeys: setKey,
            syntax: """
                key value [NX | XX] [GET] [EX seconds | PX milliseconds | \
                EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]
                """,
            summary: """
                Sets the string value of a key, ignoring its type. The key is created if it \
                doesn't exist.
                """, handler: set),
        CommandSpec(
            name: "get", since: "1.0.0", group: .string, arity: 2, flags: [.readOnly, .fast],
            categories: [.string], keys: [.one([.readOnly, .access])], syntax: "key",
            summary: "Returns the string value of a key.", handler: get),
        CommandSpec(
            name: "setnx", since: "1.0.0", group: .string, arity: 3,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.string],
            keys: [.one([.overwrite, .insert])], syntax: "key value",
            summary: "Set the string value of a key only when the key doesn't exist.",
            replacedBy: ("2.6.12", "`SET` with the `NX` argument"), handler: setNX),
        CommandSpec(
            name: "setex", since: "2.0.0", group: .string, arity: 4,
            flags: [.write, .denyOutOfMemory], categories: [.string],
            keys: [.one([.overwrite, .update])], syntax: "key seconds value",
            summary: """
                Sets the string value and expiration time of a key. Creates the key if it \
                doesn't exist.
                """,
            replacedBy: ("2.6.12", "`SET` with the `EX` argument"), handler: setEX),
        CommandSpec(
            name: "psetex", since: "2.6.0", group: .string, arity: 4,
            flags: [.write, .denyOutOfMemory], categories: [.string],
            keys: [.one([.overwrite, .update])], syntax: "key milliseconds value",
            summary: """
                Sets both string value and expiration time in milliseconds of a key. The key is \
                created if it doesn't exist.
                """,
            replacedBy: ("2.6.12", "`SET` with the `PX` argument"), handler: psetEX),
        CommandSpec(
            name: "getex", since: "6.2.0", group: .string, arity: -2, flags: [.write, .fast],
            categories: [.string],
            keys: [
                .one(
                    [.readWrite, .access, .update],
                    notes: "RW and UPDATE because it changes the TTL")
            ],
            syntax: """
                key [EX seconds | PX milliseconds | EXAT unix-time-seconds | \
                PXAT unix-time-milliseconds | PERSIST]
                """,
            summary: "Returns the string value of a key after setting its expiration time.",
            handler: getEX),
        CommandSpec(
            name: "getdel", since: "6.2.0", group: .string, arity: 2, flags: [.write, .fast],
            categories: [.string], keys: [.one([.readWrite, .access, .delete])],
            syntax: "key",
            summary: "Returns the string value of a key after deleting the key.",
            handler: getDel),
        CommandSpec(
            name: "getset", since: "1.0.0", group: .string, arity: 3,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.string],
            keys: [.one([.readWrite, .access, .update])], syntax: "key value",
            summary: """
                Returns the previous string value of a key after setting it to a new value.
                """,
            replacedBy: ("6.2.0", "`SET` with the `GET` argument"), handler: getSet),
    ]

    private static let several: [CommandSpec] = [
        CommandSpec(
            name: "mget", since: "1.0.0", group: .string,
            complexity: "O(N) where N is the number of keys to retrieve.", arity: -2,
            flags: [.readOnly, .fast], categories: [.string],
            keys: [.range(first: 1, last: -1, step: 1, [.readOnly, .access])],
            syntax: "key [key ...]",
            summary: "Atomically returns the string values of one or more keys.",
            tips: ["request_policy:multi_shard"], handler: mget),
        CommandSpec(
            name: "mset", since: "1.0.1", group: .string,
            complexity: "O(N) where N is the number of keys to set.", arity: -3,
            flags: [.write, .denyOutOfMemory], categories: [.string],
            keys: [.range(first: 1, last: -1, step: 2, [.overwrite, .update])],
            syntax: "key value [key value ...]",
            summary: "Atomically creates or modifies the string values of one or more keys.",
            tips: ["request_policy:multi_shard", "response_policy:all_succeeded"],
            handler: mset),
        CommandSpec(
            name: "msetnx", since: "1.0.1", group: .string,
            complexity: "O(N) where N is the number of keys to set.", arity: -3,
            flags: [.write, .denyOutOfMemory], categories: [.string],
            keys: [.range(first: 1, last: -1, step: 2, [.overwrite, .insert])],
            syntax: "key value [key value ...]",
            summary: """
                Atomically modifies the string values of one or more keys only when all keys \
                don't exist.
                """, handler: msetNX),
    ]

    // MARK: SET and its kin

    /// SET without GET does not read what it replaces.
    private static func setKey(
        _ arguments: Arguments, _ body: (Int, KeySpec.Access) -> Void
    ) -> Bool {
        guard arguments.count > 2 else { return false }
        for index in 3..<max(3, arguments.count) where arguments[index].equalsIgnoringCase("get") {
            body(1, [.readWrite, .access, .update])
            return true
        }
        body(1, [.overwrite, .update])
        return true
    }

    static func set(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard arguments.count == 3 else {
            return try setWithOptions(engine, client, arguments)
        }
        engine.store(arguments[1], engine.keyHash, arguments[2], client)
        engine.wrote(.string, "set", arguments, client)
        client.writer.ok()
    }

    private static func setWithOptions(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let options = try SetOptions(arguments, from: 3, isGetEx: false)
        let expiresAt = try options.expiresAt(arguments, now: engine.now, command: "set")
        let key = arguments[1]
        let hash = engine.keyHash
        let found: Entry?
        if options.returnsOld {
            found = try engine.stringForRead(key, hash, client)
            if let found {
                engine.writeString(found, client)
            } else {
                client.writer.null()
            }
        } else {
            found = engine.peek(key, hash, client)
        }
        if (options.onlyIfAbsent && found != nil) || (options.onlyIfPresent && found == nil) {
            if !options.returnsOld { client.writer.null() }
            return
        }
        engine.store(
            key, hash, arguments[2], client, expiresAt: expiresAt ?? Entry.never,
            keepingExpiry: options.keepsExpiry)
        engine.changed(key, client)
        if let expiresAt {
            propagateSet(engine, client, key, arguments[2], expiresAt: expiresAt)
        } else if options.returnsOld {
            propagateWithoutGet(engine, client, arguments)
        } else {
            engine.propagate(arguments, client)
        }
        engine.notify(.string, "set", key, client)
        if expiresAt != nil { engine.notify(.generic, "expire", key, client) }
        if !options.returnsOld { client.writer.ok() }
    }

    /// The effect `SET key value [PXAT ms]`.
    static func propagateSet(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice, _ value: ByteSlice,
        expiresAt: Int64?
    ) {
        guard engine.beginEffect(database: client.databaseIndex) else { return }
        RequestWriter.begin(expiresAt == nil ? 3 : 5, into: &engine.effects)
        RequestWriter.argument("SET", into: &engine.effects)
        RequestWriter.argument(key, into: &engine.effects)
        RequestWriter.argument(value, into: &engine.effects)
        if let expiresAt {
            RequestWriter.argument("PXAT", into: &engine.effects)
            RequestWriter.argument(expiresAt, into: &engine.effects)
        }
    }

    private static func propagateWithoutGet(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        guard engine.beginEffect(database: client.databaseIndex) else { return }
        var count = 3
        for index in 3..<arguments.count where !arguments[index].equalsIgnoringCase("get") {
            count += 1
        }
        RequestWriter.begin(count, into: &engine.effects)
        for index in 0..<arguments.count {
            if index >= 3 && arguments[index].equalsIgnoringCase("get") { continue }
            RequestWriter.argument(arguments[index], into: &engine.effects)
        }
    }

    private static func setNX(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        if engine.lookUp(arguments[1], engine.keyHash, client) != nil {
            return client.writer.integer(0)
        }
        engine.store(arguments[1], engine.keyHash, arguments[2], client)
        engine.wrote(.string, "set", arguments, client)
        client.writer.integer(1)
    }

    private static func setEX(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let time = try SetOptions.absolute(
            arguments[2], unit: .seconds, now: engine.now, command: "setex")
        setExpiring(engine, client, arguments, at: time)
    }

    private static func psetEX(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let time = try SetOptions.absolute(
            arguments[2], unit: .milliseconds, now: engine.now, command: "psetex")
        setExpiring(engine, client, arguments, at: time)
    }

    private static func setExpiring(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, at time: Int64
    ) {
        let key = arguments[1]
        engine.store(key, engine.keyHash, arguments[3], client, expiresAt: time)
        engine.changed(key, client)
        propagateSet(engine, client, key, arguments[3], expiresAt: time)
        engine.notify(.string, "set", key, client)
        engine.notify(.generic, "expire", key, client)
        client.writer.ok()
    }

    // MARK: GET and its kin

    /// GET on the engine's straight path: no error is thrown for the usual case.
    @inline(__always)
    static func getStraight(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        guard let entry = engine.read(arguments[1], engine.keyHash, client) else {
            return client.writer.null()
        }
        if entry.type == .string {
            engine.writeString(entry, client)
        } else {
            engine.statistics[engine.table.get].failedCalls &+= 1
            engine.fail(.wrongType, client)
        }
    }

    private static func get(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let entry = try engine.stringForRead(arguments[1], engine.keyHash, client) else {
            return client.writer.null()
        }
        engine.writeString(entry, client)
    }

    private static func getEX(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let options = try SetOptions(arguments, from: 2, isGetEx: true)
        let key = arguments[1]
        let hash = engine.keyHash
        guard let entry = try engine.stringForRead(key, hash, client) else {
            return client.writer.null()
        }
        let expiresAt = try options.expiresAt(arguments, now: engine.now, command: "getex")
        engine.writeString(entry, client)
        let database = client.databaseIndex
        if let expiresAt {
            if options.time?.unit.isAbsolute == true && engine.isPast(expiresAt, client) {
                _ = engine.database(client).remove(key, hash)
                engine.changed(key, client)
                engine.propagate(engine.deletionName, key, database: database)
                engine.notify(.generic, "del", key, client)
            } else {
                _ = engine.database(client).setExpiry(entry, hash, expiresAt: expiresAt)
                engine.changed(key, client)
                engine.propagate("PEXPIREAT", key, expiresAt, database: database)
                engine.notify(.generic, "expire", key, client)
            }
        } else if options.persists && entry.hasExpiry {
            _ = engine.database(client).setExpiry(entry, hash, expiresAt: Entry.never)
            engine.changed(key, client)
            engine.propagate("PERSIST", key, database: database)
            engine.notify(.generic, "persist", key, client)
        }
    }

    private static func getDel(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let key = arguments[1]
        guard let entry = try engine.stringForRead(key, engine.keyHash, client) else {
            return client.writer.null()
        }
        engine.writeString(entry, client)
        engine.database(client).remove(entry, engine.keyHash)
        engine.changed(key, client)
        engine.propagate("DEL", key, database: client.databaseIndex)
        engine.notify(.generic, "del", key, client)
    }

    private static func getSet(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let key = arguments[1]
        if let entry = try engine.stringForRead(key, engine.keyHash, client) {
            engine.writeString(entry, client)
        } else {
            client.writer.null()
        }
        engine.store(key, engine.keyHash, arguments[2], client)
        engine.changed(key, client)
        propagateSet(engine, client, key, arguments[2], expiresAt: nil)
        engine.notify(.string, "set", key, client)
    }

    // MARK: Several keys

    private static func mget(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        client.writer.arrayHeader(arguments.count - 1)
        for index in 1..<arguments.count {
            let key = arguments[index]
            let hash = index == 1 ? engine.keyHash : engine.keyspace.hash(key)
            if let entry = engine.read(key, hash, client), entry.type == .string {
                engine.writeString(entry, client)
            } else {
                client.writer.null()
            }
        }
    }

    private static func mset(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if arguments.count % 2 == 0 { throw .wrongArity("mset") }
        storePairs(engine, client, arguments)
        client.writer.ok()
    }

    private static func msetNX(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if arguments.count % 2 == 0 { throw .wrongArity("msetnx") }
        for index in stride(from: 1, to: arguments.count, by: 2) {
            let hash = engine.keyspace.hash(arguments[index])
            if engine.lookUp(arguments[index], hash, client) != nil {
                return client.writer.integer(0)
            }
        }
        storePairs(engine, client, arguments)
        client.writer.integer(1)
    }

    private static func storePairs(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        for index in stride(from: 1, to: arguments.count, by: 2) {
            let key = arguments[index]
            engine.store(key, engine.keyspace.hash(key), arguments[index + 1], client)
            engine.changed(key, client)
            engine.notify(.string, "set", key, client)
        }
        engine.propagate(arguments, client)
    }
}
