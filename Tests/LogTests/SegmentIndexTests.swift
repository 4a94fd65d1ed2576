// The index: its persisted layout, and what is recovered when log and index are cut or damaged at
// every byte.
import Bytes
import Log
import Testing

@Suite struct SegmentIndexTests {
    private static let id = ReplicationID(String(repeating: "ab", count: 20)) ?? .none

    private func position(_ offset: Int64, database: Int = 0) -> ReplicationPosition {
        ReplicationPosition(id: SegmentIndexTests.id, offset: offset, database: database)
    }

    /// A log of turns with its index, and the file position behind each turn.
    private struct Sample {
        var log: [UInt8] = []
        var index: [UInt8] = []
        var turnEnds: [Int] = [0]
        var recordEnds: [Int] = [0]
    }

    private func sample(prefix: String = "", syncedTurns: Int = 0) -> Sample {
        var sample = Sample()
        var writer = IndexWriter(
            sequence: 7, start: position(1000, database: 3),
            localPrefixBytes: Int64(prefix.utf8.count), wallMilliseconds: 5000)
        var output = ByteBuffer()
        writer.encodeStart(into: &output)
        sample.index = output.readable.array
        func write(_ bytes: [UInt8]) {
            bytes.withByteSlice { writer.append($0) }
            sample.log += bytes
        }
        write([UInt8](prefix.utf8))
        for turn in 0..<12 {
            write((0..<(7 + turn)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ turn) })
            let offset = 1000 + writer.filePosition - Int64(prefix.utf8.count)
            let now = 5000 + Int64(turn) * 40
            if turn < syncedTurns { writer.syncedPosition = writer.filePosition }
            if writer.isRecordDue(wallMilliseconds: now) {
                output.removeAll()
                writer.encodeRecord(position(offset), wallMilliseconds: now, into: &output)
                sample.index += output.readable.array
                sample.recordEnds.append(sample.log.count)
            }
            output.removeAll()
            let start = writer.encodeTail(position(offset), wallMilliseconds: now, into: &output)
            sample.index.replaceSubrange(start..<start + 128, with: output.readable.array)
            sample.turnEnds.append(sample.log.count)
        }
        return sample
    }

    private func recover(
        log: [UInt8], index: [UInt8]
    ) -> (verdict: SegmentRecovery.Verdict, end: ReplicationPosition, good: Int64)? {
        guard let index = index.withByteSlice({ SegmentIndex(parsing: $0) }) else { return nil }
        var recovery = SegmentRecovery(index: index)
        // Odd pieces, so that places lie inside and between them.
        for start in stride(from: 0, to: log.count, by: 11) {
            [UInt8](log[start..<min(start + 11, log.count)]).withByteSlice { recovery.receive($0) }
        }
        let verdict = recovery.finish()
        return (verdict, recovery.end, recovery.goodBytes)
    }

    @Test func persistedLayoutIsStable() {
        let record = IndexRecord(
            kind: .tail, generation: 2, filePosition: 300, position: position(1277, database: -1),
            wallMilliseconds: 1_700_000_000_000, checkedFrom: 200, syncedPosition: 100,
            contentCheck: 0xDEAD_BEEF)
        var output = ByteBuffer()
        record.encode(into: &output)
        let bytes = output.readable
        #expect(bytes.count == 128)
        #expect(bytes[0] == 3 && bytes[1] == 1)
        #expect(bytes.littleEndian(at: 8, as: UInt64.self) == 2)
        #expect(bytes.littleEndian(at: 16, as: Int64.self) == 300)
        #expect(bytes.littleEndian(at: 24, as: Int64.self) == 1277)
        #expect(bytes.littleEndian(at: 32, as: Int64.self) == 1_700_000_000_000)
        #expect(bytes.littleEndian(at: 40, as: Int64.self) == 200)
        #expect(bytes.littleEndian(at: 48, as: Int64.self) == 100)
        #expect(bytes.littleEndian(at: 56, as: UInt32.self) == 0xDEAD_BEEF)
        #expect(bytes.littleEndian(at: 60, as: Int32.self) == -1)
        #expect(bytes.slice(from: 64, count: 40).string == String(repeating: "ab", count: 20))
        #expect(IndexRecord(decoding: bytes) == record)
        #expect(SegmentIndex.tailStart == 128 && SegmentIndex.recordsStart == 512)
    }

    @Test func everyFlippedBitOfASlotIsNoticed() {
        var output = ByteBuffer()
        IndexRecord(
            kind: .record, generation: 0, filePosition: 1, position: position(1),
            wallMilliseconds: 1, checkedFrom: 0, syncedPosition: 0, contentCheck: 1
        ).encode(into: &output)
        for bit in 0..<1024 {
            var damaged = output.readable.array
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(damaged.withByteSlice { IndexRecord(decoding: $0) } == nil)
        }
    }

    @Test(arguments: ["", "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"])
    func anUndamagedLogIsWholeToItsLastByte(prefix: String) throws {
        let sample = sample(prefix: prefix)
        #expect(sample.recordEnds.count > 3)
        let found = try #require(recover(log: sample.log, index: sample.index))
        #expect(found.verdict == .whole(unpositionedBytes: 0))
        #expect(found.end == position(1000 + Int64(sample.log.count - prefix.utf8.count)))
        let longer = try #require(recover(log: sample.log + [1, 2, 3], index: sample.index))
        #expect(longer.verdict == .whole(unpositionedBytes: 3))
        #expect(longer.end == found.end)
    }

    @Test func aLogCutAtAnyByteIsTornAtTheLastGoodRecord() throws {
        let sample = sample()
        for cut in 0..<sample.log.count {
            let found = try #require(recover(log: [UInt8](sample.log[..<cut]), index: sample.index))
            let expected = try #require(sample.recordEnds.last { $0 <= cut })
            #expect(found.verdict == .torn(filePosition: Int64(expected)))
            #expect(found.end.offset == 1000 + Int64(expected))
        }
    }

    @Test func aLogDamagedAtAnyByteIsTornOrCorrupt() throws {
        let sample = sample(syncedTurns: 6)
        let synced = sample.turnEnds[6]
        for position in sample.log.indices {
            var damaged = sample.log
            damaged[position] ^= 0x10
            let found = try #require(recover(log: damaged, index: sample.index))
            let expected = try #require(sample.recordEnds.last { $0 <= position })
            #expect(
                found.verdict
                    == (expected < synced
                        ? .corrupt(filePosition: Int64(expected))
                        : .torn(filePosition: Int64(expected))))
        }
    }

    @Test func aCutIndexDescribesTheCutFileWholly() throws {
        let sample = sample()
        let index = try #require(sample.index.withByteSlice { SegmentIndex(parsing: $0) })
        for end in sample.recordEnds {
            var bytes = ByteBuffer()
            index.encode(cutAt: Int64(end), into: &bytes)
            let found = try #require(
                recover(log: [UInt8](sample.log[..<end]), index: bytes.readable.array))
            #expect(found.verdict == .whole(unpositionedBytes: 0))
            #expect(found.end.offset == 1000 + Int64(end))
        }
    }

    @Test func anIndexCutOrDamagedAtAnyByteNeverClaimsMoreThanItProves() throws {
        let sample = sample()
        for position in sample.index.indices {
            for variant in 0..<2 {
                var index = sample.index
                if variant == 0 {
                    index.removeSubrange(position...)
                } else {
                    index[position] ^= 0x40
                }
                guard let found = recover(log: sample.log, index: index) else {
                    #expect(position < 128)
                    continue
                }
                #expect(found.end.offset == 1000 + found.good)
                #expect(
                    found.verdict
                        == .whole(
                            unpositionedBytes: Int64(sample.log.count) - found.good))
                // One of the two tail slots is always whole; records before the damage count.
                let whole = position < 512 ? sample.recordEnds.count - 1 : (position - 512) / 128
                let records = variant == 0 && position < 512 ? 0 : whole
                #expect(found.good >= sample.recordEnds[records])
            }
        }
    }
}
