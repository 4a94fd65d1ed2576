import Diagnostics
import Testing

@Suite struct HistogramTests {
    @Test func quantilesAreAtMostOneThirtySecondTooHigh() {
        var histogram = Histogram()
        var values: [Int64] = []
        var state: UInt64 = 7
        for _ in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let value = Int64(state >> 34) >> Int64(state & 15)
            values.append(value)
            histogram.record(value)
        }
        values.sort()
        for quantile in [0, 0.01, 0.5, 0.9, 0.99, 0.999, 1] {
            let rank = max(1, Int((quantile * Double(values.count)).rounded(.up)))
            let exact = values[rank - 1]
            let found = histogram.value(atQuantile: quantile)
            #expect(found >= exact)
            #expect(Double(found) <= Double(exact) * (1 + 1.0 / 32) + 1)
        }
        #expect(histogram.count == 20_000)
        #expect(histogram.minimum == values.first && histogram.maximum == values.last)
        #expect(histogram.sum == values.reduce(0) { $0 + UInt64($1) })
    }

    @Test func countsUpToABoundAgreeWithTheValues() {
        var histogram = Histogram()
        for value in 0..<1_000 as Range<Int64> { histogram.record(value) }
        for bound in [0, 1, 63, 127, 255, 511] as [Int64] {
            #expect(histogram.count(upTo: bound) == UInt64(bound + 1))
        }
        #expect(histogram.count(upTo: 1 << 41) == 1_000)
        #expect(histogram.mean == 499.5)
    }

    @Test func extremesAreClamped() {
        var histogram = Histogram()
        histogram.record(-5)
        histogram.record(Int64.max)
        #expect(histogram.minimum == 0)
        #expect(histogram.maximum == Histogram.valueMax)
        #expect(histogram.value(atQuantile: 1) == Histogram.valueMax)
    }

    @Test func mergingEqualsRecordingAll() {
        var left = Histogram()
        var right = Histogram()
        var both = Histogram()
        for value in [5, 70, 900] as [Int64] {
            left.record(value)
            both.record(value)
        }
        for value in [1, 1_000_000] as [Int64] {
            right.record(value)
            both.record(value)
        }
        left.merge(right)
        left.merge(Histogram())
        for quantile in [0, 0.3, 0.6, 0.9, 1] {
            #expect(left.value(atQuantile: quantile) == both.value(atQuantile: quantile))
        }
        #expect(left.count == 5 && left.minimum == 1 && left.maximum == 1_000_000)
        left.removeAll()
        #expect(left.count == 0 && left.value(atQuantile: 0.5) == 0)
    }
}
