// A big object on its way into a snapshot, in steps between commands.
//
//   SELECTDB │ expiry, type, key │ length │ elements … │ elements … │        pieces of about 64 KB
//
// The object freezes its elements when it is met (or right before it first changes) and hands each
// over once. The pieces stay here until all are there, because they must lie together in the file;
// then they leave as one chunk with followers. So a big object takes the memory of its file form
// while it is written.

internal import Bytes
internal import Store

/// Encodes one object in steps. Confined to the engine's thread.
final class ObjectEncoder {
    /// Objects with no more elements than this are encoded at once: some 20 µs.
    static let elementsAtOnceMax = 512

    private let object: StoredObject
    private let encodeElement: @Sendable (Entry, inout RDBEncoder) -> Void
    private var encoder = RDBEncoder()
    private var pieces: [SnapshotChunk] = []
    private var missing: Int

    /// Nil when the object is to be encoded as a whole.
    init?(_ object: StoredObject, of entry: Entry, row: RDBValueEncoder, database: Int) {
        let count = object.freeEffort
        guard count > ObjectEncoder.elementsAtOnceMax, let encodeElement = row.encodeElement else {
            return nil
        }
        self.object = object
        self.encodeElement = encodeElement
        missing = count
        guard object.beginWalk({ [unowned self] in take($0) }) else { return nil }
        encoder.select(database: database)
        encoder.key(entry.key, typeCode: row.typeCode, expiresAt: entry.expiresAt)
        encoder.length(UInt64(count))
    }

    deinit { object.endWalk() }

    private func take(_ element: Entry) {
        encodeElement(element, &encoder)
        missing -= 1
        if encoder.output.count >= SnapshotEncoder.chunkBytes { cut() }
    }

    private func cut() {
        pieces.append(
            SnapshotChunk(
                bytes: encoder.output.readable.array, spans: encoder.compressible, block: nil))
        encoder.removeAll()
    }

    /// Takes more elements; true when all are there.
    func advance(bucketBudget: Int) -> Bool {
        guard object.advanceWalk(bucketBudget: bucketBudget) else { return false }
        precondition(missing == 0, "a walk that lost elements")
        return true
    }

    /// Everything, as one chunk.
    func take() -> SnapshotChunk {
        cut()
        let first = pieces.removeFirst()
        return SnapshotChunk(
            bytes: first.bytes, spans: first.spans, block: nil, followers: pieces)
    }
}
