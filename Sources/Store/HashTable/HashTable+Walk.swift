// Walks over the table.
//
// A *place* is a hash without its low 16 bits: 0 … 2^48. `visitHome` shows the entries whose home
// is the bucket that contains a place and returns the place behind that bucket. The places of an
// entry never change, so a walk from 0 to 2^48 sees every entry that is in the table all the time
// at least once, whatever the table does between the steps: growth, splits, shrinking, merges. It
// sees an entry twice only if buckets became larger around the place it stands at (SCAN allows
// that; the snapshot filters by place).

internal import Bytes

extension HashTable {
    /// The place behind all entries.
    static let placeEnd: UInt64 = 1 << 48

    /// Calls `body` with each occupied slot, its tag and its index.
    @inline(__always)
    static func forEachSlot(of bucket: Bucket, _ body: (Slot, UInt64, Int) -> Void) {
        var occupied = bucket.occupied
        while !occupied.isEmpty {
            let index = occupied.first
            body(bucket.slot(index), bucket.tag(index), index)
            occupied.removeFirst()
        }
    }

    /// Calls `body` with each occupied slot of a segment, its tag and its bucket.
    @inline(__always)
    static func forEachSlot(of segment: Segment, _ body: (Slot, UInt64, Int) -> Void) {
        for index in 0..<segment.bucketCount {
            forEachSlot(of: segment.bucket(index)) { slot, tag, _ in body(slot, tag, index) }
        }
    }

    /// Calls `body` with each segment and the first hash of its range.
    func forEachSegment(_ body: (Segment, UInt64) -> Void) {
        var index = 0
        while index < directory.count {
            let segment = directory.segment(at: index)
            body(segment, UInt64(index) << UInt64(64 - directory.depth))
            index += 1 << (directory.depth - segment.depth)
        }
    }

    /// Calls `body` with each slot in order.
    func forEachSlot(_ body: (Slot) -> Void) {
        forEachSegment { segment, _ in
            for index in 0..<segment.bucketCount {
                HashTable.forEachSlot(of: segment.bucket(index)) { slot, _, _ in body(slot) }
            }
        }
    }

    /// Calls `body` with each entry, bringing the next ones in ahead.
    func forEachEntry(_ body: (Entry) -> Void) {
        forEachSegment { segment, _ in
            for index in 0..<segment.bucketCount {
                HashTable.prefetchEntries(of: segment, bucket: index + 2)
                HashTable.forEachSlot(of: segment.bucket(index)) { slot, _, _ in
                    body(slot.entry)
                }
            }
        }
    }

    /// Calls `body` with the slots whose home is the bucket that contains `place` (and their place
    /// to 16 bits below the depth); returns the place behind that bucket.
    func visitHome(at place: UInt64, _ body: (Slot, _ place: UInt64) -> Void) -> UInt64 {
        precondition(place < HashTable.placeEnd)
        let hash = place << 16
        let segment = directory.segment(for: hash)
        let home = segment.home(segment.positionBits(hash))
        let unit = UInt64(32 - segment.depth)
        let start = HashTable.placeStart(of: segment, place)
        var index = home
        for _ in 0..<segment.bucketCount {
            let bucket = segment.bucket(index)
            HashTable.forEachSlot(of: bucket) { slot, _, _ in
                let bits = slot.positionBits
                if segment.home(bits) == home { body(slot, start + UInt64(bits) << unit) }
            }
            if bucket.overflow == 0 { break }
            index = segment.following(index)
        }
        // The smallest position bits whose home is the next bucket.
        let bits = ((home + 1) << 16 + segment.bucketCount - 1) / segment.bucketCount
        return start + UInt64(bits) << unit
    }

