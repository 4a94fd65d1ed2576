// How segments change their size, one at a time.
//
//   grow     2, 4, 8, 16, 31, 63 … 255 buckets, by moving slots: position bits suffice, no entry is
//            touched (a few microseconds)
//   split    at 255 buckets into two segments one bit deeper: the hashes are computed again from
//            the keys, with prefetch (about 0.1 ms)
//   shrink   to the size that fits, when a segment is less than 36 % full
//   merge    of two sibling segments that fit into one; no entry is touched
//
// Splitting is refused when the directory would have more than one word for 64 entries: hashes that
// agree in their top bits do not separate, and the segment grows on beyond 255 buckets instead. So
// a flood of colliding keys costs time, not an endless split.

internal import Bytes

extension HashTable {
    /// Makes room in the segment of `hash`.
    @inline(never)
    mutating func grow(_ hash: UInt64) {
        growths += 1
        while true {
            let segment = directory.segment(for: hash)
            let size = segment.bucketCount
            if segment.count < Segment.countMax(bucketCount: size) { return }
            let deeper = segment.depth + 1
            if size < Segment.bucketCountSplit || deeper > Directory.depthMax
                || (64 << deeper) > count
            {
                precondition(
                    size < Segment.bucketCountMax, "the hash function does not spread the keys")
                resize(segment, to: Segment.grown(size), hash)
            } else {
                split(segment, hash)
            }
        }
    }

    /// Moves all slots of `segment` into one of `bucketCount` buckets.
    private mutating func resize(_ segment: Segment, to bucketCount: Int, _ hash: UInt64) {
        let larger = makeSegment(depth: segment.depth, bucketCount: bucketCount)
        larger.expiryMin = segment.expiryMin
        HashTable.forEachSlot(of: segment) { slot, tag, _ in
            HashTable.place(slot, tag: tag, in: larger)
        }
        directory.assign(larger, for: hash)
        retire(segment, for: larger)
    }

    private mutating func retire(_ old: Segment, for new: Segment) {
        segmentBytes += new.bytes - old.bytes
        bucketCountLargest = max(bucketCountLargest, new.bucketCount)
        arena.free(old)
    }

    private mutating func makeSegment(depth: Int, bucketCount: Int) -> Segment {
        arena.make(depth: depth, bucketCount: bucketCount, tableBytes: segmentBytes)
    }

    /// Distributes the entries of `segment` over two segments by the next bit of their hashes.
    private mutating func split(_ segment: Segment, _ hash: UInt64) {
        let depth = segment.depth + 1
        if depth > directory.depth { directory.deepen() }
        // The top position bit is the one that decides.
        var upperCount = 0
        HashTable.forEachSlot(of: segment) { slot, _, _ in upperCount += slot.positionBits >> 15 }
        let lowerCount = segment.count - upperCount
        let lower = makeSegment(depth: depth, bucketCount: Segment.fitting(count: lowerCount))
        let upper = makeSegment(depth: depth, bucketCount: Segment.fitting(count: upperCount))
        let hasher = hasher
        for index in 0..<segment.bucketCount {
            HashTable.prefetchEntries(of: segment, bucket: index + 2)
            HashTable.forEachSlot(of: segment.bucket(index)) { slot, tag, _ in
                let entry = slot.entry
                let target = slot.positionBits >> 15 == 0 ? lower : upper
                let bits = target.positionBits(hasher.hash(entry.key).value)
                HashTable.place(slot.with(positionBits: bits), tag: tag, in: target)
                if entry.hasExpiry { target.noteExpiry(entry.expiresAt) }
            }
        }
        let bit: UInt64 = 1 << UInt64(64 - depth)
        directory.assign(lower, for: hash & ~bit)
        directory.assign(upper, for: hash | bit)
        segmentBytes += lower.bytes
        bucketCountLargest = max(bucketCountLargest, lower.bucketCount)
        retire(segment, for: upper)
    }

    /// Makes the sparse segment of `hash` smaller and merges it with its sibling when both fit into
    /// one.
    @inline(never)
    mutating func shrink(_ hash: UInt64) {
        growths += 1
        let segment = directory.segment(for: hash)
        let fitting = Segment.fitting(count: segment.count)
        if fitting < segment.bucketCount { resize(segment, to: fitting, hash) }
        var current = directory.segment(for: hash)
        while mayMerge && current.depth > 0 {
            let bit: UInt64 = 1 << UInt64(64 - current.depth)
            let sibling = directory.segment(for: hash ^ bit)
            let together = current.count + sibling.count
            guard sibling.depth == current.depth,
                together <= Segment.countMax(bucketCount: Segment.bucketCountSplit) / 2
            else { return }
            let isUpper = hash & bit != 0
            current = merge(isUpper ? sibling : current, isUpper ? current : sibling, hash)
        }
    }

    private mutating func merge(_ lower: Segment, _ upper: Segment, _ hash: UInt64) -> Segment {
        let whole = makeSegment(
            depth: lower.depth - 1,
            bucketCount: Segment.fitting(count: lower.count + upper.count))
        whole.expiryMin = min(lower.expiryMin, upper.expiryMin)
        HashTable.forEachSlot(of: lower) { slot, tag, _ in
            HashTable.place(slot.with(positionBits: slot.positionBits >> 1), tag: tag, in: whole)
        }
        HashTable.forEachSlot(of: upper) { slot, tag, _ in
            let bits = slot.positionBits >> 1 | 1 << 15
            HashTable.place(slot.with(positionBits: bits), tag: tag, in: whole)
        }
        directory.assign(whole, for: hash)
        if lower.depth == directory.depth { directory.flatten() }
        segmentBytes -= upper.bytes
        arena.free(upper)
        retire(lower, for: whole)
        return whole
    }

    /// Brings the entries of a bucket in, ahead of a walk over the segment.
    @inline(__always)
    static func prefetchEntries(of segment: Segment, bucket index: Int) {
        guard index < segment.bucketCount else { return }
        forEachSlot(of: segment.bucket(index)) { slot, _, _ in prefetch(slot.entry) }
    }
}
