// A big object on its way into a snapshot, in steps between commands.
//
//   SELECTDB │ expiry, type, key │ length │ elements … │ elements … │        pieces of about 64 KB
//
//   tables of members   freeze when they are met (or right before they first change) and hand each
//                       element over once
//   objects of pages    are copied without their pages, which whoever changes one copies first
//
// The first object in the queue hands its pieces on as they come: they must lie together in the
// file, so the sink puts what comes between them elsewhere (see SnapshotChunk.Part). What the
// others are handed before they change waits with them.

internal import Bytes
internal import Store

/// What encodes one value in steps. Confined to the engine's thread.
protocol SteppedEncoder: AnyObject {
    /// Takes more elements; true when all are there.
    func advance(bucketBudget: Int) -> Bool
    /// The pieces that are complete; with the end of the value, when it `isLast`.
    func take(isLast: Bool) -> [SnapshotChunk]
}

/// Encodes one object in steps. Confined to the engine's thread.
final class ObjectEncoder: SteppedEncoder {
    /// Objects with no more elements than this are encoded at once: some 20 µs.
    static let elementsAtOnceMax = 512
    /// A page has as many elements as this many buckets, or fewer.
    private static let bucketsPerPage = 8

    private let object: StoredObject
    private let row: RDBValueEncoder
    private var pieces = ValuePieces()
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
        pieces.encoder.select(database: database)
        pieces.encoder.key(
            entry.key, typeCode: row.typeCode, expiresAt: entry.expiresAt, access: access)
        pieces.encoder.length(UInt64(missing))
    }

    deinit { if !hasPages { object.endWalk() } }

    private func take(_ element: Entry) {
        row.encodeElement?(element, &pieces.encoder)
        missing -= 1
        pieces.cutIfLong()
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
            guard let count = row.encodePage?(object, page, &pieces.encoder) else { return true }
            page += 1
            missing -= count
            pieces.cutIfLong()
        }
        return false
    }

    func take(isLast: Bool) -> [SnapshotChunk] { pieces.take(isLast: isLast) }
}
