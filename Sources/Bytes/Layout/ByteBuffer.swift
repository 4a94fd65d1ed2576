// A growable run of bytes with a read end and a write end.
//
//   storage │ consumed │ readable … │ free … │
//           0          start        end      capacity
//
// Invariants
//   0 <= start <= end <= capacity; storage is nil only when capacity == 0.
//   Consuming everything moves both ends back to 0, so a buffer that is drained each turn never
//   moves memory.

/// A growable byte buffer; input is appended at the end and consumed from the start.
@safe
public struct ByteBuffer: ~Copyable {
    @usableFromInline var storage: UnsafeMutablePointer<UInt8>?
    @usableFromInline var start = 0
    @usableFromInline var end = 0
    /// Bytes allocated.
    public private(set) var capacity = 0

    /// An empty buffer; allocates `capacity` bytes at once when it is not 0.
    public init(capacity: Int = 0) {
        unsafe storage = nil
        if capacity > 0 { grow(by: capacity) }
    }

    deinit { unsafe storage?.deallocate() }

    /// Number of bytes that were appended and not yet consumed.
    @inlinable public var count: Int { end &- start }
    /// Whether nothing is left to read.
    @inlinable public var isEmpty: Bool { end == start }

    /// The readable bytes; valid until the buffer changes.
    @inlinable public var readable: ByteSlice {
        unsafe ByteSlice(base: storage.map { unsafe UnsafePointer($0 + start) }, count: count)
    }

    /// Drops the first `length` readable bytes.
    @inlinable
    public mutating func consume(_ length: Int) {
        precondition(length >= 0 && length <= count, "more than is readable")
        start &+= length
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Drops the readable bytes behind the first `length`.
    @inlinable
    public mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= count, "more than is readable")
        end = start &+ length
    }

    /// Drops everything and keeps the memory.
    @inlinable
    public mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Drops everything and gives the memory back.
    public mutating func release() {
        unsafe storage?.deallocate()
        unsafe storage = nil
        capacity = 0
        removeAll()
    }

    /// Makes room for `length` more bytes.
    @inlinable
    public mutating func reserve(_ length: Int) {
        if capacity &- end < length { grow(by: length) }
    }

    @usableFromInline @inline(never)
    mutating func grow(by length: Int) {
        precondition(length >= 0)
        let kept = count
        if capacity - kept >= length && start >= capacity / 2 {
            // Half of the memory is consumed input: moving the rest is cheaper than growing.
            unsafe storage.unsafelyUnwrapped.update(
                from: storage.unsafelyUnwrapped + start, count: kept)
        } else {
            let wanted = max(kept + length, capacity * 2, 64)
            let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted)
            if let old = unsafe storage {
                unsafe larger.update(from: old + start, count: kept)
                unsafe old.deallocate()
            }
            unsafe storage = larger
            capacity = wanted
        }
        start = 0
        end = kept
    }

    /// Appends one byte.
    @inlinable
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        unsafe storage.unsafelyUnwrapped[end] = byte
        end &+= 1
    }

    /// Appends the bytes of `slice`, which must not lie in this buffer.
    @inlinable
    public mutating func append(_ slice: ByteSlice) {
        // An empty slice may have a base; an empty buffer has no storage to write to.
        guard slice.count > 0, let base = unsafe slice.base else { return }
        reserve(slice.count)
        unsafe (storage.unsafelyUnwrapped + end).update(from: base, count: slice.count)
        end &+= slice.count
    }

    /// Appends the bytes of a literal.
    @inlinable
    public mutating func append(_ text: StaticString) { append(ByteSlice(text)) }

    /// Appends the bytes of `array`.
    public mutating func append(_ array: [UInt8]) { array.withByteSlice { append($0) } }

    /// Appends the UTF-8 form of `text`: for cold paths.
    public mutating func append(text: String) {
        var text = text
        text.withUTF8 { bytes in
            append(unsafe ByteSlice(base: bytes.baseAddress, count: bytes.count))
        }
    }

    /// Appends `value` in decimal.
    @inlinable
    public mutating func append(decimal value: Int64) {
        reserve(20)
        if value >= 0 && value < 10 {
            unsafe storage.unsafelyUnwrapped[end] = 0x30 &+ UInt8(truncatingIfNeeded: value)
            end &+= 1
        } else {
            appendDecimalSlow(value)
        }
    }

    @usableFromInline
    mutating func appendDecimalSlow(_ value: Int64) {
        var magnitude = value.magnitude
        if value < 0 {
            unsafe storage.unsafelyUnwrapped[end] = 0x2D
            end &+= 1
        }
        var digits = 1
        var bound: UInt64 = 10
        while digits < 20 && magnitude >= bound {
            digits &+= 1
            bound = digits < 20 ? bound &* 10 : bound
        }
        var position = end &+ digits
        end = position
        repeat {
            position &-= 1
            unsafe storage.unsafelyUnwrapped[position] =
                0x30 &+ UInt8(truncatingIfNeeded: magnitude % 10)
            magnitude /= 10
        } while magnitude > 0
    }

    /// Overwrites the readable byte at `index`.
    public mutating func replace(at index: Int, with byte: UInt8) {
        precondition(index >= 0 && index < count)
        unsafe storage.unsafelyUnwrapped[start + index] = byte
    }

    /// Lets `fill` write into at least `minimum` free bytes; it returns how many it wrote.
    /// For `read` and `recv`.
    @inlinable @unsafe
    public mutating func write<Failure: Error>(
        minimum: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        reserve(minimum)
        let free = unsafe UnsafeMutableRawBufferPointer(
            start: storage.unsafelyUnwrapped + end, count: capacity &- end)
        let written = try unsafe fill(free)
        precondition(written >= 0 && written <= capacity &- end)
        end &+= written
    }
}
