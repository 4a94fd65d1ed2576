// A growable run of plain elements that is cheap at both ends: the leaf, and the root, of a
// `StreamOrder`.
//
//   offset 0   start u32       elements that were removed in front
//          4   count u32
//          8   capacity u32
//         12   epoch u32       when it was made: tells whether a frozen order shares it
//         16   capacity × element:  │ free (start) │ count elements │ free │
//
// Invariants
//   start + count <= capacity; elements [start, start + count) are initialised and own nothing.
//
// A handle is a plain pointer, so that blocks may lie in blocks. Whoever makes one frees it.

/// A run of elements in one block of memory; the handle owns nothing.
@safe
struct SortedBlock<Element: BitwiseCopyable>: BitwiseCopyable {
    private let base: UnsafeMutableRawPointer

    private static var headerBytes: Int { 16 }
    private static var stride: Int { MemoryLayout<Element>.stride }

    /// An empty block.
    init(capacity: Int) {
        precondition(capacity > 0 && capacity <= Int(Int32.max))
        assert(MemoryLayout<Element>.alignment <= 16)
        unsafe base = .allocate(
            byteCount: SortedBlock.headerBytes + capacity * SortedBlock.stride, alignment: 16)
        field(0, 0)
        field(0, 4)
        field(UInt32(capacity), 8)
        field(0, 12)
    }

    /// Gives the memory back; no handle of it may be used again.
    func free() { unsafe base.deallocate() }

    @inline(__always)
    private func field(_ offset: Int) -> Int {
        Int(unsafe base.load(fromByteOffset: offset, as: UInt32.self))
    }

    @inline(__always)
    private func field(_ value: UInt32, _ offset: Int) {
        unsafe base.storeBytes(of: value, toByteOffset: offset, as: UInt32.self)
    }

    @inline(__always)
    private func element(_ place: Int) -> UnsafeMutableRawPointer {
        unsafe base + (SortedBlock.headerBytes &+ place &* SortedBlock.stride)
    }

    /// Moves `length` elements between places of this block.
    private func shift(from source: Int, to target: Int, count length: Int) {
        guard length > 0 else { return }
        unsafe element(target).copyMemory(
            from: element(source), byteCount: length * SortedBlock.stride)
    }

    private var start: Int {
        get { field(0) }
        nonmutating set { field(UInt32(newValue), 0) }
    }

    /// Number of elements.
    private(set) var count: Int {
        get { field(4) }
        nonmutating set { field(UInt32(newValue), 4) }
    }

    private var capacity: Int { field(8) }

    /// The order's epoch in which it was made.
    var epoch: Int {
        get { field(12) }
        nonmutating set { field(UInt32(newValue), 12) }
    }

    /// Bytes of memory.
    var memoryBytes: Int { SortedBlock.headerBytes + capacity * SortedBlock.stride }

    /// The element at `index`.
    subscript(index: Int) -> Element {
        @inline(__always) get {
            precondition(index >= 0 && index < count)
            return unsafe element(start &+ index).load(as: Element.self)
        }
        @inline(__always) nonmutating set {
            precondition(index >= 0 && index < count)
            unsafe element(start &+ index).storeBytes(of: newValue, as: Element.self)
        }
    }

    /// Puts `value` at `index`; returns the block to use from now on, which replaces this one.
    func inserting(_ value: Element, at index: Int) -> SortedBlock {
        precondition(index >= 0 && index <= count)
        if index < count / 2 && start > 0 {
            shift(from: start, to: start - 1, count: index)
            start -= 1
        } else if start + count < capacity {
            shift(from: start + index, to: start + index + 1, count: count - index)
        } else if start >= 8 && start > capacity / 4 {
            shift(from: start, to: 0, count: count)
            start = 0
            shift(from: index, to: index + 1, count: count - index)
        } else {
            let grown = copy(capacity: capacity * 2)
            free()
            return grown.inserting(value, at: index)
        }
        count += 1
        self[index] = value
        return self
    }

    /// Takes the element at `index` out.
    func remove(at index: Int) {
        precondition(index >= 0 && index < count)
        if index < count / 2 {
            shift(from: start, to: start + 1, count: index)
            start += 1
        } else {
            shift(from: start + index + 1, to: start + index, count: count - index - 1)
        }
        count -= 1
    }

    /// A block with the same elements and the same room.
    func twin() -> SortedBlock { copy(capacity: capacity) }

    /// A block with the same elements and at least so much room.
    func copy(capacity wanted: Int = 0) -> SortedBlock {
        let copied = SortedBlock(capacity: max(wanted, count, 1))
        if count > 0 {
            unsafe copied.element(0).copyMemory(
                from: element(start), byteCount: count * SortedBlock.stride)
        }
        copied.count = count
        copied.epoch = epoch
        return copied
    }

    /// Moves the elements from `index` on to a block of their own.
    func split(at index: Int) -> SortedBlock {
        precondition(index >= 0 && index <= count)
        let moved = SortedBlock(capacity: max(capacity, 1))
        let length = count - index
        if length > 0 {
            unsafe moved.element(0).copyMemory(
                from: element(start + index), byteCount: length * SortedBlock.stride)
        }
        moved.count = length
        moved.epoch = epoch
        count = index
        return moved
    }

    /// Adds the elements of `other`, which is freed; returns the block to use from now on.
    func appending(_ other: SortedBlock) -> SortedBlock {
        let total = count + other.count
        let joined: SortedBlock
        if start + total <= capacity {
            joined = self
        } else {
            joined = copy(capacity: total)
            free()
        }
        if other.count > 0 {
            unsafe joined.element(joined.start + joined.count).copyMemory(
                from: other.element(other.start), byteCount: other.count * SortedBlock.stride)
        }
        joined.count = total
        other.free()
        return joined
    }
}
