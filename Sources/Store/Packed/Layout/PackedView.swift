// A small collection in one run of bytes: the form of short lists, hashes, sets and sorted sets.
//
//   offset 0   u16, little-endian: number of elements; 65535: that many or more, count them
//          2   element │ element │ …
//
//   element    00–7F             string of that many bytes, which follow
//              80–BF             integer 0–63
//              C0–DF  b          string; length = low 5 bits · 256 + b
//              E0     u32        string of that length
//              F1 F2 F3 F4 F5    integer of 8, 16, 24, 32, 64 bits, little-endian
//
// Invariants
//   elements fill the bytes exactly; numbers are in the shortest form that holds them;
//   a string whose text is a canonical 64-bit integer is stored as that integer.
// So equal texts have equal bytes, and a text can only equal an element of its own kind. The bytes
// are written by `PackedEncoder` and `Database.splice` only, never taken from a file or a client.

public import Bytes

/// A borrowed view of a packed collection; valid until the next change of its database.
@safe
public struct PackedView {
    @usableFromInline let base: UnsafePointer<UInt8>
    /// The offset behind the last element.
    public let end: Int

    /// The offset of the first element.
    @inlinable public static var start: Int { 2 }
    /// The header's number that means "that many or more".
    @inlinable public static var countUnknown: Int { 65535 }

    /// A view of `bytes`, which hold one packed collection.
    @inlinable
    public init(_ bytes: ByteSlice) {
        precondition(bytes.count >= PackedView.start, "a packed collection has a header")
        end = bytes.count
        unsafe base = bytes.withUnsafeBytes {
            unsafe $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
        }
    }

    // MARK: Access

    @inlinable @inline(__always)
    func byte(_ offset: Int) -> UInt8 {
        assert(offset >= 0 && offset < end)
        return unsafe base[offset]
    }

    @inlinable @inline(__always)
    func load<Field: FixedWidthInteger>(_ offset: Int, as: Field.Type) -> Field {
        assert(offset >= 0 && offset + MemoryLayout<Field>.size <= end)
        return unsafe UnsafeRawPointer(base + offset).loadUnaligned(as: Field.self).littleEndian
    }

    @inlinable @inline(__always)
    func slice(_ offset: Int, _ count: Int) -> ByteSlice {
        assert(offset >= 0 && count >= 0 && offset + count <= end)
        return unsafe ByteSlice(base: base + offset, count: count)
    }

    @inlinable @inline(__always)
    func holds(_ bytes: ByteSlice, at offset: Int) -> Bool {
        assert(offset + bytes.count <= end)
        let mine = unsafe UnsafeRawPointer(base + offset)
        return unsafe bytes.withUnsafeBytes { unsafe PackedView.areEqual(mine, $0) }
    }

    /// Compares as many bytes as `right` has; in words, the last of which overlaps.
    @inlinable @inline(__always) @unsafe
    static func areEqual(_ left: UnsafeRawPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        let count = right.count
        var index = 0
        while index &+ 8 <= count {
            if unsafe left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                != right.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            {
                return false
            }
            index &+= 8
        }
        if index == count { return true }
        if count >= 8 {
            return unsafe left.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
                == right.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        }
        while index < count {
            if unsafe left.load(fromByteOffset: index, as: UInt8.self)
                != right.load(fromByteOffset: index, as: UInt8.self)
            {
                return false
            }
            index &+= 1
        }
        return true
    }

    // MARK: The collection

    /// All bytes, header included.
    @inlinable public var bytes: ByteSlice { slice(0, end) }

    /// Number of elements; O(1) below 65535.
    @inlinable public var count: Int {
        let noted = Int(load(0, as: UInt16.self))
        return noted == PackedView.countUnknown ? countedElements : noted
    }

    /// Whether there is no element.
    @inlinable public var isEmpty: Bool { end == PackedView.start }

    @usableFromInline var countedElements: Int {
        var total = 0
        var offset = PackedView.start
        while offset < end {
            total += 1
            offset = next(after: offset)
        }
        return total
    }

