// Keys whatever their type: deleting, naming, counting. Walking them is in Keys+Walk.
internal import Bytes
internal import RESP
internal import Store

/// The commands on keys of any type.
enum Keys {
    static let table: [CommandSpec] = single + naming + walking + object

    private static let single: [CommandSpec] = [
        CommandSpec(
            name: "del", since: "1.0.0", group: .generic,
            complexity: """
                O(N) where N is the number of keys that will be removed. When a key to remove \
                holds a value other than a string, the individual complexity for this key is \
                O(M) where M is the number of elements in the list, set, sorted set or hash. \
                Removing a single key that holds a string value is O(1).
                """,
            arity: -2, flags: [.write], categories: [.keyspace],
            keys: [.range(first: 1, last: -1, step: 1, [.remove, .delete])],
            syntax: "key [key ...]", summary: "Deletes one or more keys.",
            tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
            handler: { engine, client, arguments in
                delete(engine, client, arguments, .deletion)
            }),
        CommandSpec(
            name: "unlink", since: "4.0.0", group: .generic,
            complexity: """
                O(1) for each key removed regardless of its size. Then the command does O(N) \
                work in a different thread in order to reclaim memory, where N is the number of \
                allocations the deleted objects where composed of.
                """,
            arity: -2, flags: [.write, .fast], categories: [.keyspace],
            keys: [.range(first: 1, last: -1, step: 1, [.remove, .delete])],
            syntax: "key [key ...]", summary: "Asynchronously deletes one or more keys.",
            tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
            handler: { engine, client, arguments in
                delete(engine, client, arguments, .elsewhere)
            }),
        CommandSpec(
            name: "exists", since: "1.0.0", group: .generic,
            complexity: "O(N) where N is the number of keys to check.", arity: -2,
            flags: [.readOnly, .fast], categories: [.keyspace],
            keys: [.range(first: 1, last: -1, step: 1, [.readOnly])],
            syntax: "key [key ...]", summary: "Determines whether one or more keys exist.",
            tips: ["request_policy:multi_shard", "response_policy:agg_sum"], handler: exists),
        CommandSpec(
            name: "touch", since: "3.2.1", group: .generic,
            complexity: "O(N) where N is the number of keys that will be touched.", arity: -2,
            flags: [.readOnly, .fast], categories: [.keyspace],
            keys: [.range(first: 1, last: -1, step: 1, [.readOnly])],
            syntax: "key [key ...]",
            summary: """
                Returns the number of existing keys out of those specified after updating the \
                time they were last accessed.
                """,
            tips: ["request_policy:multi_shard", "response_policy:agg_sum"], handler: touch),
        CommandSpec(
            name: "type", since: "1.0.0", group: .generic, arity: 2, flags: [.readOnly, .fast],
            categories: [.keyspace], keys: [.one([.readOnly])], syntax: "key",
            summary: "Determines the type of value stored at a key.", handler: type),
    ]

    private static let naming: [CommandSpec] = [
        CommandSpec(
            name: "rename", since: "1.0.0", group: .generic, arity: 3, flags: [.write],
            categories: [.keyspace],
            keys: [
                .one([.readWrite, .access, .delete]),
                .range(first: 2, last: 2, step: 1, [.overwrite, .update]),
            ], syntax: "key newkey",
            summary: "Renames a key and overwrites the destination.", handler: rename),
        CommandSpec(
            name: "renamenx", since: "1.0.0", group: .generic, arity: 3, flags: [.write, .fast],
            categories: [.keyspace],
            keys: [
                .one([.readWrite, .access, .delete]),
                .range(first: 2, last: 2, step: 1, [.overwrite, .insert]),
            ], syntax: "key newkey",
            summary: "Renames a key only when the target key name doesn't exist.",
            handler: renameNX),
        CommandSpec(
            name: "copy", since: "6.2.0", group: .generic,
            complexity: """
                O(N) worst case for collections, where N is the number of nested items. O(1) \
                for string values.
                """,
            arity: -3, flags: [.write, .denyOutOfMemory], categories: [.keyspace],
            keys: [
                .one([.readOnly, .access]),
                .range(first: 2, last: 2, step: 1, [.overwrite, .update]),
            ], syntax: "source destination [DB destination-db] [REPLACE]",
            summary: "Copies the value of a key to a new key.", handler: copy),
        CommandSpec(
            name: "move", since: "1.0.0", group: .generic, arity: 3, flags: [.write, .fast],
            categories: [.keyspace], keys: [.one([.readWrite, .access, .update])],
            syntax: "key db", summary: "Moves a key to another database.", handler: move),
    ]

    // MARK: Single keys

    private static func delete(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ occasion: LazyFreeing.Occasion
    ) {
        var removed = 0
        for index in 1..<arguments.count {
            let key = arguments[index]
            let hash = index == 1 ? engine.keyHash : engine.keyspace.hash(key)
            guard let entry = engine.lookUp(key, hash, client) else { continue }
            engine.database(client).remove(entry, hash, occasion)
            engine.changed(key, client)
            engine.notify(.generic, "del", key, client)
            removed += 1
        }
        if removed > 0 { engine.propagate(arguments, client) }
        client.writer.integer(removed)
    }

