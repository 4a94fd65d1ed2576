// Sets in RDB.
//
//    2   count │ member string …                      any set; the form that is written
//   11   string holding an intset                     Redis' small sets of integers
//   20   string holding a listpack of members         Redis' small sets since 7.2
//
// Whatever the form in the file, a set is stored in the form that its size asks for here. A member
// that occurs twice means that the file is corrupt.

internal import Bytes
internal import Store

/// Sets: members in any order.
enum RDBSets {
    private static var duplicate: RDBFault { .corrupt(.badStructure("set with duplicate members")) }

    /// Loads type 2.
    static func load(
        _ cursor: inout RDBCursor, _ scratch: inout RDBScratch, _ key: RDBKey,
        _ database: Database, _ hash: KeyHash
    ) throws(RDBFault) -> Bool {
        let count = try cursor.count()
        var builder = SetBuilder(limits: scratch.limits, hasher: database.hasher)
        for _ in 0..<count {
            let isNew =
                switch try cursor.value(scratch: &scratch.value) {
                case .integer(let value): builder.add(integer: value)
                case .bytes(let bytes): builder.add(bytes)
                }
            guard isNew else { throw duplicate }
        }
        return try store(&builder, key, database, hash)
    }

    /// Loads type 11.
    static func loadIntset(
        _ cursor: inout RDBCursor, _ scratch: inout RDBScratch, _ key: RDBKey,
        _ database: Database, _ hash: KeyHash
    ) throws(RDBFault) -> Bool {
        let intset = try cursor.string(scratch: &scratch.value)
        var builder = SetBuilder(limits: scratch.limits, hasher: database.hasher)
        _ = try IntsetCheck.walk(intset) { _ = builder.add(integer: $0) }
        return try store(&builder, key, database, hash)
    }

    /// Loads type 20.
    static func loadListpack(
        _ cursor: inout RDBCursor, _ scratch: inout RDBScratch, _ key: RDBKey,
        _ database: Database, _ hash: KeyHash
    ) throws(RDBFault) -> Bool {
        let listpack = try cursor.string(scratch: &scratch.value)
        var builder = SetBuilder(limits: scratch.limits, hasher: database.hasher)
        _ = try ListpackCheck.walk(listpack) { (element) throws(RDBFault) in
            let isNew =
                switch element {
                case .integer(let value): builder.add(integer: value)
                case .bytes(let bytes): builder.add(bytes)
                }
            guard isNew else { throw duplicate }
        }
        return try store(&builder, key, database, hash)
    }

    private static func store(
        _ builder: inout SetBuilder, _ key: RDBKey, _ database: Database, _ hash: KeyHash
    ) throws(RDBFault) -> Bool {
        guard builder.count > 0 else { throw .corrupt(.emptyCollection) }
        let before = database.count
        builder.store(in: database, key.bytes, hash, expiresAt: key.expiresAt)
        return database.count == before
    }

    /// Writes type 2.
    static let encoder = RDBValueEncoder(
        typeCode: 2, encodeElement: { entry, encoder in encoder.string(entry.member) }
    ) { entry, encoder in
        let view = SetView(entry)
        encoder.length(UInt64(view.count))
        view.forEach { encoder.element($0) }
        return nil
    }
}
