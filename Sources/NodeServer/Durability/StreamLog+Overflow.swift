// Bytes that the ring overwrites while a replica still lacks them: with a log they are in its
// files, without one they are kept in memory, as much of them as `client-output-buffer-limit
// replica` allows. A replica that lacks what is no longer kept would need a full sync.

import Bytes
import EventLoop
import Log
import Logging

extension StreamLog {
    /// A replica reads on from the byte `offset`.
    func readerBegan(at offset: Int64) { keepFrom = min(keepFrom, offset) }

    /// Before `bytes` are added: what the ring will overwrite.
    func keepForReaders(before bytes: ByteSlice) {
        let end = ring.lastOffset + 1 + Int64(bytes.count)
        keepForReaders(before: end - Int64(ring.capacity), bytes)
    }

    /// Before the ring gets another size.
    func keepForReaders(resizingTo capacity: Int) {
        keepForReaders(before: ring.lastOffset + 1 - Int64(capacity), ByteSlice())
    }

    /// Takes over what lies before the byte `newFirst`: from the ring, and from `bytes` behind it
    /// when they are more than the ring can hold.
    private func keepForReaders(before newFirst: Int64, _ bytes: ByteSlice) {
        releaseOverflow()
        guard newFirst > keepFrom else { return }
        let ringEnd = ring.lastOffset + 1
        let start = overflow.endOffset ?? max(ring.firstOffset, keepFrom)
        let end = min(newFirst, map.firstOffset ?? .max)
        guard start < end else { return }
        if start < ringEnd {
            overflow.append(start..<min(end, ringEnd)) { from, maximum, output in
                ring.read(from: from, maximum: maximum, into: &output)
            }
        }
        if end > ringEnd {
            overflow.append(max(start, ringEnd)..<end) { from, maximum, output in
                let piece = bytes.dropFirst(Int(from - ringEnd)).prefix(maximum)
                output.append(piece)
                return piece.count
            }
        }
        let limit = settings.readerLimit
        if limit.hardBytes > 0, overflow.count > limit.hardBytes { dropOverflow() }
    }

    /// Forgets what no replica lacks any more.
    private func releaseOverflow() {
        keepFrom = slowestReader(firstOffset)
        overflow.release(before: keepFrom)
    }

    /// Who is too slow loses its place; its link sees that the bytes are gone.
    private func dropOverflow() {
        logger.warning(
            """
            A replica lags more than client-output-buffer-limit allows: \(overflow.count) bytes \
            that it lacks are dropped.
            """)
        overflow.removeAll()
        overflowSince = nil
        releaseOverflow()
    }

    /// Gives memory back when nobody writes, and holds the soft limit.
    func tickOverflow() {
        guard !overflow.isEmpty else {
            overflowSince = nil
            return
        }
        releaseOverflow()
        let limit = settings.readerLimit
        guard limit.softBytes > 0, overflow.count > limit.softBytes else {
            overflowSince = nil
            return
        }
        let now = loop.nowMilliseconds
        let since = overflowSince ?? now
        overflowSince = since
        if now - since > Int64(limit.softSeconds) * 1_000 { dropOverflow() }
    }
}
