// BITOP: several strings combined bit by bit into one. Shorter ones count as followed by zeros.
internal import Bytes
internal import RESP
internal import Store

extension Bitmaps {
    static let combination: [CommandSpec] = [
        CommandSpec(
            name: "bitop", since: "2.6.0", group: .bitmap, complexity: "O(N)", arity: -4,
            flags: [.write, .denyOutOfMemory], categories: [.bitmap],
            keys: [
                .range(first: 2, last: 2, step: 1, [.overwrite, .update]),
                .range(first: 3, last: -1, step: 1, [.readOnly, .access]),
            ], syntax: "<AND | OR | XOR | NOT> destkey key [key ...]",
            summary: """
                Performs bitwise operations on multiple strings, and stores the result.
                """, handler: combine)
    ]

    private enum Operation {
        case and, or, xor, not

        init?(_ name: ByteSlice) {
            if name.equalsIgnoringCase("and") {
                self = .and
            } else if name.equalsIgnoringCase("or") {
                self = .or
            } else if name.equalsIgnoringCase("xor") {
                self = .xor
            } else if name.equalsIgnoringCase("not") {
                self = .not
            } else {
                return nil
            }
        }
    }

    private static func combine(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let operation = Operation(arguments[1]) else { throw .syntax }
        if operation == .not && arguments.count != 4 {
            throw ReplyError("ERR BITOP NOT must be called with a single source key.")
        }
        var result = ByteBuffer()
        for index in 3..<arguments.count {
            let key = arguments[index]
            let found = try engine.stringForRead(key, engine.keyspace.hash(key), client)
            let bytes = found.map(engine.text(of:)) ?? ByteSlice()
            if index == 3 {
                result.append(bytes)
                continue
            }
            switch operation {
            case .and: result.and(bytes)
            case .or: result.or(bytes)
            case .xor: result.xor(bytes)
            case .not: break
            }
        }
        if operation == .not { result.invert() }
        let target = arguments[2]
        let hash = engine.keyspace.hash(target)
        if !result.isEmpty {
            engine.storeBytes(target, hash, result.readable, client)
            engine.changed(target, client)
            engine.propagate(arguments, client)
            engine.notify(.string, "set", target, client)
        } else if engine.lookUp(target, hash, client) != nil {
            _ = engine.database(client).remove(target, hash)
            engine.changed(target, client)
            engine.propagate(arguments, client)
            engine.notify(.generic, "del", target, client)
        }
        client.writer.integer(result.count)
    }
}
