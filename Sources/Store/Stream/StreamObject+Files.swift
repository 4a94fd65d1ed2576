// Nodes as files have them, and back.
//
//   listpack of a node:  bytes u32 │ elements u16 │ count │ deleted │ body │ 0xFF
//
//   body (see StreamNode):  number of fields │ field* │ 0 │ entry*
//
// What is read may be hostile: a node is taken only when every element lies inside, each entry has
// the elements it claims, the counters are right and the IDs rise.

public import Bytes

extension StreamObject {
    /// Adds a node of a file behind those that were added before; false when it is damaged or
    /// does not lie behind them.
    public func loadNode(_ id: StreamID, listpack: ByteSlice) -> Bool {
        guard listpack.count >= 7, listpack.count <= Int(UInt32.max),
            listpack.littleEndian(at: 0, as: UInt32.self) == UInt32(listpack.count),
            listpack[listpack.count - 1] == 0xFF
        else { return false }
        let inner = listpack.slice(from: 6, count: listpack.count - 7)
        if let last = nodes.last, StreamEntries.lastID(of: last) >= id { return false }
        var check = StreamNodeCheck(base: id, bytes: inner.count)
        guard Listpack.check(inner, { check.take($0, at: $1) }), check.isComplete else {
            return false
        }
        let claimed = Int(listpack.littleEndian(at: 4, as: UInt16.self))
        guard claimed == 65_535 || claimed == check.elements else { return false }
        let node = StreamNode(capacity: inner.count - check.bodyStart)
        node.put(inner.dropFirst(check.bodyStart))
        node.count = check.live
        node.deleted = check.deleted
        node.elements = check.elements - 2
        node.fieldCount = check.nodeFields
        node.entriesStart = check.entriesStart - check.bodyStart
        node.liveStart = (check.liveStart ?? inner.count) - check.bodyStart
        add(node, at: id)
        length += node.count
        return true
    }

    /// Takes over what a file says behind the nodes; false when it contradicts them.
    public func finishLoading(length claimed: UInt64, lastID: StreamID) -> Bool {
        guard claimed == UInt64(length), lastEntryID <= lastID else { return false }
        self.lastID = lastID
        entriesAdded = claimed
        updateFirstID()
        return true
    }
}

/// A node on its way into a file.
public struct StreamNodeFile {
    let node: StreamNode

    /// Appends the listpack.
    public func append(to buffer: inout ByteBuffer) {
        buffer.append(littleEndian: UInt32(node.listpackBytes))
        buffer.append(littleEndian: UInt16(min(node.elements + 2, 65_535)))
        appendCounter(node.count, to: &buffer)
        appendCounter(node.deleted, to: &buffer)
        buffer.append(node.body)
        buffer.append(0xFF)
    }

    private func appendCounter(_ value: Int, to buffer: inout ByteBuffer) {
        switch value {
        case ..<128:
            buffer.append(UInt8(value))
            buffer.append(1)
        case ..<4096:
            buffer.append(0xC0 | UInt8(value >> 8))
            buffer.append(UInt8(value & 0xFF))
            buffer.append(2)
        case ..<32_768:
            buffer.append(0xF1)
            buffer.append(littleEndian: UInt16(value))
            buffer.append(3)
        case ..<8_388_608:
            buffer.append(0xF2)
            buffer.append(littleEndian: UInt16(value & 0xFFFF))
            buffer.append(UInt8(value >> 16))
            buffer.append(4)
        default:
            // A node has less than 2^30 bytes, so it has fewer entries.
            buffer.append(0xF3)
            buffer.append(littleEndian: Int32(value))
            buffer.append(5)
        }
    }
}

/// Reads the elements of a node one by one and proves that they make entries.
private struct StreamNodeCheck {
    private enum Part {
        case count, deletedCount, nodeFieldCount, nodeFields, nodeEnd
        case flags, milliseconds, sequence, fieldCount, values, entryEnd
    }

    private let base: StreamID
    private let bytes: Int
    private var part = Part.count
    private var left = 0
    private var entryElements = 0
    private var flags: Int64 = 0
    private var entryStart = 0
    private var milliseconds: UInt64 = 0
    private var lastID: StreamID?
    private var claimedLive = 0
    private var claimedDeleted = 0

    private(set) var elements = 0
    private(set) var bodyStart = 0
    private(set) var entriesStart = 0
    private(set) var liveStart: Int?
    private(set) var nodeFields = 0
    private(set) var live = 0
    private(set) var deleted = 0

    init(base: StreamID, bytes: Int) {
        self.base = base
        self.bytes = bytes
    }

    /// Whether the last element ended an entry and the counters are right.
    var isComplete: Bool {
        part == .flags && live + deleted > 0 && live == claimedLive && deleted == claimedDeleted
    }

    mutating func take(_ element: ListpackElement, at offset: Int) -> Bool {
        elements += 1
        switch part {
        case .nodeFields:
            left -= 1
            if left == 0 { part = .nodeEnd }
            return true
        case .values:
            left -= 1
            if left == 0 { part = .entryEnd }
            return true
        default:
            guard case .integer(let value) = element else { return false }
            return entriesStart == 0 && part != .nodeEnd
                ? takeHead(value, at: offset) : takeEntry(value, at: offset)
        }
    }

    private mutating func takeHead(_ value: Int64, at offset: Int) -> Bool {
        // No counter can exceed the bytes, since everything that is counted takes some.
        guard value >= 0 && value <= Int64(bytes) else { return false }
        switch part {
        case .count:
            claimedLive = Int(value)
            part = .deletedCount
        case .deletedCount:
            claimedDeleted = Int(value)
            part = .nodeFieldCount
        default:
            guard value > 0 else { return false }
            bodyStart = offset
            nodeFields = Int(value)
            left = nodeFields
            part = .nodeFields
        }
        return true
    }

    private mutating func takeEntry(_ value: Int64, at offset: Int) -> Bool {
        switch part {
        case .nodeEnd:
            guard value == 0 else { return false }
            // An element of one byte and its backward length.
            entriesStart = offset + 2
            part = .flags
        case .flags:
            guard (0...3).contains(value), lastID != nil || offset == entriesStart else {
                return false
            }
            flags = value
            entryStart = offset
            part = .milliseconds
        case .milliseconds:
            // Flags are changed in place: they must be an element of one byte.
            guard offset == entryStart + 2 else { return false }
            milliseconds = base.milliseconds &+ UInt64(bitPattern: value)
            part = .sequence
        case .sequence:
            return takeID(StreamID(milliseconds, base.sequence &+ UInt64(bitPattern: value)))
        case .fieldCount:
            guard value > 0 && value <= Int64(bytes) else { return false }
            left = Int(value) * 2
            entryElements = left + 4
            part = .values
        default:
            guard value == Int64(entryElements) else { return false }
            if flags & StreamEntries.deletedFlag != 0 {
                deleted += 1
            } else {
                live += 1
                if liveStart == nil { liveStart = entryStart }
            }
            part = .flags
        }
        return true
    }

    private mutating func takeID(_ id: StreamID) -> Bool {
        guard id >= base else { return false }
        if let lastID, id <= lastID { return false }
        lastID = id
        if flags & StreamEntries.sameFieldsFlag != 0 {
            left = nodeFields
            entryElements = nodeFields + 3
            part = .values
        } else {
            part = .fieldCount
        }
        return true
    }
}
