// Bits of long byte runs, eight bytes at a time.
//
//   bit 0 is the highest bit of byte 0:   │ 0 1 2 3 4 5 6 7 │ 8 9 … │
//
// Invariants
//   only bytes [0, count) are read; nothing needs to be aligned.

internal import CLinux

extension ByteSlice {
    /// How many bits are set.
    public func bitCount() -> Int {
        Int(truncatingIfNeeded: unsafe hw_count_bits(base, count))
    }

    /// Index of the first byte at or after `start` that is not `byte`; `count` if there is none.
    public func firstIndex(ofByteOtherThan byte: UInt8, from start: Int) -> Int {
        precondition(start >= 0 && start <= count)
        guard let base = unsafe base else { return count }
        let bytes = unsafe UnsafeRawPointer(base)
        let pattern = UInt64(byte) &* 0x0101_0101_0101_0101
        var index = start
        while index &+ 8 <= count {
            let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            if word != pattern { break }
            index &+= 8
        }
        while index < count && self[checked: index] == byte { index &+= 1 }
        return index
    }
}
