// The structure checks of the value types, as closures for the codec table.
//
//   strings      n │ n × k strings               packed     string holding one structure
//   scores       n │ n × (string, double)        quicklist  n │ n × string holding a ziplist
//   quicklist2   n │ n × (1 plain or 2 listpack, string)

internal import Bytes

enum RDBScans {
    typealias Scan = RDBValueCodec.Scan
    typealias Walk = @Sendable (ByteSlice) throws(RDBFault) -> Int

    static func strings(perElement strings: Int) -> Scan {
        { cursor, _ throws(RDBFault) in
            let count = try cursor.count(bytesMin: strings)
            for _ in 0..<count * strings { try cursor.skipString() }
        }
    }

    static let asciiScores: Scan = { cursor, _ throws(RDBFault) in
        let count = try cursor.count(bytesMin: 2)
        for _ in 0..<count {
            try cursor.skipString()
            let length = try cursor.byte()
            // 253, 254 and 255 stand for not-a-number and the infinities.
            guard length != 253 else { throw .corrupt(.badStructure("score")) }
            if length < 253 { _ = try cursor.bytes(Int(length)) }
        }
    }

    static let binaryScores: Scan = { cursor, _ throws(RDBFault) in
        let count = try cursor.count(bytesMin: 9)
        for _ in 0..<count {
            try cursor.skipString()
            let score = Double(bitPattern: try cursor.littleEndian(UInt64.self))
            guard !score.isNaN else { throw .corrupt(.badStructure("score")) }
        }
    }

    static let module: Scan = { cursor, _ throws(RDBFault) in
        _ = try cursor.length()
        try ModuleCheck.walkItems(&cursor)
    }

    static func packed(groupsOf size: Int = 1, _ walk: @escaping Walk) -> Scan {
        { cursor, scratch throws(RDBFault) in
            let count = try walk(try cursor.string(scratch: &scratch.value))
            guard count % size == 0 else { throw .corrupt(.badStructure("odd number of items")) }
        }
    }

    static let intset = packed { (bytes) throws(RDBFault) in try IntsetCheck.walk(bytes) }

    static func listpack(groupsOf size: Int) -> Scan {
        packed(groupsOf: size) { (bytes) throws(RDBFault) in try ListpackCheck.walk(bytes) }
    }

    static func ziplist(groupsOf size: Int = 1) -> Scan {
        packed(groupsOf: size) { (bytes) throws(RDBFault) in try ZiplistCheck.walk(bytes) }
    }

    static let zipmap: Scan = packed { (bytes) throws(RDBFault) in try ZipmapCheck.walk(bytes) }

    static let quicklist: Scan = { cursor, scratch throws(RDBFault) in
        let count = try cursor.count()
        for _ in 0..<count {
            _ = try ZiplistCheck.walk(try cursor.string(scratch: &scratch.value))
        }
    }

    static let quicklist2: Scan = { cursor, scratch throws(RDBFault) in
        let count = try cursor.count(bytesMin: 2)
        for _ in 0..<count {
            switch try cursor.length() {
            case 1: try cursor.skipString()
            case 2: _ = try ListpackCheck.walk(try cursor.string(scratch: &scratch.value))
            default: throw .corrupt(.badStructure("quicklist node"))
            }
        }
    }

    static func stream(_ type: UInt8) -> Scan {
        { cursor, scratch throws(RDBFault) in
            try StreamCheck.walk(&cursor, scratch: &scratch.value, type: type)
        }
    }

    /// Valkey 9's type 22: n × (field, value, expiry i64, all ones for none).
    static let valkeyHash: Scan = { cursor, _ throws(RDBFault) in
        let count = try cursor.count(bytesMin: 10)
        for _ in 0..<count {
            try cursor.skipString()
            try cursor.skipString()
            _ = try cursor.bytes(8)
        }
    }

    /// Redis 7.4's type 24: least expiry i64 │ n × (expiry length, field, value).
    static let redisHash: Scan = { cursor, _ throws(RDBFault) in
        _ = try cursor.bytes(8)
        let count = try cursor.count(bytesMin: 3)
        for _ in 0..<count {
            _ = try cursor.length()
            try cursor.skipString()
            try cursor.skipString()
        }
    }

    /// Redis 7.4's type 25: least expiry i64 │ listpack of (field, value, expiry or 0).
    static let redisListpack: Scan = { cursor, scratch throws(RDBFault) in
        _ = try cursor.bytes(8)
        let count = try ListpackCheck.walk(try cursor.string(scratch: &scratch.value))
        guard count % 3 == 0 else { throw .corrupt(.badStructure("odd number of items")) }
    }
}
