// A fixed-size run of memory that keeps the newest bytes written to it.
//
//   storage │ … newest │ oldest … │        position p of the stream lies at index p mod capacity
//
// Invariants
//   0 <= end - start <= capacity; storage is nil only when capacity == 0;
//   `start` and `end` count all bytes ever written, so they only grow.

/// A ring of the newest bytes of a stream, addressed by position in that stream.
@safe
public struct ByteRing: ~Copyable {
    private var storage: UnsafeMutablePointer<UInt8>?
    /// Bytes allocated.
    public private(set) var capacity: Int
    /// Position of the oldest byte kept.
    public private(set) var start: Int64
    /// Position behind the newest byte.
    public private(set) var end: Int64

    /// An empty ring for `capacity` bytes whose next byte has `position`.
    public init(capacity: Int, position: Int64 = 0) {
        precondition(capacity >= 0)
        unsafe storage = capacity > 0 ? .allocate(capacity: capacity) : nil
        self.capacity = capacity
        start = position
        end = position
    }

    deinit { unsafe storage?.deallocate() }

    /// Number of bytes kept.
    public var count: Int { Int(end - start) }

    /// Drops everything; the next byte has `position`.
    public mutating func removeAll(position: Int64) {
        start = position
        end = position
    }

    /// Writes `slice` behind the newest byte; the oldest bytes fall out.
    public mutating func append(_ slice: ByteSlice) {
        guard let storage = unsafe storage else {
            end += Int64(slice.count)
            start = end
            return
        }
        var rest = slice
        if rest.count > capacity {
            end += Int64(rest.count - capacity)
            rest = rest.dropFirst(rest.count - capacity)
        }
        while let base = unsafe rest.base, !rest.isEmpty {
            let index = Int(end % Int64(capacity))
            let length = min(rest.count, capacity - index)
            unsafe (storage + index).update(from: base, count: length)
            end += Int64(length)
            rest = rest.dropFirst(length)
        }
        start = max(start, end - Int64(capacity))
    }

    /// Appends up to `maximum` bytes from `position` on to `output` and returns how many.
    public func read(from position: Int64, maximum: Int, into output: inout ByteBuffer) -> Int {
        precondition(position >= start && position <= end, "bytes that are not kept")
        let total = min(maximum, Int(end - position))
        guard let storage = unsafe storage, total > 0 else { return 0 }
        output.reserve(total)
        var next = position
        var left = total
        while left > 0 {
            let index = Int(next % Int64(capacity))
            let length = min(left, capacity - index)
            output.append(unsafe ByteSlice(base: storage + index, count: length))
            next += Int64(length)
            left -= length
        }
        return total
    }

    /// Changes the size and keeps the newest bytes that fit.
    public mutating func resize(to newCapacity: Int) {
        var larger = ByteRing(capacity: newCapacity, position: start)
        var kept = ByteBuffer()
        _ = read(from: start, maximum: count, into: &kept)
        larger.append(kept.readable)
        self = larger
    }
}
