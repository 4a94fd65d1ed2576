// The nodes of the ordered index.
//
//   leaf      0  u32 count │ u32 capacity: 8, 16, 32 or 64
//             8  address of the next leaf, 0 at the end
//            16  address of the previous leaf, 0 at the start
//            24  capacity × score
//             …  capacity × address of the member's entry
//
//   branch    0  u32 count │ u32 unused
//             8  64 × score of the child's first item
//           520  64 × entry of the child's first item
//          1032  64 × address of the child
//          1544  64 × number of items below the child
//
// Invariants
//   0 <= count <= capacity (64 in a branch); items ascend by (score, member);
//   key i of a branch is the first item below child i, for i >= 1; key 0 is not kept;
//   all leaves have the same depth and are linked in order.
//
// A full leaf is 1048 bytes: 16.4 bytes for each item. Only a leaf that is the whole index is
// smaller than 64 places, so that sets of a few long members do not pay for it.

internal import Bytes
internal import CLinux

/// A member's entry with its score.
struct OrderedItem {
    var score: Double
    var entry: Entry
}

/// A trivial reference to a leaf; valid until the leaf is freed.
@safe
struct OrderedLeaf: Equatable {
    static let capacityMax = 64
    static let capacityMin = 8

    private let base: UnsafeMutableRawPointer

    private enum Offset {
        static let count = 0
        static let capacity = 4
        static let next = 8
        static let previous = 16
        static let scores = 24
    }

    /// An empty leaf without neighbours.
    init(capacity: Int) {
        unsafe base = .allocate(byteCount: OrderedLeaf.bytes(capacity: capacity), alignment: 16)
        store(UInt32(0), Offset.count)
        store(UInt32(capacity), Offset.capacity)
        store(UInt(0), Offset.next)
        store(UInt(0), Offset.previous)
    }

    @inline(__always)
    init(address: UInt) {
        unsafe base = UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
    }

    static func == (left: OrderedLeaf, right: OrderedLeaf) -> Bool {
        unsafe left.base == right.base
    }

    /// Gives the memory back.
    func free() { unsafe base.deallocate() }

    @inline(__always)
    private func load<Field: BitwiseCopyable>(_ offset: Int, as: Field.Type) -> Field {
        assert(offset >= 0 && offset < bytes)
        return unsafe base.load(fromByteOffset: offset, as: Field.self)
    }

    @inline(__always)
    private func store<Field: BitwiseCopyable>(_ value: Field, _ offset: Int) {
        unsafe base.storeBytes(of: value, toByteOffset: offset, as: Field.self)
    }

    @inline(__always)
    private func move(from offset: Int, to target: Int, count: Int) {
        unsafe (base + target).copyMemory(from: base + offset, byteCount: count)
    }

    // MARK: Fields

    static func bytes(capacity: Int) -> Int { Offset.scores + capacity * 16 }
    var bytes: Int { OrderedLeaf.bytes(capacity: capacity) }
    var address: UInt { UInt(bitPattern: unsafe base) }

    var count: Int {
        @inline(__always) get {
            unsafe Int(base.load(fromByteOffset: Offset.count, as: UInt32.self))
        }
        @inline(__always) nonmutating set {
            store(UInt32(truncatingIfNeeded: newValue), Offset.count)
        }
    }
    var capacity: Int {
        @inline(__always) get {
            unsafe Int(base.load(fromByteOffset: Offset.capacity, as: UInt32.self))
        }
    }
    var next: UInt {
        get { load(Offset.next, as: UInt.self) }
        nonmutating set { store(newValue, Offset.next) }
    }
    var previous: UInt {
        get { load(Offset.previous, as: UInt.self) }
        nonmutating set { store(newValue, Offset.previous) }
    }

    @inline(__always)
    private func scoreOffset(_ index: Int) -> Int { Offset.scores &+ index &* 8 }
    @inline(__always)
    private func entryOffset(_ index: Int) -> Int {
        Offset.scores &+ (capacity &+ index) &* 8
    }

