// One cache line of the hash table: seven slots with their tags.
//
//   offset  0   slot 0 … slot 6, 8 bytes each
//          56   tag 0 … tag 6, one byte each; 0 = the slot is empty
//          63   overflow: entries that probed past this bucket; 255 is sticky
//
//   slot        bits  3–47  address of the entry (blocks are 8-byte aligned)
//               bit   0     the entry has an expiry time
//               bit   1     heavy: the value is a reference, or the block is from malloc
//               bits 48–63  position bits: the 16 bits of the hash below the segment's depth
//
// Invariants
//   tag == 0 exactly when slot == 0;
//   a lookup may stop at a bucket whose overflow is 0.
//
// The position bits give an entry's home bucket without touching the entry, whatever the number of
// buckets, and filter false tag matches. The two flags let sweeps touch only what concerns them.

/// What a bucket knows about an entry.
struct Slot {
    let word: UInt64

    @inline(__always)
    init(word: UInt64) { self.word = word }

    @inline(__always)
    init(entry: Entry, positionBits: Int) {
        var word = entry.address | UInt64(truncatingIfNeeded: positionBits) &<< 48
        if entry.hasExpiry { word |= 1 }
        if entry.isHeavy { word |= 2 }
        self.word = word
    }

    var isEmpty: Bool { @inline(__always) get { word == 0 } }
    var hasExpiry: Bool { @inline(__always) get { word & 1 != 0 } }
    var isHeavy: Bool { @inline(__always) get { word & 2 != 0 } }
    var positionBits: Int { @inline(__always) get { Int(truncatingIfNeeded: word &>> 48) } }

    @inline(__always)
    func with(positionBits: Int) -> Slot {
        Slot(word: word & 0xFFFF_FFFF_FFFF | UInt64(truncatingIfNeeded: positionBits) &<< 48)
    }

    var entry: Entry {
        @inline(__always) get {
            unsafe Entry(
                base: UnsafeMutableRawPointer(
                    bitPattern: UInt(truncatingIfNeeded: word & 0xFFFF_FFFF_FFF8)
                ).unsafelyUnwrapped)
        }
    }
}

/// The slots of a bucket whose tag matched, one bit per byte.
struct SlotMatches {
    private var mask: UInt64

    @inline(__always)
    init(mask: UInt64) { self.mask = mask }

    var isEmpty: Bool { @inline(__always) get { mask == 0 } }
    var count: Int { mask.nonzeroBitCount }

    /// Index of the first slot; there is one.
    var first: Int { @inline(__always) get { mask.trailingZeroBitCount &>> 3 } }

    @inline(__always)
    mutating func removeFirst() { mask &= mask &- 1 }
}

/// A trivial reference to a bucket.
@safe
struct Bucket {
    static let slotCount = 7
    static let byteCount = 64
    static let overflowMax: UInt64 = 255
    private static let tagsOffset = 56

    private let base: UnsafeMutableRawPointer

    @unsafe @inline(__always)
    init(base: UnsafeMutableRawPointer) { unsafe self.base = base }

    /// The tag of a hash: its low byte, never 0.
    @inline(__always)
    static func tag(_ hash: UInt64) -> UInt64 {
        let low = hash & 0xFF
        return low == 0 ? 1 : low
    }

    var pointer: UnsafeRawPointer { @inline(__always) get { unsafe UnsafeRawPointer(base) } }

    private var tags: UInt64 {
        @inline(__always) get {
            unsafe base.load(fromByteOffset: Bucket.tagsOffset, as: UInt64.self).littleEndian
        }
        @inline(__always) nonmutating set {
            unsafe base.storeBytes(
                of: newValue.littleEndian, toByteOffset: Bucket.tagsOffset, as: UInt64.self)
        }
    }

    /// The slots whose tag is `tag`; exact, one pass over the eight bytes.
    @inline(__always)
    func matches(_ tag: UInt64) -> SlotMatches {
        let low7: UInt64 = 0x7F7F_7F7F_7F7F_7F7F
        let difference = tags ^ (tag &* 0x0101_0101_0101_0101)
        let zero = ~(((difference & low7) &+ low7) | difference | low7)
        return SlotMatches(mask: zero & 0x0080_8080_8080_8080)
    }

    /// The empty slots.
    @inline(__always)
    var empty: SlotMatches { matches(0) }

    /// The slots in use.
    @inline(__always)
    var occupied: SlotMatches {
        let low7: UInt64 = 0x7F7F_7F7F_7F7F_7F7F
        let word = tags
        return SlotMatches(mask: (((word & low7) &+ low7) | word) & 0x0080_8080_8080_8080)
    }

    @inline(__always)
    func slot(_ index: Int) -> Slot {
        assert(index >= 0 && index < Bucket.slotCount)
        return Slot(word: unsafe base.load(fromByteOffset: index &* 8, as: UInt64.self))
    }

    /// Replaces the slot of an entry that moved; the tag stays.
    @inline(__always)
    func replace(_ index: Int, with slot: Slot) {
        assert(index >= 0 && index < Bucket.slotCount && !slot.isEmpty)
        unsafe base.storeBytes(of: slot.word, toByteOffset: index &* 8, as: UInt64.self)
    }

    @inline(__always)
    func tag(_ index: Int) -> UInt64 { (tags &>> UInt64(index &* 8)) & 0xFF }

    @inline(__always)
    func occupy(_ index: Int, slot: Slot, tag: UInt64) {
        replace(index, with: slot)
        let shift = UInt64(truncatingIfNeeded: index &* 8)
        tags = tags & ~(0xFF &<< shift) | tag &<< shift
    }

    @inline(__always)
    func vacate(_ index: Int) {
        assert(index >= 0 && index < Bucket.slotCount)
        unsafe base.storeBytes(of: 0, toByteOffset: index &* 8, as: UInt64.self)
        tags &= ~(0xFF &<< UInt64(truncatingIfNeeded: index &* 8))
    }

    /// Entries that probed past this bucket; `overflowMax` means "that many or more".
    var overflow: UInt64 { @inline(__always) get { tags &>> 56 } }

    @inline(__always)
    func countOverflow() {
        if overflow < Bucket.overflowMax { tags &+= 1 &<< 56 }
    }

    @inline(__always)
    func discountOverflow() {
        assert(overflow > 0)
        if overflow < Bucket.overflowMax { tags &-= 1 &<< 56 }
    }
}
