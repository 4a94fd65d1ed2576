// The bytes of a big value on their way into a snapshot: cut into pieces of about 64 KB, which
// leave one by one while the value is still being encoded.

internal import Bytes

/// Collects the encoded bytes of one value. Confined to the engine's thread.
struct ValuePieces: ~Copyable {
    /// Where the value is encoded to.
    var encoder = RDBEncoder()
    private var ready: [SnapshotChunk] = []
    private var hasBegun = false

    /// Cuts a piece off when there is enough for one.
    mutating func cutIfLong() {
        if encoder.output.count >= SnapshotEncoder.chunkBytes { cut(isLast: false) }
    }

    /// The pieces that are complete; with the end of the value, when it `isLast`.
    mutating func take(isLast: Bool) -> [SnapshotChunk] {
        if isLast { cut(isLast: true) }
        defer { ready.removeAll() }
        return ready
    }

    private mutating func cut(isLast: Bool) {
        let part: SnapshotChunk.Part =
            hasBegun ? (isLast ? .last : .middle) : (isLast ? .whole : .first)
        ready.append(
            SnapshotChunk(
                bytes: encoder.output.readable.array, spans: encoder.compressible, block: nil,
                part: part))
        encoder.removeAll()
        hasBegun = true
    }
}
