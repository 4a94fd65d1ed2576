// A growable list of plain values without reference counts: batch records, counters, hash slots.
//
//   storage │ e0 │ e1 │ … │ e(count-1) │ free … │
//
// Invariants
//   0 <= count <= capacity; elements [0, count) are initialised; elements own nothing.

/// A growable list of values that own nothing, reused without allocation.
@safe
public struct TrivialList<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline var storage: UnsafeMutablePointer<Element>
    @usableFromInline var capacity: Int
    @usableFromInline var used = 0

    /// An empty list with room for `capacity` elements.
    @inlinable
    public init(capacity: Int = 16) {
        precondition(capacity > 0)
        unsafe storage = .allocate(capacity: capacity)
        self.capacity = capacity
    }

    /// A list of `count` elements, all `value`.
    @inlinable
    public init(repeating value: Element, count: Int) {
        precondition(count >= 0)
        unsafe storage = .allocate(capacity: max(1, count))
        capacity = max(1, count)
        unsafe storage.initialize(repeating: value, count: count)
        used = count
    }

    @inlinable
    deinit { unsafe storage.deallocate() }

    /// Number of elements.
    @inlinable public var count: Int { used }

    /// The element at `index`.
    @inlinable
    public subscript(index: Int) -> Element {
        get {
            precondition(index >= 0 && index < used, "index outside the list")
            return unsafe storage[index]
        }
        _modify {
            precondition(index >= 0 && index < used, "index outside the list")
            yield unsafe &storage[index]
        }
    }

    /// Adds an element at the end.
    @inlinable
    public mutating func append(_ element: Element) {
        if used == capacity { grow() }
        unsafe (storage + used).initialize(to: element)
        used &+= 1
    }

    @usableFromInline @inline(never)
    mutating func grow() {
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
        unsafe larger.moveInitialize(from: storage, count: used)
        unsafe storage.deallocate()
        unsafe storage = larger
        capacity *= 2
    }

    /// Adds an element in front of the one at `index`; those behind it move up.
    @inlinable
    public mutating func insert(_ element: Element, at index: Int) {
        precondition(index >= 0 && index <= used, "index outside the list")
        if used == capacity { grow() }
        unsafe (storage + index + 1).update(from: storage + index, count: used &- index)
        unsafe (storage + index).initialize(to: element)
        used &+= 1
    }

    /// Takes out the element at `index`; those behind it move down.
    @inlinable
    public mutating func remove(at index: Int) {
        precondition(index >= 0 && index < used, "index outside the list")
        unsafe (storage + index).update(from: storage + index + 1, count: used &- index &- 1)
        used &-= 1
    }

    /// Forgets all elements and keeps the memory.
    @inlinable public mutating func removeAll() { used = 0 }

    /// Forgets the elements behind the first `length`.
    @inlinable
    public mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= used)
        used = length
    }
}
