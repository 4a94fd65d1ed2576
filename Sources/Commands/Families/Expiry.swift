// The time to live of keys.
//
//   EXPIRE PEXPIRE EXPIREAT PEXPIREAT [NX | XX | GT | LT] ──► stream: PEXPIREAT key ms [option]
//   a time that is past deletes the key                    ──► stream: DEL key
internal import Bytes
internal import RESP
internal import Store

/// The commands on expire times.
enum Expiry {
    static let table: [CommandSpec] = setting + asking

    private static let setting: [CommandSpec] = [
        settingRow(
            "expire", "1.0.0", "key seconds [NX | XX | GT | LT]",
            "Sets the expiration time of a key in seconds."
        ) { (engine, client, arguments) throws(ReplyError) in
            try set(engine, client, arguments, .seconds, "expire")
        },
        settingRow(
            "pexpire", "2.6.0", "key milliseconds [NX | XX | GT | LT]",
            "Sets the expiration time of a key in milliseconds."
        ) { (engine, client, arguments) throws(ReplyError) in
            try set(engine, client, arguments, .milliseconds, "pexpire")
        },
        settingRow(
            "expireat", "1.2.0", "key unix-time-seconds [NX | XX | GT | LT]",
            "Sets the expiration time of a key to a Unix timestamp."
        ) { (engine, client, arguments) throws(ReplyError) in
            try set(engine, client, arguments, .atSeconds, "expireat")
        },
        settingRow(
            "pexpireat", "2.6.0", "key unix-time-milliseconds [NX | XX | GT | LT]",
            "Sets the expiration time of a key to a Unix milliseconds timestamp."
        ) { (engine, client, arguments) throws(ReplyError) in
            try set(engine, client, arguments, .atMilliseconds, "pexpireat")
        },
        CommandSpec(
            name: "persist", since: "2.2.0", group: .generic, arity: 2, flags: [.write, .fast],
            categories: [.keyspace], keys: [.one([.readWrite, .update])], syntax: "key",
            summary: "Removes the expiration time of a key.", handler: persist),
    ]

    private static let asking: [CommandSpec] = [
        askingRow("ttl", "1.0.0", "Returns the expiration time in seconds of a key.") {
            answer($0, $1, $2, isRelative: true, isInSeconds: true)
        },
        askingRow("pttl", "2.6.0", "Returns the expiration time in milliseconds of a key.") {
            answer($0, $1, $2, isRelative: true, isInSeconds: false)
        },
        askingRow(
            "expiretime", "7.0.0", "Returns the expiration time of a key as a Unix timestamp."
        ) { answer($0, $1, $2, isRelative: false, isInSeconds: true) },
        askingRow(
            "pexpiretime", "7.0.0",
            "Returns the expiration time of a key as a Unix milliseconds timestamp."
        ) { answer($0, $1, $2, isRelative: false, isInSeconds: false) },
    ]

