// The processor's CRC-32C instruction behind a safe face.
//
//   register, bytes (ByteSlice) ──► hw_crc32c ──► register
//
// Invariants
//   C reads `count` bytes from `base` and keeps neither;
//   it is called only where `isSupported`.

internal import CLinux

enum ChecksumInstruction {
    /// Whether this processor has the instruction.
    static let isSupported = hw_crc32c_is_supported()

    /// The inverted register after the bytes of `slice`.
    static func crc32c(_ register: UInt32, _ slice: ByteSlice) -> UInt32 {
        unsafe hw_crc32c(register, slice.base, slice.count)
    }
}
