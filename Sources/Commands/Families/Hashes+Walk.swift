// Whole hashes: reading all fields, HSCAN, HRANDFIELD.
internal import Bytes
internal import RESP
internal import Store

extension Hashes {
    static let walking: [CommandSpec] = [
        CommandSpec(
            name: "hgetall", since: "2.0.0", group: .hash,
            complexity: "O(N) where N is the size of the hash.", arity: 2, flags: [.readOnly],
            categories: [.hash], keys: [.one([.readOnly, .access])], syntax: "key",
            summary: "Returns all fields and values in a hash.",
            tips: ["nondeterministic_output_order"],
            handler: { (engine, client, arguments) throws(ReplyError) in
                try getAll(engine, client, arguments, fields: true, values: true)
            }),
        CommandSpec(
            name: "hkeys", since: "2.0.0", group: .hash,
            complexity: "O(N) where N is the size of the hash.", arity: 2, flags: [.readOnly],
            categories: [.hash], keys: [.one([.readOnly, .access])], syntax: "key",
            summary: "Returns all fields in a hash.",
            tips: ["nondeterministic_output_order"],
            handler: { (engine, client, arguments) throws(ReplyError) in
                try getAll(engine, client, arguments, fields: true, values: false)
            }),
        CommandSpec(
            name: "hvals", since: "2.0.0", group: .hash,
            complexity: "O(N) where N is the size of the hash.", arity: 2, flags: [.readOnly],
            categories: [.hash], keys: [.one([.readOnly, .access])], syntax: "key",
            summary: "Returns all values in a hash.",
            tips: ["nondeterministic_output_order"],
            handler: { (engine, client, arguments) throws(ReplyError) in
                try getAll(engine, client, arguments, fields: false, values: true)
            }),
        CommandSpec(
            name: "hscan", since: "2.8.0", group: .hash,
            complexity: """
                O(1) for every call. O(N) for a complete iteration, including enough command \
                calls for the cursor to return back to 0. N is the number of elements inside \
                the collection.
                """,
            arity: -3, flags: [.readOnly], categories: [.hash],
            keys: [.one([.readOnly, .access])],
            syntax: "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
            summary: "Iterates over fields and values of a hash.",
            tips: ["nondeterministic_output"], handler: scan),
        CommandSpec(
            name: "hrandfield", since: "6.2.0", group: .hash,
            complexity: "O(N) where N is the number of fields returned", arity: -2,
            flags: [.readOnly], categories: [.hash], keys: [.one([.readOnly, .access])],
            syntax: "key [count [WITHVALUES]]",
            summary: "Returns one or more random fields from a hash.",
            tips: ["nondeterministic_output"], handler: randomField),
    ]

    private static func getAll(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, fields: Bool,
        values: Bool
    ) throws(ReplyError) {
        let entry = try find(engine, client, arguments)
        let count = entry.map { HashView($0).count } ?? 0
        if fields && values {
            client.writer.mapHeader(count)
        } else {
            client.writer.arrayHeader(count)
        }
        guard let entry else { return }
        HashView(entry).forEach { field, value in
            if fields { client.writer.bulk(field) }
            if values { client.writer.bulk(value) }
        }
    }

    // MARK: HSCAN

    private static func scan(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let cursor = try ScanOptions.cursor(arguments[2])
        guard let entry = try find(engine, client, arguments) else {
            // As in Redis, the options of a scan over nothing are not looked at.
            return writeScan(ByteBuffer(), count: 0, next: 0, client)
        }
        let options = try ScanOptions(arguments, from: 3, takesNoValues: true)
        var found = ByteBuffer()
        var count = 0
        var text = ByteBuffer()
        func visit(_ field: PackedElement, _ value: PackedElement) {
            text.removeAll()
            field.append(to: &text)
            guard options.matches(text.readable) else { return }
            found.appendBulkString(text.readable)
            count += 1
            if options.leavesValuesOut { return }
            text.removeAll()
            value.append(to: &text)
            found.appendBulkString(text.readable)
            count += 1
        }
        var next: UInt64 = 0
        if let object = entry.object(as: HashObject.self) {
            next = object.scan(cursor: cursor, count: options.count) {
                visit(.bytes($0.member), .bytes($0.memberValue))
            }
        } else {
            HashView(entry).forEach(visit)
        }
        writeScan(found, count: count, next: next, client)
    }

