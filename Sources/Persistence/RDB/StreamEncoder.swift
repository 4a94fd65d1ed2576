// A big stream on its way into a snapshot, in steps between commands.
//
//   SELECTDB │ expiry, type, key │ number of nodes │ nodes … │ nodes … │ counters, groups
//
// The stream freezes its nodes when it is met, or right before it first changes. Its counters and
// groups are encoded at that moment; the nodes follow step by step. The pieces stay here until all
// are there, because they must lie together in the file.

internal import Bytes
internal import Store

/// Encodes one stream in steps. Confined to the engine's thread.
final class StreamEncoder: SteppedEncoder {
    /// Streams with no more nodes than this are encoded at once: some 250 KB of plain copying.
    static let nodesAtOnceMax = 64
    /// A node is about so many times the work of a bucket of the table.
    private static let bucketsPerNode = 8

    private let stream: StreamObject
    private let frozen: FrozenStream
    private let behind: SnapshotChunk
    private var encoder = RDBEncoder()
    private var pieces: [SnapshotChunk] = []

    /// Nil when the stream is to be encoded as a whole.
    init?(
        _ stream: StreamObject, of entry: Entry, typeCode: UInt8, database: Int,
        access: SavedAccess
    ) {
        guard stream.nodeCount > StreamEncoder.nodesAtOnceMax, let frozen = stream.freeze() else {
            return nil
        }
        self.stream = stream
        self.frozen = frozen
        var rest = RDBEncoder()
        RDBStreams.writeRest(of: stream, to: &rest)
        behind = SnapshotChunk(
            bytes: rest.output.readable.array, spans: rest.compressible, block: nil)
        encoder.select(database: database)
        encoder.key(
            entry.key, typeCode: typeCode, expiresAt: entry.expiresAt, access: access)
        encoder.length(UInt64(stream.nodeCount))
    }

    deinit { stream.endFreeze() }

    func advance(bucketBudget: Int) -> Bool {
        frozen.advance(nodeCountMax: max(1, bucketBudget / StreamEncoder.bucketsPerNode)) {
            id, bytes, node in
            RDBStreams.write(id, bytes, node, to: &encoder)
            if encoder.output.count >= SnapshotEncoder.chunkBytes { cut() }
        }
    }

    private func cut() {
        pieces.append(
            SnapshotChunk(
                bytes: encoder.output.readable.array, spans: encoder.compressible, block: nil))
        encoder.removeAll()
    }

    func take() -> SnapshotChunk {
        cut()
        pieces.append(behind)
        let first = pieces.removeFirst()
        return SnapshotChunk(
            bytes: first.bytes, spans: first.spans, block: nil, followers: pieces)
    }
}
