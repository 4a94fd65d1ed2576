// Where the segments of a large table lie: in prepared chunks, for huge pages under the buckets.
//
//   room   │ unit 0 │ unit 1 │ … │ unit 1023 │     one chunk in units of 2 KB
//
//   a segment of 31, 63, … 255 buckets fills 1, 2, … 8 units, its header included
//
// Invariants
//   bit i of `free` says that unit i belongs to nobody; `freeCount` is the number of such bits;
//   the units of a segment lie in one word of `free`; a segment's `room` is its room's index, or -1
//   for memory from malloc; a room without segments is returned, unless it is the only one.
//
// Everything that is not a whole number of units (small tables, a flood of equal hashes) and
// whatever finds no prepared chunk comes from malloc.

/// The memory of one table's segments; cold: a segment is made for some two hundred insertions.
@safe
struct SegmentArena: ~Copyable {
    static let unitBytes = 2048
    static let unitsMax = 8
    /// A table of fewer bytes stays with malloc: a huge page would be mostly room.
    static let tableBytesMin = Chunk.byteCount
    private static let wordCount = Chunk.byteCount / unitBytes / 64

    private final class Room {
        let chunk: Chunk
        var free = [UInt64](repeating: .max, count: wordCount)
        var freeCount = wordCount * 64

        init(_ chunk: Chunk) { self.chunk = chunk }
        deinit { chunk.release() }

        /// The first of `count` adjacent units, taken; nil if there are none.
        func take(_ count: Int) -> Int? {
            guard freeCount >= count else { return nil }
            for word in 0..<SegmentArena.wordCount {
                // Bit i stays when the units i, i + 1, … are all free.
                var runs = free[word]
                for shift in 1..<max(count, 1) { runs &= free[word] >> UInt64(shift) }
                guard runs != 0 else { continue }
                let bit = runs.trailingZeroBitCount
                free[word] &= ~Room.mask(count, from: bit)
                freeCount -= count
                return word * 64 + bit
            }
            return nil
        }

        func giveBack(_ count: Int, from unit: Int) {
            let mask = Room.mask(count, from: unit % 64)
            precondition(free[unit / 64] & mask == 0, "these units are free already")
            free[unit / 64] |= mask
            freeCount += count
        }

        private static func mask(_ count: Int, from bit: Int) -> UInt64 {
            (1 << UInt64(count) - 1) << UInt64(bit)
        }
    }

    private var rooms: [Room?] = []
    private let supply: ChunkSupply?

    init(supply: ChunkSupply?) { self.supply = supply }

    /// Rooms in use.
    var roomCount: Int { rooms.count { $0 != nil } }

    /// An empty segment of a table that has `tableBytes` in segments already.
    mutating func make(depth: Int, bucketCount: Int, tableBytes: Int) -> Segment {
        let bytes = Segment.bytes(bucketCount: bucketCount)
        let (units, rest) = bytes.quotientAndRemainder(dividingBy: SegmentArena.unitBytes)
        if supply != nil && rest == 0 && units <= SegmentArena.unitsMax
            && tableBytes >= SegmentArena.tableBytesMin, let place = place(units),
            let room = rooms[place.room]
        {
            return unsafe Segment(
                at: room.chunk.base + place.unit * SegmentArena.unitBytes, room: place.room,
                depth: depth, bucketCount: bucketCount)
        }
        return Segment(depth: depth, bucketCount: bucketCount)
    }

    /// Takes a segment back.
    mutating func free(_ segment: Segment) {
        let index = segment.room
        guard index >= 0 else { return segment.deallocate() }
        guard let room = rooms[index] else { preconditionFailure("the segment's room is gone") }
        let offset = Int(segment.address - room.chunk.address)
        room.giveBack(
            segment.bytes / SegmentArena.unitBytes, from: offset / SegmentArena.unitBytes)
        if room.freeCount == SegmentArena.wordCount * 64 && roomCount > 1 { rooms[index] = nil }
    }

    private mutating func place(_ units: Int) -> (room: Int, unit: Int)? {
        for index in 0..<rooms.count {
            if let room = rooms[index], let unit = room.take(units) {
                return (index, unit)
            }
        }
        guard let chunk = supply?.take() else { return nil }
        let room = Room(chunk)
        guard let unit = room.take(units) else { preconditionFailure("a new room has room") }
        let index = rooms.firstIndex { $0 == nil } ?? rooms.count
        if index == rooms.count { rooms.append(room) } else { rooms[index] = room }
        return (index, unit)
    }
}