    private static func settingRow(
        _ name: StaticString, _ since: StaticString, _ syntax: StaticString,
        _ summary: StaticString, _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .generic, arity: -3, flags: [.write, .fast],
            categories: [.keyspace], keys: [.one([.readWrite, .update])], syntax: syntax,
            summary: summary, handler: handler)
    }

    private static func askingRow(
        _ name: StaticString, _ since: StaticString, _ summary: StaticString,
        _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .generic, arity: 2, flags: [.readOnly, .fast],
            categories: [.keyspace], keys: [.one([.readOnly, .access])], syntax: "key",
            summary: summary,
            tips: name.utf8CodeUnitCount <= 4 ? ["nondeterministic_output"] : [],
            handler: handler)
    }

    /// On which condition an expire time is set.
    private struct Condition {
        var ifNone = false
        var ifAny = false
        var ifLater = false
        var ifEarlier = false

        init(_ arguments: Arguments) throws(ReplyError) {
            for index in 3..<max(3, arguments.count) {
                let option = arguments[index]
                if option.equalsIgnoringCase("nx") {
                    ifNone = true
                } else if option.equalsIgnoringCase("xx") {
                    ifAny = true
                } else if option.equalsIgnoringCase("gt") {
                    ifLater = true
                } else if option.equalsIgnoringCase("lt") {
                    ifEarlier = true
                } else {
                    throw ReplyError(composed: "ERR Unsupported option \(option.string)")
                }
            }
            if ifNone && (ifAny || ifLater || ifEarlier) {
                throw ReplyError(
                    "ERR NX and XX, GT or LT options at the same time are not compatible")
            }
            if ifLater && ifEarlier {
                throw ReplyError("ERR GT and LT options at the same time are not compatible")
            }
        }

        func allows(_ time: Int64, current: Int64) -> Bool {
            let hasExpiry = current != Entry.never
            if ifNone && hasExpiry { return false }
            if ifAny && !hasExpiry { return false }
            // A key without expiry lives for ever: nothing is later, everything earlier.
            if ifLater && (!hasExpiry || time <= current) { return false }
            if ifEarlier && hasExpiry && time >= current { return false }
            return true
        }
    }

    private static func set(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ unit: SetOptions.Time, _ command: String
    ) throws(ReplyError) {
        let condition = try Condition(arguments)
        let time = try absolute(engine, arguments[2], unit, command)
        let key = arguments[1]
        let hash = engine.keyHash
        guard let entry = engine.lookUp(key, hash, client),
            condition.allows(time, current: entry.expiresAt)
        else { return client.writer.integer(0) }
        let database = engine.database(client)
        engine.changed(key, client)
        if engine.isPast(time, client) {
            database.remove(entry, hash)
            engine.propagate(engine.deletionName, key, database: client.databaseIndex)
            engine.notify(.generic, "del", key, client)
        } else {
            _ = database.setExpiry(entry, hash, expiresAt: max(0, time))
            propagate(engine, client, arguments, time: time, isCanonical: unit == .atMilliseconds)
            engine.notify(.generic, "expire", key, client)
        }
        client.writer.integer(1)
    }

    /// Unlike SET's, the time may be past or negative.
    private static func absolute(
        _ engine: CommandEngine, _ argument: ByteSlice, _ unit: SetOptions.Time,
        _ command: String
    ) throws(ReplyError) -> Int64 {
        var time = try engine.integer(argument)
        if unit.isInSeconds {
            let (product, overflowed) = time.multipliedReportingOverflow(by: 1_000)
            if overflowed { throw .invalidExpire(command) }
            time = product
        }
        if !unit.isAbsolute {
            let (sum, overflowed) = time.addingReportingOverflow(engine.now)
            if overflowed { throw .invalidExpire(command) }
            time = sum
        }
        return time
    }

    private static func propagate(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, time: Int64,
        isCanonical: Bool
    ) {
        if isCanonical { return engine.propagate(arguments, client) }
        guard engine.beginEffect(database: client.databaseIndex) else { return }
        RequestWriter.begin(arguments.count, into: &engine.effects)
        RequestWriter.argument("PEXPIREAT", into: &engine.effects)
        RequestWriter.argument(arguments[1], into: &engine.effects)
        RequestWriter.argument(time, into: &engine.effects)
        for index in 3..<max(3, arguments.count) {
            RequestWriter.argument(arguments[index], into: &engine.effects)
        }
    }

    private static func persist(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        guard let entry = engine.lookUp(arguments[1], engine.keyHash, client), entry.hasExpiry
        else { return client.writer.integer(0) }
        _ = engine.database(client).setExpiry(entry, engine.keyHash, expiresAt: Entry.never)
        engine.wrote(.generic, "persist", arguments, client)
        client.writer.integer(1)
    }

    private static func answer(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        isRelative: Bool, isInSeconds: Bool
    ) {
        guard let entry = engine.peek(arguments[1], engine.keyHash, client) else {
            return client.writer.integer(-2)
        }
        guard entry.hasExpiry else { return client.writer.integer(-1) }
        let time = isRelative ? max(0, entry.expiresAt - engine.now) : entry.expiresAt
        client.writer.integer(isInSeconds ? (time + 500) / 1_000 : time)
    }
}