    private static func writeScan(
        _ found: borrowing ByteBuffer, count: Int, next: UInt64, _ client: ClientState
    ) {
        client.writer.arrayHeader(2)
        client.writer.bulk(integer: Int64(next))
        client.writer.arrayHeader(count)
        client.writer.buffer.append(found.readable)
    }

    // MARK: HRANDFIELD

    private static func randomField(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard arguments.count > 2 else {
            guard let entry = try find(engine, client, arguments) else {
                return client.writer.null()
            }
            var draw = HashDraw(entry)
            return client.writer.bulk(draw.next(&engine.random).field)
        }
        let wanted = try engine.integer(arguments[2])
        if wanted == Int64.min {
            throw ReplyError(
                """
                ERR value is out of range, value must between -9223372036854775807 and \
                9223372036854775807
                """)
        }
        var hasValues = false
        if arguments.count > 3 {
            guard arguments.count == 4, arguments[3].equalsIgnoringCase("withvalues") else {
                throw .syntax
            }
            hasValues = true
            if wanted.magnitude > UInt64(Int64.max / 2) { throw .valueOutOfRange }
        }
        guard let entry = try find(engine, client, arguments), wanted != 0 else {
            return client.writer.arrayHeader(0)
        }
        let isRESP3 = client.writer.isRESP3
        let size = HashView(entry).count
        let count = wanted < 0 ? Int(wanted.magnitude) : min(Int(wanted), size)
        client.writer.arrayHeader(hasValues && !isRESP3 ? count * 2 : count)
        func write(_ field: PackedElement, _ value: PackedElement) {
            if hasValues && isRESP3 { client.writer.arrayHeader(2) }
            client.writer.bulk(field)
            if hasValues { client.writer.bulk(value) }
        }
        if wanted < 0 {
            var draw = HashDraw(entry)
            for _ in 0..<count {
                if engine.exceedsOutputLimit(client) { return }
                let (field, value) = draw.next(&engine.random)
                write(field, value)
            }
        } else {
            HashDraw.distinct(entry, count: count, &engine.random, write)
        }
    }
}

/// Draws random fields of one hash that does not change meanwhile.
private struct HashDraw: ~Copyable {
    /// Distinct fields are drawn one by one while they are fewer than one in so many.
    private static let sparseFactor = 4

    private let entry: Entry
    /// Where the fields of a packed hash begin, once more than one was drawn.
    private var offsets = TrivialList<Int>(capacity: 1)
    private var drawn = 0

    init(_ entry: Entry) { self.entry = entry }

    /// A random field with its value, each equally likely; the same may come again.
    mutating func next(_ random: inout SeededRandom) -> (field: PackedElement, value: PackedElement)
    {
        guard let packed = entry.packed else {
            guard let found = entry.object(as: HashObject.self)?.randomField(&random) else {
                preconditionFailure("a stored hash has fields")
            }
            return (.bytes(found.member), .bytes(found.memberValue))
        }
        drawn += 1
        let index = random.below(packed.count / 2)
        let offset: Int
        if drawn == 1 {
            offset = packed.offset(ofElement: index * 2)
        } else {
            if offsets.count == 0 { noteOffsets(packed) }
            offset = offsets[index]
        }
        return (
            packed.element(at: offset), packed.element(at: packed.next(after: offset))
        )
    }

    private mutating func noteOffsets(_ packed: PackedView) {
        var offset = PackedView.start
        while offset < packed.end {
            offsets.append(offset)
            offset = packed.next(after: packed.next(after: offset))
        }
    }

    /// Calls `body` with `count` different fields, each set of them equally likely.
    static func distinct(
        _ entry: Entry, count: Int, _ random: inout SeededRandom,
        _ body: (PackedElement, PackedElement) -> Void
    ) {
        let size = HashView(entry).count
        if entry.packed == nil && count * sparseFactor < size {
            var draw = HashDraw(entry)
            var seen = Set<[UInt8]>()
            while seen.count < count {
                let (field, value) = draw.next(&random)
                guard case .bytes(let name) = field, seen.insert(name.array).inserted else {
                    continue
                }
                body(field, value)
            }
            return
        }
        // One pass: each field is taken with the chance (still wanted) / (still to come).
        var wanted = count
        var remaining = size
        HashView(entry).forEach { field, value in
            if random.below(remaining) < wanted {
                body(field, value)
                wanted -= 1
            }
            remaining -= 1
        }
    }
}
