// Lists in RDB.
//
//   read    1   n │ n strings
//           10  string holding a ziplist
//           14  n │ n × string holding a ziplist
//           18  n │ n × (1 plain: the element, or 2 listpack; string)
//   write   1   in the order of the list: every server since the first reads it
//
// The number of elements is known in front for type 1 only, so elements are gathered in packed form
// until they are too many, and then go into a long list one by one.

internal import Bytes
internal import Store

/// Reads and writes lists.
enum RDBLists {
    static let encoder = RDBValueEncoder(
        typeCode: 1, encodePage: encodePage,
        encode: { entry, encoder in
            let view = ListView(entry)
            encoder.length(UInt64(view.count))
            var cursor = view.cursor()
            while let element = cursor.next() { encoder.element(element) }
            return nil
        })

    @Sendable
    private static func encodePage(
        _ object: StoredObject, _ page: Int, _ encoder: inout RDBEncoder
    ) -> Int? {
        guard let list = object as? ListObject, page < list.pageCount else { return nil }
        var count = 0
        list.forEachElement(ofPage: page) { element in
            encoder.element(element)
            count += 1
        }
        return count
    }

    /// A list that is being read.
    private struct Builder: ~Copyable {
        let limits: ListLimits
        var count = 0
        var list: ListObject?
        private var element = ByteBuffer()

        init(_ scratch: inout RDBScratch) {
            limits = ListLimits(scratch.limits.listPackedSize)
            scratch.packed.removeAll()
            PackedEncoder.begin(&scratch.packed)
        }

        mutating func add(_ text: PackedElement, _ packed: inout ByteBuffer) {
            element.removeAll()
            PackedEncoder.append(text, to: &element, as: list == nil ? .compact : .plain)
            addElement(&packed)
        }

        private mutating func addElement(_ packed: inout ByteBuffer) {
            count += 1
            if let list { return list.append(element.readable, limits: limits) }
            if limits.fitsPacked(count: count, bytes: packed.count + element.count) {
                return packed.append(element.readable)
            }
            let list = ListObject(PackedView(packed.readable), limits: limits)
            list.append(element.readable, limits: limits)
            self.list = list
        }

        /// Stores the list; says whether the key was there already.
        consuming func store(
            _ packed: inout ByteBuffer, _ key: RDBKey, _ database: Database, _ hash: KeyHash
        ) throws(RDBFault) -> Bool {
            guard count > 0 else { throw .corrupt(.emptyCollection) }
            let before = database.count
            if let list {
                database.set(
                    key.bytes, hash, object: list, type: .list, expiresAt: key.expiresAt)
            } else {
                PackedEncoder.setCount(count, in: &packed)
                database.set(
                    key.bytes, hash, packed: packed.readable, type: .list,
                    expiresAt: key.expiresAt)
            }
            return database.count == before
        }
    }

    static let loadPlain: RDBValueCodec.Load = {
        cursor, scratch, key, database, hash throws(RDBFault) in
        var builder = Builder(&scratch)
        let count = try cursor.count()
        for _ in 0..<count {
            try addString(&cursor, &scratch, &builder)
        }
        return try builder.store(&scratch.packed, key, database, hash)
    }

    static let loadZiplist: RDBValueCodec.Load = {
        cursor, scratch, key, database, hash throws(RDBFault) in
        var builder = Builder(&scratch)
        try addZiplist(&cursor, &scratch, &builder)
        return try builder.store(&scratch.packed, key, database, hash)
    }

    static let loadQuicklist: RDBValueCodec.Load = {
        cursor, scratch, key, database, hash throws(RDBFault) in
        var builder = Builder(&scratch)
        let count = try cursor.count()
        for _ in 0..<count { try addZiplist(&cursor, &scratch, &builder) }
        return try builder.store(&scratch.packed, key, database, hash)
    }

    static let loadQuicklist2: RDBValueCodec.Load = {
        cursor, scratch, key, database, hash throws(RDBFault) in
        var builder = Builder(&scratch)
        let count = try cursor.count(bytesMin: 2)
        for _ in 0..<count {
            if try cursor.length() == 1 {
                try addString(&cursor, &scratch, &builder)
            } else {
                let bytes = try cursor.string(scratch: &scratch.value)
                _ = try ListpackCheck.walk(bytes) { builder.add($0.packed, &scratch.packed) }
            }
        }
        return try builder.store(&scratch.packed, key, database, hash)
    }

    private static func addString(
        _ cursor: inout RDBCursor, _ scratch: inout RDBScratch, _ builder: inout Builder
    ) throws(RDBFault) {
        switch try cursor.value(scratch: &scratch.value) {
        case .integer(let number): builder.add(.integer(number), &scratch.packed)
        case .bytes(let bytes): builder.add(.bytes(bytes), &scratch.packed)
        }
    }

    private static func addZiplist(
        _ cursor: inout RDBCursor, _ scratch: inout RDBScratch, _ builder: inout Builder
    ) throws(RDBFault) {
        let bytes = try cursor.string(scratch: &scratch.value)
        _ = try ZiplistCheck.walk(bytes) { element in
            builder.add(element, &scratch.packed)
        }
    }
}
