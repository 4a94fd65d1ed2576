// A long list: a deque of pages of at most 8 KB.
//
//   directory  │ page 3 │ page 250 │ … │ page 12 │
//                 │          │
//                 ▼          ▼
//               elements   elements                 (see ListPage.swift)
//
//   both ends       O(1)
//   index           a walk over the directory, then inside one page
//   copy            the pages are shared; whoever changes one first makes its own
//
// Elements larger than a page's limit are alone in a page of their size. A full page in the middle
// is split. Neighbours are joined when elements were removed and both fit into half a page.
//
// Invariants
//   `count` is the sum of the pages' counts, `dataBytes` that of their used bytes, `pageMemory`
//   that of their memory; no page is empty.

public import Bytes

/// A list that is too large for the packed form.
public final class ListObject: StoredObject {
    var directory: PageDirectory
    /// Number of elements.
    public internal(set) var count = 0
    /// Bytes of the elements with what stands behind each.
    private(set) var dataBytes = 0
    private var pageMemory = 0
    /// Whether Redis would call it a quicklist.
    private var isQuicklist = false

    /// First capacity of a page that may stay the only one.
    private static let firstPageBytes = 1536

    /// An empty list.
    public override init() { directory = PageDirectory() }

    /// A list of the elements of a packed one.
    public convenience init(_ packed: PackedView, limits: ListLimits) {
        self.init()
        var offset = PackedView.start
        while offset < packed.end {
            let next = packed.next(after: offset)
            append(packed.bytes.slice(from: offset, count: next - offset), limits: limits)
            offset = next
        }
    }

    private init(sharing list: ListObject) {
        directory = list.directory.shared()
        count = list.count
        dataBytes = list.dataBytes
        pageMemory = list.pageMemory
        isQuicklist = list.isQuicklist
    }

    // MARK: What every object tells

    /// Bytes of the object itself with the allocator's share.
    private static let ownBytes = 112

    public override var memoryUsage: Int {
        ListObject.ownBytes + directory.memoryBytes + pageMemory
    }
    public override var encodingName: StaticString { isQuicklist ? "quicklist" : "listpack" }
    public override var isEmpty: Bool { count == 0 }
    public override var freeEffort: Int { directory.count }
    public override func copy() -> StoredObject { ListObject(sharing: self) }

    /// The copy shares the pages already.
    public override func sharingCopy() -> StoredObject? { copy() }
    public override var elementCount: Int { count }

    /// Number of pages.
    public var pageCount: Int { directory.count }

    /// Calls `visit` with the elements of a page, in order.
    public func forEachElement(ofPage index: Int, _ visit: (PackedElement) -> Void) {
        let view = directory.page(index).view
        var offset = 0
        while offset < view.end {
            visit(view.element(at: offset))
            let next = view.next(after: offset)
            offset = next + ListPage.backCount(next - offset)
        }
    }

    /// Bytes of the elements in listpack form, about.
    public var elementBytes: Int { dataBytes }

    // MARK: Both ends

    /// Adds an element, given in packed form, at the end.
    public func append(_ raw: ByteSlice, limits: ListLimits) {
        if ListObject.isCompact(raw) {
            return ListObject.withPlain(raw) { append($0, limits: limits) }
        }
        let room = ListPage.room(for: raw.count)
        let last = directory.count - 1
        if last < 0 || !makeRoom(room, in: last, limits, inFront: false) {
            insertPage(room: room, at: last + 1, limits)
        }
        let place = directory.count - 1
        directory.page(place).append(raw)
        noteAdded(place, room, limits)
    }

    /// Adds an element, given in packed form, at the start.
    public func prepend(_ raw: ByteSlice, limits: ListLimits) {
        if ListObject.isCompact(raw) {
            return ListObject.withPlain(raw) { prepend($0, limits: limits) }
        }
        let room = ListPage.room(for: raw.count)
        if directory.count == 0 || !makeRoom(room, in: 0, limits, inFront: true) {
            insertPage(room: room, at: 0, limits)
        }
        directory.page(0).prepend(raw)
        noteAdded(0, room, limits)
    }

