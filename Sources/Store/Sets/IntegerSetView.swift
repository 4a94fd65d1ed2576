// Small sets of integers: a sorted array in the bytes of the entry. Clients see it as "intset".
//
//   offset 0   count, 16 bits (65535: the length of the bytes tells)
//          2   0xFF, which no packed element begins with
//          3   width of a member: 2, 4 or 8 bytes
//          4   members, rising, signed, little-endian
//
// Invariants
//   the bytes end behind the last member; each member is larger than the one before; the width is
//   at least what the smallest and the largest member need.
//
// Sorted, because a set may hold 512 integers and more: a search costs nine comparisons, and an
// insertion moves at most 4 KB.

public import Bytes

/// The members of a packed set that holds only integers. Borrowed: valid until the next change of
/// the database.
public struct IntegerSetView {
    /// The whole value.
    public let bytes: ByteSlice
    /// Bytes of a member.
    public let width: Int

    /// Offset of the first member.
    public static let start = 4
    /// What stands where the first element of other packed values begins.
    public static let marker: UInt8 = 0xFF
    /// Counts from here on are not stored.
    static let storedCountMax = 65_535

    /// The integers in `bytes`; nil when the value is packed in another way.
    @inlinable
    public init?(_ bytes: ByteSlice) {
        guard bytes.count >= IntegerSetView.start,
            bytes[checked: 2] == IntegerSetView.marker
        else { return nil }
        self.bytes = bytes
        width = Int(bytes[checked: 3])
    }

    /// Number of members.
    @inlinable public var count: Int { (bytes.count &- IntegerSetView.start) / width }

    /// The member at `index`, in rising order.
    @inlinable
    public subscript(index: Int) -> Int64 {
        let offset = IntegerSetView.start &+ index &* width
        return switch width {
        case 2: Int64(bytes.littleEndian(at: offset, as: Int16.self))
        case 4: Int64(bytes.littleEndian(at: offset, as: Int32.self))
        default: bytes.littleEndian(at: offset, as: Int64.self)
        }
    }

    /// Offset of the member at `index` in the bytes.
    @inlinable
    public func offset(of index: Int) -> Int { IntegerSetView.start &+ index &* width }

    /// Where `value` is, or would be inserted.
    @inlinable
    public func search(_ value: Int64) -> (index: Int, isFound: Bool) {
        var low = 0
        var high = count
        // Ascending insertion is common: one look at the last member settles it.
        if high > 0 && self[high &- 1] < value { return (high, false) }
        while low < high {
            let middle = (low &+ high) &>> 1
            let member = self[middle]
            if member == value { return (middle, true) }
            if member < value { low = middle &+ 1 } else { high = middle }
        }
        return (low, false)
    }

    /// Bytes that a member of this value needs.
    @inlinable
    public static func width(for value: Int64) -> Int {
        if Int16(exactly: value) != nil { return 2 }
        return Int32(exactly: value) != nil ? 4 : 8
    }

    /// Appends a member of `width` bytes.
    public static func append(_ value: Int64, width: Int, to buffer: inout ByteBuffer) {
        switch width {
        case 2: buffer.append(littleEndian: Int16(truncatingIfNeeded: value))
        case 4: buffer.append(littleEndian: Int32(truncatingIfNeeded: value))
        default: buffer.append(littleEndian: value)
        }
    }

    /// Appends what stands before `count` members of `width` bytes.
    public static func appendHeader(count: Int, width: Int, to buffer: inout ByteBuffer) {
        buffer.append(littleEndian: UInt16(min(count, storedCountMax)))
        buffer.append(marker)
        buffer.append(UInt8(width))
    }
}
