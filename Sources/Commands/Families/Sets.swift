// Sets: the rows, and the commands on single members. Picking members at random is in Sets+Random,
// combining sets in Sets+Combining.
internal import Bytes
internal import RESP
internal import Store

/// The commands on sets.
enum Sets {
    static let table: [CommandSpec] = changing + asking + random + combining + storing

    private static let changing: [CommandSpec] = [
        CommandSpec(
            name: "sadd", since: "1.0.0", group: .set,
            complexity: """
                O(1) for each element added, so O(N) to add N elements when the command is \
                called with multiple arguments.
                """,
            arity: -3, flags: [.write, .denyOutOfMemory, .fast], categories: [.set],
            keys: [.one([.readWrite, .insert])], syntax: "key member [member ...]",
            summary: """
                Adds one or more members to a set. Creates the key if it doesn't exist.
                """, handler: add),
        CommandSpec(
            name: "srem", since: "1.0.0", group: .set,
            complexity: "O(N) where N is the number of members to be removed.", arity: -3,
            flags: [.write, .fast], categories: [.set], keys: [.one([.readWrite, .delete])],
            syntax: "key member [member ...]",
            summary: """
                Removes one or more members from a set. Deletes the set if the last member was \
                removed.
                """, handler: remove),
        CommandSpec(
            name: "smove", since: "1.0.0", group: .set, arity: 4, flags: [.write, .fast],
            categories: [.set],
            keys: [
                .one([.readWrite, .access, .delete]),
                .range(first: 2, last: 2, step: 1, [.readWrite, .insert]),
            ], syntax: "source destination member",
            summary: "Moves a member from one set to another.", handler: move),
    ]

    private static let asking: [CommandSpec] = [
        CommandSpec(
            name: "sismember", since: "1.0.0", group: .set, arity: 3, flags: [.readOnly, .fast],
            categories: [.set], keys: [.one([.readOnly])], syntax: "key member",
            summary: "Determines whether a member belongs to a set.", handler: isMember),
        CommandSpec(
            name: "smismember", since: "6.2.0", group: .set,
            complexity: "O(N) where N is the number of elements being checked for membership",
            arity: -3, flags: [.readOnly, .fast], categories: [.set],
            keys: [.one([.readOnly, .access])], syntax: "key member [member ...]",
            summary: "Determines whether multiple members belong to a set.",
            handler: areMembers),
        CommandSpec(
            name: "scard", since: "1.0.0", group: .set, arity: 2, flags: [.readOnly, .fast],
            categories: [.set], keys: [.one([.readOnly])], syntax: "key",
            summary: "Returns the number of members in a set.", handler: count),
        CommandSpec(
            name: "smembers", since: "1.0.0", group: .set,
            complexity: "O(N) where N is the set cardinality.", arity: 2, flags: [.readOnly],
            categories: [.set], keys: [.one([.readOnly, .access])], syntax: "key",
            summary: "Returns all members of a set.",
            tips: ["nondeterministic_output_order"], handler: members),
        CommandSpec(
            name: "sscan", since: "2.8.0", group: .set,
            complexity: """
                O(1) for every call. O(N) for a complete iteration, including enough command \
                calls for the cursor to return back to 0. N is the number of elements inside \
                the collection.
                """,
            arity: -3, flags: [.readOnly], categories: [.set],
            keys: [.one([.readOnly, .access])],
            syntax: "key cursor [MATCH pattern] [COUNT count]",
            summary: "Iterates over members of a set.", tips: ["nondeterministic_output"],
            handler: scan),
    ]

    // MARK: Changing

    private static func add(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let key = arguments[1]
        let hash = engine.keyHash
        let found = try engine.collectionForWrite(key, hash, .set, client)
        let added: Int
        if let found {
            added = engine.addMembers(arguments, from: 2, to: found, hash, client)
        } else {
            added = engine.createSet(arguments, from: 2, key, hash, client)
        }
        if added > 0 {
            engine.changed(key, client, count: Int64(added))
            engine.propagate(arguments, client)
            engine.notify(.set, "sadd", key, client)
        }
        client.writer.integer(added)
    }