    private static func exists(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        count(engine, client, arguments) { _ in }
    }

    private static func touch(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        // It touches on behalf of clients that do not (CLIENT NO-TOUCH), too.
        count(engine, client, arguments) { engine.touch($0) }
    }

    private static func count(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ body: (Entry) -> Void
    ) {
        var found = 0
        for index in 1..<arguments.count {
            let key = arguments[index]
            let hash = index == 1 ? engine.keyHash : engine.keyspace.hash(key)
            if let entry = engine.readUntouched(key, hash, client) {
                found += 1
                body(entry)
            }
        }
        client.writer.integer(found)
    }

    private static func type(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        guard let entry = engine.peek(arguments[1], engine.keyHash, client) else {
            return client.writer.simpleString("none")
        }
        if let module = entry.object as? ModuleValue {
            return client.writer.simpleString(composed: module.typeName)
        }
        client.writer.simpleString(entry.type.name)
    }

    // MARK: Names

    private static func rename(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if try rename(engine, client, arguments, overwriting: true) { client.writer.ok() }
    }

    private static func renameNX(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let isRenamed = try rename(engine, client, arguments, overwriting: false)
        client.writer.integer(isRenamed ? 1 : 0)
    }

    /// Whether the key has the new name now; false only when it exists and is not overwritten.
    private static func rename(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        overwriting: Bool
    ) throws(ReplyError) -> Bool {
        let source = arguments[1]
        let target = arguments[2]
        let hash = engine.keyHash
        guard engine.lookUp(source, hash, client) != nil else { throw .noSuchKey }
        if source == target { return overwriting }
        let newHash = engine.keyspace.hash(target)
        if engine.lookUp(target, newHash, client) != nil && !overwriting { return false }
        let database = engine.database(client)
        // Looking the target up may have removed it, which ends the life of earlier entries.
        guard let entry = database.find(source, hash) else { throw .noSuchKey }
        _ = database.move(entry, hash, to: database, key: target, newHash)
        engine.changed(source, client)
        engine.changed(target, client, count: 0)
        engine.propagate(arguments, client)
        engine.notify(.generic, "rename_from", source, client)
        engine.notify(.generic, "rename_to", target, client)
        return true
    }

    private static func copy(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var target = client.databaseIndex
        var replaces = false
        var index = 3
        while index < arguments.count {
            if arguments[index].equalsIgnoringCase("replace") {
                replaces = true
            } else if arguments[index].equalsIgnoringCase("db"), index + 1 < arguments.count {
                index += 1
                target = try databaseIndex(engine, arguments[index])
            } else {
                throw .syntax
            }
            index += 1
        }
        let source = arguments[1]
        let key = arguments[2]
        let hash = engine.keyHash
        if source == key && target == client.databaseIndex { throw .sameObject }
        guard engine.read(source, hash, client) != nil else { return client.writer.integer(0) }
        let newHash = engine.keyspace.hash(key)
        if engine.lookUp(key, newHash, client, database: target) != nil && !replaces {
            return client.writer.integer(0)
        }
        guard let entry = engine.database(client).find(source, hash) else {
            return client.writer.integer(0)
        }
        _ = engine.database(client).copy(
            entry, to: engine.keyspace.database(target), key: key, newHash)
        engine.changed(key, database: target)
        engine.propagate(arguments, client)
        engine.notify(.generic, "copy_to", key, database: target)
        client.writer.integer(1)
    }

    private static func move(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let target = try databaseIndex(engine, arguments[2])
        if target == client.databaseIndex { throw .sameObject }
        let key = arguments[1]
        let hash = engine.keyHash
        guard let entry = engine.lookUp(key, hash, client) else {
            return client.writer.integer(0)
        }
        if engine.lookUp(key, hash, client, database: target) != nil {
            return client.writer.integer(0)
        }
        _ = engine.database(client).move(
            entry, hash, to: engine.keyspace.database(target), key: key, hash)
        engine.changed(key, client)
        engine.changed(key, database: target)
        engine.propagate(arguments, client)
        engine.notify(.generic, "move_from", key, client)
        engine.notify(.generic, "move_to", key, database: target)
        client.writer.integer(1)
    }

    /// The argument as number of an existing database.
    static func databaseIndex(
        _ engine: CommandEngine, _ argument: ByteSlice
    ) throws(ReplyError) -> Int {
        let index = try engine.integer(argument)
        guard index >= Int64(Int32.min) && index <= Int64(Int32.max) else {
            throw ReplyError(
                "ERR value is out of range, value must between -2147483648 and 2147483647")
        }
        guard index >= 0 && index < Int64(engine.keyspace.databaseCount) else {
            throw .databaseOutOfRange
        }
        return Int(index)
    }
}