    /// The first element; the list is not empty. Valid until the next change.
    public var first: PackedElement { directory.page(0).view.element(at: 0) }

    /// The last element; the list is not empty. Valid until the next change.
    public var last: PackedElement {
        let page = directory.page(directory.count - 1)
        return page.view.element(at: page.previous(before: page.usedBytes))
    }

    /// Removes the first element; the list is not empty.
    public func removeFirst(limits: ListLimits) {
        let page = ownPage(0)
        remove(0, from: 0, to: page.next(after: 0), count: 1)
        noteRemoved(limits)
    }

    /// Removes the last element; the list is not empty.
    public func removeLast(limits: ListLimits) {
        let place = directory.count - 1
        let page = ownPage(place)
        let used = page.usedBytes
        remove(place, from: page.previous(before: used), to: used, count: 1)
        noteRemoved(limits)
    }

    // MARK: Anywhere

    /// Removes `length` elements from the element `index` on; they exist.
    public func removeElements(from index: Int, count length: Int, limits: ListLimits) {
        precondition(index >= 0 && length >= 0 && index <= count - length)
        if length == 0 { return }
        let start = directory.locate(index, of: count)
        var place = start.page
        var rest = length
        if start.skip > 0 {
            let inPage = min(rest, directory.elementCount(place) - start.skip)
            removePart(place, skip: start.skip, inPage)
            rest -= inPage
            place += 1
        }
        var end = place
        while end < directory.count, directory.elementCount(end) <= rest {
            rest -= directory.elementCount(end)
            end += 1
        }
        removePages(place..<end)
        if rest > 0 { removePart(place, skip: 0, rest) }
        join(around: place, limits)
        noteRemoved(limits)
    }

    /// Puts an element, given in packed form, in the place of another, which exists.
    public func replace(_ index: Int, by raw: ByteSlice, limits: ListLimits) {
        if ListObject.isCompact(raw) {
            return ListObject.withPlain(raw) { replace(index, by: $0, limits: limits) }
        }
        let (place, skip) = directory.locate(index, of: count)
        let offset = offset(ofElement: skip, in: place)
        let page = directory.page(place)
        let next = page.next(after: offset)
        let isSameSize = next - offset == ListPage.room(for: raw.count)
        takeOut(place, from: offset, to: next, room: ListPage.room(for: raw.count))
        insert(raw, page: place, offset: offset, limits)
        if !isSameSize { noteRemoved(limits) }
    }

    /// Inserts an element, given in packed form, in front of the element at `position`, or behind
    /// it.
    public func insert(
        _ raw: ByteSlice, at position: ListPosition, behind: Bool, limits: ListLimits
    ) {
        if ListObject.isCompact(raw) {
            return ListObject.withPlain(raw) {
                insert($0, at: position, behind: behind, limits: limits)
            }
        }
        let page = directory.page(position.page)
        insert(
            raw, page: position.page,
            offset: behind ? page.next(after: position.offset) : position.offset, limits)
    }

    private func insert(_ raw: ByteSlice, page place: Int, offset: Int, _ limits: ListLimits) {
        let room = ListPage.room(for: raw.count)
        if makeRoom(room, in: place, limits, inFront: false) {
            directory.page(place).insert(raw, at: offset)
            return noteAdded(place, room, limits)
        }
        // The new element goes between two pages: the halves of this one, or neighbours.
        if offset > 0 && offset < directory.page(place).usedBytes { split(place, at: offset) }
        let behind = offset > 0 ? place + 1 : place
        if behind > 0, makeRoom(room, in: behind - 1, limits, inFront: false) {
            directory.page(behind - 1).append(raw)
            return noteAdded(behind - 1, room, limits)
        }
        if behind < directory.count, makeRoom(room, in: behind, limits, inFront: true) {
            directory.page(behind).prepend(raw)
            return noteAdded(behind, room, limits)
        }
        insertPage(room: room, at: behind, limits, isSmall: true)
        directory.page(behind).append(raw)
        noteAdded(behind, room, limits)
    }

    // MARK: Pages

