// Short texts as machine words: names are compared and hashed without a loop.
//
//   "GET" ──► 0x00_00_00_00_00_54_45_47        bytes beyond the end are zero, never read
//
// Invariants
//   only bytes [0, count) are read: two loads overlap where the length is no power of two.

extension ByteSlice {
    /// The first eight bytes, little-endian, zero where the slice is shorter.
    @inlinable public var leadingWord: UInt64 {
        if count >= 8 { return loadWord(at: 0) }
        guard count > 0 else { return 0 }
        let bytes = unsafe UnsafeRawPointer(base.unsafelyUnwrapped)
        if count >= 4 {
            let low = unsafe bytes.loadUnaligned(as: UInt32.self).littleEndian
            let high = unsafe bytes.loadUnaligned(
                fromByteOffset: count &- 4, as: UInt32.self
            ).littleEndian
            return UInt64(low) | UInt64(high) &<< UInt64((count &- 4) &* 8)
        }
        let middle = count / 2
        return UInt64(self[checked: 0])
            | UInt64(self[checked: middle]) &<< UInt64(middle &* 8)
            | UInt64(self[checked: count &- 1]) &<< UInt64((count &- 1) &* 8)
    }

    /// The last eight bytes, little-endian; the slice has at least eight.
    @inlinable public var trailingWord: UInt64 { loadWord(at: count - 8) }

    /// `word` with the ASCII capitals among its eight bytes in lower case.
    @inlinable
    public static func lowercased(word: UInt64) -> UInt64 {
        let heptets = word & 0x7F7F_7F7F_7F7F_7F7F
        // The top bit of each byte tells: at or above "A", above "Z".
        let isAtLeastA = heptets &+ 0x3F3F_3F3F_3F3F_3F3F
        let isAboveZ = heptets &+ 0x2525_2525_2525_2525
        let isCapital = ~word & (isAtLeastA ^ isAboveZ) & 0x8080_8080_8080_8080
        return word | isCapital &>> 2
    }
}
