// Numbers in hashes: HINCRBY and HINCRBYFLOAT.
internal import Bytes
internal import RESP
internal import Store

extension Hashes {
    static let numbers: [CommandSpec] = [
        CommandSpec(
            name: "hincrby", since: "2.0.0", group: .hash, arity: 4,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.hash],
            keys: [.one([.readWrite, .access, .update])], syntax: "key field increment",
            summary: """
                Increments the integer value of a field in a hash by a number. Uses 0 as \
                initial value if the field doesn't exist.
                """, handler: increment),
        CommandSpec(
            name: "hincrbyfloat", since: "2.6.0", group: .hash, arity: 4,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.hash],
            keys: [.one([.readWrite, .access, .update])], syntax: "key field increment",
            summary: """
                Increments the floating point value of a field by a number. Uses 0 as initial \
                value if the field doesn't exist.
                """, handler: incrementFloat),
    ]

    private static func increment(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let amount = try engine.integer(arguments[3])
        let entry = try engine.collectionForWrite(
            arguments[1], engine.keyHash, .hash, client)
        var value: Int64 = 0
        if let found = entry.flatMap({ HashView($0).value(of: arguments[2]) }) {
            switch found {
            case .integer(let number): value = number
            case .bytes(let text):
                guard let number = Numbers.integer(text) else {
                    throw ReplyError("ERR hash value is not an integer")
                }
                value = number
            case .sevenBits: throw ReplyError("ERR hash value is not an integer")
            }
        }
        let (sum, overflowed) = value.addingReportingOverflow(amount)
        if overflowed { throw .overflow }
        engine.numberText.removeAll()
        engine.numberText.append(decimal: sum)
        store(
            engine, client, entry, arguments[1], arguments[2], engine.numberText.readable)
        engine.wrote(.hash, "hincrby", arguments, client)
        client.writer.integer(sum)
    }

    private static func incrementFloat(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let amount = ExtendedNumber(arguments[3]) else { throw .notFloat }
        if !amount.isFinite { throw ReplyError("ERR value is NaN or Infinity") }
        let entry = try engine.collectionForWrite(
            arguments[1], engine.keyHash, .hash, client)
        engine.numberText.removeAll()
        if let found = entry.flatMap({ HashView($0).value(of: arguments[2]) }) {
            found.append(to: &engine.numberText)
        } else {
            engine.numberText.append("0")
        }
        guard let old = ExtendedNumber(engine.numberText.readable) else {
            throw ReplyError("ERR hash value is not a float")
        }
        guard let sum = old.adding(amount) else { throw .floatOverflow }
        engine.numberText.removeAll()
        sum.append(to: &engine.numberText)
        let text = engine.numberText.readable
        store(engine, client, entry, arguments[1], arguments[2], text)
        engine.changed(arguments[1], client)
        // A replica must not compute: its floating point may differ.
        if engine.beginEffect(database: client.databaseIndex) {
            RequestWriter.begin(4, into: &engine.effects)
            RequestWriter.argument("HSET", into: &engine.effects)
            RequestWriter.argument(arguments[1], into: &engine.effects)
            RequestWriter.argument(arguments[2], into: &engine.effects)
            RequestWriter.argument(text, into: &engine.effects)
        }
        engine.notify(.hash, "hincrbyfloat", arguments[1], client)
        client.writer.bulk(text)
    }
}
