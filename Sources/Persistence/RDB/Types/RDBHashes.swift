// Hashes in RDB.
//
//    4   count │ (field, value string) …              any hash; the form that is written
//    9   string holding a zipmap                      before Redis 2.6
//   13   string holding a ziplist of pairs            before Redis 7.0
//   16   string holding a listpack of pairs           small hashes since Redis 7.0
//   22   count │ (field, value, expiry i64) …         Valkey 9, when a field may expire
//   24   least expiry │ count │ (expiry, field, value) …        Redis 7.4, likewise
//   25   least expiry │ string holding a listpack of triples    Redis 7.4, likewise
//
// Whatever the form in the file, a hash is stored in the form that its size asks for here. A field
// that occurs twice means that the file is corrupt. Fields cannot expire here: a hash in which none
// does is loaded, another is refused rather than made eternal.

internal import Bytes
internal import Store

/// Hashes: fields with values.
enum RDBHashes {
    private static var duplicate: RDBFault {
        .corrupt(.badStructure("hash with duplicate fields"))
    }
    private static var expiring: RDBFault {
        .corrupt(.unsupportedType(name: "hash with fields that expire"))
    }
    /// Valkey's expiry of a field that has none.
    private static let valkeyNever: Int64 = -1

    /// Builds a hash and stores it.
    private struct Builder: ~Copyable {
        private var builder: HashBuilder
        private let database: Database

        init(_ database: Database, _ scratch: inout RDBScratch) {
            builder = HashBuilder(
                limits: scratch.limits, hasher: database.hasher, packed: &scratch.packed)
            self.database = database
        }

        mutating func add(
            _ field: ByteSlice, _ value: ByteSlice, _ packed: inout ByteBuffer
        ) throws(RDBFault) {
            guard builder.set(field, value, packed: &packed) else { throw duplicate }
        }

        /// Says whether the key was there already.
        mutating func store(
            _ key: RDBKey, _ hash: KeyHash, _ packed: inout ByteBuffer
        ) throws(RDBFault) -> Bool {
            guard builder.count > 0 else { throw .corrupt(.emptyCollection) }
            let before = database.count
            if let object = builder.finish(packed: &packed) {
                database.set(
                    key.bytes, hash, object: object, type: .hash, expiresAt: key.expiresAt)
            } else {
                database.set(
                    key.bytes, hash, packed: packed.readable, type: .hash,
                    expiresAt: key.expiresAt)
            }
            return database.count == before
        }
    }

    /// How a form says whether a field expires.
    enum FieldExpiry {
        /// Not at all.
        case absent
        /// Redis 7.4: the least expiry in front of all, each field's own in front of it.
        case redis
        /// Valkey 9: behind the value.
        case valkey

        /// Bytes that a field takes at least.
        fileprivate var fieldBytesMin: Int {
            switch self {
            case .absent: 2
            case .redis: 3
            case .valkey: 10
            }
        }
    }

    /// Loads types 4, 22 and 24.
    static func load(_ expiry: FieldExpiry) -> RDBValueCodec.Load {
        { cursor, scratch, key, database, hash throws(RDBFault) in
            if expiry == .redis { _ = try cursor.bytes(8) }
            let count = try cursor.count(bytesMin: expiry.fieldBytesMin)
            var builder = Builder(database, &scratch)
            for _ in 0..<count {
                if expiry == .redis, try cursor.length() != 0 { throw expiring }
                let field = try cursor.string(scratch: &scratch.value)
                let value = try cursor.string(scratch: &scratch.element)
                if expiry == .valkey, try cursor.littleEndian(Int64.self) != valkeyNever {
                    throw expiring
                }
                try builder.add(field, value, &scratch.packed)
            }
            return try builder.store(key, hash, &scratch.packed)
        }
    }

    /// Loads type 9.
    static func loadZipmap(
        _ cursor: inout RDBCursor, _ scratch: inout RDBScratch, _ key: RDBKey,
        _ database: Database, _ hash: KeyHash
    ) throws(RDBFault) -> Bool {
        let zipmap = try cursor.string(scratch: &scratch.value)
        var builder = Builder(database, &scratch)
        _ = try ZipmapCheck.walk(zipmap) { (field, value) throws(RDBFault) in
            try builder.add(field, value, &scratch.packed)
        }
        return try builder.store(key, hash, &scratch.packed)
    }

    /// Loads type 13.
    static func loadZiplist(
        _ cursor: inout RDBCursor, _ scratch: inout RDBScratch, _ key: RDBKey,
        _ database: Database, _ hash: KeyHash
    ) throws(RDBFault) -> Bool {
        let ziplist = try cursor.string(scratch: &scratch.value)
        var builder = Builder(database, &scratch)
        var group = ElementGroup(size: 2)
        _ = try ZiplistCheck.walk(ziplist) { (element) throws(RDBFault) in
            guard group.add(element) else { return }
            try builder.add(group.text(0), group.text(1), &scratch.packed)
        }
        return try builder.store(key, hash, &scratch.packed)
    }

    /// Loads types 16 and 25.
    static func loadListpack(_ expiry: FieldExpiry) -> RDBValueCodec.Load {
        { cursor, scratch, key, database, hash throws(RDBFault) in
            if expiry == .redis { _ = try cursor.bytes(8) }
            let listpack = try cursor.string(scratch: &scratch.value)
            var builder = Builder(database, &scratch)
            var group = ElementGroup(size: expiry == .redis ? 3 : 2)
            _ = try ListpackCheck.walk(listpack) { (element) throws(RDBFault) in
                guard group.add(element.packed) else { return }
                guard expiry != .redis || group.text(2) == "0" else { throw expiring }
                try builder.add(group.text(0), group.text(1), &scratch.packed)
            }
            return try builder.store(key, hash, &scratch.packed)
        }
    }

    /// Writes type 4.
    static let encoder = RDBValueEncoder(
        typeCode: 4,
        encodeElement: { entry, encoder in
            encoder.string(entry.member)
            encoder.string(entry.memberValue)
        },
        encode: { entry, encoder in
            let fields = HashView(entry)
            encoder.length(UInt64(fields.count))
            fields.forEach { field, value in
                encoder.element(field)
                encoder.element(value)
            }
            return nil
        })
}

/// Collects the texts of consecutive elements of a structure.
private struct ElementGroup: ~Copyable {
    private let size: Int
    private var texts = ByteBuffer()
    private var ends = TrivialList<Int>(capacity: 3)

    init(size: Int) { self.size = size }

    /// Adds an element; says whether the group is complete. The next one begins a new group.
    mutating func add(_ element: PackedElement) -> Bool {
        if ends.count == size {
            texts.removeAll()
            ends.removeAll()
        }
        element.append(to: &texts)
        ends.append(texts.count)
        return ends.count == size
    }

    /// The text of an element, valid until the next one is added.
    func text(_ index: Int) -> ByteSlice {
        let start = index == 0 ? 0 : ends[index - 1]
        return texts.readable.slice(from: start, count: ends[index] - start)
    }
}

extension ListpackCheck.Element {
    /// The same element in the words of the store.
    var packed: PackedElement {
        switch self {
        case .integer(let number): .integer(number)
        case .bytes(let bytes): .bytes(bytes)
        }
    }
}

extension RDBEncoder {
    /// An element of a collection as a string.
    mutating func element(_ element: PackedElement) {
        switch element {
        case .integer(let value): integer(value)
        case .bytes(let bytes): string(bytes)
        case .sevenBits(let text): string(text)
        }
    }
}
