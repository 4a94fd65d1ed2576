// SipHash-1-3, the keyed hash of all tables: one compression round per word, three at the end.
//
// Steps (Aumasson and Bernstein, "SipHash: a fast short-input PRF")
//   1. Four words of state are the key XOR "somepseudorandomlygeneratedbytes".
//   2. Each little-endian word of input: v3 ^= m, one round, v0 ^= m.
//   3. The last word is the remaining 0…7 bytes with the length in the top byte.
//   4. v2 ^= 0xff, three rounds, the result is v0 ^ v1 ^ v2 ^ v3.
//
// The key is secret and random, so that no client can choose keys that collide.

/// The 128-bit secret of a keyed hash.
public struct SipKey: Sendable, Equatable {
    /// First half.
    public let low: UInt64
    /// Second half.
    public let high: UInt64

    /// A key of two words, drawn by the caller from the system's random source (or from a seed in
    /// tests).
    @inlinable
    public init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }
}

/// The hash function.
public enum SipHash13 {
    /// The hash of `bytes` under `key`.
    @inlinable
    public static func hash(_ bytes: ByteSlice, key: SipKey) -> UInt64 {
        var state = State(key: key)
        let count = bytes.count
        var offset = 0
        while offset &+ 8 <= count {
            state.absorb(bytes.loadWord(at: offset))
            offset &+= 8
        }
        var last = UInt64(truncatingIfNeeded: count) &<< 56
        let rest = count &- offset
        if rest > 0 && count >= 8 {
            // The last eight bytes overlap the word before: shifting drops what was absorbed.
            last |= bytes.loadWord(at: count &- 8) &>> UInt64(truncatingIfNeeded: 64 &- 8 &* rest)
        } else {
            var shift: UInt64 = 0
            while offset < count {
                last |= UInt64(bytes[checked: offset]) &<< shift
                offset &+= 1
                shift &+= 8
            }
        }
        state.absorb(last)
        return state.finish()
    }

    /// The four words that the input is mixed into. Its steps must be inlined: called, they keep
    /// the state in memory, which doubles the cost of a hash.
    @usableFromInline
    struct State {
        @usableFromInline var v0: UInt64
        @usableFromInline var v1: UInt64
        @usableFromInline var v2: UInt64
        @usableFromInline var v3: UInt64

        @inlinable
        init(key: SipKey) {
            v0 = key.low ^ 0x736f_6d65_7073_6575
            v1 = key.high ^ 0x646f_7261_6e64_6f6d
            v2 = key.low ^ 0x6c79_6765_6e65_7261
            v3 = key.high ^ 0x7465_6462_7974_6573
        }

        @inlinable @inline(__always)
        static func rotate(_ value: UInt64, _ amount: UInt64) -> UInt64 {
            (value &<< amount) | (value &>> (64 &- amount))
        }

        @inlinable @inline(__always)
        mutating func round() {
            v0 = v0 &+ v1
            v1 = State.rotate(v1, 13) ^ v0
            v0 = State.rotate(v0, 32)
            v2 = v2 &+ v3
            v3 = State.rotate(v3, 16) ^ v2
            v0 = v0 &+ v3
            v3 = State.rotate(v3, 21) ^ v0
            v2 = v2 &+ v1
            v1 = State.rotate(v1, 17) ^ v2
            v2 = State.rotate(v2, 32)
        }

        @inlinable @inline(__always)
        mutating func absorb(_ word: UInt64) {
            v3 ^= word
            round()
            v0 ^= word
        }

        @inlinable @inline(__always)
        mutating func finish() -> UInt64 {
            v2 ^= 0xff
            round()
            round()
            round()
            return v0 ^ v1 ^ v2 ^ v3
        }
    }
}
