// The table of a database: a segmented (extendible) hash table in hash order.
//
//   hash │ top bits ──► directory ──► segment │ next 16 bits ──► home bucket │ low byte = tag │
//
//   1. Lookup: from the home bucket on, compare the seven tags at once, filter by the position bits
//      in the slot, compare the key; stop at a bucket past which nothing overflowed.
//   2. Insertion: the first bucket from home on with an empty slot; the full ones passed count it.
//   3. Growth (HashTable+Growth.swift): a segment grows in place, then splits in two; one segment
//      at a time, so that no insertion pauses the engine.
//
// Entries lie in the order of their hashes up to overflow, whatever the sizes of the segments: a
// place in that order stays meaningful while segments grow, split, shrink and merge. SCAN cursors
// and snapshots are such places (HashTable+Walk.swift).
//
// Invariants (checkInvariants)
//   every slot is reachable from its home bucket over buckets with overflow above 0; a bucket's
//   overflow is the number of entries that lie behind it and have their home at or before it (or
//   255); the sum of the segments' counts is `count`.

internal import Bytes

/// Where a slot lies; valid until the next change of the table.
struct Location {
    let segment: Segment
    let bucketIndex: Int
    let slotIndex: Int

    var slot: Slot { @inline(__always) get { segment.bucket(bucketIndex).slot(slotIndex) } }
    var entry: Entry { @inline(__always) get { slot.entry } }

    /// Points the slot to an entry that moved or changed its flags; key and hash are the same.
    @inline(__always)
    func replace(with entry: Entry) {
        segment.bucket(bucketIndex).replace(
            slotIndex, with: Slot(entry: entry, positionBits: slot.positionBits))
    }
}

/// Slots by hash; knows entries only by their key, and owns none.
struct HashTable: ~Copyable {
    let hasher: KeyHasher
    var directory: Directory
    var arena: SegmentArena
    /// Number of entries.
    var count = 0
    /// Bytes of all segments.
    var segmentBytes: Int
    /// The most buckets that a segment had: the range that random sampling draws from.
    var bucketCountLargest = Segment.bucketCountSmallest
    /// While a snapshot walks, segments do not merge: a merge forgets a position bit.
    var mayMerge = true
    /// How often segments split and changed their size since the start.
    var growths = 0

    /// An empty table; the segments of a large one lie in what `chunks` has prepared.
    init(hasher: KeyHasher, chunks: ChunkSupply? = nil) {
        self.hasher = hasher
        arena = SegmentArena(supply: chunks)
        let segment = Segment(depth: 0, bucketCount: Segment.bucketCountSmallest)
        segmentBytes = segment.bytes
        directory = Directory(segment)
    }

    deinit { forEachSegment { segment, _ in if segment.room < 0 { segment.deallocate() } } }

    /// Slots of all buckets: seven in each cache line, headers of segments counted with them.
    var slotCount: Int { segmentBytes / 64 * 7 }

    /// Bytes of the directory and the segments.
    var bytes: Int { directory.bytes + segmentBytes }

    // MARK: Lookup

    @inline(__always)
    func find(_ key: ByteSlice, _ hash: UInt64) -> Entry? {
        let segment = directory.segment(for: hash)
        let bits = segment.positionBits(hash)
        let tag = Bucket.tag(hash)
        var index = segment.home(bits)
        var remaining = segment.bucketCount
        while true {
            let bucket = segment.bucket(index)
            var matches = bucket.matches(tag)
            while !matches.isEmpty {
                let slot = bucket.slot(matches.first)
                if slot.positionBits == bits {
                    let entry = slot.entry
                    if entry.keyEquals(key) { return entry }
                }
                matches.removeFirst()
            }
            remaining &-= 1
            if bucket.overflow == 0 || remaining == 0 { return nil }
            index = segment.following(index)
        }
    }

    @inline(__always)
    func locate(_ key: ByteSlice, _ hash: UInt64) -> Location? {
        let segment = directory.segment(for: hash)
        let bits = segment.positionBits(hash)
        let tag = Bucket.tag(hash)
        var index = segment.home(bits)
        var remaining = segment.bucketCount
        while true {
            let bucket = segment.bucket(index)
            var matches = bucket.matches(tag)
            while !matches.isEmpty {
                let slot = bucket.slot(matches.first)
                if slot.positionBits == bits && slot.entry.keyEquals(key) {
                    return Location(
                        segment: segment, bucketIndex: index, slotIndex: matches.first)
                }
                matches.removeFirst()
            }
            remaining &-= 1
            if bucket.overflow == 0 || remaining == 0 { return nil }
            index = segment.following(index)
        }
    }

