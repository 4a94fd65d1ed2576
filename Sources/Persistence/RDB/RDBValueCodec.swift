// One row per value type of RDB: reader and writer know types only through this table.
//
// To add a type to the server, give its rows a `load` (bytes → database) and its `ValueType` an
// encoder in `RDBValueEncoder.table`. Nothing else changes.

public import Bytes
public import Store

/// Memory that is reused while values are read.
public struct RDBScratch: ~Copyable {
    /// Expanded form of a key.
    var key = ByteBuffer()
    /// Expanded form of a value or an element.
    var value = ByteBuffer()
    /// Expanded form of an element that is needed together with `value`.
    var element = ByteBuffer()
    /// A collection in packed form that is being built.
    var packed = ByteBuffer()
    /// How large collections may be in packed form; the loader sets it.
    var limits = EncodingLimits()

    /// Empty memory.
    public init() {}
}

/// What stands in front of a value.
public struct RDBKey {
    /// The key's bytes; valid until the visitor returns.
    public let bytes: ByteSlice
    /// Database of the key.
    public let database: Int
    /// Expiry in absolute milliseconds; -1 if none.
    public let expiresAt: Int64
    /// Seconds since the last access; -1 if not saved.
    public let idleSeconds: Int64
    /// Logarithmic access counter; -1 if not saved.
    public let frequency: Int
}

/// How values of one type code are read.
public struct RDBValueCodec: Sendable {
    /// Passes over a value and proves its structure.
    public typealias Scan = @Sendable (inout RDBCursor, inout RDBScratch) throws(RDBFault) -> Void
    /// Puts a value that was scanned into its database; says whether the key was there already.
    public typealias Load =
        @Sendable (inout RDBCursor, inout RDBScratch, RDBKey, Database, KeyHash) throws(RDBFault)
        -> Bool

    /// The number in the file.
    public let typeCode: UInt8
    /// What the type is called in logs.
    public let name: StaticString
    /// The family whose files use the number so; nil for both.
    public let dialect: RDBDialect?
    /// Whether a cut-off value says exactly how many bytes it lacks.
    public let hasExactNeed: Bool
    /// Structure check.
    public let scan: Scan
    /// Loading; nil while the server has no such type.
    public let load: Load?

    init(
        _ typeCode: UInt8, _ name: StaticString, dialect: RDBDialect? = nil,
        hasExactNeed: Bool = false, load: Load? = nil, scan: @escaping Scan
    ) {
        self.typeCode = typeCode
        self.name = name
        self.dialect = dialect
        self.hasExactNeed = hasExactNeed
        self.scan = scan
        self.load = load
    }

    /// The row of `typeCode` in a file of `dialect`; nil for a type that is unknown or refused.
    public static func find(_ typeCode: UInt8, dialect: RDBDialect) -> RDBValueCodec? {
        guard Int(typeCode) < byTypeCode[0].count else { return nil }
        return byTypeCode[dialect == .redis ? 0 : 1][Int(typeCode)]
    }

    private static let byTypeCode: [[RDBValueCodec?]] = [RDBDialect.redis, .valkey].map { dialect in
        (UInt8(0)...25).map { code in
            table.first { $0.typeCode == code && ($0.dialect ?? dialect) == dialect }
        }
    }

    /// All rows, by type code. Types 6 (a module format before its release) and Redis 7.4's
    /// release-candidate hashes (22, 23) are refused.
    static let table: [RDBValueCodec] = [
        RDBValueCodec(0, "string", hasExactNeed: true, load: RDBStrings.load) {
            cursor, _
                throws(RDBFault) in
            try cursor.skipString()
        },
        RDBValueCodec(1, "list", load: RDBLists.loadPlain, scan: RDBScans.strings(perElement: 1)),
        RDBValueCodec(2, "set", load: RDBSets.load, scan: RDBScans.strings(perElement: 1)),
        RDBValueCodec(3, "zset", load: RDBSortedSets.loadText, scan: RDBScans.asciiScores),
        RDBValueCodec(
            4, "hash", load: RDBHashes.load(.absent), scan: RDBScans.strings(perElement: 2)),
        RDBValueCodec(5, "zset", load: RDBSortedSets.load, scan: RDBScans.binaryScores),
        RDBValueCodec(7, "module", load: RDBModules.load, scan: RDBScans.module),
        RDBValueCodec(9, "hash", load: RDBHashes.loadZipmap, scan: RDBScans.zipmap),
        RDBValueCodec(10, "list", load: RDBLists.loadZiplist, scan: RDBScans.ziplist()),
        RDBValueCodec(11, "set", load: RDBSets.loadIntset, scan: RDBScans.intset),
        RDBValueCodec(
            12, "zset", load: RDBSortedSets.loadZiplist, scan: RDBScans.ziplist(groupsOf: 2)),
        RDBValueCodec(13, "hash", load: RDBHashes.loadZiplist, scan: RDBScans.ziplist(groupsOf: 2)),
        RDBValueCodec(14, "list", load: RDBLists.loadQuicklist, scan: RDBScans.quicklist),
        RDBValueCodec(
            15, "stream", load: RDBStreams.load(15), scan: RDBScans.stream(15)),
        RDBValueCodec(
            16, "hash", load: RDBHashes.loadListpack(.absent),
            scan: RDBScans.listpack(groupsOf: 2)),
        RDBValueCodec(
            17, "zset", load: RDBSortedSets.loadListpack, scan: RDBScans.listpack(groupsOf: 2)),
        RDBValueCodec(18, "list", load: RDBLists.loadQuicklist2, scan: RDBScans.quicklist2),
        RDBValueCodec(
            19, "stream", load: RDBStreams.load(19), scan: RDBScans.stream(19)),
        RDBValueCodec(
            20, "set", load: RDBSets.loadListpack, scan: RDBScans.listpack(groupsOf: 1)),
        RDBValueCodec(
            21, "stream", load: RDBStreams.load(21), scan: RDBScans.stream(21)),
        RDBValueCodec(
            22, "hash with field expiry", dialect: .valkey, load: RDBHashes.load(.valkey),
            scan: RDBScans.valkeyHash),
        RDBValueCodec(
            24, "hash with field expiry", dialect: .redis, load: RDBHashes.load(.redis),
            scan: RDBScans.redisHash),
        RDBValueCodec(
            25, "hash with field expiry", dialect: .redis,
            load: RDBHashes.loadListpack(.redis), scan: RDBScans.redisListpack),
    ]
}

/// Strings: the value itself.
enum RDBStrings {
    static func load(
        _ cursor: inout RDBCursor, _ scratch: inout RDBScratch, _ key: RDBKey,
        _ database: Database, _ hash: KeyHash
    ) throws(RDBFault) -> Bool {
        switch try cursor.value(scratch: &scratch.value) {
        case .integer(let integer):
            return set(integer, key, database, hash)
        case .bytes(let bytes):
            // Numbers beyond 32 bits are plain text in the file.
            if let integer = Numbers.integer(bytes) { return set(integer, key, database, hash) }
            return database.set(key.bytes, hash, bytes, expiresAt: key.expiresAt)
        }
    }

    private static func set(
        _ integer: Int64, _ key: RDBKey, _ database: Database, _ hash: KeyHash
    ) -> Bool {
        let before = database.count
        database.set(key.bytes, hash, integer: integer, expiresAt: key.expiresAt)
        return database.count == before
    }
}
