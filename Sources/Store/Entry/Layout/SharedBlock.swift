// The bytes of a large value, outside the entry and counted by reference.
//
//   entry │ … key │ reference ──► │ object 16 │ base │ count │ capacity │ ──► │ bytes … │ free │
//
// Invariants
//   0 <= count <= capacity;
//   the bytes change only while there is exactly one reference: a snapshot that took one keeps the
//   bytes as they were, and the engine continues on a copy.

public import Bytes

/// Bytes of a large value; immutable as soon as a second reference exists.
///
/// Sendable for that reason: the engine changes a block only while `isKnownUniquelyReferenced`
/// says that no other thread can see it.
@safe
public final class SharedBlock: @unchecked Sendable {
    private var base: UnsafeMutablePointer<UInt8>
    /// Number of bytes.
    public private(set) var count: Int
    private var capacity: Int

    /// Bytes of the object itself with the allocator's rounding: 16 header + 3 words, then 48.
    static let overheadBytes = 48

    /// A block that holds `bytes`, with room for `capacity` bytes if that is more.
    public init(_ bytes: ByteSlice, capacity: Int = 0) {
        self.capacity = max(bytes.count, capacity)
        count = bytes.count
        unsafe base = .allocate(capacity: max(self.capacity, 1))
        let target = unsafe base
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe UnsafeMutableRawPointer(target).copyMemory(
                from: start, byteCount: source.count)
        }
    }

    deinit { unsafe base.deallocate() }

    /// The bytes; valid as long as the caller keeps a reference and, on the engine's thread, until
    /// the next change of the database.
    public var bytes: ByteSlice {
        unsafe ByteSlice(base: UnsafePointer(base), count: count)
    }

    /// The first byte, for the sole owner.
    var start: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(base) }

    /// Bytes of memory that the block occupies.
    public var memoryUsage: Int { SharedBlock.overheadBytes + capacity }

    /// Makes the block `length` bytes long; new bytes are zero. Only for the sole owner.
    func resize(to length: Int) {
        if length > capacity {
            // Growth by half keeps the cost of repeated appends linear.
            let wanted = max(length, min(capacity + capacity / 2, capacity + (1 << 20)))
            let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted)
            unsafe larger.update(from: base, count: count)
            unsafe base.deallocate()
            unsafe base = larger
            capacity = wanted
        }
        if length > count { unsafe (base + count).update(repeating: 0, count: length - count) }
        count = length
    }

    /// Overwrites bytes from `offset`. Only for the sole owner; the range must lie inside.
    func write(_ bytes: ByteSlice, at offset: Int) {
        precondition(offset >= 0 && offset <= count - bytes.count)
        let target = unsafe base + offset
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            // The source may lie in this very block (SETRANGE of a key with its own value).
            unsafe UnsafeMutableRawPointer(target).copyMemory(
                from: start, byteCount: source.count)
        }
    }

    /// Applies a change in the middle. Only for the sole owner; the removed range lies inside, the
    /// inserted bytes do not.
    func apply(_ splice: Splice) {
        precondition(splice.offset >= 0 && splice.removedCount >= 0)
        precondition(splice.offset <= count - splice.removedCount)
        let old = count
        if splice.growth > 0 { resize(to: old + splice.growth) }
        let tail = old - splice.offset - splice.removedCount
        let start = unsafe base + splice.offset
        if splice.growth != 0 && tail > 0 {
            unsafe (start + splice.inserted.count).update(
                from: start + splice.removedCount, count: tail)
        }
        count = old + splice.growth
        write(splice.inserted, at: splice.offset)
        if count < capacity / 4 { shrink() }
    }

    /// Gives memory back when most of it is free.
    private func shrink() {
        let wanted = max(count + count / 2, 1)
        let smaller = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted)
        unsafe smaller.update(from: base, count: count)
        unsafe base.deallocate()
        unsafe base = smaller
        capacity = wanted
    }
}
