// MurmurHash64A (Austin Appleby, public domain), in the byte order of little-endian machines: part
// of the format of HyperLogLogs, which servers exchange.
//
//   1. eight bytes at a time: k ← k·m, k ^= k >> 47, k ← k·m; h ← (h ^ k)·m
//   2. the one to seven bytes left over: h ← (h ^ tail)·m
//   3. h ^= h >> 47, h ← h·m, h ^= h >> 47

/// The 64-bit hash that HyperLogLogs are made with. No protection against chosen inputs.
public enum MurmurHash64 {
    private static var multiplier: UInt64 { 0xC6A4_A793_5BD1_E995 }

    /// The hash of `bytes`.
    public static func hash(_ bytes: ByteSlice, seed: UInt64) -> UInt64 {
        var hash = seed ^ UInt64(bytes.count) &* multiplier
        var index = 0
        while index &+ 8 <= bytes.count {
            var word = bytes.loadWord(at: index) &* multiplier
            word ^= word &>> 47
            hash = (hash ^ word &* multiplier) &* multiplier
            index &+= 8
        }
        if index < bytes.count {
            hash = (hash ^ bytes.dropFirst(index).leadingWord) &* multiplier
        }
        hash ^= hash &>> 47
        hash &*= multiplier
        return hash ^ hash &>> 47
    }
}
