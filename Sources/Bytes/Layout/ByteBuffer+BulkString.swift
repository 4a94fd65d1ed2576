// One bulk string of RESP in one go: the most frequent thing a server writes.
//
//   │ $ │ length in decimal │ \r\n │ bytes … │ \r\n │
//
// Invariants
//   the frame is at most 1 + 19 + 2 + 2 bytes longer than the bytes; that much is reserved once;
//   short bytes are copied with two overlapping moves instead of a call of memmove.

extension ByteBuffer {
    /// Appends `marker`, `value` in decimal and the line end: `*3\r\n`, `$5\r\n`, `:1\r\n`.
    @inlinable
    public mutating func appendLine(marker: UInt8, decimal value: Int) {
        reserve(24)
        let base = unsafe storage.unsafelyUnwrapped
        unsafe base[end] = marker
        end &+= 1
        appendReservedLineNumber(value)
    }

    /// Writes `value` and the line end into space that the caller has reserved (22 bytes).
    @inlinable
    mutating func appendReservedLineNumber(_ value: Int) {
        let base = unsafe storage.unsafelyUnwrapped
        if value >= 0 && value < 10 {
            unsafe base[end] = 0x30 &+ UInt8(truncatingIfNeeded: value)
            end &+= 1
        } else if value >= 10 && value < 100 {
            let tens = value / 10
            unsafe base[end] = 0x30 &+ UInt8(truncatingIfNeeded: tens)
            unsafe base[end &+ 1] = 0x30 &+ UInt8(truncatingIfNeeded: value &- tens &* 10)
            end &+= 2
        } else {
            appendDecimalSlow(Int64(value))
        }
        unsafe base[end] = 0x0D
        unsafe base[end &+ 1] = 0x0A
        end &+= 2
    }

    /// Appends `slice`, which must not lie in this buffer, as a bulk string.
    @inlinable
    public mutating func appendBulkString(_ slice: ByteSlice) {
        let length = slice.count
        reserve(length &+ 24)
        let base = unsafe storage.unsafelyUnwrapped
        unsafe base[end] = 0x24
        end &+= 1
        appendReservedLineNumber(length)
        if length > 0 {
            let source = unsafe UnsafeRawPointer(slice.base.unsafelyUnwrapped)
            unsafe ByteBuffer.copyShort(
                source, to: UnsafeMutableRawPointer(base + end), count: length)
            end &+= length
        }
        unsafe base[end] = 0x0D
        unsafe base[end &+ 1] = 0x0A
        end &+= 2
    }

    /// Copies `count` > 0 bytes between regions that do not overlap.
    @inlinable @unsafe
    static func copyShort(
        _ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, count: Int
    ) {
        if count > 64 {
            unsafe target.copyMemory(from: source, byteCount: count)
        } else if count >= 16 {
            typealias Word = SIMD2<UInt64>
            var offset = 0
            while offset &+ 16 <= count {
                let word = unsafe source.loadUnaligned(fromByteOffset: offset, as: Word.self)
                unsafe target.storeBytes(of: word, toByteOffset: offset, as: Word.self)
                offset &+= 16
            }
            let word = unsafe source.loadUnaligned(fromByteOffset: count &- 16, as: Word.self)
            unsafe target.storeBytes(of: word, toByteOffset: count &- 16, as: Word.self)
        } else if count >= 8 {
            let first = unsafe source.loadUnaligned(as: UInt64.self)
            let last = unsafe source.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
            unsafe target.storeBytes(of: first, as: UInt64.self)
            unsafe target.storeBytes(of: last, toByteOffset: count &- 8, as: UInt64.self)
        } else if count >= 4 {
            let first = unsafe source.loadUnaligned(as: UInt32.self)
            let last = unsafe source.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
            unsafe target.storeBytes(of: first, as: UInt32.self)
            unsafe target.storeBytes(of: last, toByteOffset: count &- 4, as: UInt32.self)
        } else {
            var offset = 0
            while offset < count {
                let byte = unsafe source.load(fromByteOffset: offset, as: UInt8.self)
                unsafe target.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
                offset &+= 1
            }
        }
    }
}