    private static func remove(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let key = arguments[1]
        let hash = engine.keyHash
        guard var entry = try engine.collectionForWrite(key, hash, .set, client) else {
            return client.writer.integer(0)
        }
        let database = engine.database(client)
        var removed = 0
        var isGone = false
        for index in 2..<arguments.count {
            let change = database.removeMember(entry, hash, arguments[index])
            entry = change.entry
            guard change.isChanged else { continue }
            removed += 1
            if change.count == 0 {
                database.remove(entry, hash, .overwrite)
                isGone = true
                break
            }
        }
        if removed > 0 {
            engine.changed(key, client, count: Int64(removed))
            engine.propagate(arguments, client)
            engine.notify(.set, "srem", key, client)
            if isGone { engine.notify(.generic, "del", key, client) }
        }
        client.writer.integer(removed)
    }

    private static func move(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let source = arguments[1]
        let target = arguments[2]
        let member = arguments[3]
        let hash = engine.keyHash
        let targetHash = engine.keyspace.hash(target)
        let database = engine.database(client)
        let hasSource = engine.lookUp(source, hash, client) != nil
        let targetEntry = engine.lookUp(target, targetHash, client)
        // Looking the target up may have removed it: only now are both entries known.
        guard hasSource, let entry = database.find(source, hash) else {
            return client.writer.integer(0)
        }
        if entry.type != .set { throw .wrongType }
        if let targetEntry, targetEntry.type != .set { throw .wrongType }
        if source == target {
            return client.writer.integer(SetView(entry).contains(member) ? 1 : 0)
        }
        let change = database.removeMember(entry, hash, member)
        guard change.isChanged else { return client.writer.integer(0) }
        engine.notify(.set, "srem", source, client)
        if change.count == 0 {
            database.remove(change.entry, hash, .overwrite)
            engine.notify(.generic, "del", source, client)
        }
        engine.changed(source, client)
        let added: Int
        if let entry = database.find(target, targetHash) {
            added = engine.addMembers(arguments, from: 3, to: entry, targetHash, client)
        } else {
            added = engine.createSet(arguments, from: 3, target, targetHash, client)
        }
        if added > 0 {
            engine.changed(target, client)
            engine.notify(.set, "sadd", target, client)
        }
        engine.propagate(arguments, client)
        client.writer.integer(1)
    }

    // MARK: Asking

    private static func isMember(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let entry = try engine.collectionForRead(arguments[1], engine.keyHash, .set, client)
        else {
            return client.writer.integer(0)
        }
        client.writer.integer(SetView(entry).contains(arguments[2]) ? 1 : 0)
    }

    private static func areMembers(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let entry = try engine.collectionForRead(arguments[1], engine.keyHash, .set, client)
        let view = entry.map { SetView($0) }
        client.writer.arrayHeader(arguments.count - 2)
        for index in 2..<arguments.count {
            client.writer.integer(view?.contains(arguments[index]) == true ? 1 : 0)
        }
    }

    private static func count(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let entry = try engine.collectionForRead(arguments[1], engine.keyHash, .set, client)
        else {
            return client.writer.integer(0)
        }
        client.writer.integer(SetView(entry).count)
    }

    private static func members(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let entry = try engine.collectionForRead(arguments[1], engine.keyHash, .set, client)
        else {
            return client.writer.setHeader(0)
        }
        let view = SetView(entry)
        client.writer.setHeader(view.count)
        view.forEach { client.writer.bulk($0) }
    }

    private static func scan(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let cursor = try ScanOptions.cursor(arguments[2])
        guard let entry = try engine.collectionForRead(arguments[1], engine.keyHash, .set, client)
        else {
            client.writer.arrayHeader(2)
            client.writer.bulk("0")
            return client.writer.arrayHeader(0)
        }
        let options = try ScanOptions(arguments, from: 3)
        var found = ByteBuffer()
        var foundCount = 0
        var text = ByteBuffer()
        func take(_ member: PackedElement) {
            member.withText(&text) { member in
                guard options.matches(member) else { return }
                found.appendBulkString(member)
                foundCount += 1
            }
        }
        var next: UInt64 = 0
        if let object = entry.object(as: SetObject.self) {
            next = object.scan(cursor: cursor, count: options.count) { take(.bytes($0.member)) }
        } else {
            // A packed set comes as a whole, whatever the cursor.
            SetView(entry).forEach(take)
        }
        client.writer.arrayHeader(2)
        client.writer.bulk(integer: Int64(next))
        client.writer.arrayHeader(foundCount)
        client.writer.buffer.append(found.readable)
    }
}
