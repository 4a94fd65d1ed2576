// Values of foreign modules: loaded without being understood, written as they came.

internal import Bytes
internal import Store

enum RDBModules {
    static func load(
        _ cursor: inout RDBCursor, _ scratch: inout RDBScratch, _ key: RDBKey,
        _ database: Database, _ hash: KeyHash
    ) throws(RDBFault) -> Bool {
        let start = cursor.position
        let id = try cursor.length()
        try ModuleCheck.walkItems(&cursor)
        let bytes = cursor.input.slice(from: start, count: cursor.position - start)
        let before = database.count
        database.set(
            key.bytes, hash, object: ModuleValue(id: id, bytes: bytes), type: .module,
            expiresAt: key.expiresAt)
        return database.count == before
    }

    static let encoder = RDBValueEncoder(typeCode: 7) { entry, encoder in
        guard let value = entry.object as? ModuleValue else {
            preconditionFailure("a module value without its bytes")
        }
        value.bytes.withByteSlice { encoder.output.append($0) }
        return nil
    }
}
