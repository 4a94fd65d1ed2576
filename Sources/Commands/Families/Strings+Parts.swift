// Parts of strings: ranges, appending, lengths.
internal import Bytes
internal import RESP
internal import Store

extension Strings {
    static let parts: [CommandSpec] = [
        CommandSpec(
            name: "append", since: "2.0.0", group: .string, arity: 3,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.string],
            keys: [.one([.readWrite, .insert])], syntax: "key value",
            summary: """
                Appends a string to the value of a key. Creates the key if it doesn't exist.
                """, handler: append),
        CommandSpec(
            name: "strlen", since: "2.2.0", group: .string, arity: 2,
            flags: [.readOnly, .fast], categories: [.string], keys: [.one([.readOnly])],
            syntax: "key", summary: "Returns the length of a string value.", handler: strlen),
        CommandSpec(
            name: "getrange", since: "2.4.0", group: .string,
            complexity: "O(N) where N is the length of the returned string.", arity: 4,
            flags: [.readOnly], categories: [.string], keys: [.one([.readOnly, .access])],
            syntax: "key start end",
            summary: "Returns a substring of the string stored at a key.", handler: getRange),
        CommandSpec(
            name: "substr", since: "1.0.0", group: .string,
            complexity: "O(N) where N is the length of the returned string.", arity: 4,
            flags: [.readOnly], categories: [.string], keys: [.one([.readOnly, .access])],
            syntax: "key start end", summary: "Returns a substring from a string value.",
            replacedBy: ("2.0.0", "`GETRANGE`"), handler: getRange),
        CommandSpec(
            name: "setrange", since: "2.2.0", group: .string,
            complexity: "O(1), not counting the time taken to copy the new string in place.",
            arity: 4, flags: [.write, .denyOutOfMemory], categories: [.string],
            keys: [.one([.readWrite, .update])], syntax: "key offset value",
            summary: """
                Overwrites a part of a string value with another by an offset. Creates the key \
                if it doesn't exist.
                """, handler: setRange),
        CommandSpec(
            name: "lcs", since: "7.0.0", group: .string,
            complexity: "O(N*M) where N and M are the lengths of s1 and s2, respectively",
            arity: -3, flags: [.readOnly], categories: [.string],
            keys: [.range(first: 1, last: 2, step: 1, [.readOnly, .access])],
            syntax: "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
            summary: "Finds the longest common substring.", handler: lcs),
    ]

    private static func append(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let key = arguments[1]
        let hash = engine.keyHash
        let count: Int
        if let entry = try engine.stringForWrite(key, hash, client) {
            try engine.checkStringLength(
                engine.textCount(of: entry) + arguments[2].count, client)
            count = engine.textCount(
                of: engine.database(client).append(entry, hash, arguments[2]))
        } else {
            engine.store(key, hash, arguments[2], client)
            count = arguments[2].count
        }
        engine.wrote(.string, "append", arguments, client)
        client.writer.integer(count)
    }

    private static func strlen(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let entry = try engine.stringForRead(arguments[1], engine.keyHash, client)
        client.writer.integer(entry.map(engine.textCount(of:)) ?? 0)
    }

    private static func getRange(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var first = try engine.integer(arguments[2])
        var last = try engine.integer(arguments[3])
        guard let entry = try engine.stringForRead(arguments[1], engine.keyHash, client) else {
            return client.writer.bulk(ByteSlice())
        }
        let text = engine.text(of: entry)
        let count = Int64(text.count)
        if first < 0 && last < 0 && first > last { return client.writer.bulk(ByteSlice()) }
        if first < 0 { first = max(0, first.addingClamped(count)) }
        if last < 0 { last = max(0, last.addingClamped(count)) }
        last = min(last, count - 1)
        if first > last || count == 0 { return client.writer.bulk(ByteSlice()) }
        let range = Int(first)...Int(last)
        client.writer.bulk(text.slice(from: range.lowerBound, count: range.count))
    }

    private static func setRange(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let offset = try engine.integer(arguments[2])
        if offset < 0 { throw .offsetOutOfRange }
        let key = arguments[1]
        let value = arguments[3]
        let hash = engine.keyHash
        if value.isEmpty {
            let found = try engine.stringForWrite(key, hash, client)
            return client.writer.integer(found.map(engine.textCount(of:)) ?? 0)
        }
        if engine.lookUp(key, hash, client).map({ $0.type != .string }) == true {
            throw .wrongType
        }
        let (end, overflowed) = Int(offset).addingReportingOverflow(value.count)
        if overflowed { throw .stringTooLong }
        try engine.checkStringLength(end, client)
        let entry = try engine.stringToEdit(key, hash, client).entry
        let changed = engine.database(client).setRange(entry, hash, offset: Int(offset), value)
        let count = engine.textCount(of: changed)
        engine.wrote(.string, "setrange", arguments, client)
        client.writer.integer(count)
    }
}