    // MARK: Items

    @inline(__always)
    func score(_ index: Int) -> Double { load(scoreOffset(index), as: Double.self) }

    @inline(__always)
    func entry(_ index: Int) -> Entry {
        let address = load(entryOffset(index), as: UInt.self)
        return unsafe Entry(
            base: UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped)
    }

    @inline(__always)
    func item(_ index: Int) -> OrderedItem {
        OrderedItem(score: score(index), entry: entry(index))
    }

    @inline(__always)
    func set(_ index: Int, _ item: OrderedItem) {
        store(item.score, scoreOffset(index))
        store(UInt(item.entry.address), entryOffset(index))
    }

    var keys: OrderedKeys {
        @inline(__always) get {
            unsafe OrderedKeys(
                scores: UnsafeRawPointer(base + Offset.scores),
                entries: UnsafeRawPointer(base + entryOffset(0)), count: count)
        }
    }

    /// Asks for the leaf's first lines.
    @inline(__always)
    func prefetch() { unsafe hw_prefetch(UnsafeRawPointer(base)) }

    /// Puts an item at `index`; there is room.
    @inline(__always)
    func insert(_ item: OrderedItem, at index: Int) {
        let count = self.count
        assert(index <= count && count < capacity)
        let behind = (count &- index) &* 8
        move(from: scoreOffset(index), to: scoreOffset(index &+ 1), count: behind)
        move(from: entryOffset(index), to: entryOffset(index &+ 1), count: behind)
        set(index, item)
        self.count = count &+ 1
    }

    /// Takes items out.
    func remove(_ range: Range<Int>) {
        let count = self.count
        assert(range.upperBound <= count)
        let behind = (count - range.upperBound) * 8
        move(
            from: scoreOffset(range.upperBound), to: scoreOffset(range.lowerBound), count: behind)
        move(
            from: entryOffset(range.upperBound), to: entryOffset(range.lowerBound), count: behind)
        self.count = count - range.count
    }

    /// Copies items of `other` in front of the item at `index`; there is room.
    func insert(from other: OrderedLeaf, _ range: Range<Int>, at index: Int) {
        let count = self.count
        assert(count + range.count <= capacity)
        let behind = (count - index) * 8
        move(from: scoreOffset(index), to: scoreOffset(index + range.count), count: behind)
        move(from: entryOffset(index), to: entryOffset(index + range.count), count: behind)
        unsafe (base + scoreOffset(index)).copyMemory(
            from: other.base + other.scoreOffset(range.lowerBound), byteCount: range.count * 8)
        unsafe (base + entryOffset(index)).copyMemory(
            from: other.base + other.entryOffset(range.lowerBound), byteCount: range.count * 8)
        self.count = count + range.count
    }
}

/// A trivial reference to a branch; valid until the branch is freed.
@safe
struct OrderedBranch: Equatable {
    static let capacity = 64
    static let bytes = 8 + 4 * capacity * 8

    private let base: UnsafeMutableRawPointer

    private enum Offset {
        static let count = 0
        static let scores = 8
        static let entries = 520
        static let children = 1032
        static let counts = 1544
    }

