// A run of buckets that holds one range of hashes, and the word that finds it.
//
//   segment          │ header 64 │ bucket 0 │ bucket 1 │ … │ bucket n-1 │    aligned to 64
//   header   0       i64 entries
//            8       i64 buckets
//           16       i64 depth
//           24       i64 lower bound of the expiry times (Int64.max: nothing expires)
//           32       i64 where it lies: index of a room (SegmentArena.swift), -1 for malloc
//
//   directory word   bits 0–5 depth │ bits 6–47 address │ bits 48–63 buckets
//
//   hash             │ depth bits: which segment │ 16 position bits │ … │ low byte: tag │
//   home bucket      (position bits × buckets) >> 16: monotone, so entries lie in hash order but
//                    for those that overflowed, and any number of buckets is possible
//
// Invariants
//   entries < 7 × buckets: there is always an empty slot, so probing ends;
//   the word's depth and bucket count equal the header's.
//
// A segment grows in steps of 32 buckets up to 255 (with the header 16 KB) before it splits, which
// keeps the table 75–93 % full where doubling would swing between 46 and 93 %: 4 bytes a key on
// average.

internal import CLinux

/// A trivial reference to a segment: its address and what the directory knows about it.
@safe
struct Segment: Equatable {
    static let headerBytes = 64
    /// Buckets of a segment that splits when it is full; more only when splitting does not help.
    static let bucketCountSplit = 255
    /// Sizes from 31 on lie this far apart: with the header a multiple of 2 KB.
    static let bucketCountStep = 32
    static let bucketCountSmallest = 2
    /// The most that a directory word can express; reached only if 400,000 hashes agree in 32 bits.
    static let bucketCountMax = 65535

    let word: UInt64

    @inline(__always)
    init(word: UInt64) { self.word = word }

    /// A new, empty segment from malloc.
    init(depth: Int, bucketCount: Int) {
        precondition(
            bucketCount <= Segment.bucketCountMax, "the hash function does not spread the keys")
        let base = UnsafeMutableRawPointer.allocate(
            byteCount: Segment.bytes(bucketCount: bucketCount), alignment: 64)
        unsafe self.init(at: base, room: -1, depth: depth, bucketCount: bucketCount)
    }

    /// A new, empty segment at `base`, in the room of index `room`.
    @unsafe
    init(at base: UnsafeMutableRawPointer, room: Int, depth: Int, bucketCount: Int) {
        let bytes = Segment.bytes(bucketCount: bucketCount)
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        let address = UInt64(UInt(bitPattern: base))
        precondition(address &>> 48 == 0 && address & 63 == 0, "address outside 48 bits")
        word = address | UInt64(depth) | UInt64(bucketCount) &<< 48
        store(bucketCount, 8)
        store(depth, 16)
        store(Int64.max, 24)
        store(room, 32)
    }

    /// Frees a segment that came from malloc.
    func deallocate() {
        assert(room < 0)
        unsafe base.deallocate()
    }

    static func bytes(bucketCount: Int) -> Int { headerBytes + bucketCount * Bucket.byteCount }

    private var base: UnsafeMutableRawPointer {
        @inline(__always) get {
            unsafe UnsafeMutableRawPointer(
                bitPattern: UInt(truncatingIfNeeded: word & 0xFFFF_FFFF_FFC0)
            ).unsafelyUnwrapped
        }
    }

    @inline(__always)
    private func load<Field: BitwiseCopyable>(_ offset: Int, as: Field.Type) -> Field {
        unsafe base.load(fromByteOffset: offset, as: Field.self)
    }

    @inline(__always)
    private func store<Field: BitwiseCopyable>(_ value: Field, _ offset: Int) {
        unsafe base.storeBytes(of: value, toByteOffset: offset, as: Field.self)
    }

    var depth: Int { @inline(__always) get { Int(truncatingIfNeeded: word & 63) } }
    var bucketCount: Int { @inline(__always) get { Int(truncatingIfNeeded: word &>> 48) } }
    var bytes: Int { Segment.bytes(bucketCount: bucketCount) }
    var address: UInt { UInt(bitPattern: unsafe base) }
    /// Index of the room it lies in; negative when it came from malloc.
    var room: Int { load(32, as: Int.self) }

    var count: Int {
        @inline(__always) get { load(0, as: Int.self) }
        nonmutating set { store(newValue, 0) }
    }

    /// No entry of the segment expires before this time; a lower bound, exact after a sweep.
    var expiryMin: Int64 {
        get { load(24, as: Int64.self) }
        nonmutating set { store(newValue, 24) }
    }

    @inline(__always)
    func noteExpiry(_ time: Int64) {
        if time < expiryMin { expiryMin = time }
    }

    /// Entries with which a segment of `bucketCount` is full: 6.5 of 7 slots, 93 %.
    @inline(__always)
    static func countMax(bucketCount: Int) -> Int { bucketCount &* 13 / 2 }

    /// The smallest size that holds `count` entries at 80 % load or less.
    static func fitting(count: Int) -> Int {
        let wanted = (count * 10 + 55) / 56
        if wanted <= bucketCountStep / 2 {
            var size = bucketCountSmallest
            while size < wanted { size *= 2 }
            return size
        }
        return wanted / bucketCountStep * bucketCountStep + bucketCountStep - 1
    }

    /// The next size after `bucketCount`.
    static func grown(_ bucketCount: Int) -> Int {
        if bucketCount < bucketCountStep / 2 { return bucketCount * 2 }
        if bucketCount < bucketCountStep - 1 { return bucketCountStep - 1 }
        if bucketCount < bucketCountSplit { return bucketCount + bucketCountStep }
        return min(bucketCount + bucketCount / 2, bucketCountMax)
    }

    @inline(__always)
    func bucket(_ index: Int) -> Bucket {
        assert(index >= 0 && index < bucketCount)
        return unsafe Bucket(
            base: base + (Segment.headerBytes &+ index &* Bucket.byteCount))
    }

    @inline(__always)
    func positionBits(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: (hash &<< (word & 63)) &>> 48)
    }

    @inline(__always)
    func home(_ positionBits: Int) -> Int { (positionBits &* bucketCount) &>> 16 }

    @inline(__always)
    func following(_ bucket: Int) -> Int {
        let next = bucket &+ 1
        return next == bucketCount ? 0 : next
    }
}

/// Brings the line at `bucket` in.
@inline(__always)
func prefetch(_ bucket: Bucket) { unsafe hw_prefetch(bucket.pointer) }

/// Brings the first two lines of an entry in: header, key and a short value.
@inline(__always)
func prefetch(_ entry: Entry) {
    unsafe hw_prefetch(entry.base)
    unsafe hw_prefetch(entry.base + 64)
}
