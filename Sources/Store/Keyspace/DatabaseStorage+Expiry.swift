// Active expiry: sweeps over the segments in which something is due.
//
// Each segment knows a lower bound of its expiry times, so a sweep skips it without touching an
// entry until that time comes. In a segment that is due, the flag in the slots leads to the entries
// that expire; the others stay untouched. Afterwards the bound is exact.

internal import Bytes

extension DatabaseStorage {
    /// Deals with the segment that contains `place`: removes what expired at `now`, after `visit`
    /// has seen it. Returns the place behind the segment and how many buckets were looked at.
    mutating func expireSegment(
        at place: UInt64, now: Int64, _ visit: (Entry) -> Void
    ) -> (place: UInt64, cost: Int, removed: Int) {
        let segment = table.directory.segment(for: place << 16)
        let start = HashTable.placeStart(of: segment, place)
        let next = start + (1 << UInt64(48 - segment.depth))
        if segment.expiryMin > now { return (next, 1, 0) }
        var removed = 0
        var expiryMin = Int64.max
        for index in 0..<segment.bucketCount {
            DatabaseStorage.prefetchExpiring(of: segment, bucket: index + 2)
            let bucket = segment.bucket(index)
            var occupied = bucket.occupied
            while !occupied.isEmpty {
                let location = Location(
                    segment: segment, bucketIndex: index, slotIndex: occupied.first)
                occupied.removeFirst()
                guard location.slot.hasExpiry else { continue }
                let entry = location.entry
                if entry.expiresAt > now {
                    expiryMin = min(expiryMin, entry.expiresAt)
                    continue
                }
                visit(entry)
                if snapshot != nil { willChange(entry, table.hasher.hash(entry.key).value) }
                table.vacate(location)
                release(entry, .expiry)
                removed += 1
            }
        }
        segment.expiryMin = expiryMin
        let cost = segment.bucketCount
        if HashTable.isSparse(segment) { table.shrink(start << 16) }
        return (next, cost, removed)
    }

    private static func prefetchExpiring(of segment: Segment, bucket index: Int) {
        guard index < segment.bucketCount else { return }
        HashTable.forEachSlot(of: segment.bucket(index)) { slot, _, _ in
            if slot.hasExpiry { prefetch(slot.entry) }
        }
    }
}
