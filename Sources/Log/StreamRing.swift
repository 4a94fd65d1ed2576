// The newest bytes of the replication stream in memory, addressed by stream offset: the whole
// backlog of a node without a log file, and the hot end of the log of a node with one.
//
//   offsets are those of the protocol: the first byte ever has number 1, `lastOffset` is the number
//   of the newest byte, and a reader asks for the number of the first byte it lacks.

public import Bytes

/// A ring of the newest stream bytes.
public struct StreamRing: ~Copyable {
    private var ring: ByteRing

    /// An empty ring of `capacity` bytes behind the byte `lastOffset`.
    public init(capacity: Int, lastOffset: Int64) {
        ring = ByteRing(capacity: capacity, position: lastOffset + 1)
    }

    /// Size in bytes.
    public var capacity: Int { ring.capacity }
    /// Number of bytes kept.
    public var count: Int { ring.count }
    /// Number of the oldest byte kept; one more than `lastOffset` when there is none.
    public var firstOffset: Int64 { ring.start }
    /// Number of the newest byte.
    public var lastOffset: Int64 { ring.end - 1 }

    /// Whether a reader can go on with the byte `offset`; the next byte to come counts as held.
    public func covers(from offset: Int64) -> Bool { offset >= ring.start && offset <= ring.end }

    /// Adds bytes behind the newest.
    public mutating func append(_ bytes: ByteSlice) { ring.append(bytes) }

    /// Forgets everything; the next byte has the number `lastOffset + 1`.
    public mutating func reset(lastOffset: Int64) { ring.removeAll(position: lastOffset + 1) }

    /// Changes the size and keeps the newest bytes.
    public mutating func resize(to capacity: Int) { ring.resize(to: capacity) }

    /// Appends up to `maximum` bytes from the byte `offset` on, which must be covered; returns how
    /// many there were.
    public func read(from offset: Int64, maximum: Int, into output: inout ByteBuffer) -> Int {
        ring.read(from: offset, maximum: maximum, into: &output)
    }
}
