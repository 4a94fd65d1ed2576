// Reading the stream back: for replicas, at their own pace.
//
//   byte in the ring     copied at once
//   byte in the overflow copied at once, see StreamLog+Overflow
//   byte in a file       read by another thread into memory, `onReady`, then copied
//
// Nothing beyond `committedOffset` is ever given away. A cold piece waits for its reader in
// `coldReads`, keyed by its first byte; pieces nobody came back for are dropped when there are
// many.

import Bytes
import EventLoop
import Log
import Platform

/// A piece of the stream on its way from the disk.
enum ColdRead {
    /// The reader thread has it.
    case inFlight([() -> Void])
    /// Here it is; empty when the file is gone.
    case ready([UInt8])
}

extension StreamLog {
    private static let coldReadBytesMax = 256 << 10
    private static let coldReadsMax = 64

    /// Number of the oldest byte that can be read.
    var firstOffset: Int64 {
        min(ring.firstOffset, map.firstOffset ?? .max, overflow.firstOffset ?? .max)
    }

    /// Number of bytes that can be read.
    var historyBytes: Int64 { max(0, offset - firstOffset + 1) }

    /// Whether a reader can go on with the byte `offset`; the next byte to come counts as kept.
    func covers(from offset: Int64) -> Bool {
        mode != .off && offset >= firstOffset && offset <= self.offset + 1
    }

    /// Whether a replica at `offset` (the first byte it lacks) of history `id` can go on.
    func canContinue(_ id: ReplicationID, from offset: Int64) -> Bool {
        let isShared =
            id == replicationID || (id == secondReplicationID && offset <= secondOffset + 1)
        return isShared && covers(from: offset)
    }

    /// Appends up to `maximum` bytes of the stream from the byte `offset` on to `output`.
    func read(
        from offset: Int64, maximum: Int, into output: inout ByteBuffer,
        onReady: @escaping () -> Void
    ) -> StreamRead {
        guard mode != .off, offset <= committedOffset else {
            return offset == committedOffset + 1 ? .upToDate : .gone
        }
        let count = Int(min(Int64(maximum), committedOffset - offset + 1))
        if offset >= ring.firstOffset {
            return .bytes(ring.read(from: offset, maximum: count, into: &output))
        }
        if let first = overflow.firstOffset, let end = overflow.endOffset,
            offset >= first && offset < end
        {
            return .bytes(overflow.read(from: offset, maximum: count, into: &output))
        }
        switch coldReads[offset] {
        case .ready(let bytes):
            coldReads[offset] = nil
            guard !bytes.isEmpty else { return .gone }
            bytes.withByteSlice { output.append($0.prefix(min(count, bytes.count))) }
            return .bytes(min(count, bytes.count))
        case .inFlight(let waiting):
            coldReads[offset] = .inFlight(waiting + [onReady])
            return .pending
        case nil:
            guard let (segment, filePosition) = map.locate(offset) else { return .gone }
            let length = min(
                Int64(StreamLog.coldReadBytesMax), segment.offsetLast - offset + 1,
                committedOffset - offset + 1)
            startColdRead(
                offset, path: path(of: segment), filePosition: filePosition, count: Int(length),
                onReady: onReady)
            return .pending
        }
    }

    private func path(of segment: LogSegment) -> String {
        if let open = self.segment, open.sequence == segment.sequence { return open.path }
        return settings.folder.increment(segment.sequence)
    }

    private func startColdRead(
        _ offset: Int64, path: String, filePosition: Int64, count: Int,
        onReady: @escaping () -> Void
    ) {
        if coldReads.count >= StreamLog.coldReadsMax {
            coldReads = coldReads.filter { if case .ready = $0.value { false } else { true } }
        }
        coldReads[offset] = .inFlight([onReady])
        let bound = LoopBound(self, loop: loop)
        reader.post {
            let bytes = StreamLog.readFile(path, at: filePosition, count: count)
            bound.post { log in log.finishColdRead(offset, bytes) }
        }
    }

    /// Exactly `count` bytes, or none when the file is gone or too short.
    private static func readFile(_ path: String, at start: Int64, count: Int) -> [UInt8] {
        var buffer = ByteBuffer(capacity: count)
        do throws(SystemError) {
            let file = try File.open(path, .read)
            while buffer.count < count {
                let got = try file.read(
                    at: start + Int64(buffer.count), into: &buffer, maximum: count - buffer.count)
                if got == 0 { return [] }
            }
        } catch {
            return []
        }
        return buffer.readable.array
    }

    private func finishColdRead(_ offset: Int64, _ bytes: [UInt8]) {
        guard case .inFlight(let waiting) = coldReads[offset] else { return }
        coldReads[offset] = .ready(bytes)
        for onReady in waiting { onReady() }
    }

    /// Keeps the log from the byte `offset` on until the pin is released: a replica will want it.
    func pin(from offset: Int64) -> Int {
        pinNext += 1
        pinnedOffsets[pinNext] = offset
        return pinNext
    }

    /// Releases a pin.
    func unpin(_ pin: Int) { pinnedOffsets[pin] = nil }
}
