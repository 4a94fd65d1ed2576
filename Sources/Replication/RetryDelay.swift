// The pause before the next attempt to reach an upstream: none after a link that worked, then
// growing from 50 ms to 1 s, each with ±25 % so that a parent's children do not come back in step.

/// Pauses between reconnections.
public struct RetryDelay: Sendable {
    private var failures = 0
    private var random: UInt64

    /// Pauses whose jitter is drawn from `seed`.
    public init(seed: UInt64) { random = seed }

    /// A link worked: the next attempt after it comes at once.
    public mutating func succeeded() { failures = 0 }

    /// The pause before the next attempt, in milliseconds.
    public mutating func next() -> Int64 {
        defer { failures += 1 }
        if failures == 0 { return 0 }
        let doublings = min(failures - 1, 10)
        let base = min(
            ReplicationLimits.retryFirstMilliseconds << Int64(doublings),
            ReplicationLimits.retryMaxMilliseconds)
        return base * 3 / 4 + Int64(draw() % UInt64(base / 2 + 1))
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): one addition and a mix, enough for jitter.
    private mutating func draw() -> UInt64 {
        random &+= 0x9E37_79B9_7F4A_7C15
        var value = random
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
