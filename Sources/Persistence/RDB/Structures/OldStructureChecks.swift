// Walks the packed structures of older servers, and the intset, and proves that they hold together.
//
//   intset    width u32 (2, 4, 8) │ count u32 │ rising signed integers
//   ziplist   bytes u32 │ tail offset u32 │ count u16 │ entry* │ 0xFF
//             entry = previous length (1, or 0xFE and u32) │ encoding │ data
//   zipmap    count u8 │ (length field, length free value padding)* │ 0xFF
//             length = 1 byte below 254, or 254 and u32

internal import Bytes
internal import Store

enum IntsetCheck {
    /// Calls `body` for each member and returns their number.
    static func walk(
        _ intset: ByteSlice, _ body: (Int64) -> Void = { _ in }
    ) throws(RDBFault) -> Int {
        guard intset.count >= 8 else { throw bad }
        let width = Int(intset.littleEndian(at: 0, as: UInt32.self))
        let count = Int(intset.littleEndian(at: 4, as: UInt32.self))
        guard width == 2 || width == 4 || width == 8, intset.count == 8 + width * count, count > 0
        else { throw bad }
        var previous = Int64.min
        for index in 0..<count {
            let offset = 8 + index * width
            let value: Int64 =
                switch width {
                case 2: Int64(intset.littleEndian(at: offset, as: Int16.self))
                case 4: Int64(intset.littleEndian(at: offset, as: Int32.self))
                default: intset.littleEndian(at: offset, as: Int64.self)
                }
            guard index == 0 || value > previous else { throw bad }
            previous = value
            body(value)
        }
        return count
    }

    private static var bad: RDBFault { .corrupt(.badStructure("intset")) }
}

enum ZiplistCheck {
    /// Calls `body` for each entry and returns their number.
    static func walk(
        _ ziplist: ByteSlice, _ body: (PackedElement) throws(RDBFault) -> Void = { _ in }
    ) throws(RDBFault) -> Int {
        guard ziplist.count >= 11,
            ziplist.littleEndian(at: 0, as: UInt32.self) == UInt32(clamping: ziplist.count),
            ziplist[ziplist.count - 1] == 0xFF
        else { throw bad }
        let end = ziplist.count - 1
        var position = 10
        var last = 10
        var previousLength = 0
        var count = 0
        while position < end {
            let data = try dataStart(ziplist, at: position, end: end, previous: previousLength)
            let (element, length) = try element(ziplist, at: data, end: end)
            try body(element)
            last = position
            previousLength = data + length - position
            position = data + length
            count += 1
        }
        let claimed = Int(ziplist.littleEndian(at: 8, as: UInt16.self))
        guard position == end, claimed == 65535 || claimed == count,
            Int(ziplist.littleEndian(at: 4, as: UInt32.self)) == last
        else { throw bad }
        return count
    }

    private static var bad: RDBFault { .corrupt(.badStructure("ziplist")) }

    /// Where the encoding of the entry at `start` begins: behind the previous entry's length.
    private static func dataStart(
        _ ziplist: ByteSlice, at start: Int, end: Int, previous: Int
    ) throws(RDBFault) -> Int {
        var position = start + 1
        var claimed = Int(ziplist[start])
        if claimed == 0xFE {
            guard start + 5 < end else { throw bad }
            claimed = Int(ziplist.littleEndian(at: start + 1, as: UInt32.self))
            position = start + 5
        }
        guard claimed == previous, position < end else { throw bad }
        return position
    }

    /// The element whose encoding begins at `position`, and the bytes of encoding and data.
    private static func element(
        _ ziplist: ByteSlice, at position: Int, end: Int
    ) throws(RDBFault) -> (PackedElement, Int) {
        func need(_ count: Int) throws(RDBFault) {
            guard count <= end - position else { throw bad }
        }
        func text(_ header: Int, _ count: Int) throws(RDBFault) -> (PackedElement, Int) {
            try need(header + count)
            return (.bytes(ziplist.slice(from: position + header, count: count)), header + count)
        }
        func number<Value: FixedWidthInteger>(
            _ type: Value.Type
        ) throws(RDBFault) -> (PackedElement, Int) {
            let size = MemoryLayout<Value>.size
            try need(1 + size)
            return (.integer(Int64(ziplist.littleEndian(at: position + 1, as: type))), 1 + size)
        }
        let first = ziplist[position]
        switch first {
        case 0x00...0x3F: return try text(1, Int(first))
        case 0x40...0x7F:
            try need(2)
            return try text(2, Int(first & 0x3F) << 8 | Int(ziplist[position + 1]))
        case 0x80:
            try need(5)
            return try text(5, Int(ziplist.bigEndian(at: position + 1, as: UInt32.self)))
        case 0xC0: return try number(Int16.self)
        case 0xD0: return try number(Int32.self)
        case 0xE0: return try number(Int64.self)
        case 0xF0:
            try need(4)
            let low = Int64(ziplist.littleEndian(at: position + 1, as: UInt16.self))
            let high = Int64(Int8(bitPattern: ziplist[position + 3]))
            return (.integer(high << 16 | low), 4)
        case 0xFE: return try number(Int8.self)
        case 0xF1...0xFD: return (.integer(Int64(first & 0x0F) - 1), 1)
        default: throw bad
        }
    }
}

enum ZipmapCheck {
    /// Calls `body` for each field with its value and returns the number of pairs.
    static func walk(
        _ zipmap: ByteSlice,
        _ body: (_ field: ByteSlice, _ value: ByteSlice) throws(RDBFault) -> Void = { _, _ in }
    ) throws(RDBFault) -> Int {
        guard zipmap.count >= 2, zipmap[zipmap.count - 1] == 0xFF else { throw bad }
        let end = zipmap.count - 1
        var position = 1
        var count = 0
        while position < end {
            let fieldCount = try length(zipmap, at: &position, end: end)
            let field = zipmap.slice(from: position, count: fieldCount)
            position += fieldCount
            guard position < end else { throw bad }
            let valueCount = try length(zipmap, at: &position, end: end)
            guard position < end else { throw bad }
            let padding = Int(zipmap[position])
            guard 1 + valueCount + padding <= end - position else { throw bad }
            try body(field, zipmap.slice(from: position + 1, count: valueCount))
            position += 1 + valueCount + padding
            count += 1
        }
        guard zipmap[0] >= 254 || Int(zipmap[0]) == count else { throw bad }
        return count
    }

    private static var bad: RDBFault { .corrupt(.badStructure("zipmap")) }

    private static func length(
        _ zipmap: ByteSlice, at position: inout Int, end: Int
    ) throws(RDBFault) -> Int {
        guard position < end else { throw bad }
        let first = Int(zipmap[position])
        position += 1
        var value = first
        if first == 254 {
            guard position + 4 <= end else { throw bad }
            value = Int(zipmap.littleEndian(at: position, as: UInt32.self))
            position += 4
        } else if first == 255 {
            throw bad
        }
        guard value <= end - position else { throw bad }
        return value
    }
}
