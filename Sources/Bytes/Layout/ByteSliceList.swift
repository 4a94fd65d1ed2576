// A growable list of slices: the arguments of the commands of one batch, back to back.
//
//   list  │ SET │ k1 │ v1 │ GET │ k2 │ …         views: [0,3) [3,5) …
//
// Invariants
//   0 <= count <= capacity; elements [0, count) are initialised;
//   a view is valid until the list changes, its slices as long as their owner says.

/// A growable list of borrowed slices, reused from batch to batch without allocation.
@safe
public struct ByteSliceList: ~Copyable {
    @usableFromInline var storage: UnsafeMutablePointer<ByteSlice>
    @usableFromInline var capacity: Int
    /// Number of slices.
    public private(set) var count = 0

    /// An empty list with room for `capacity` slices.
    public init(capacity: Int = 64) {
        precondition(capacity > 0)
        unsafe storage = .allocate(capacity: capacity)
        self.capacity = capacity
    }

    deinit { unsafe storage.deallocate() }

    /// Adds a slice at the end.
    @inlinable
    public mutating func append(_ slice: ByteSlice) {
        if count == capacity { grow() }
        unsafe (storage + count).initialize(to: slice)
        setCount(count &+ 1)
    }

    @usableFromInline mutating func setCount(_ value: Int) { count = value }

    @usableFromInline @inline(never)
    mutating func grow() {
        let larger = UnsafeMutablePointer<ByteSlice>.allocate(capacity: capacity * 2)
        unsafe larger.moveInitialize(from: storage, count: count)
        unsafe storage.deallocate()
        unsafe storage = larger
        capacity *= 2
    }

    /// Forgets all slices and keeps the memory.
    @inlinable public mutating func removeAll() { setCount(0) }

    /// Forgets the slices behind the first `length`.
    public mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= count)
        count = length
    }

    /// `length` slices from `start`; valid until the list changes.
    @inlinable
    public func view(from start: Int, count length: Int) -> ByteSliceView {
        precondition(start >= 0 && length >= 0 && start <= count - length)
        return unsafe ByteSliceView(base: UnsafePointer(storage + start), count: length)
    }
}

/// A borrowed view of consecutive slices: the arguments of one command, the name at index 0.
@safe
public struct ByteSliceView {
    @usableFromInline let base: UnsafePointer<ByteSlice>
    /// Number of slices.
    public let count: Int

    @inlinable
    init(base: UnsafePointer<ByteSlice>, count: Int) {
        unsafe self.base = base
        self.count = count
    }

    /// The slice at `index`.
    @inlinable
    public subscript(index: Int) -> ByteSlice {
        precondition(index >= 0 && index < count, "no such argument")
        return unsafe base[index]
    }

    /// The part of `length` slices from `start`.
    @inlinable
    public func view(from start: Int, count length: Int) -> ByteSliceView {
        precondition(start >= 0 && length >= 0 && start <= count - length)
        return unsafe ByteSliceView(base: base + start, count: length)
    }
}
