import Bytes
import Testing

@testable import Log

/// What the ring loses while somebody still lacks it.
@Suite struct StreamOverflowTests {
    private func byte(_ offset: Int64) -> UInt8 { UInt8(truncatingIfNeeded: offset &* 31) }

    private func add(_ range: Range<Int64>, to overflow: inout StreamOverflow) {
        overflow.append(range) { from, maximum, output in
            for offset in from..<from + Int64(maximum) { output.append(byte(offset)) }
            return maximum
        }
    }

    private func contents(_ overflow: borrowing StreamOverflow, from start: Int64) -> [UInt8] {
        var output = ByteBuffer()
        guard let end = overflow.endOffset else { return [] }
        var next = start
        while next < end { next += Int64(overflow.read(from: next, maximum: 7_001, into: &output)) }
        return output.readable.array
    }

    @Test func bytesComeBackFromAnyPlaceAcrossBlocks() {
        var overflow = StreamOverflow()
        #expect(overflow.isEmpty && overflow.count == 0 && overflow.firstOffset == nil)
        let end: Int64 = 5 + 1_000_000
        var next: Int64 = 5
        for step in [Int64(1), 300_000, 262_144, 99_999] {
            add(next..<next + step, to: &overflow)
            next += step
        }
        add(next..<end, to: &overflow)
        #expect(overflow.firstOffset == 5 && overflow.endOffset == end)
        #expect(overflow.count == 1_000_000)
        for start in [Int64(5), 6, 262_148, 262_149, 262_150, end - 1] {
            #expect(contents(overflow, from: start) == (start..<end).map(byte))
        }
    }

    @Test func releasedBlocksGoAndTheRestStays() {
        var overflow = StreamOverflow()
        add(1..<1_000_001, to: &overflow)
        overflow.release(before: 300_000)
        #expect(overflow.firstOffset! > 1 && overflow.firstOffset! <= 300_000)
        #expect(contents(overflow, from: 300_000) == (300_000..<1_000_001).map(byte))
        add(1_000_001..<1_000_011, to: &overflow)
        #expect(contents(overflow, from: 999_999) == (999_999..<1_000_011).map(byte))
        overflow.release(before: .max)
        #expect(overflow.count == 0)
        add(77..<80, to: &overflow)
        #expect(overflow.firstOffset == 77 && overflow.count == 3)
    }
}