    /// Makes the page the list's own with room for `room` bytes more; false when it must not grow
    /// so far.
    @inline(__always)
    private func makeRoom(
        _ room: Int, in place: Int, _ limits: ListLimits, inFront: Bool
    ) -> Bool {
        let page = directory.page(place)
        let used = page.usedBytes
        // A page that was emptied for a new element takes one of any size.
        guard used &+ room <= limits.pageBytes || used == 0, page.count < limits.pageCount else {
            return false
        }
        if page.hasRoom(room) && page.isUnique { return true }
        enlarge(place, room, limits, inFront: inFront)
        return true
    }

    @inline(never)
    private func enlarge(_ place: Int, _ room: Int, _ limits: ListLimits, inFront: Bool) {
        let page = directory.page(place)
        let used = page.usedBytes
        let capacity = max(used + room, min(limits.pageBytes, page.capacity + page.capacity / 2))
        change(place, to: page.copy(capacity: capacity, leavesRoomInFront: inFront))
    }

    /// The page as the list's own.
    @inline(__always)
    private func ownPage(_ place: Int) -> ListPage {
        let page = directory.page(place)
        return page.isUnique ? page : makeOwn(place)
    }

    @inline(never)
    private func makeOwn(_ place: Int) -> ListPage {
        let page = directory.page(place)
        let own = page.copy(capacity: page.capacity, leavesRoomInFront: place == 0)
        change(place, to: own)
        return own
    }

    private func change(_ place: Int, to page: ListPage) {
        let old = directory.page(place)
        pageMemory += page.memoryBytes - old.memoryBytes
        directory.replace(place, by: page)
        old.release()
    }

    /// Puts an empty page in front of the one at `place`, for an element of `room` bytes.
    private func insertPage(
        room: Int, at place: Int, _ limits: ListLimits, isSmall: Bool = false
    ) {
        let usual =
            isSmall || directory.count == 0 ? ListObject.firstPageBytes : limits.pageBytes
        // A page of few elements by order of the directive need not be large.
        let capacity =
            room > limits.pageBytes
            ? room : max(room, min(usual, limits.pageBytes, room * min(limits.pageCount, 8192)))
        let page = ListPage(capacity: capacity)
        pageMemory += page.memoryBytes
        directory.insert(page, at: place)
    }

    /// Splits a page in two at an offset that is neither its start nor its end.
    private func split(_ place: Int, at offset: Int) {
        let page = ownPage(place)
        let used = page.usedBytes
        var moved = 0
        var walked = offset
        while walked < used {
            walked = page.next(after: walked)
            moved += 1
        }
        let behind = ListPage(capacity: max(used - offset, page.capacity / 2))
        behind.append(from: page, offset, to: used, count: moved)
        page.remove(from: offset, to: used, count: moved)
        pageMemory += behind.memoryBytes
        directory.noteCount(place)
        directory.insert(behind, at: place + 1)
    }

    /// Joins the page at `place` with its neighbours as long as two fit into half a page.
    private func join(around place: Int, _ limits: ListLimits) {
        var left = max(0, place - 1)
        while left < min(place + 1, directory.count - 1) {
            let first = directory.page(left)
            let second = directory.page(left + 1)
            let used = first.usedBytes + second.usedBytes
            let elements = first.count + second.count
            guard used <= limits.pageBytes / 2, elements <= limits.pageCount else {
                left += 1
                continue
            }
            let joined = first.copy(
                capacity: max(used, first.capacity), leavesRoomInFront: false)
            joined.append(from: second, 0, to: second.usedBytes, count: second.count)
            change(left, to: joined)
            pageMemory -= second.memoryBytes
            directory.remove(left + 1..<left + 2)
            second.release()
        }
    }

    // MARK: Bookkeeping

    @inline(__always)
    private func noteAdded(_ place: Int, _ bytes: Int, _ limits: ListLimits) {
        directory.noteCount(place)
        count &+= 1
        dataBytes &+= bytes
        if !isQuicklist { isQuicklist = limits.exceedsListpack(count: count, bytes: dataBytes) }
    }