    /// A branch without children.
    init() {
        unsafe base = .allocate(byteCount: OrderedBranch.bytes, alignment: 16)
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: OrderedBranch.bytes)
    }

    @inline(__always)
    init(address: UInt) {
        unsafe base = UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
    }

    static func == (left: OrderedBranch, right: OrderedBranch) -> Bool {
        unsafe left.base == right.base
    }

    /// Gives the memory back.
    func free() { unsafe base.deallocate() }

    @inline(__always)
    private func load<Field: BitwiseCopyable>(_ offset: Int, as: Field.Type) -> Field {
        assert(offset >= 0 && offset < OrderedBranch.bytes)
        return unsafe base.load(fromByteOffset: offset, as: Field.self)
    }

    @inline(__always)
    private func store<Field: BitwiseCopyable>(_ value: Field, _ offset: Int) {
        assert(offset >= 0 && offset < OrderedBranch.bytes)
        unsafe base.storeBytes(of: value, toByteOffset: offset, as: Field.self)
    }

    // MARK: Fields

    var address: UInt { UInt(bitPattern: unsafe base) }

    var count: Int {
        @inline(__always) get { Int(load(Offset.count, as: UInt32.self)) }
        nonmutating set { store(UInt32(truncatingIfNeeded: newValue), Offset.count) }
    }

    @inline(__always)
    func child(_ index: Int) -> UInt { load(Offset.children &+ index &* 8, as: UInt.self) }

    @inline(__always)
    func itemCount(_ index: Int) -> Int { load(Offset.counts &+ index &* 8, as: Int.self) }

    @inline(__always)
    func setItemCount(_ index: Int, _ value: Int) { store(value, Offset.counts &+ index &* 8) }

    /// The first item below a child that is not the first.
    @inline(__always)
    func key(_ index: Int) -> OrderedItem {
        let address = load(Offset.entries &+ index &* 8, as: UInt.self)
        return OrderedItem(
            score: load(Offset.scores &+ index &* 8, as: Double.self),
            entry: unsafe Entry(
                base: UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped))
    }

    func setKey(_ index: Int, _ item: OrderedItem) {
        store(item.score, Offset.scores + index * 8)
        store(UInt(item.entry.address), Offset.entries + index * 8)
    }

    /// The child that a probe falls into.
    @inline(__always)
    func childIndex(_ probe: OrderedProbe) -> Int {
        unsafe OrderedKeys(
            scores: UnsafeRawPointer(base + Offset.scores + 8),
            entries: UnsafeRawPointer(base + Offset.entries + 8), count: count &- 1
        ).countBefore(probe)
    }

    /// Number of items below the children before `index`.
    @inline(__always)
    func itemCountBefore(_ index: Int) -> Int {
        var sum = 0
        var child = 0
        while child < index {
            sum &+= itemCount(child)
            child &+= 1
        }
        return sum
    }

    /// Number of items below all children.
    var total: Int { itemCountBefore(count) }

    /// Puts a child at `index`; there is room.
    func insert(_ child: UInt, itemCount: Int, key: OrderedItem, at index: Int) {
        shift(from: index, to: index + 1, count: count - index)
        setKey(index, key)
        place(child, itemCount: itemCount, at: index)
        count += 1
    }

    /// Makes `child` the only one; there is no key for it.
    func start(_ child: UInt, itemCount: Int) {
        place(child, itemCount: itemCount, at: 0)
        count = 1
    }

    private func place(_ child: UInt, itemCount: Int, at index: Int) {
        store(child, Offset.children + index * 8)
        setItemCount(index, itemCount)
    }

    /// Takes children out.
    func remove(_ range: Range<Int>) {
        shift(from: range.upperBound, to: range.lowerBound, count: count - range.upperBound)
        count -= range.count
    }

    /// Copies children of `other` in front of the child at `index`; there is room.
    func insert(from other: OrderedBranch, _ range: Range<Int>, at index: Int) {
        assert(count + range.count <= OrderedBranch.capacity)
        shift(from: index, to: index + range.count, count: count - index)
        for start in [Offset.scores, Offset.entries, Offset.children, Offset.counts] {
            unsafe (base + start + index * 8).copyMemory(
                from: other.base + start + range.lowerBound * 8, byteCount: range.count * 8)
        }
        count += range.count
    }

    private func shift(from source: Int, to target: Int, count: Int) {
        assert(count >= 0 && target + count <= OrderedBranch.capacity)
        for start in [Offset.scores, Offset.entries, Offset.children, Offset.counts] {
            unsafe (base + start + target * 8).copyMemory(
                from: base + start + source * 8, byteCount: count * 8)
        }
    }
}