    /// The place of `entry`, which is in the table.
    func locate(_ entry: Entry, _ hash: UInt64) -> Location {
        let segment = directory.segment(for: hash)
        let tag = Bucket.tag(hash)
        var index = segment.home(segment.positionBits(hash))
        for _ in 0..<segment.bucketCount {
            let bucket = segment.bucket(index)
            var matches = bucket.matches(tag)
            while !matches.isEmpty {
                if bucket.slot(matches.first).entry == entry {
                    return Location(
                        segment: segment, bucketIndex: index, slotIndex: matches.first)
                }
                matches.removeFirst()
            }
            index = segment.following(index)
        }
        preconditionFailure("the entry is not in the table under this hash")
    }

    /// Asks for the line of the home bucket.
    @inline(__always)
    func prefetchBucket(_ hash: UInt64) {
        let segment = directory.segment(for: hash)
        prefetch(segment.bucket(segment.home(segment.positionBits(hash))))
    }

    /// Asks for the entry, if its home bucket holds it; the bucket's line should be there already.
    @inline(__always)
    func prefetchEntry(_ hash: UInt64) {
        let segment = directory.segment(for: hash)
        let bits = segment.positionBits(hash)
        var index = segment.home(bits)
        var bucket = segment.bucket(index)
        var matches = bucket.matches(Bucket.tag(hash))
        if matches.isEmpty && bucket.overflow != 0 {
            index = segment.following(index)
            bucket = segment.bucket(index)
            matches = bucket.matches(Bucket.tag(hash))
        }
        while !matches.isEmpty {
            let slot = bucket.slot(matches.first)
            if slot.positionBits == bits {
                prefetch(slot.entry)
                return
            }
            matches.removeFirst()
        }
    }

    // MARK: Insertion and removal

    /// Adds an entry whose key is not in the table.
    @inline(__always)
    mutating func insert(_ entry: Entry, _ hash: UInt64) {
        var segment = directory.segment(for: hash)
        if segment.count >= Segment.countMax(bucketCount: segment.bucketCount) {
            grow(hash)
            segment = directory.segment(for: hash)
        }
        let bits = segment.positionBits(hash)
        HashTable.place(
            Slot(entry: entry, positionBits: bits), tag: Bucket.tag(hash), in: segment)
        if entry.hasExpiry { segment.noteExpiry(entry.expiresAt) }
        count &+= 1
    }

    /// Puts a slot into the first bucket with room from its home on.
    @inline(__always)
    static func place(_ slot: Slot, tag: UInt64, in segment: Segment) {
        var index = segment.home(slot.positionBits)
        while true {
            let bucket = segment.bucket(index)
            let empty = bucket.empty
            if !empty.isEmpty {
                bucket.occupy(empty.first, slot: slot, tag: tag)
                segment.count &+= 1
                return
            }
            bucket.countOverflow()
            index = segment.following(index)
        }
    }

    /// Takes a slot out; the caller frees the entry.
    @inline(__always)
    mutating func remove(at location: Location, _ hash: UInt64) {
        vacate(location)
        if HashTable.isSparse(location.segment) { shrink(hash) }
    }

    /// Whether a segment is less than 36 % full, below what any growth leaves behind, or empty and
    /// possibly mergeable.
    @inline(__always)
    static func isSparse(_ segment: Segment) -> Bool {
        segment.count &* 2 < segment.bucketCount &* 5
            && (segment.bucketCount > Segment.bucketCountSmallest
                || (segment.count == 0 && segment.depth > 0))
    }

    /// Takes a slot out and leaves the segment's size alone: for sweeps over a segment.
    @inline(__always)
    mutating func vacate(_ location: Location) {
        let segment = location.segment
        var index = segment.home(location.slot.positionBits)
        while index != location.bucketIndex {
            segment.bucket(index).discountOverflow()
            index = segment.following(index)
        }
        segment.bucket(location.bucketIndex).vacate(location.slotIndex)
        segment.count &-= 1
        count &-= 1
    }
}
