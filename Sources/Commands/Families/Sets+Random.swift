// Members at random: SPOP, SRANDMEMBER.
//
// Some of many without repetition, in one pass: with `wanted` to choose and `remaining` members to
// come, each is taken with probability wanted / remaining (Knuth, algorithm S). When few are wanted
// of a big table, they are drawn until enough different ones were found.
internal import Bytes
internal import RESP
internal import Store

extension Sets {
    static let random: [CommandSpec] = [
        CommandSpec(
            name: "spop", since: "1.0.0", group: .set,
            complexity: """
                Without the count argument O(1), otherwise O(N) where N is the value of the \
                passed count.
                """,
            arity: -2, flags: [.write, .fast], categories: [.set],
            keys: [.one([.readWrite, .access, .delete])], syntax: "key [count]",
            summary: """
                Returns one or more random members from a set after removing them. Deletes the \
                set if the last member was popped.
                """, tips: ["nondeterministic_output"], handler: pop),
        CommandSpec(
            name: "srandmember", since: "1.0.0", group: .set,
            complexity: """
                Without the count argument O(1), otherwise O(N) where N is the absolute value \
                of the passed count.
                """,
            arity: -2, flags: [.readOnly], categories: [.set],
            keys: [.one([.readOnly, .access])], syntax: "key [count]",
            summary: "Get one or multiple random members from a set",
            tips: ["nondeterministic_output"], handler: randomMember),
    ]

    /// Most members of one SREM in the stream.
    private static let effectMembersMax = 1_024
    /// A table of so many times the wanted members is sampled by drawing.
    private static let drawingFactor = 3

    // MARK: SPOP

    private static func pop(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if arguments.count > 3 { throw .syntax }
        if arguments.count == 3 { return try popSeveral(engine, client, arguments) }
        let key = arguments[1]
        let hash = engine.keyHash
        guard let entry = try engine.collectionForWrite(key, hash, .set, client) else {
            return client.writer.null()
        }
        let isGone = popOne(engine, client, key, entry, SetView(entry))
        engine.changed(key, client)
        engine.notify(.set, "spop", key, client)
        if isGone { engine.notify(.generic, "del", key, client) }
    }

    /// Moves a member to the reply and to the stream; says whether the set is gone with it.
    private static func popOne(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice, _ entry: Entry,
        _ view: SetView
    ) -> Bool {
        let database = engine.database(client)
        var batch = EffectBatch(1)
        let place: (offset: Int, length: Int)
        switch view {
        case .integers(let integers):
            let index = engine.random.below(integers.count)
            batch.take(.integer(integers[index]), key, engine, client)
            place = (integers.offset(of: index), integers.width)
        case .packed(let packed):
            let offset = packed.offset(ofElement: engine.random.below(packed.count))
            batch.take(packed.element(at: offset), key, engine, client)
            place = (offset, packed.next(after: offset) - offset)
        case .table(let object):
            popDrawing(engine, client, key, 1, entry, object)
            if object.isEmpty { database.remove(entry, engine.keyHash, .overwrite) }
            return object.isEmpty
        }
        if view.count == 1 {
            database.remove(entry, engine.keyHash, .overwrite)
            return true
        }
        _ = database.splice(
            entry, engine.keyHash, at: place.offset, removing: place.length,
            inserting: ByteSlice(), countChange: -1)
        return false
    }

    private static func popSeveral(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let wanted = Numbers.integer(arguments[2]), wanted >= 0 else {
            throw .valueOutOfRangePositive
        }
        let key = arguments[1]
        let hash = engine.keyHash
        guard let entry = try engine.collectionForWrite(key, hash, .set, client), wanted > 0 else {
            return client.writer.setHeader(0)
        }
        let view = SetView(entry)
        let size = view.count
        if wanted >= Int64(size) {
            client.writer.setHeader(size)
            view.forEach { client.writer.bulk($0) }
            engine.database(client).remove(entry, hash, .overwrite)
            engine.changed(key, client, count: Int64(size))
            engine.propagate(engine.ownDeletionName, key, database: client.databaseIndex)
            engine.notify(.set, "spop", key, client)
            engine.notify(.generic, "del", key, client)
            return
        }
        client.writer.setHeader(Int(wanted))
        if case .table(let object) = view {
            popDrawing(engine, client, key, Int(wanted), entry, object)
        } else {
            popPacked(engine, client, key, Int(wanted), view)
        }
        engine.changed(key, client, count: wanted)
        engine.notify(.set, "spop", key, client)
    }

