// Which file holds which byte, and which files may go.
import Log
import Testing

@Suite struct SegmentMapTests {
    private func segment(
        _ sequence: Int64, _ before: Int64, _ last: Int64, wall: Int64 = 0, listed: Bool = false,
        prefix: Int64 = 0
    ) -> LogSegment {
        LogSegment(
            sequence: sequence, offsetBefore: before, offsetLast: last, localPrefixBytes: prefix,
            wallMilliseconds: wall, isListed: listed)
    }

    @Test func everyByteIsFoundInItsFile() {
        var map = SegmentMap()
        #expect(map.append(segment(1, 100, 200)).isEmpty)
        #expect(map.append(segment(2, 200, 200)).isEmpty)
        #expect(map.append(segment(3, 200, 250, prefix: 23)).isEmpty)
        #expect(map.firstOffset == 101)
        #expect(map.locate(100) == nil && map.locate(251) == nil)
        for offset in Int64(101)...250 {
            let found = map.locate(offset)
            #expect(found?.segment.sequence == (offset <= 200 ? 1 : 3))
            #expect(found?.filePosition == (offset <= 200 ? offset - 101 : offset - 201 + 23))
        }
        map.extend(to: 260, wallMilliseconds: 9)
        #expect(map.locate(260)?.filePosition == 82)
    }

    @Test func aGapStartsTheMapAnew() {
        var map = SegmentMap()
        _ = map.append(segment(1, 0, 10))
        #expect(map.append(segment(2, 500, 500)).map(\.sequence) == [1])
        #expect(map.segments.map(\.sequence) == [2])
    }

    @Test func retentionSparesWhatTheBaseOrASyncNeeds() {
        var map = SegmentMap()
        _ = map.append(segment(1, 0, 100, wall: 1000, listed: true))
        _ = map.append(segment(2, 100, 200, wall: 2000, listed: true))
        _ = map.append(segment(3, 200, 300, wall: 3000, listed: true))
        let age = LogRetention(millisecondsMax: 1500, bytesMax: 1_000_000)
        #expect(map.retire(age, nowMilliseconds: 99_999).isEmpty)
        map.unlist(below: 3)
        #expect(map.retire(age, nowMilliseconds: 3000, pinnedOffset: 50).isEmpty)
        #expect(map.retire(age, nowMilliseconds: 3000).map(\.sequence) == [1])
        let size = LogRetention(millisecondsMax: .max, bytesMax: 150)
        #expect(map.retire(size, nowMilliseconds: 3000).map(\.sequence) == [2])
        #expect(map.retire(size, nowMilliseconds: 99_999).isEmpty)
    }
}
