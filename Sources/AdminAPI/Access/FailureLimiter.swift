// Slows down guessing: each address has a bucket of failures that refills slowly. Valid tokens pass
// whatever the bucket says, so that nobody behind a shared address can lock others out.

struct FailureLimiter {
    /// Failures in a row before 429.
    static let failuresMax = 20.0
    /// Failures that are forgiven per second.
    static let refillPerSecond = 1.0
    /// Addresses remembered; beyond it the fullest buckets are dropped.
    static let addressesMax = 10_000

    private struct Bucket {
        var failures: Double
        var seenMilliseconds: Int64
    }
    private var buckets: [String: Bucket] = [:]

    /// Notes a failure; whether the address has had too many.
    mutating func failed(_ address: String, now: Int64) -> Bool {
        if buckets.count >= Self.addressesMax && buckets[address] == nil { forget(now: now) }
        var bucket = buckets[address] ?? Bucket(failures: 0, seenMilliseconds: now)
        bucket.failures = Self.level(bucket, now: now)
        bucket.seenMilliseconds = now
        let isOver = bucket.failures + 1 > Self.failuresMax
        if !isOver { bucket.failures += 1 }
        buckets[address] = bucket
        return isOver
    }

    private static func level(_ bucket: Bucket, now: Int64) -> Double {
        let forgiven = Double(now - bucket.seenMilliseconds) / 1_000 * refillPerSecond
        return max(0, bucket.failures - forgiven)
    }

    private mutating func forget(now: Int64) {
        buckets = buckets.filter { Self.level($0.value, now: now) > 0 }
        if buckets.count >= Self.addressesMax { buckets.removeAll() }
    }
}
