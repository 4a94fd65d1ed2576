// Walks the packed structures of older servers, and the intset, and proves that they hold together.
//
//   intset    width u32 (2, 4, 8) │ count u32 │ rising signed integers
//   ziplist   bytes u32 │ tail offset u32 │ count u16 │ entry* │ 0xFF
//             entry = previous length (1, or 0xFE and u32) │ encoding │ data
//   zipmap    count u8 │ (length field, length free value padding)* │ 0xFF
//             length = 1 byte below 254, or 254 and u32

internal import Bytes

enum IntsetCheck {
    /// Returns the number of members.
    static func walk(_ intset: ByteSlice) throws(RDBFault) -> Int {
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
        }
        return count
    }

    private static var bad: RDBFault { .corrupt(.badStructure("intset")) }
}

enum ZiplistCheck {
    /// Returns the number of entries.
    static func walk(_ ziplist: ByteSlice) throws(RDBFault) -> Int {
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
            let length = try entryLength(ziplist, at: position, end: end, previous: previousLength)
            last = position
            position += length
            previousLength = length
            count += 1
        }
        let claimed = Int(ziplist.littleEndian(at: 8, as: UInt16.self))
        guard position == end, claimed == 65535 || claimed == count,
            Int(ziplist.littleEndian(at: 4, as: UInt32.self)) == last
        else { throw bad }
        return count
    }

    private static var bad: RDBFault { .corrupt(.badStructure("ziplist")) }

    private static func entryLength(
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
        let first = ziplist[position]
        var header = 1
        var data: Int
        switch first {
        case 0x00...0x3F: data = Int(first)
        case 0x40...0x7F:
            guard position + 1 < end else { throw bad }
            header = 2
            data = Int(first & 0x3F) << 8 | Int(ziplist[position + 1])
        case 0x80:
            guard position + 4 < end else { throw bad }
            header = 5
            data = Int(ziplist.bigEndian(at: position + 1, as: UInt32.self))
        case 0xC0: data = 2
        case 0xD0: data = 4
        case 0xE0: data = 8
        case 0xF0: data = 3
        case 0xFE: data = 1
        case 0xF1...0xFD: data = 0
        default: throw bad
        }
        guard data <= end - position - header else { throw bad }
        return position + header + data - start
    }
}

enum ZipmapCheck {
    /// Returns the number of pairs.
    static func walk(_ zipmap: ByteSlice) throws(RDBFault) -> Int {
        guard zipmap.count >= 2, zipmap[zipmap.count - 1] == 0xFF else { throw bad }
        let end = zipmap.count - 1
        var position = 1
        var count = 0
        while position < end {
            let field = try length(zipmap, at: &position, end: end)
            position += field
            guard position < end else { throw bad }
            let value = try length(zipmap, at: &position, end: end)
            guard position < end else { throw bad }
            position += 1 + value + Int(zipmap[position])
            guard position <= end else { throw bad }
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