    /// Moves `wanted` of the packed members to the reply and stores the others again.
    private static func popPacked(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice, _ wanted: Int,
        _ view: SetView
    ) {
        var kept = SetRemainder(view)
        var batch = EffectBatch(wanted)
        var remaining = view.count
        var missing = wanted
        view.forEach { member in
            if engine.random.below(remaining) < missing {
                missing -= 1
                batch.take(member, key, engine, client)
            } else {
                kept.append(member)
            }
            remaining -= 1
        }
        let entry = engine.database(client).set(
            key, engine.keyHash, packed: kept.bytes, type: .set, keepingExpiry: true)
        entry.hasOnlyIntegers = view.isIntegers
    }

    private static func popDrawing(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice, _ wanted: Int,
        _ entry: Entry, _ object: SetObject
    ) {
        var batch = EffectBatch(wanted)
        engine.database(client).changeObject(entry, engine.keyHash, object) { object in
            for _ in 0..<wanted {
                guard let member = object.randomMember(&engine.random) else { break }
                batch.take(.bytes(member.member), key, engine, client)
                object.remove(member)
            }
        }
    }

    /// Writes the reply's elements, and SREM commands for `wanted` members that come one by one.
    private struct EffectBatch {
        private var missing: Int
        private var inCommand = 0
        private var isWanted = true

        init(_ wanted: Int) { missing = wanted }

        mutating func take(
            _ member: PackedElement, _ key: ByteSlice, _ engine: CommandEngine,
            _ client: ClientState
        ) {
            if inCommand == 0 {
                inCommand = min(missing, effectMembersMax)
                isWanted = engine.beginEffect(database: client.databaseIndex)
                if isWanted {
                    RequestWriter.begin(inCommand + 2, into: &engine.effects)
                    RequestWriter.argument("SREM", into: &engine.effects)
                    RequestWriter.argument(key, into: &engine.effects)
                }
            }
            inCommand -= 1
            missing -= 1
            client.writer.bulk(member)
            guard isWanted else { return }
            engine.effects.appendBulk(element: member)
        }
    }

    /// What is left of a packed set, in the same form.
    private struct SetRemainder: ~Copyable {
        private var buffer = ByteBuffer(capacity: 64)
        private var count = 0
        private let width: Int?

        init(_ view: SetView) {
            if case .integers(let integers) = view { width = integers.width } else { width = nil }
            if let width {
                IntegerSetView.appendHeader(count: 0, width: width, to: &buffer)
            } else {
                PackedEncoder.begin(&buffer)
            }
        }

        mutating func append(_ member: PackedElement) {
            count += 1
            if let width, let value = member.asInteger {
                IntegerSetView.append(value, width: width, to: &buffer)
            } else {
                PackedEncoder.append(member, to: &buffer)
            }
        }

        var bytes: ByteSlice {
            mutating get {
                PackedEncoder.setCount(count, in: &buffer)
                return buffer.readable
            }
        }
    }

    // MARK: SRANDMEMBER

    private static func randomMember(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if arguments.count > 3 { throw .syntax }
        if arguments.count == 3 { return try randomMembers(engine, client, arguments) }
        guard let entry = try engine.collectionForRead(arguments[1], engine.keyHash, .set, client)
        else {
            return client.writer.null()
        }
        client.writer.bulk(SetView(entry).randomMember(&engine.random))
    }

    private static func randomMembers(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let number = try engine.integer(arguments[2])
        guard number > Int64.min else {
            throw ReplyError(
                composed: "ERR value is out of range, value must between "
                    + "\(-Int64.max) and \(Int64.max)")
        }
        guard let entry = try engine.collectionForRead(arguments[1], engine.keyHash, .set, client),
            number != 0
        else { return client.writer.arrayHeader(0) }
        let view = SetView(entry)
        if number < 0 {
            client.writer.arrayHeader(Int(number.magnitude))
            for _ in 0..<number.magnitude {
                if engine.exceedsOutputLimit(client) { return }
                client.writer.bulk(view.randomMember(&engine.random))
            }
            return
        }
        let size = view.count
        let wanted = Int(min(number, Int64(size)))
        client.writer.arrayHeader(wanted)
        if case .table(let object) = view, wanted < size / drawingFactor {
            return drawDifferent(engine, client, wanted, object)
        }
        var remaining = size
        var missing = wanted
        view.forEach { member in
            if engine.random.below(remaining) < missing {
                missing -= 1
                client.writer.bulk(member)
            }
            remaining -= 1
        }
    }

    private static func drawDifferent(
        _ engine: CommandEngine, _ client: ClientState, _ wanted: Int, _ object: SetObject
    ) {
        let chosen = SetObject(hasher: engine.keyspace.hasher)
        while chosen.count < wanted {
            guard let entry = object.randomMember(&engine.random) else { break }
            if chosen.insert(entry.member) { client.writer.bulk(entry.member) }
        }
    }
}
