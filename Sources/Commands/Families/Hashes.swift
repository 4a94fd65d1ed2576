// Hashes: fields with values under one key. Reading all of them, walking and drawing are in
// Hashes+Walk, numbers in Hashes+Numbers.
internal import Bytes
internal import RESP
internal import Store

/// The commands on hashes.
enum Hashes {
    static let table: [CommandSpec] = writing + reading + numbers + walking

    private static let writing: [CommandSpec] = [
        CommandSpec(
            name: "hset", since: "2.0.0", group: .hash,
            complexity: """
                O(1) for each field/value pair added, so O(N) to add N field/value pairs when \
                the command is called with multiple field/value pairs.
                """,
            arity: -4, flags: [.write, .denyOutOfMemory, .fast], categories: [.hash],
            keys: [.one([.readWrite, .update])], syntax: "key field value [field value ...]",
            summary: "Creates or modifies the value of a field in a hash.",
            handler: { (engine, client, arguments) throws(ReplyError) in
                client.writer.integer(try set(engine, client, arguments, "hset"))
            }),
        CommandSpec(
            name: "hsetnx", since: "2.0.0", group: .hash, arity: 4,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.hash],
            keys: [.one([.readWrite, .insert])], syntax: "key field value",
            summary: "Sets the value of a field in a hash only when the field doesn't exist.",
            handler: setNX),
        CommandSpec(
            name: "hmset", since: "2.0.0", group: .hash,
            complexity: "O(N) where N is the number of fields being set.", arity: -4,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.hash],
            keys: [.one([.readWrite, .update])], syntax: "key field value [field value ...]",
            summary: "Sets the values of multiple fields.",
            replacedBy: ("4.0.0", "`HSET` with multiple field-value pairs"),
            handler: { (engine, client, arguments) throws(ReplyError) in
                _ = try set(engine, client, arguments, "hmset")
                client.writer.ok()
            }),
        CommandSpec(
            name: "hdel", since: "2.0.0", group: .hash,
            complexity: "O(N) where N is the number of fields to be removed.", arity: -3,
            flags: [.write, .fast], categories: [.hash],
            keys: [.one([.readWrite, .delete])], syntax: "key field [field ...]",
            summary: """
                Deletes one or more fields and their values from a hash. Deletes the hash if no \
                fields remain.
                """, handler: delete),
    ]

    private static let reading: [CommandSpec] = [
        CommandSpec(
            name: "hget", since: "2.0.0", group: .hash, arity: 3, flags: [.readOnly, .fast],
            categories: [.hash], keys: [.one([.readOnly, .access])], syntax: "key field",
            summary: "Returns the value of a field in a hash.", handler: get),
        CommandSpec(
            name: "hmget", since: "2.0.0", group: .hash,
            complexity: "O(N) where N is the number of fields being requested.", arity: -3,
            flags: [.readOnly, .fast], categories: [.hash],
            keys: [.one([.readOnly, .access])], syntax: "key field [field ...]",
            summary: "Returns the values of all fields in a hash.", handler: getSeveral),
        CommandSpec(
            name: "hlen", since: "2.0.0", group: .hash, arity: 2, flags: [.readOnly, .fast],
            categories: [.hash], keys: [.one([.readOnly])], syntax: "key",
            summary: "Returns the number of fields in a hash.",
            handler: { (engine, client, arguments) throws(ReplyError) in
                let entry = try find(engine, client, arguments)
                client.writer.integer(entry.map { HashView($0).count } ?? 0)
            }),
        CommandSpec(
            name: "hstrlen", since: "3.2.0", group: .hash, arity: 3, flags: [.readOnly, .fast],
            categories: [.hash], keys: [.one([.readOnly])], syntax: "key field",
            summary: "Returns the length of the value of a field.",
            handler: { (engine, client, arguments) throws(ReplyError) in
                let entry = try find(engine, client, arguments)
                let value = entry.flatMap { HashView($0).value(of: arguments[2]) }
                client.writer.integer(value?.count ?? 0)
            }),
        CommandSpec(
            name: "hexists", since: "2.0.0", group: .hash, arity: 3, flags: [.readOnly, .fast],
            categories: [.hash], keys: [.one([.readOnly])], syntax: "key field",
            summary: "Determines whether a field exists in a hash.",
            handler: { (engine, client, arguments) throws(ReplyError) in
                let entry = try find(engine, client, arguments)
                let value = entry.flatMap { HashView($0).value(of: arguments[2]) }
                client.writer.integer(value == nil ? 0 : 1)
            }),
    ]

    // MARK: Reading

    /// The hash that the first argument names, for a read.
    @inline(__always)
    static func find(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) -> Entry? {
        try engine.collectionForRead(arguments[1], engine.keyHash, .hash, client)
    }

    private static func get(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let entry = try find(engine, client, arguments),
            let value = HashView(entry).value(of: arguments[2])
        else { return client.writer.null() }
        client.writer.bulk(value)
    }

    private static func getSeveral(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let entry = try find(engine, client, arguments)
        client.writer.arrayHeader(arguments.count - 2)
        guard let entry else {
            for _ in 2..<arguments.count { client.writer.null() }
            return
        }
        let fields = HashView(entry)
        for index in 2..<arguments.count {
            if let value = fields.value(of: arguments[index]) {
                client.writer.bulk(value)
            } else {
                client.writer.null()
            }
        }
    }

    // MARK: Writing

    /// Sets all pairs; returns how many fields are new.
    @inline(__always)
    private static func set(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ name: StaticString
    ) throws(ReplyError) -> Int {
        guard arguments.count % 2 == 0 else { throw .wrongArity("\(name)") }
        let key = arguments[1]
        let hash = engine.keyHash
        let created: Int
        if let entry = try engine.collectionForWrite(key, hash, .hash, client) {
            created = update(engine, client, entry, arguments)
        } else {
            created = create(engine, client, arguments)
        }
        engine.changed(key, client, count: Int64((arguments.count - 2) / 2))
        engine.propagate(arguments, client)
        engine.notify(.hash, "hset", key, client)
        return created
    }

    /// Stores a new hash of all pairs from the second argument on; returns the number of fields.
    private static func create(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) -> Int {
        var builder = HashBuilder(
            limits: engine.settings.encoding, hasher: engine.keyspace.hasher,
            packed: &engine.packing)
        var index = 2
        while index < arguments.count {
            _ = builder.set(arguments[index], arguments[index + 1], packed: &engine.packing)
            index += 2
        }
        if let object = builder.finish(packed: &engine.packing) {
            engine.store(arguments[1], engine.keyHash, object: object, .hash, client)
        } else {
            engine.store(
                arguments[1], engine.keyHash, packed: engine.packing.readable, .hash, client)
        }
        return builder.count
    }

    /// Sets all pairs in a hash that exists; returns how many fields are new.
    private static func update(
        _ engine: CommandEngine, _ client: ClientState, _ entry: Entry, _ arguments: Arguments
    ) -> Int {
        var entry = entry
        var created = 0
        var index = 2
        while index < arguments.count {
            let isNew = set(
                engine, client, &entry, engine.keyHash, arguments[index], arguments[index + 1])
            if isNew { created += 1 }
            index += 2
        }
        return created
    }

    /// Sets one field of a hash, whose entry may move; says whether it is new. The texts must not
    /// lie in the hash.
    @inline(__always)
    static func set(
        _ engine: CommandEngine, _ client: ClientState, _ entry: inout Entry, _ hash: KeyHash,
        _ field: ByteSlice, _ value: ByteSlice
    ) -> Bool {
        guard let packed = entry.packed else {
            return setInObject(engine, client, entry, hash, field, value)
        }
        let longest = engine.settings.hashPackedValueBytesMax
        if field.count > longest || value.count > longest {
            entry = unpack(engine, client, entry, hash)
            return setInObject(engine, client, entry, hash, field, value)
        }
        let database = engine.database(client)
        engine.packing.removeAll()
        let needle = PackedNeedle(field)
        if let found = packed.find(needle, stride: 2) {
            let offset = packed.next(after: found)
            PackedEncoder.append(value, to: &engine.packing)
            entry = database.splice(
                entry, hash, at: offset, removing: packed.next(after: offset) - offset,
                inserting: engine.packing.readable, countChange: 0)
            return false
        }
        needle.append(to: &engine.packing)
        PackedEncoder.append(value, to: &engine.packing)
        let count = packed.count / 2 + 1
        entry = database.splice(
            entry, hash, at: packed.end, removing: 0, inserting: engine.packing.readable,
            countChange: 2)
        if count > engine.settings.hashPackedEntriesMax {
            entry = unpack(engine, client, entry, hash)
        }
        return true
    }

    @inline(never)
    private static func unpack(
        _ engine: CommandEngine, _ client: ClientState, _ entry: Entry, _ hash: KeyHash
    ) -> Entry {
        guard let packed = entry.packed else { return entry }
        let object = HashObject(packed, hasher: engine.keyspace.hasher)
        return engine.database(client).replace(entry, hash, object: object)
    }

    private static func setInObject(
        _ engine: CommandEngine, _ client: ClientState, _ entry: Entry, _ hash: KeyHash,
        _ field: ByteSlice, _ value: ByteSlice
    ) -> Bool {
        guard let object = entry.object(as: HashObject.self) else {
            preconditionFailure("a hash is packed or an object")
        }
        let database = engine.database(client)
        database.willModify(entry, hash)
        let before = object.memoryUsage
        let isNew = !object.set(field, value)
        database.noteMemoryChange(object.memoryUsage - before)
        return isNew
    }

    private static func setNX(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let entry = try engine.collectionForWrite(
            arguments[1], engine.keyHash, .hash, client)
        if let entry, HashView(entry).value(of: arguments[2]) != nil {
            return client.writer.integer(0)
        }
        store(engine, client, entry, arguments[1], arguments[2], arguments[3])
        engine.wrote(.hash, "hset", arguments, client)
        client.writer.integer(1)
    }

    /// Sets one field of the hash of the running command's key, which may not exist yet.
    static func store(
        _ engine: CommandEngine, _ client: ClientState, _ entry: Entry?, _ key: ByteSlice,
        _ field: ByteSlice, _ value: ByteSlice
    ) {
        if var entry {
            _ = set(engine, client, &entry, engine.keyHash, field, value)
            return
        }
        var builder = HashBuilder(
            limits: engine.settings.encoding, hasher: engine.keyspace.hasher,
            packed: &engine.packing)
        _ = builder.set(field, value, packed: &engine.packing)
        if let object = builder.finish(packed: &engine.packing) {
            engine.store(key, engine.keyHash, object: object, .hash, client)
        } else {
            engine.store(key, engine.keyHash, packed: engine.packing.readable, .hash, client)
        }
    }

    // MARK: Deleting

    private static func delete(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let key = arguments[1]
        let hash = engine.keyHash
        guard var entry = try engine.collectionForWrite(key, hash, .hash, client) else {
            return client.writer.integer(0)
        }
        var deleted = 0
        var isKeyRemoved = false
        var index = 2
        while index < arguments.count && !isKeyRemoved {
            if remove(engine, client, &entry, hash, arguments[index]) {
                deleted += 1
                isKeyRemoved = engine.removeIfEmpty(entry, hash, client)
            }
            index += 1
        }
        if deleted > 0 {
            engine.changed(key, client, count: Int64(deleted))
            engine.propagate(arguments, client)
            engine.notify(.hash, "hdel", key, client)
            if isKeyRemoved { engine.notify(.generic, "del", key, client) }
        }
        client.writer.integer(deleted)
    }

    /// Removes one field, of which the entry may move; says whether it was there.
    private static func remove(
        _ engine: CommandEngine, _ client: ClientState, _ entry: inout Entry, _ hash: KeyHash,
        _ field: ByteSlice
    ) -> Bool {
        let database = engine.database(client)
        if let packed = entry.packed {
            guard let offset = packed.find(field, stride: 2) else { return false }
            let end = packed.next(after: packed.next(after: offset))
            entry = database.splice(
                entry, hash, at: offset, removing: end - offset, inserting: ByteSlice(),
                countChange: -2)
            return true
        }
        guard let object = entry.object(as: HashObject.self), object.value(of: field) != nil
        else { return false }
        database.willModify(entry, hash)
        let before = object.memoryUsage
        _ = object.remove(field)
        database.noteMemoryChange(object.memoryUsage - before)
        return true
    }
}
