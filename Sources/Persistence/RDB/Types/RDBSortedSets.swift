// Sorted sets in RDB.
//
//    3   count │ (member string, score as text) …      Redis before 4.0
//    5   count │ (member string, 8 bytes of score) …   any sorted set; the form that is written
//   12   string holding a ziplist of pairs             small ones until Redis 6.2
//   17   string holding a listpack of pairs            small ones since Redis 7.0
//
// What is written begins with the highest score, because a real server adds the lowest at the end
// fastest; big sets that are written in steps come in no order. A member that occurs twice and a
// score that is no number mean that the file is corrupt.

internal import Bytes
internal import Store

/// Sorted sets: members in any order, each with its score.
enum RDBSortedSets {
    private static func bad(_ what: RDBCorruption.StaticDescription) -> RDBFault {
        .corrupt(.badStructure(what))
    }

    private static func add(
        _ builder: inout SortedSetBuilder, _ member: ByteSlice, _ score: Double
    ) throws(RDBFault) {
        if score.isNaN { throw bad("score") }
        if !builder.add(member, score) { throw bad("sorted set with duplicate members") }
    }

    private static func store(
        _ builder: inout SortedSetBuilder, _ key: RDBKey, _ database: Database, _ hash: KeyHash
    ) throws(RDBFault) -> Bool {
        guard builder.count > 0 else { throw .corrupt(.emptyCollection) }
        let before = database.count
        builder.store(in: database, key.bytes, hash, expiresAt: key.expiresAt)
        return database.count == before
    }

    // MARK: Types 3 and 5

    /// Loads type 5.
    static func load(
        _ cursor: inout RDBCursor, _ scratch: inout RDBScratch, _ key: RDBKey,
        _ database: Database, _ hash: KeyHash
    ) throws(RDBFault) -> Bool {
        try load(&cursor, &scratch, key, database, hash) { (cursor) throws(RDBFault) in
            Double(bitPattern: try cursor.littleEndian(UInt64.self))
        }
    }

    /// Loads type 3.
    static func loadText(
        _ cursor: inout RDBCursor, _ scratch: inout RDBScratch, _ key: RDBKey,
        _ database: Database, _ hash: KeyHash
    ) throws(RDBFault) -> Bool {
        try load(&cursor, &scratch, key, database, hash) { (cursor) throws(RDBFault) in
            switch try cursor.byte() {
            case 253: throw bad("score")
            case 254: return .infinity
            case 255: return -.infinity
            case let count:
                let text = try cursor.bytes(Int(count))
                guard let score = Numbers.double(text) else { throw bad("score") }
                return score
            }
        }
    }

    private static func load(
        _ cursor: inout RDBCursor, _ scratch: inout RDBScratch, _ key: RDBKey,
        _ database: Database, _ hash: KeyHash,
        score: (inout RDBCursor) throws(RDBFault) -> Double
    ) throws(RDBFault) -> Bool {
        let count = try cursor.count(bytesMin: 2)
        var builder = SortedSetBuilder(
            limits: scratch.limits, hasher: database.hasher, expectedCount: count)
        for _ in 0..<count {
            let member = try cursor.string(scratch: &scratch.value)
            try add(&builder, member, try score(&cursor))
        }
        return try store(&builder, key, database, hash)
    }

    // MARK: Types 12 and 17

    /// Members and scores that come by turns.
    private struct Pairs: ~Copyable {
        var builder: SortedSetBuilder
        private var member = ByteBuffer()
        private var hasMember = false

        init(_ scratch: borrowing RDBScratch, _ database: Database) {
            builder = SortedSetBuilder(
                limits: scratch.limits, hasher: database.hasher, expectedCount: 0)
        }

        mutating func take(_ element: PackedElement) throws(RDBFault) {
            hasMember.toggle()
            if hasMember {
                member.removeAll()
                element.append(to: &member)
                return
            }
            guard let score = element.asDouble() else { throw bad("score") }
            try add(&builder, member.readable, score)
        }
    }

    /// Loads type 12.
    static func loadZiplist(
        _ cursor: inout RDBCursor, _ scratch: inout RDBScratch, _ key: RDBKey,
        _ database: Database, _ hash: KeyHash
    ) throws(RDBFault) -> Bool {
        var pairs = Pairs(scratch, database)
        let ziplist = try cursor.string(scratch: &scratch.value)
        _ = try ZiplistCheck.walk(ziplist) { (element) throws(RDBFault) in
            try pairs.take(element)
        }
        return try store(&pairs.builder, key, database, hash)
    }

    /// Loads type 17.
    static func loadListpack(
        _ cursor: inout RDBCursor, _ scratch: inout RDBScratch, _ key: RDBKey,
        _ database: Database, _ hash: KeyHash
    ) throws(RDBFault) -> Bool {
        var pairs = Pairs(scratch, database)
        let listpack = try cursor.string(scratch: &scratch.value)
        _ = try ListpackCheck.walk(listpack) { (element) throws(RDBFault) in
            switch element {
            case .integer(let value): try pairs.take(.integer(value))
            case .bytes(let bytes): try pairs.take(.bytes(bytes))
            }
        }
        return try store(&pairs.builder, key, database, hash)
    }

    // MARK: Writing

    /// Writes type 5.
    static let encoder = RDBValueEncoder(
        typeCode: 5,
        encodeElement: { entry, encoder in
            encoder.string(entry.member)
            encoder.output.append(littleEndian: entry.word)
        },
        encode: { entry, encoder in
            let view = SortedSetView(entry)
            let count = view.count
            encoder.length(UInt64(count))
            view.forEach(0..<count, isReversed: true) { member, score in
                encoder.element(member)
                encoder.output.append(littleEndian: score.bitPattern)
            }
            return nil
        })
}
