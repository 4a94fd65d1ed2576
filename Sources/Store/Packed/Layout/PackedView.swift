// A small collection in one run of bytes: the form of short lists, hashes, sets and sorted sets.
//
//   offset 0   u16, little-endian: number of elements; 65535: that many or more, count them
//          2   element │ element │ …
//
//   element    00–3F             string of that many bytes, which follow
//              40–7F             9–72 characters of ASCII, seven bits each (`SevenBitText`)
//              80–BF             integer 0–63
//              C0–DF  b          string; length = low 5 bits · 256 + b
//              E0     u32        string of that length
//              E8–EF  b          integer 128–2175: 128 + low 3 bits · 256 + b
//              F1 F2 F3 F4 F5    integer of 8, 16, 24, 32, 64 bits, little-endian
//
// Invariants
//   elements fill the bytes exactly; numbers are in the shortest form that holds them;
//   a string whose text is a canonical 64-bit integer is stored as that integer;
//   an ASCII text of a length that fits is stored in seven bits a character, but for the pages of
//   long lists, where each is a plain string (`PackedEncoder.Texts`).
// So equal texts have equal bytes, and a search compares bytes. They are written by `PackedEncoder`
// and `Database.splice` only, never taken from a file or a client.

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

    /// Bytes of an element with this first byte, if that tells; 0 for long strings.
    @inlinable @inline(__always)
    static func length(of lead: UInt8) -> Int {
        let low = Int(lead & 0x3F)
        if lead < 0x40 { return 1 &+ low }
        if lead < 0x80 {
            return 1 &+ SevenBitText.byteCount(low &+ SevenBitText.shortest)
        }
        if lead < 0xC0 { return 1 }
        if lead < 0xE8 { return 0 }
        if lead < 0xF0 { return 2 }
        return lead == 0xF5 ? 9 : 1 &+ (low & 0x0F)
    }

    /// The offset behind the element at `offset`: that of the following one, or `end`.
    @inlinable @inline(__always)
    public func next(after offset: Int) -> Int {
        let length = PackedView.length(of: byte(offset))
        return length != 0 ? offset &+ length : nextLong(after: offset)
    }

    @inlinable @inline(__always)
    func nextLong(after offset: Int) -> Int {
        let shape = longShape(at: offset)
        return offset &+ shape.header &+ shape.data
    }

    /// Bytes in front of the data of the long string at `offset`, and bytes of the data.
    @inlinable @inline(__always)
    func longShape(at offset: Int) -> (header: Int, data: Int) {
        let lead = byte(offset)
        if lead < 0xE0 { return (2, Int(lead & 0x1F) &<< 8 | Int(byte(offset &+ 1))) }
        return (5, Int(load(offset &+ 1, as: UInt32.self)))
    }

    /// The element at `offset`.
    @inlinable @inline(__always)
    public func element(at offset: Int) -> PackedElement {
        let lead = byte(offset)
        if lead < 0x40 { return .bytes(slice(offset &+ 1, Int(lead))) }
        if lead < 0x80 {
            let count = Int(lead & 0x3F) &+ SevenBitText.shortest
            let bytes = slice(offset &+ 1, SevenBitText.byteCount(count))
            return .sevenBits(SevenBitText(bytes, count: count))
        }
        if lead < 0xC0 { return .integer(Int64(lead & 0x3F)) }
        if lead >= 0xE8 { return .integer(integer(at: offset, lead)) }
        let shape = longShape(at: offset)
        return .bytes(slice(offset &+ shape.header, shape.data))
    }

    @inlinable
    func integer(at offset: Int, _ lead: UInt8) -> Int64 {
        switch lead {
        case 0xE8...0xEF:
            return 128 &+ (Int64(lead & 7) &<< 8 | Int64(byte(offset &+ 1)))
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

    // MARK: Searching

    /// The offset of the first element from `offset` on that equals `text`, looking at every
    /// `stride`-th: 2 finds fields among fields and values. Nil if there is none.
    @inlinable
    public func find(
        _ text: ByteSlice, from offset: Int = PackedView.start, stride: Int = 1
    ) -> Int? {
        find(PackedNeedle(text), from: offset, stride: stride)
    }

    /// As `find`, for a number.
    @inlinable
    public func find(
        integer: Int64, from offset: Int = PackedView.start, stride: Int = 1
    ) -> Int? {
        find(PackedNeedle(integer: integer), from: offset, stride: stride)
    }

    /// As `find`, for what has been encoded already.
    @inlinable
    public func find(
        _ needle: PackedNeedle, from offset: Int = PackedView.start, stride: Int = 1
    ) -> Int? {
        if needle.count == 0 { return findLong(needle.text, from: offset, stride: stride) }
        let first = needle.firstWord
        let mask = needle.firstMask
        let last = end &- 8
        var offset = offset
        // No element that is longer than what is left equals it.
        while offset <= last {
            // The first word tells nearly all others: the lead byte with up to seven bytes.
            let word = load(offset, as: UInt64.self)
            if (word ^ first) & mask == 0 && holdsRest(needle, at: offset) { return offset }
            let length = PackedView.length(of: UInt8(truncatingIfNeeded: word))
            offset = length != 0 ? offset &+ length : nextLong(after: offset)
            offset = skip(stride &- 1, from: offset)
        }
        while offset < end {
            if holds(needle, at: offset) { return offset }
            offset = skip(stride, from: offset)
        }
        return nil
    }

    @inlinable @inline(__always)
    func skip(_ count: Int, from offset: Int) -> Int {
        var offset = offset
        var rest = count
        while rest > 0 && offset < end {
            offset = next(after: offset)
            rest &-= 1
        }
        return offset
    }

    /// Whether the element equals the needle, whose first word does.
    @inlinable @inline(__always)
    func holdsRest(_ needle: PackedNeedle, at offset: Int) -> Bool {
        needle.count <= 8 || holds(needle, at: offset)
    }

    @inlinable @inline(__always)
    func holds(_ needle: PackedNeedle, at offset: Int) -> Bool {
        let count = needle.count
        guard offset &+ count <= end else { return false }
        let mine = unsafe UnsafeRawPointer(base + offset)
        return unsafe needle.withUnsafeBytes { unsafe PackedView.areEqual(mine, $0) }
    }

    /// As `find`, for a text that is longer than any with a length in its lead byte.
    @inlinable @inline(never)
    func findLong(_ text: ByteSlice, from offset: Int, stride: Int) -> Int? {
        let wanted = text.count
        var offset = offset
        while offset < end {
            if PackedView.length(of: byte(offset)) == 0 {
                let shape = longShape(at: offset)
                if shape.data == wanted && slice(offset &+ shape.header, wanted) == text {
                    return offset
                }
            }
            offset = skip(stride, from: offset)
        }
        return nil
    }
}
