// Counts of values in buckets whose width grows with the value (log-linear, as HdrHistogram).
//
//   value < 64            one bucket per value
//   2^k <= value < 2^k+1  32 buckets of 2^(k-5) each, k >= 6: error at most 1/32 = 3.1 %
//
//   index = value                                 (value < 64)
//         = (k - 5) * 32 + (value >> (k - 5))     (else; the second term is 32...63)
//
// All buckets exist from the start (9 KB, since they end at 2^40: 18 minutes in nanoseconds,
// 12 days in microseconds; larger values count in the last bucket): recording never
// allocates.

/// A fixed-size histogram of non-negative integers.
public struct Histogram: Sendable {
    /// Values from here on count as this one.
    public static let valueMax: Int64 = 1 << 40 - 1

    private static let exactCount = 64
    private static let bucketCount = index(of: valueMax) + 1

    private var buckets = [UInt64](repeating: 0, count: bucketCount)
    /// How many values were recorded.
    public private(set) var count: UInt64 = 0
    /// Sum of the recorded values.
    public private(set) var sum: UInt64 = 0
    /// Smallest recorded value; 0 if there is none.
    public private(set) var minimum: Int64 = 0
    /// Largest recorded value; 0 if there is none.
    public private(set) var maximum: Int64 = 0

    /// An empty histogram.
    public init() {}

    /// Counts a value; negative ones count as 0.
    public mutating func record(_ value: Int64) {
        let value = min(max(0, value), Histogram.valueMax)
        buckets[Histogram.index(of: value)] += 1
        minimum = count == 0 ? value : min(minimum, value)
        maximum = max(maximum, value)
        count += 1
        sum &+= UInt64(value)
    }

    /// Forgets everything and keeps the memory.
    public mutating func removeAll() {
        for index in buckets.indices { buckets[index] = 0 }
        count = 0
        sum = 0
        minimum = 0
        maximum = 0
    }

    /// Adds the counts of another histogram.
    public mutating func merge(_ other: Histogram) {
        guard other.count > 0 else { return }
        for index in buckets.indices { buckets[index] += other.buckets[index] }
        minimum = count == 0 ? other.minimum : min(minimum, other.minimum)
        maximum = max(maximum, other.maximum)
        count += other.count
        sum &+= other.sum
    }

    /// The value below or at which the share `quantile` (0 to 1) of all values lies, at most 1/32
    /// too high; 0 if nothing was recorded.
    public func value(atQuantile quantile: Double) -> Int64 {
        precondition(quantile >= 0 && quantile <= 1, "a quantile is between 0 and 1")
        guard count > 0 else { return 0 }
        let wanted = max(1, UInt64((quantile * Double(count)).rounded(.up)))
        var seen: UInt64 = 0
        for (index, bucket) in buckets.enumerated() where bucket > 0 {
            seen += bucket
            if seen >= wanted { return min(Histogram.upperBound(of: index), maximum) }
        }
        return maximum
    }

    /// How many values are at most `bound`, exact where a bucket ends at `bound`, else counting
    /// the bucket that holds it as above.
    public func count(upTo bound: Int64) -> UInt64 {
        var seen: UInt64 = 0
        for (index, bucket) in buckets.enumerated() {
            if Histogram.upperBound(of: index) > bound { break }
            seen += bucket
        }
        return seen
    }

    /// Arithmetic mean; 0 if nothing was recorded.
    public var mean: Double { count == 0 ? 0 : Double(sum) / Double(count) }

    private static func index(of value: Int64) -> Int {
        guard value >= exactCount else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        return (exponent - 5) * 32 + Int(value >> Int64(exponent - 5))
    }

    /// The largest value that falls into a bucket.
    private static func upperBound(of index: Int) -> Int64 {
        guard index >= exactCount else { return Int64(index) }
        let shift = Int64(index / 32 - 1)
        return ((Int64(index % 32 + 32) + 1) << shift) - 1
    }
}
