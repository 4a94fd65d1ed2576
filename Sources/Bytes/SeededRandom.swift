// A small random number generator with a seed: sampling in the engine, tests and simulations that
// must be repeatable. Not for secrets.
//
// xoshiro256** (Blackman and Vigna), its state filled by SplitMix64 from the seed.

/// A repeatable random number generator.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var s0: UInt64
    private var s1: UInt64
    private var s2: UInt64
    private var s3: UInt64

    /// A generator whose numbers depend on `seed` only.
    public init(seed: UInt64) {
        var mixer = seed
        func mix() -> UInt64 {
            mixer &+= 0x9e37_79b9_7f4a_7c15
            var word = mixer
            word = (word ^ (word &>> 30)) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ (word &>> 27)) &* 0x94d0_49bb_1331_11eb
            return word ^ (word &>> 31)
        }
        s0 = mix()
        s1 = mix()
        s2 = mix()
        s3 = mix()
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        let scrambled = s1 &* 5
        let result = ((scrambled &<< 7) | (scrambled &>> 57)) &* 9
        let carried = s1 &<< 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= carried
        s3 = (s3 &<< 45) | (s3 &>> 19)
        return result
    }

    /// A number in `0..<bound`; `bound` is above 0. Multiply-shift: the bias is below 2⁻³² for
    /// bounds below 2³².
    public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0)
        return Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }
}
