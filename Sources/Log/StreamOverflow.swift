// Bytes of the stream that have left the ring while a replica still lacks them.
//
//   stream │ … given to all │ overflow (blocks) │ ring (newest bytes) │
//                           ▲ slowest replica
//
// Each byte is copied here once, when the ring overwrites it, so that nobody waits for more than a
// copy of what he adds. How much may lie here is the caller's to limit.

public import Bytes

/// A queue of stream bytes, addressed by offset.
public struct StreamOverflow: ~Copyable {
    private static let blockBytes = 256 << 10

    private final class Block {
        let start: Int64
        var bytes = ByteBuffer(capacity: StreamOverflow.blockBytes)

        init(start: Int64) { self.start = start }

        var end: Int64 { start + Int64(bytes.count) }
    }

    private var blocks: [Block] = []

    /// Nothing.
    public init() {}

    /// Whether nothing is kept.
    public var isEmpty: Bool { blocks.isEmpty }
    /// Number of the oldest byte kept; nil when there is none.
    public var firstOffset: Int64? { blocks.first?.start }
    /// Number of the byte behind the newest; nil when there is none.
    public var endOffset: Int64? { blocks.last?.end }
    /// Number of bytes kept.
    public var count: Int { Int((endOffset ?? 0) - (firstOffset ?? 0)) }

    /// Adds the bytes `range` behind the newest. `read` appends up to so many bytes from an offset
    /// on to a buffer and returns how many there were.
    public mutating func append(
        _ range: Range<Int64>, read: (_ from: Int64, _ maximum: Int, inout ByteBuffer) -> Int
    ) {
        precondition(endOffset ?? range.lowerBound == range.lowerBound, "a gap in the stream")
        var next = range.lowerBound
        while next < range.upperBound {
            if blocks.last.map({ $0.bytes.count < Self.blockBytes }) != true {
                blocks.append(Block(start: next))
            }
            let block = blocks[blocks.count - 1]
            let room = Self.blockBytes - block.bytes.count
            let count = read(next, min(room, Int(range.upperBound - next)), &block.bytes)
            precondition(count > 0, "bytes that are not kept")
            next += Int64(count)
        }
    }

    /// Appends up to `maximum` bytes from the byte `offset` on, which must be kept, to `output`;
    /// returns how many there were: not more than one block holds.
    public func read(from offset: Int64, maximum: Int, into output: inout ByteBuffer) -> Int {
        guard let block = blocks.last(where: { $0.start <= offset }), offset < block.end else {
            preconditionFailure("bytes that are not kept")
        }
        let rest = block.bytes.readable.dropFirst(Int(offset - block.start))
        let count = min(rest.count, maximum)
        output.append(rest.prefix(count))
        return count
    }

    /// Forgets blocks that lie before the byte `offset`.
    public mutating func release(before offset: Int64) {
        let count = blocks.prefix { $0.end <= offset }.count
        if count > 0 { blocks.removeFirst(count) }
    }

    /// Forgets everything.
    public mutating func removeAll() { blocks = [] }
}
