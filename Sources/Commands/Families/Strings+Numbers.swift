// Strings as numbers: counters.
internal import Bytes
internal import RESP
internal import Store

extension Strings {
    static let numbers: [CommandSpec] = [
        CommandSpec(
            name: "incr", since: "1.0.0", group: .string, arity: 2,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.string],
            keys: [.one([.readWrite, .access, .update])], syntax: "key",
            summary: """
                Increments the integer value of a key by one. Uses 0 as initial value if the \
                key doesn't exist.
                """, handler: incr),
        CommandSpec(
            name: "decr", since: "1.0.0", group: .string, arity: 2,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.string],
            keys: [.one([.readWrite, .access, .update])], syntax: "key",
            summary: """
                Decrements the integer value of a key by one. Uses 0 as initial value if the \
                key doesn't exist.
                """, handler: decr),
        CommandSpec(
            name: "incrby", since: "1.0.0", group: .string, arity: 3,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.string],
            keys: [.one([.readWrite, .access, .update])], syntax: "key increment",
            summary: """
                Increments the integer value of a key by a number. Uses 0 as initial value if \
                the key doesn't exist.
                """, handler: incrBy),
        CommandSpec(
            name: "decrby", since: "1.0.0", group: .string, arity: 3,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.string],
            keys: [.one([.readWrite, .access, .update])], syntax: "key decrement",
            summary: """
                Decrements a number from the integer value of a key. Uses 0 as initial value if \
                the key doesn't exist.
                """, handler: decrBy),
        CommandSpec(
            name: "incrbyfloat", since: "2.6.0", group: .string, arity: 3,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.string],
            keys: [.one([.readWrite, .access, .update])], syntax: "key increment",
            summary: """
                Increment the floating point value of a key by a number. Uses 0 as initial \
                value if the key doesn't exist.
                """, handler: incrByFloat),
    ]

    private static func incr(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try add(1, engine, client, arguments)
    }

    private static func decr(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try add(-1, engine, client, arguments)
    }

    private static func incrBy(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try add(engine.integer(arguments[2]), engine, client, arguments)
    }

    private static func decrBy(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let amount = try engine.integer(arguments[2])
        let (opposite, overflowed) = Int64(0).subtractingReportingOverflow(amount)
        if overflowed { throw .decrementOverflow }
        try add(opposite, engine, client, arguments)
    }

    private static func add(
        _ amount: Int64, _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let key = arguments[1]
        let hash = engine.keyHash
        let found = try engine.stringForWrite(key, hash, client)
        var value: Int64 = 0
        if let found {
            switch found.stringValue {
            case .integer(let number): value = number
            case .bytes(let bytes): value = try engine.integer(bytes)
            }
        }
        let (sum, overflowed) = value.addingReportingOverflow(amount)
        if overflowed { throw .overflow }
        if let found {
            _ = engine.database(client).replace(found, hash, integer: sum)
        } else {
            engine.notify(.newKey, "new", key, client)
            engine.database(client).set(key, hash, integer: sum)
        }
        engine.wrote(.string, "incrby", arguments, client)
        client.writer.integer(sum)
    }

    private static func incrByFloat(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let key = arguments[1]
        let hash = engine.keyHash
        let entry = try engine.stringForWrite(key, hash, client)
        let old = entry.map { ExtendedNumber(engine.text(of: $0)) }
        let start = old ?? ExtendedNumber(ByteSlice("0"))
        guard let start, let amount = ExtendedNumber(arguments[2]) else { throw .notFloat }
        guard let sum = start.adding(amount) else { throw .floatOverflow }
        var text = ByteBuffer()
        sum.append(to: &text)
        let value = text.readable
        engine.store(key, hash, value, client, keepingExpiry: true)
        engine.changed(key, client)
        if engine.beginEffect(database: client.databaseIndex) {
            RequestWriter.begin(4, into: &engine.effects)
            RequestWriter.argument("SET", into: &engine.effects)
            RequestWriter.argument(key, into: &engine.effects)
            RequestWriter.argument(value, into: &engine.effects)
            RequestWriter.argument("KEEPTTL", into: &engine.effects)
        }
        engine.notify(.string, "incrbyfloat", key, client)
        client.writer.bulk(value)
    }
}
