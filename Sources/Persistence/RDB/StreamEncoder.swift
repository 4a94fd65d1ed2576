// A big stream on its way into a snapshot, in steps between commands.
//
//   SELECTDB │ expiry, type, key │ number of nodes │ nodes … │ counters │ groups …
//
// The stream freezes when it is met, or right before it first changes, and is read part by part.

internal import Bytes
internal import Store

/// Encodes one stream in steps. Confined to the engine's thread.
final class StreamEncoder: SteppedEncoder {
    /// Streams with no more nodes than this are encoded at once: some 250 KB of plain copying.
    static let nodesAtOnceMax = 64
    /// Nor with more groups, consumers and pending entries than this: some 30 µs.
    static let groupPartsAtOnceMax = 2_000
    /// So many pending entries are the work of a bucket of the table.
    static let effortPerBucket = 8

    private let stream: StreamObject
    private let frozen: FrozenStream
    private let format: RDBStreams.Format
    private var pieces = ValuePieces()

    /// Nil when the stream is to be encoded as a whole.
    init?(
        _ stream: StreamObject, of entry: Entry, format: RDBStreams.Format, database: Int,
        access: SavedAccess
    ) {
        let isLarge = stream.isLarger(
            nodes: StreamEncoder.nodesAtOnceMax, groupParts: StreamEncoder.groupPartsAtOnceMax)
        guard isLarge, let frozen = stream.freeze() else { return nil }
        self.stream = stream
        self.frozen = frozen
        self.format = format
        pieces.encoder.select(database: database)
        pieces.encoder.key(
            entry.key, typeCode: format.typeCode, expiresAt: entry.expiresAt, access: access)
        pieces.encoder.length(UInt64(frozen.nodeCount))
    }

    deinit { stream.endFreeze() }

    func advance(bucketBudget: Int) -> Bool {
        frozen.advance(effortMax: bucketBudget * StreamEncoder.effortPerBucket) {
            format.write($0, to: &pieces.encoder)
            pieces.cutIfLong()
        }
    }

    func take(isLast: Bool) -> [SnapshotChunk] { pieces.take(isLast: isLast) }
}
