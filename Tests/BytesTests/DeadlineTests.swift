import Bytes
import Testing

@Suite struct DeadlineTests {
    @Test func sumsStopAtTheEndsOfTheRange() {
        let extremes: [Int64] = [.min, .min + 1, -1, 0, 1, .max - 1, .max]
        for left in extremes {
            for right in extremes {
                let wide = (Int128(left), Int128(right))
                #expect(left.addingClamped(right) == Int64(clamping: wide.0 + wide.1))
                #expect(left.subtractingClamped(right) == Int64(clamping: wide.0 - wide.1))
                #expect(left.multipliedClamped(by: right) == Int64(clamping: wide.0 * wide.1))
            }
        }
        #expect(UInt8(3).subtractingClamped(5) == 0)
        #expect(UInt8(200).addingClamped(100) == 255)
        #expect(UInt8(200).multipliedClamped(by: 2) == 255)
    }

    @Test func aDeadlineThatNoClockReachesNeverComes() {
        #expect(Deadline(.max, after: 1) == .never)
        #expect(Deadline(seconds: .max / 10, after: 1) == .never)
        #expect(Deadline(.min, after: -1).isOver(at: .min))
        #expect(!Deadline.never.isOver(at: .max - 1))
        #expect(Deadline(5, after: 10) == 15)
        #expect(Deadline(5, after: 10).left(at: 12) == 3)
        #expect(Deadline(5, after: 10).left(at: 20) == 0)
        #expect(Deadline.never.left(at: -1) == .max)
    }
}
