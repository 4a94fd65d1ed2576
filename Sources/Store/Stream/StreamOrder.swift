// Values in the order of their IDs: a stream's nodes, and the pending entries of groups and
// consumers.
//
//   directory ──► │ leaf 0 │ leaf 1 │ … │           a leaf holds 1…256 values in order, the leaves
//                     │        │                    follow each other
//                     ▼        ▼
//                 │ v v v │  │ v v v v │
//
// Two levels suffice: ten million values are 40 000 leaves, and moving a part of the directory
// (300 KB) happens once in hundreds of changes in the middle. Adding behind the last value and
// removing in front, what streams mostly do, moves nothing.
//
// Freezing copies the directory and begins an epoch: leaves of earlier epochs are shared from then
// on, and whoever changes one first takes a copy of it.
//
// Invariants
//   no leaf is empty; `count` is the sum of the leaves; values rise strictly through all leaves.

internal import Bytes

/// Plain values in the order of their IDs.
struct StreamOrder<Value: HasStreamID>: ~Copyable {
    /// A value's position; valid until the next change.
    struct Place: Equatable {
        var leaf: Int
        var index: Int
    }

    fileprivate typealias Leaf = SortedBlock<Value>

    /// Most values in a leaf.
    private static var leafCountMax: Int { 256 }
    /// Two neighbours are joined when they hold no more than this together.
    private static var joinedCountMax: Int { 128 }
    private static var firstCapacity: Int { 2 }

    private var directory = SortedBlock<Leaf>(capacity: 1)
    /// Number of values.
    private(set) var count = 0
    /// Bytes of memory.
    private(set) var memoryBytes: Int
    /// Grows when the order is frozen.
    private var epoch = 0
    private var frozen: FrozenOrder<Value>?

    init() { memoryBytes = directory.memoryBytes }

    deinit {
        frozen?.freeAbandoned()
        for index in 0..<directory.count { directory[index].free() }
        directory.free()
    }

    /// A copy of everything.
    func copy() -> StreamOrder {
        var copied = StreamOrder()
        for index in 0..<directory.count {
            copied.insertLeaf(directory[index].copy(), at: index)
        }
        copied.count = count
        return copied
    }

    var isEmpty: Bool { count == 0 }

    // MARK: Freezing

    /// Keeps the values as they are now for a reader, until `endFreeze`; the order must outlive
    /// the reading, and must not be frozen already.
    mutating func freeze() -> FrozenOrder<Value> {
        precondition(frozen == nil, "frozen twice")
        epoch += 1
        let made = FrozenOrder(directory.twin(), count: count)
        frozen = made
        return made
    }

    /// Ends what `freeze` began.
    mutating func endFreeze() {
        frozen?.freeAbandoned()
        frozen = nil
    }

    /// Makes sure that the leaf at `index` may be changed: a copy takes the place of a shared one.
    @inline(__always)
    private mutating func own(_ index: Int) {
        if frozen != nil && directory[index].epoch < epoch { replaceShared(index) }
    }

    @inline(never)
    private mutating func replaceShared(_ index: Int) {
        let leaf = directory[index]
        let copy = leaf.twin()
        copy.epoch = epoch
        directory[index] = copy
        frozen?.abandon(leaf)
    }

    // MARK: Places

    /// The place behind the last value.
    var end: Place { Place(leaf: directory.count, index: 0) }
    /// The place of the first value, or the end.
    var start: Place { Place(leaf: 0, index: 0) }

    /// The last value.
    var last: Value? {
        guard directory.count > 0 else { return nil }
        let leaf = directory[directory.count - 1]
        return leaf[leaf.count - 1]
    }

    /// The first value.
    var first: Value? { directory.count > 0 ? directory[0][0] : nil }

    subscript(place: Place) -> Value {
        get { directory[place.leaf][place.index] }
        set {
            own(place.leaf)
            directory[place.leaf][place.index] = newValue
        }
    }

    func place(after place: Place) -> Place {
        place.index + 1 < directory[place.leaf].count
            ? Place(leaf: place.leaf, index: place.index + 1)
            : Place(leaf: place.leaf + 1, index: 0)
    }

    /// The place before; nil at the first.
    func place(before place: Place) -> Place? {
        if place.index > 0 { return Place(leaf: place.leaf, index: place.index - 1) }
        if place.leaf == 0 { return nil }
        return Place(leaf: place.leaf - 1, index: directory[place.leaf - 1].count - 1)
    }

    /// The place of the first value with an ID of at least `id`; the end when there is none.
    func lowerBound(_ id: StreamID) -> Place {
        guard let last, last.id >= id else { return end }
        // The last leaf that begins at or before `id`; the first one when all begin behind it.
        var low = 0
        var high = directory.count
        if directory[high - 1][0].id <= id {
            low = high - 1
        } else {
            while high - low > 1 {
                let middle = (low + high) / 2
                if directory[middle][0].id <= id { low = middle } else { high = middle }
            }
        }
        let leaf = directory[low]
        var index = 0
        var behind = leaf.count
        while index < behind {
            let middle = (index + behind) / 2
            if leaf[middle].id < id { index = middle + 1 } else { behind = middle }
        }
        return index < leaf.count
            ? Place(leaf: low, index: index) : Place(leaf: low + 1, index: 0)
    }

    /// The place of the last value with an ID of at most `id`; nil when there is none.
    func floor(_ id: StreamID) -> Place? {
        if let last, last.id <= id {
            let leaf = directory.count - 1
            return Place(leaf: leaf, index: directory[leaf].count - 1)
        }
        let place = lowerBound(id)
        if place != end && self[place].id == id { return place }
        return self.place(before: place)
    }

