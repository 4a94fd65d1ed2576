// The pages of a long list in order, with their numbers of elements side by side, so that an index
// is found by reading along one run of memory instead of visiting every page.
//
//   slots │ free … │ page count │ page count │ … │ free … │        16 bytes a slot
//         0        first                          first + count    capacity
//
// Invariants
//   0 <= first, first + count <= capacity; the list holds each page once;
//   slot.count == page.count > 0.
//
// Growing moves the slots to the middle of a larger run, so pushes at either end are O(1) on
// average: 10 M elements of 10 bytes are some 15,000 pages, whose slots move in 20 µs.

/// A deque of pages.
@safe
struct PageDirectory: ~Copyable {
    private struct Slot: BitwiseCopyable {
        var page: ListPage
        var count: Int
    }

    private var slots: UnsafeMutablePointer<Slot>
    private var capacity: Int
    private var first: Int
    /// Number of pages.
    private(set) var count = 0

    init(capacity: Int = 4) {
        self.capacity = max(1, capacity)
        first = self.capacity / 2
        unsafe slots = .allocate(capacity: self.capacity)
    }

    deinit {
        for index in 0..<count { page(index).release() }
        unsafe slots.deallocate()
    }

    /// Bytes of memory.
    var memoryBytes: Int { capacity * MemoryLayout<Slot>.stride }

    /// The page at `index`.
    @inline(__always)
    func page(_ index: Int) -> ListPage {
        precondition(index >= 0 && index < count, "no such page")
        return unsafe slots[first &+ index].page
    }

    /// Number of elements of the page at `index`.
    @inline(__always)
    func elementCount(_ index: Int) -> Int {
        precondition(index >= 0 && index < count, "no such page")
        return unsafe slots[first &+ index].count
    }

    /// Takes over what the page says about its number of elements.
    @inline(__always)
    mutating func noteCount(_ index: Int) {
        precondition(index >= 0 && index < count, "no such page")
        unsafe slots[first &+ index].count = slots[first &+ index].page.count
    }

    /// Puts `page` in the place of another, which the list does not hold any more.
    mutating func replace(_ index: Int, by page: ListPage) {
        precondition(index >= 0 && index < count, "no such page")
        unsafe slots[first + index] = Slot(page: page, count: page.count)
    }

    /// Adds a page, which the list takes over, in front of the one at `index`.
    mutating func insert(_ page: ListPage, at index: Int) {
        precondition(index >= 0 && index <= count, "no such page")
        if index == 0 {
            if first == 0 { grow() }
            first -= 1
        } else {
            if first + count == capacity { grow() }
            let place = unsafe slots + first + index
            unsafe (place + 1).update(from: place, count: count - index)
        }
        count += 1
        unsafe slots[first + index] = Slot(page: page, count: page.count)
    }

    /// Takes the pages of a range out; the caller holds them now or has given them up.
    mutating func remove(_ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "no such pages")
        if range.lowerBound == 0 {
            first += range.count
        } else {
            let place = unsafe slots + first + range.lowerBound
            unsafe place.update(from: place + range.count, count: count - range.upperBound)
        }
        count -= range.count
        if count == 0 { first = capacity / 2 }
    }

    /// The page that holds the element `index`, which exists, and how many stand in front of it
    /// there.
    func locate(_ index: Int, of total: Int) -> (page: Int, skip: Int) {
        if index < total / 2 {
            var rest = index
            var place = 0
            while true {
                let inPage = elementCount(place)
                if rest < inPage { return (place, rest) }
                rest -= inPage
                place += 1
            }
        }
        var behind = total - index
        var place = count - 1
        while true {
            let inPage = elementCount(place)
            if behind <= inPage { return (place, inPage - behind) }
            behind -= inPage
            place -= 1
        }
    }

    /// A directory of the same pages, all of them held once more.
    func shared() -> PageDirectory {
        var copied = PageDirectory(capacity: count + 2)
        copied.first = 1
        copied.count = count
        unsafe (copied.slots + 1).update(from: slots + first, count: count)
        for index in 0..<count { page(index).retain() }
        return copied
    }

    private mutating func grow() {
        // Room at the other end is used before more is taken, when it is more than half.
        let wanted = count * 2 < capacity ? capacity : max(8, capacity * 2)
        let larger = UnsafeMutablePointer<Slot>.allocate(capacity: wanted)
        let target = (wanted - count) / 2
        unsafe (larger + target).update(from: slots + first, count: count)
        unsafe slots.deallocate()
        unsafe slots = larger
        capacity = wanted
        first = target
    }
}
