// Bitwise operations on the readable bytes of a buffer, eight bytes at a time.
//
//   buffer │ a0 a1 a2 a3 │          a shorter operand counts as filled up with zeros,
//   slice  │ b0 b1 │                and the buffer becomes as long as the longer one
//
// Invariants
//   only readable bytes of the buffer and bytes [0, count) of the slice are touched.

extension ByteBuffer {
    /// Keeps the bits that are set in both.
    public mutating func and(_ other: ByteSlice) {
        extend(to: other.count)
        combine(other) { $0 & $1 }
        guard other.count < count, let storage = unsafe storage else { return }
        unsafe (storage + start + other.count).update(repeating: 0, count: count - other.count)
    }

    /// Adds the bits that are set in `other`.
    public mutating func or(_ other: ByteSlice) {
        extend(to: other.count)
        combine(other) { $0 | $1 }
    }

    /// Turns the bits that are set in `other`.
    public mutating func xor(_ other: ByteSlice) {
        extend(to: other.count)
        combine(other) { $0 ^ $1 }
    }

    /// Turns all bits.
    public mutating func invert() {
        guard let storage = unsafe storage else { return }
        let bytes = unsafe UnsafeMutableRawPointer(storage + start)
        var index = 0
        while index &+ 8 <= count {
            let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            unsafe bytes.storeBytes(of: ~word, toByteOffset: index, as: UInt64.self)
            index &+= 8
        }
        while index < count {
            let byte = unsafe bytes.load(fromByteOffset: index, as: UInt8.self)
            unsafe bytes.storeBytes(of: ~byte, toByteOffset: index, as: UInt8.self)
            index &+= 1
        }
    }

    private mutating func extend(to length: Int) {
        let missing = length - count
        guard missing > 0 else { return }
        reserve(missing)
        guard let storage = unsafe storage else { return }
        unsafe (storage + end).update(repeating: 0, count: missing)
        end &+= missing
    }

    @inline(__always)
    private mutating func combine(
        _ other: ByteSlice, _ operation: (UInt64, UInt64) -> UInt64
    ) {
        let length = min(count, other.count)
        guard let storage = unsafe storage, let base = unsafe other.base else { return }
        let bytes = unsafe UnsafeMutableRawPointer(storage + start)
        let others = unsafe UnsafeRawPointer(base)
        var index = 0
        while index &+ 8 <= length {
            let mine = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let theirs = unsafe others.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            unsafe bytes.storeBytes(
                of: operation(mine, theirs), toByteOffset: index, as: UInt64.self)
            index &+= 8
        }
        while index < length {
            let mine = UInt64(unsafe bytes.load(fromByteOffset: index, as: UInt8.self))
            let result = operation(mine, UInt64(other[checked: index]))
            unsafe bytes.storeBytes(
                of: UInt8(truncatingIfNeeded: result), toByteOffset: index, as: UInt8.self)
            index &+= 1
        }
    }
}