    /// Visits some entries; returns the cursor for the next call, 0 at the end: see
    /// `Database.scan`, which describes the guarantee.
    func scan(cursor: UInt64, count: Int, _ visit: (Entry) -> Void) -> UInt64 {
        guard cursor < HashTable.placeEnd else { return 0 }
        var place = cursor
        var visited = 0
        // As in Redis: ten empty buckets are as good as an entry.
        let (product, overflowed) = max(count, 1).multipliedReportingOverflow(by: 10)
        var buckets = overflowed ? Int.max : product
        repeat {
            place = visitHome(at: place) { slot, _ in
                visited += 1
                visit(slot.entry)
            }
            buckets -= 1
        } while place < HashTable.placeEnd && visited < count && buckets > 0
        return place == HashTable.placeEnd ? 0 : place
    }

    /// The first place of a segment's range.
    static func placeStart(of segment: Segment, _ place: UInt64) -> UInt64 {
        let width = UInt64(48 - segment.depth)
        return (place >> width) << width
    }

    /// Asks for the entries of the bucket that contains `place`: ahead of a walk.
    func prefetchEntries(at place: UInt64) {
        guard place < HashTable.placeEnd else { return }
        let segment = directory.segment(for: place << 16)
        let home = segment.home(segment.positionBits(place << 16))
        HashTable.prefetchEntries(of: segment, bucket: home)
    }

    /// A random entry; every one is equally likely. Nil when the table is empty.
    ///
    /// Draws a slot out of (directory words) × (most buckets) × 7 and rejects what does not exist;
    /// a segment that fills several words counts for its first only. In a table that was emptied
    /// but for little, it gives up after a bounded number of draws and walks on from a random
    /// place.
    func randomEntry(_ random: inout SeededRandom) -> Entry? {
        guard count > 0 else { return nil }
        for _ in 0..<256 {
            let index = random.below(directory.count)
            let segment = directory.segment(at: index)
            guard index & ((1 << (directory.depth - segment.depth)) - 1) == 0 else { continue }
            let draw = random.below(bucketCountLargest * Bucket.slotCount)
            let bucketIndex = draw / Bucket.slotCount
            guard bucketIndex < segment.bucketCount else { continue }
            let slot = segment.bucket(bucketIndex).slot(draw % Bucket.slotCount)
            if !slot.isEmpty { return slot.entry }
        }
        return entryFrom(random.next() >> 16, &random)
    }

    private func entryFrom(_ place: UInt64, _ random: inout SeededRandom) -> Entry? {
        var place = place
        while true {
            var chosen: Entry?
            var seen = 0
            place = visitHome(at: place) { slot, _ in
                seen += 1
                if random.below(seen) == 0 { chosen = slot.entry }
            }
            if let chosen { return chosen }
            if place == HashTable.placeEnd { place = 0 }
        }
    }

    /// Stops the process when an invariant of the table is broken; for tests.
    func checkInvariants() {
        var total = 0
        var bytes = 0
        forEachSegment { segment, first in
            bytes += segment.bytes
            precondition(segment.depth <= directory.depth)
            precondition(segment.bucketCount <= bucketCountLargest)
            precondition(directory.segment(for: first) == segment)
            var passed = [Int](repeating: 0, count: segment.bucketCount)
            var inSegment = 0
            HashTable.forEachSlot(of: segment) { slot, tag, bucketIndex in
                inSegment += 1
                let entry = slot.entry
                let hash = hasher.hash(entry.key).value
                precondition(directory.segment(for: hash) == segment, "entry in a foreign segment")
                precondition(segment.positionBits(hash) == slot.positionBits)
                precondition(Bucket.tag(hash) == tag && slot.hasExpiry == entry.hasExpiry)
                if entry.hasExpiry { precondition(segment.expiryMin <= entry.expiresAt) }
                var index = segment.home(slot.positionBits)
                while index != bucketIndex {
                    passed[index] += 1
                    index = segment.following(index)
                }
            }
            precondition(inSegment == segment.count, "a segment's count is wrong")
            for index in 0..<segment.bucketCount {
                let overflow = segment.bucket(index).overflow
                precondition(
                    overflow == Bucket.overflowMax || overflow == passed[index],
                    "a bucket's overflow is wrong")
            }
            total += inSegment
        }
        precondition(total == count, "the table's count is wrong")
        precondition(bytes == segmentBytes, "the table's size is wrong")
    }
}
