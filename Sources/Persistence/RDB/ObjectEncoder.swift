// A big object on its way into a snapshot, in steps between commands.
//
//   SELECTDB │ expiry, type, key │ length │ elements … │ elements … │        pieces of about 64 KB
//
//   tables of members   freeze when they are met (or right before they first change) and hand each
//                       element over once
//   objects of pages    are copied without their pages, which whoever changes one copies first
//
// The pieces stay here until all are there, because they must lie together in the file; then they
// leave as one chunk with followers. So a big object takes the memory of its file form while it is
// written.

internal import Bytes
internal import Store

/// What encodes one value in steps. Confined to the engine's thread.
protocol SteppedEncoder: AnyObject {
    /// Takes more elements; true when all are there.
    func advance(bucketBudget: Int) -> Bool
    /// Everything, as one chunk.
    func take() -> SnapshotChunk
}

/// Encodes one object in steps. Confined to the engine's thread.
final class ObjectEncoder: SteppedEncoder {
    /// Objects with no more elements than this are encoded at once: some 20 µs.
    static let elementsAtOnceMax = 512
    /// A page has as many elements as this many buckets, or fewer.
    private static let bucketsPerPage = 8

    private let object: StoredObject
    private let row: RDBValueEncoder
    private var encoder = RDBEncoder()
    private var pieces: [SnapshotChunk] = []
    private var missing: Int
    private let hasPages: Bool
    private var page = 0

    /// Nil when the object is to be encoded as a whole.
    init?(
        _ object: StoredObject, of entry: Entry, row: RDBValueEncoder, database: Int,
        access: SavedAccess
    ) {
        missing = object.elementCount
        guard missing > ObjectEncoder.elementsAtOnceMax else { return nil }
        self.row = row
        if row.encodePage != nil, let copy = object.sharingCopy() {
            self.object = copy
            hasPages = true
        } else {
            self.object = object
            hasPages = false
            guard row.encodeElement != nil, object.beginWalk({ [unowned self] in take($0) }) else {
                return nil
            }
        }
        encoder.select(database: database)
        encoder.key(
            entry.key, typeCode: row.typeCode, expiresAt: entry.expiresAt, access: access)
        encoder.length(UInt64(missing))
    }

    deinit { if !hasPages { object.endWalk() } }

    private func take(_ element: Entry) {
        row.encodeElement?(element, &encoder)
        missing -= 1
        cutIfLong()
    }

    private func cutIfLong() {
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
        let isComplete =
            hasPages
            ? takePages(max(1, bucketBudget / ObjectEncoder.bucketsPerPage))
            : object.advanceWalk(bucketBudget: bucketBudget)
        guard isComplete else { return false }
        precondition(missing == 0, "a big object whose elements are not as many as it said")
        return true
    }

    private func takePages(_ budget: Int) -> Bool {
        for _ in 0..<budget {
            guard let count = row.encodePage?(object, page, &encoder) else { return true }
            page += 1
            missing -= count
            cutIfLong()
        }
        return false
    }

    /// Everything, as one chunk.
    func take() -> SnapshotChunk {
        cut()
        let first = pieces.removeFirst()
        return SnapshotChunk(
            bytes: first.bytes, spans: first.spans, block: nil, followers: pieces)
    }
}
