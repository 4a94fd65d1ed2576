// Replaces a part of what is readable by bytes of another length, which moves what lies behind it.
//
//   │ readable … │ removed │ … rest │   ──►   │ readable … │ inserted │ … rest │
//
// Invariants: the range lies inside the readable bytes; the new bytes lie outside the buffer.

extension ByteBuffer {
    /// Puts `bytes` in the place of `length` readable bytes from `offset`.
    public mutating func splice(at offset: Int, removing length: Int, inserting bytes: ByteSlice) {
        precondition(offset >= 0 && length >= 0 && offset <= count - length, "outside the buffer")
        reserve(max(bytes.count - length, 0))
        guard let storage = unsafe storage else { return }
        let place = unsafe storage + (start + offset)
        let rest = count - offset - length
        unsafe (place + bytes.count).update(from: place + length, count: rest)
        unsafe bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe UnsafeMutableRawPointer(place).copyMemory(from: base, byteCount: source.count)
        }
        end += bytes.count - length
    }
}
