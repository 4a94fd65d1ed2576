// How long each command has taken, as a histogram of its own.
//
//   value in ns    0 … 63      exact
//                  64 … 2^30   64 buckets per power of two: at most 1/64 = 1.6 % wrong
//                  above       the last bucket
//
//   offsets   command ──► start of its buckets, -1 before its first call
//   buckets   │ 1600 counts │ 1600 counts │ …      in the order of first calls
//
// Recording is one addition; only the first call of a command adds its buckets.
internal import Bytes

/// The histograms of all commands.
struct LatencyHistograms: ~Copyable {
    /// Buckets per power of two are 2 to this power.
    private static let precisionBits = 6
    private static let perOctave = 1 << precisionBits
    /// Values from here on are one bucket: more than a second.
    private static let valueBits = 30
    static let bucketCount = perOctave * (valueBits - precisionBits + 1)

    private var offsets: TrivialList<Int32>
    private var buckets = TrivialList<UInt64>()

    /// Empty histograms of `commandCount` commands.
    init(commandCount: Int) {
        offsets = TrivialList(repeating: -1, count: commandCount)
    }

    /// The bucket of a duration.
    @inline(__always)
    static func bucket(ofNanoseconds value: Int64) -> Int {
        let value = min(max(value, 1), 1 << Int64(valueBits) - 1)
        if value < Int64(perOctave) { return Int(value) }
        let shift = 63 - value.leadingZeroBitCount - precisionBits
        return shift << precisionBits + Int(value >> Int64(shift))
    }

    /// The smallest duration of a bucket.
    static func lowerBound(of bucket: Int) -> Int64 {
        if bucket < 2 * perOctave { return Int64(bucket) }
        let shift = bucket >> precisionBits - 1
        return Int64(bucket & (perOctave - 1) + perOctave) << Int64(shift)
    }

    /// The largest duration of a bucket.
    static func upperBound(of bucket: Int) -> Int64 { lowerBound(of: bucket + 1) - 1 }

    /// Counts one call.
    @inline(__always)
    mutating func record(_ number: Int, bucket: Int) {
        let offset = Int(offsets[number])
        if offset < 0 { return begin(number, bucket: bucket) }
        buckets[offset &+ bucket] &+= 1
    }

    @inline(never)
    private mutating func begin(_ number: Int, bucket: Int) {
        offsets[number] = Int32(buckets.count)
        for _ in 0..<LatencyHistograms.bucketCount { buckets.append(0) }
        record(number, bucket: bucket)
    }

    /// Whether the command was called.
    func hasCalls(_ number: Int) -> Bool { offsets[number] >= 0 }

    /// Number of recorded calls.
    func callCount(_ number: Int) -> UInt64 {
        var total: UInt64 = 0
        forEachBucket(number) { _, count in total += count }
        return total
    }

    /// Calls `body` with each bucket of a command, the shortest durations first.
    func forEachBucket(_ number: Int, _ body: (Int, UInt64) -> Void) {
        let offset = Int(offsets[number])
        guard offset >= 0 else { return }
        for bucket in 0..<LatencyHistograms.bucketCount {
            body(bucket, buckets[offset + bucket])
        }
    }

    /// The duration that so many percent of the calls did not exceed, in nanoseconds.
    func nanoseconds(_ number: Int, percentile: Double) -> Int64 {
        let total = Double(callCount(number))
        let wanted = max(1, (percentile / 100 * total + 0.5).rounded(.down))
        var seen: UInt64 = 0
        var found: Int64?
        forEachBucket(number) { bucket, count in
            seen += count
            if found == nil && count > 0 && Double(seen) >= wanted {
                found = LatencyHistograms.upperBound(of: bucket)
            }
        }
        return found ?? 0
    }

    /// Cumulative counts at powers of two from 1,024 ns on, without those that add nothing; the
    /// bounds in microseconds are those that Redis shows.
    func distribution(_ number: Int) -> [(microseconds: Int64, count: UInt64)] {
        var rows: [(microseconds: Int64, count: UInt64)] = []
        var bound: Int64 = 1_024
        var seen: UInt64 = 0
        var told: UInt64 = 0
        forEachBucket(number) { bucket, count in
            while LatencyHistograms.lowerBound(of: bucket) > bound {
                if seen > told { rows.append((LatencyHistograms.label(bound), seen)) }
                told = seen
                bound *= 2
            }
            seen += count
        }
        if seen > told { rows.append((LatencyHistograms.label(bound), seen)) }
        return rows
    }

    /// Redis' histogram has 128 buckets per power of two and names each by its last value.
    private static func label(_ bound: Int64) -> Int64 { (bound + bound / 128 - 1) / 1_000 }

    /// Forgets everything.
    mutating func reset() {
        for number in 0..<offsets.count { offsets[number] = -1 }
        buckets = TrivialList()
    }
}
