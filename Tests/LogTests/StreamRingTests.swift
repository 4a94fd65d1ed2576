// The ring against an array that keeps everything.
import Bytes
import Log
import Testing

@Suite struct StreamRingTests {
    @Test func newestBytesAreReadBackUnderTheirOffsets() {
        var ring = StreamRing(capacity: 100, lastOffset: 999)
        var model: [UInt8] = []
        var state: UInt64 = 7
        for round in 0..<2000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1
            let length = Int(state >> 40) % (round % 50 == 0 ? 250 : 30)
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: model.count + $0 * 3) }
            bytes.withByteSlice { ring.append($0) }
            model += bytes
            if round == 1000 { ring.resize(to: 60) }
            #expect(ring.lastOffset == 999 + Int64(model.count))
            #expect(ring.count <= ring.capacity)
            for offset in [ring.firstOffset, ring.lastOffset, ring.lastOffset + 1]
            where ring.covers(from: offset) {
                var output = ByteBuffer()
                let count = ring.read(from: offset, maximum: 40, into: &output)
                let start = Int(offset - 1000)
                #expect(output.readable.array == Array(model[start...].prefix(40)))
                #expect(count == output.count)
            }
        }
        #expect((ring.covers(from: ring.firstOffset - 1)) == false)
        #expect((ring.covers(from: ring.lastOffset + 2)) == false)
    }

    @Test func ringWithoutMemoryOnlyCounts() {
        var ring = StreamRing(capacity: 0, lastOffset: 5)
        ring.append(ByteSlice("abc"))
        #expect(ring.lastOffset == 8 && ring.count == 0 && ring.covers(from: 9))
        #expect((ring.covers(from: 8)) == false)
        ring.reset(lastOffset: 20)
        #expect(ring.firstOffset == 21)
    }
}