    /// The list has become smaller.
    @inline(__always)
    func noteRemoved(_ limits: ListLimits) {
        if isQuicklist && directory.count <= 1 {
            isQuicklist = !limits.fitsListpackAgain(count: count, bytes: dataBytes)
        }
    }

    /// Removes bytes of a page that is the list's own, with the page if nothing is left in it.
    @inline(__always)
    private func remove(_ place: Int, from first: Int, to last: Int, count removed: Int) {
        let page = directory.page(place)
        page.remove(from: first, to: last, count: removed)
        count &-= removed
        dataBytes &-= last &- first
        if page.count == 0 {
            removeEmptyPage(place)
        } else {
            directory.noteCount(place)
        }
    }

    private func removeEmptyPage(_ place: Int) {
        let page = directory.page(place)
        pageMemory -= page.memoryBytes
        directory.remove(place..<place + 1)
        page.release()
    }

    /// Removes an element in whose place another of `room` bytes comes at once; a page that held no
    /// other is replaced by an empty one of that size.
    private func takeOut(_ place: Int, from first: Int, to last: Int, room: Int) {
        count -= 1
        dataBytes -= last - first
        if directory.elementCount(place) == 1 {
            return change(place, to: ListPage(capacity: room))
        }
        ownPage(place).remove(from: first, to: last, count: 1)
        directory.noteCount(place)
    }

    private func removePart(_ place: Int, skip: Int, _ length: Int) {
        let page = ownPage(place)
        let first = offset(ofElement: skip, in: place)
        var last = page.usedBytes
        if skip + length < page.count {
            last = first
            for _ in 0..<length { last = page.next(after: last) }
        }
        remove(place, from: first, to: last, count: length)
    }

    private func removePages(_ range: Range<Int>) {
        if range.isEmpty { return }
        for place in range {
            let page = directory.page(place)
            count -= page.count
            dataBytes -= page.usedBytes
            pageMemory -= page.memoryBytes
            page.release()
        }
        directory.remove(range)
    }

    /// The offset of an element of a page, from the nearer end.
    func offset(ofElement skip: Int, in place: Int) -> Int {
        let page = directory.page(place)
        let inPage = page.count
        if skip <= inPage / 2 {
            var offset = 0
            for _ in 0..<skip { offset = page.next(after: offset) }
            return offset
        }
        var offset = page.usedBytes
        for _ in skip..<inPage { offset = page.previous(before: offset) }
        return offset
    }

    /// Removes chosen elements of one page, given by their offsets in ascending order; says whether
    /// the page is gone.
    func removeElements(at offsets: borrowing TrivialList<Int32>, in place: Int) -> Bool {
        let page = ownPage(place)
        let kept = ListPage(capacity: page.capacity)
        var from = 0
        var elements = page.count
        for index in 0..<offsets.count {
            let offset = Int(offsets[index])
            kept.append(from: page, from, to: offset, count: 0)
            from = page.next(after: offset)
            elements -= 1
            count -= 1
            dataBytes -= from - offset
        }
        kept.append(from: page, from, to: page.usedBytes, count: elements)
        change(place, to: kept)
        if elements > 0 { return false }
        removeEmptyPage(place)
        return true
    }

    /// Joins pages that have become small.
    func joinSmallPages(_ limits: ListLimits) {
        var place = directory.count - 1
        while place >= 0 {
            if place < directory.count { join(around: place, limits) }
            place -= 2
        }
    }

    // MARK: Checks

    /// Stops the process when an invariant is broken.
    public func checkInvariants() {
        var elements = 0
        var bytes = 0
        var memory = 0
        for place in 0..<directory.count {
            let page = directory.page(place)
            precondition(page.count > 0 && page.count == directory.elementCount(place))
            var offset = 0
            var walked = 0
            while offset < page.usedBytes {
                let next = page.next(after: offset)
                precondition(page.previous(before: next) == offset)
                offset = next
                walked += 1
            }
            precondition(offset == page.usedBytes && walked == page.count)
            elements += walked
            bytes += offset
            memory += page.memoryBytes
        }
        precondition(elements == count && bytes == dataBytes && memory == pageMemory)
    }
}