    // MARK: Elements

    /// Bytes in front of the data of the element at `offset`, and bytes of the data.
    @inlinable @inline(__always)
    func shape(at offset: Int) -> (header: Int, data: Int) {
        let lead = byte(offset)
        if lead < 0x80 { return (1, Int(lead)) }
        if lead < 0xC0 { return (1, 0) }
        if lead < 0xE0 { return (2, Int(lead & 0x1F) &<< 8 | Int(byte(offset &+ 1))) }
        if lead == 0xE0 { return (5, Int(load(offset &+ 1, as: UInt32.self))) }
        return (1, lead == 0xF5 ? 8 : Int(lead & 0x0F))
    }

    /// The offset behind the element at `offset`: that of the following one, or `end`.
    @inlinable @inline(__always)
    public func next(after offset: Int) -> Int {
        let shape = shape(at: offset)
        return offset &+ shape.header &+ shape.data
    }

    /// The element at `offset`.
    @inlinable @inline(__always)
    public func element(at offset: Int) -> PackedElement {
        let lead = byte(offset)
        if lead < 0x80 { return .bytes(slice(offset &+ 1, Int(lead))) }
        if lead < 0xC0 { return .integer(Int64(lead & 0x3F)) }
        if lead >= 0xF1 { return .integer(integer(at: offset, lead)) }
        let shape = shape(at: offset)
        return .bytes(slice(offset &+ shape.header, shape.data))
    }

    @inlinable
    func integer(at offset: Int, _ lead: UInt8) -> Int64 {
        switch lead {
        case 0xF1: return Int64(load(offset &+ 1, as: Int8.self))
        case 0xF2: return Int64(load(offset &+ 1, as: Int16.self))
        case 0xF3:
            let low = Int64(load(offset &+ 1, as: UInt16.self))
            return Int64(load(offset &+ 3, as: Int8.self)) &<< 16 | low
        case 0xF4: return Int64(load(offset &+ 1, as: Int32.self))
        case 0xF5: return load(offset &+ 1, as: Int64.self)
        default: preconditionFailure("unknown kind of packed element")
        }
    }

    /// The offset of the element with this index, which exists; O(index).
    @inlinable
    public func offset(ofElement index: Int) -> Int {
        var offset = PackedView.start
        var remaining = index
        while remaining > 0 {
            precondition(offset < end, "no such element")
            offset = next(after: offset)
            remaining &-= 1
        }
        precondition(offset < end, "no such element")
        return offset
    }

    /// The offset of the first element from `offset` on that equals `text`, looking at every
    /// `stride`-th: 2 finds fields among fields and values. Nil if there is none.
    @inlinable
    public func find(
        _ text: ByteSlice, from offset: Int = PackedView.start, stride: Int = 1
    ) -> Int? {
        if let number = PackedEncoder.integer(text) {
            return find(integer: number, from: offset, stride: stride)
        }
        var offset = offset
        let wanted = text.count
        while offset < end {
            let shape = shape(at: offset)
            if shape.data == wanted && byte(offset) & 0xF0 != 0xF0
                && (wanted > 0 || byte(offset) == 0)
                && holds(text, at: offset &+ shape.header)
            {
                return offset
            }
            offset = offset &+ shape.header &+ shape.data
            var skipped = stride
            while skipped > 1 && offset < end {
                offset = next(after: offset)
                skipped &-= 1
            }
        }
        return nil
    }

    /// As `find`, for a number.
    @inlinable
    public func find(
        integer: Int64, from offset: Int = PackedView.start, stride: Int = 1
    ) -> Int? {
        let wanted = PackedEncoder.lead(of: integer)
        var offset = offset
        while offset < end {
            let lead = byte(offset)
            if lead == wanted
                && (lead < 0xC0 || self.integer(at: offset, lead) == integer)
            {
                return offset
            }
            var skipped = stride
            while skipped > 0 && offset < end {
                offset = next(after: offset)
                skipped &-= 1
            }
        }
        return nil
    }
}
