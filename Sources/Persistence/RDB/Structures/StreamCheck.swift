// Walks a stream value (types 15, 19, 21).
//
//   n × ( node key: string of 16 bytes, listpack ) │ length │ last id
//   [19, 21: first id, largest deleted id, entries added]
//   groups × ( name, last id, [19, 21: entries read],
//              pending n × ( 16 raw bytes, delivery time i64, delivery count ),
//              consumers n × ( name, seen time i64, [21: active time i64],
//                              pending n × 16 raw bytes ) )
//
// A consumer's pending ids must be pending in its group; each at one consumer only.

internal import Bytes

enum StreamCheck {
    private struct ID: Hashable {
        let milliseconds: UInt64
        let sequence: UInt64
    }

    private static var bad: RDBFault { .corrupt(.badStructure("stream")) }

    /// Passes over a stream of type 15, 19 or 21.
    static func walk(
        _ cursor: inout RDBCursor, scratch: inout ByteBuffer, type: UInt8
    ) throws(RDBFault) {
        let nodes = try cursor.count(bytesMin: 2)
        for _ in 0..<nodes {
            guard try cursor.string(scratch: &scratch).count == 16 else { throw bad }
            guard try ListpackCheck.walk(cursor.string(scratch: &scratch)) > 0 else { throw bad }
        }
        let length = try cursor.length()
        guard nodes > 0 || length == 0 else { throw bad }
        // The last id; then first id, largest deleted id and entries added.
        for _ in 0..<(type == 15 ? 2 : 7) { _ = try cursor.length() }
        let groups = try cursor.count()
        for _ in 0..<groups { try walkGroup(&cursor, type: type) }
    }

    private static func walkGroup(_ cursor: inout RDBCursor, type: UInt8) throws(RDBFault) {
        try cursor.skipString()
        for _ in 0..<(type == 15 ? 2 : 3) { _ = try cursor.length() }
        var pending = Set<ID>()
        let pendingCount = try cursor.count(bytesMin: 25)
        for _ in 0..<pendingCount {
            guard pending.insert(try id(&cursor)).inserted else { throw bad }
            _ = try cursor.bytes(8)
            _ = try cursor.length()
        }
        let consumers = try cursor.count()
        for _ in 0..<consumers {
            try cursor.skipString()
            _ = try cursor.bytes(type == 21 ? 16 : 8)
            let count = try cursor.count(bytesMin: 16)
            for _ in 0..<count {
                guard pending.remove(try id(&cursor)) != nil else { throw bad }
            }
        }
        guard pending.isEmpty else { throw bad }
    }

    private static func id(_ cursor: inout RDBCursor) throws(RDBFault) -> ID {
        let bytes = try cursor.bytes(16)
        return ID(milliseconds: bytes.bigEndian(at: 0), sequence: bytes.bigEndian(at: 8))
    }
}

/// Walks the values of modules: a type can be passed over without its module.
///
///   id │ (opcode, item)* │ 0     1 signed, 2 unsigned, 3 float, 4 double, 5 string
enum ModuleCheck {
    /// Passes over the opcodes and items up to and including the end mark.
    static func walkItems(_ cursor: inout RDBCursor) throws(RDBFault) {
        while true {
            switch try cursor.length() {
            case 0: return
            case 1, 2: _ = try cursor.length()
            case 3: _ = try cursor.bytes(4)
            case 4: _ = try cursor.bytes(8)
            case 5: try cursor.skipString()
            default: throw .corrupt(.badStructure("module"))
            }
        }
    }
}
