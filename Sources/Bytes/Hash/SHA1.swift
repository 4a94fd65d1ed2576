// SHA-1 (FIPS 180-4), for digests of data sets that must equal those of other servers. Not for
// security.
//
//   message │ 0x80 │ zeros │ length in bits, big-endian │  in blocks of 64 bytes
//   five words of state, eighty rounds per block

/// The SHA-1 digest of a run of bytes.
public struct SHA1: Sendable {
    /// Bytes of a digest.
    public static var digestBytes: Int { 20 }

    private var state: (UInt32, UInt32, UInt32, UInt32, UInt32) = (
        0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0
    )

    /// The digest of `bytes`.
    public static func digest(_ bytes: ByteSlice) -> [UInt8] {
        var hash = SHA1()
        var offset = 0
        while bytes.count - offset >= 64 {
            hash.absorb(bytes.slice(from: offset, count: 64))
            offset += 64
        }
        var tail = bytes.dropFirst(offset).array
        tail.append(0x80)
        while tail.count % 64 != 56 { tail.append(0) }
        let bits = UInt64(bytes.count) * 8
        for shift in stride(from: 56, through: 0, by: -8) {
            tail.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
        }
        tail.withByteSlice { rest in
            for start in stride(from: 0, to: rest.count, by: 64) {
                hash.absorb(rest.slice(from: start, count: 64))
            }
        }
        let words = [hash.state.0, hash.state.1, hash.state.2, hash.state.3, hash.state.4]
        return words.flatMap { word in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> UInt32($0)) }
        }
    }

    private mutating func absorb(_ block: ByteSlice) {
        var words = [UInt32](repeating: 0, count: 80)
        for index in 0..<16 {
            var word: UInt32 = 0
            for offset in 0..<4 { word = word << 8 | UInt32(block[index * 4 + offset]) }
            words[index] = word
        }
        for index in 16..<80 {
            let mixed =
                words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]
            words[index] = mixed << 1 | mixed >> 31
        }
        var (a, b, c, d, e) = state
        for index in 0..<80 {
            let (choice, constant): (UInt32, UInt32) =
                switch index {
                case 0..<20: (b & c | ~b & d, 0x5A82_7999)
                case 20..<40: (b ^ c ^ d, 0x6ED9_EBA1)
                case 40..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
                default: (b ^ c ^ d, 0xCA62_C1D6)
                }
            let sum = (a << 5 | a >> 27) &+ choice &+ e &+ constant &+ words[index]
            (e, d, c, b, a) = (d, c, b << 30 | b >> 2, a, sum)
        }
        state.0 &+= a
        state.1 &+= b
        state.2 &+= c
        state.3 &+= d
        state.4 &+= e
    }
}
