// Random bytes from the kernel, for secrets and identifiers.
import CLinux
import Glibc

/// Random numbers from the kernel's generator (getrandom).
public enum Random {
    /// `count` random bytes.
    public static func bytes(_ count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let result = unsafe getrandom(
                    buffer.baseAddress.map { unsafe $0 + filled }, count - filled, 0)
                precondition(result > 0 || errno == EINTR, "the kernel has no random bytes")
                filled += max(0, result)
            }
        }
    }

    /// 64 random bits.
    public static func word() -> UInt64 {
        bytes(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// `count` random bytes as lower-case hexadecimal text of twice that length.
    public static func hexadecimal(byteCount count: Int) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let text = bytes(count).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}