    /// The place of the value with this ID.
    func find(_ id: StreamID) -> Place? {
        let place = lowerBound(id)
        return place != end && self[place].id == id ? place : nil
    }

    // MARK: Changes

    /// Adds a value; false, and no change, when its ID is there.
    mutating func insert(_ value: Value) -> Bool {
        guard let last, last.id >= value.id else {
            append(value)
            return true
        }
        var place = lowerBound(value.id)
        if self[place].id == value.id { return false }
        // A value between two leaves goes to the end of the first one.
        if place.index == 0 && place.leaf > 0 {
            place = Place(leaf: place.leaf - 1, index: directory[place.leaf - 1].count)
        }
        own(place.leaf)
        if directory[place.leaf].count == StreamOrder.leafCountMax {
            let half = StreamOrder.leafCountMax / 2
            insertLeaf(directory[place.leaf].split(at: half), at: place.leaf + 1)
            if place.index > half {
                place = Place(leaf: place.leaf + 1, index: place.index - half)
            }
        }
        insert(value, at: place)
        return true
    }

    /// Adds a value behind the last; its ID is larger.
    private mutating func append(_ value: Value) {
        let leaves = directory.count
        if leaves == 0 || directory[leaves - 1].count == StreamOrder.leafCountMax {
            let capacity = leaves == 0 ? StreamOrder.firstCapacity : StreamOrder.leafCountMax
            insertLeaf(Leaf(capacity: capacity), at: leaves)
        }
        let leaf = directory.count - 1
        insert(value, at: Place(leaf: leaf, index: directory[leaf].count))
    }

    private mutating func insert(_ value: Value, at place: Place) {
        own(place.leaf)
        let leaf = directory[place.leaf]
        memoryBytes -= leaf.memoryBytes
        let changed = leaf.inserting(value, at: place.index)
        memoryBytes += changed.memoryBytes
        directory[place.leaf] = changed
        count += 1
    }

    private mutating func insertLeaf(_ leaf: Leaf, at index: Int) {
        leaf.epoch = epoch
        memoryBytes += leaf.memoryBytes - directory.memoryBytes
        directory = directory.inserting(leaf, at: index)
        memoryBytes += directory.memoryBytes
    }

    /// Takes the value at `place` out.
    mutating func remove(at place: Place) {
        own(place.leaf)
        directory[place.leaf].remove(at: place.index)
        count -= 1
        let left = directory[place.leaf].count
        if left == 0 {
            removeLeaf(place.leaf)
        } else if left < StreamOrder.joinedCountMax / 2 {
            if place.leaf + 1 < directory.count { join(place.leaf) }
            if place.leaf > 0 { join(place.leaf - 1) }
        }
    }

    private mutating func removeLeaf(_ index: Int) {
        memoryBytes -= directory[index].memoryBytes
        directory[index].free()
        directory.remove(at: index)
    }

    /// Joins a leaf with the one behind it when both are small.
    private mutating func join(_ index: Int) {
        guard index + 1 < directory.count,
            directory[index].count + directory[index + 1].count <= StreamOrder.joinedCountMax
        else { return }
        own(index)
        own(index + 1)
        let first = directory[index]
        let second = directory[index + 1]
        memoryBytes -= first.memoryBytes + second.memoryBytes
        let joined = first.appending(second)
        memoryBytes += joined.memoryBytes
        directory[index] = joined
        directory.remove(at: index + 1)
    }

    /// Takes the value with this ID out; nil when there is none.
    mutating func remove(_ id: StreamID) -> Value? {
        guard let place = find(id) else { return nil }
        let value = self[place]
        remove(at: place)
        return value
    }

    /// Calls `body` for each value in order.
    func forEach(_ body: (Value) -> Void) {
        for index in 0..<directory.count {
            let leaf = directory[index]
            for place in 0..<leaf.count { body(leaf[place]) }
        }
    }

    /// Stops the process when an invariant is broken; for tests.
    func checkInvariants() {
        var total = 0
        var previous: StreamID?
        var bytes = directory.memoryBytes
        for index in 0..<directory.count {
            let leaf = directory[index]
            precondition(leaf.count > 0 && leaf.count <= StreamOrder.leafCountMax)
            bytes += leaf.memoryBytes
            for place in 0..<leaf.count {
                let id = leaf[place].id
                if let previous { precondition(previous < id, "out of order") }
                previous = id
                total += 1
            }
        }
        precondition(total == count && bytes == memoryBytes)
    }
}

/// The values of an order at one moment. Whoever reads it keeps the order alive.
final class FrozenOrder<Value: HasStreamID> {
    private let directory: SortedBlock<SortedBlock<Value>>
    /// Number of values.
    let count: Int
    private var leaf = 0
    private var index = 0
    /// Shared leaves that the order has replaced since.
    private var abandoned: [SortedBlock<Value>] = []

    fileprivate init(_ directory: SortedBlock<SortedBlock<Value>>, count: Int) {
        self.directory = directory
        self.count = count
    }

    deinit { directory.free() }

    /// The next value, in order, each once.
    func next() -> Value? {
        guard leaf < directory.count else { return nil }
        let values = directory[leaf]
        let value = values[index]
        index += 1
        if index == values.count {
            index = 0
            leaf += 1
        }
        return value
    }

    fileprivate func abandon(_ leaf: SortedBlock<Value>) { abandoned.append(leaf) }

    fileprivate func freeAbandoned() {
        for leaf in abandoned { leaf.free() }
        abandoned = []
        leaf = directory.count
    }
}
