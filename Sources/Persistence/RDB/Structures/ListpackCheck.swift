// Walks a listpack and proves that every entry lies inside it.
//
//   total bytes u32 │ count u16 (65535: unknown) │ entry* │ 0xFF
//   entry = encoding and data │ backward length (7 bits per byte, 1–5 bytes)
//
// The backward length takes two bytes only below 16383, one less than seven-bit groups allow: a
// quirk of the format that a reader has to follow.

internal import Bytes

enum ListpackCheck {
    /// One entry.
    enum Element {
        case integer(Int64)
        case bytes(ByteSlice)
    }

    /// Calls `body` for each entry and returns their number.
    static func walk(
        _ listpack: ByteSlice, _ body: (Element) throws(RDBFault) -> Void = { _ in }
    ) throws(RDBFault) -> Int {
        guard listpack.count >= 7,
            listpack.littleEndian(at: 0, as: UInt32.self) == UInt32(clamping: listpack.count),
            listpack[listpack.count - 1] == 0xFF
        else { throw bad }
        let end = listpack.count - 1
        var position = 6
        var count = 0
        while position < end {
            let (element, length) = try element(listpack, at: position, end: end)
            let backward = backwardByteCount(length)
            guard position + length + backward <= end,
                backwardValue(listpack, last: position + length + backward - 1) == length
            else { throw bad }
            try body(element)
            position += length + backward
            count += 1
        }
        let claimed = Int(listpack.littleEndian(at: 4, as: UInt16.self))
        guard claimed == 65535 || claimed == count else { throw bad }
        return count
    }

    private static var bad: RDBFault { .corrupt(.badStructure("listpack")) }

    private static func backwardByteCount(_ length: Int) -> Int {
        switch length {
        case ...127: 1
        case ..<16383: 2
        case ..<2_097_151: 3
        case ..<268_435_455: 4
        default: 5
        }
    }

    private static func backwardValue(_ listpack: ByteSlice, last: Int) -> Int {
        var value = 0
        for index in 0..<5 where last - index >= 0 {
            let byte = listpack[last - index]
            value |= Int(byte & 0x7F) << (7 * index)
            if byte & 0x80 == 0 { return value }
        }
        return -1
    }

    private static func element(
        _ listpack: ByteSlice, at position: Int, end: Int
    ) throws(RDBFault) -> (Element, Int) {
        func need(_ count: Int) throws(RDBFault) {
            guard count <= end - position else { throw bad }
        }
        func text(_ header: Int, _ count: Int) throws(RDBFault) -> (Element, Int) {
            try need(header + count)
            return (.bytes(listpack.slice(from: position + header, count: count)), header + count)
        }
        func number<Value: FixedWidthInteger>(
            _ type: Value.Type
        ) throws(RDBFault) -> (Element, Int) {
            let size = MemoryLayout<Value>.size
            try need(1 + size)
            return (.integer(Int64(listpack.littleEndian(at: position + 1, as: type))), 1 + size)
        }
        let first = listpack[position]
        switch first {
        case 0x00...0x7F: return (.integer(Int64(first)), 1)
        case 0x80...0xBF: return try text(1, Int(first & 0x3F))
        case 0xC0...0xDF:
            try need(2)
            let raw = Int64(first & 0x1F) << 8 | Int64(listpack[position + 1])
            return (.integer(raw >= 4096 ? raw - 8192 : raw), 2)
        case 0xE0...0xEF:
            try need(2)
            return try text(2, Int(first & 0x0F) << 8 | Int(listpack[position + 1]))
        case 0xF0:
            try need(5)
            return try text(5, Int(listpack.littleEndian(at: position + 1, as: UInt32.self)))
        case 0xF1: return try number(Int16.self)
        case 0xF2:
            try need(4)
            let low = Int64(listpack.littleEndian(at: position + 1, as: UInt16.self))
            let high = Int64(Int8(bitPattern: listpack[position + 3]))
            return (.integer(high << 16 | low), 4)
        case 0xF3: return try number(Int32.self)
        case 0xF4: return try number(Int64.self)
        default: throw bad
        }
    }
}
