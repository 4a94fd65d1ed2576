// Fixed-width integers in byte buffers and slices, in both byte orders, for binary formats.
//
//   little-endian 0x0102 │ 02 │ 01 │        big-endian 0x0102 │ 01 │ 02 │
//
// Invariants: offsets are checked against the slice; nothing needs to be aligned.

extension ByteBuffer {
    /// Appends the bytes of `value`, lowest first.
    @inlinable
    public mutating func append<Value: FixedWidthInteger>(littleEndian value: Value) {
        appendMemory(of: value.littleEndian)
    }

    /// Appends the bytes of `value`, highest first.
    @inlinable
    public mutating func append<Value: FixedWidthInteger>(bigEndian value: Value) {
        appendMemory(of: value.bigEndian)
    }

    @inlinable
    mutating func appendMemory<Value: FixedWidthInteger>(of value: Value) {
        let size = MemoryLayout<Value>.size
        reserve(size)
        unsafe UnsafeMutableRawPointer(storage.unsafelyUnwrapped + end)
            .storeBytes(of: value, as: Value.self)
        end &+= size
    }

    /// Appends `count` bytes that repeat what lies `distance` bytes before the end; the runs may
    /// overlap, as in LZ77 formats.
    public mutating func appendBackReference(distance: Int, count length: Int) {
        precondition(distance > 0 && distance <= count && length >= 0, "outside the buffer")
        reserve(length)
        guard let storage = unsafe storage else { return }
        let target = unsafe storage + end
        if distance >= length {
            unsafe target.update(from: target - distance, count: length)
        } else {
            for index in 0..<length {
                unsafe target[index] = target[index - distance]
            }
        }
        end &+= length
    }
}

extension ByteSlice {
    /// The integer whose lowest byte lies at `offset`.
    @inlinable
    public func littleEndian<Value: FixedWidthInteger>(
        at offset: Int, as type: Value.Type = Value.self
    ) -> Value {
        precondition(offset >= 0 && offset <= count - MemoryLayout<Value>.size)
        return unsafe UnsafeRawPointer(base.unsafelyUnwrapped + offset)
            .loadUnaligned(as: Value.self).littleEndian
    }

    /// The integer whose highest byte lies at `offset`.
    @inlinable
    public func bigEndian<Value: FixedWidthInteger>(
        at offset: Int, as type: Value.Type = Value.self
    ) -> Value {
        precondition(offset >= 0 && offset <= count - MemoryLayout<Value>.size)
        return unsafe UnsafeRawPointer(base.unsafelyUnwrapped + offset)
            .loadUnaligned(as: Value.self).bigEndian
    }
}
