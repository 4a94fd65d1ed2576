// Walking along a list of either form, from the front or from the back.
//
//   run    the packed list, or one page of a long one at a time
//
// A cursor is valid until the next change of the database.

public import Bytes

/// A place in a long list; valid until the list changes.
public struct ListPosition {
    /// Index of the page.
    let page: Int
    /// Offset in the page.
    let offset: Int
}

/// A list of either form, for reading; borrowed from its entry.
public struct ListView {
    private let packed: PackedView?
    private let object: ListObject?

    /// The list of an entry; stops the process when it holds none.
    public init(_ entry: Entry) {
        packed = entry.packed
        object = packed == nil ? entry.object(as: ListObject.self) : nil
        precondition(packed != nil || object != nil, "the entry holds no list")
    }

    /// Number of elements.
    public var count: Int { packed?.count ?? object?.count ?? 0 }

    /// The element at `index`; nil outside.
    public func element(at index: Int) -> PackedElement? {
        guard index >= 0 && index < count else { return nil }
        var cursor = cursor(at: index)
        return cursor.next()
    }

    /// A cursor whose first element is the one at `index`.
    public func cursor(at index: Int = 0) -> ListCursor {
        if let packed { return ListCursor(packed, at: index) }
        guard let object else { preconditionFailure("the entry holds no list") }
        return ListCursor(object, at: index)
    }

    /// A cursor that walks backwards; its first element is the one at `index`.
    public func reversed(at index: Int) -> ListReverseCursor {
        if let packed { return ListReverseCursor(packed, at: index) }
        guard let object else { preconditionFailure("the entry holds no list") }
        return ListReverseCursor(object, at: index)
    }
}

/// Walks from the front to the back.
public struct ListCursor {
    private let object: ListObject?
    private var view: PackedView
    private var place: Int
    private var offset: Int

    init(_ packed: PackedView, at index: Int) {
        object = nil
        view = packed
        place = 0
        offset = index < packed.count ? packed.offset(ofElement: index) : packed.end
    }

    init(_ list: ListObject, at index: Int) {
        object = list
        guard index < list.count else {
            place = list.directory.count
            view = list.directory.page(place - 1).view
            offset = view.end
            return
        }
        let (page, skip) = list.directory.locate(index, of: list.count)
        place = page
        view = list.directory.page(page).view
        offset = list.offset(ofElement: skip, in: page)
    }

    /// Where the next element is; only in a long list that has one.
    public var position: ListPosition { ListPosition(page: place, offset: offset) }

    /// The next element; nil at the end.
    @inline(__always)
    public mutating func next() -> PackedElement? {
        guard prepare() else { return nil }
        let element = view.element(at: offset)
        step(to: view.next(after: offset))
        return element
    }

    /// The next element in packed form; nil at the end.
    @inline(__always)
    public mutating func nextRaw() -> ByteSlice? {
        guard prepare() else { return nil }
        let start = offset
        let end = view.next(after: start)
        step(to: end)
        return view.bytes.slice(from: start, count: end &- start)
    }

    /// Whether there is a next element, which `position` then names.
    @inline(__always)
    public mutating func prepare() -> Bool {
        offset < view.end || advancePage()
    }

    @inline(__always)
    private mutating func step(to end: Int) {
        offset = object == nil ? end : end &+ ListPage.backCount(end &- offset)
    }

    @inline(never)
    private mutating func advancePage() -> Bool {
        guard let object, place + 1 < object.directory.count else { return false }
        place += 1
        view = object.directory.page(place).view
        offset = 0
        return true
    }
}

/// Walks from the back to the front.
public struct ListReverseCursor {
    private let object: ListObject?
    private var view: PackedView
    private var place: Int
    /// Behind the next element of a page; the index of the next element of a packed list, and one
    /// more.
    private var limit: Int

    init(_ packed: PackedView, at index: Int) {
        object = nil
        view = packed
        place = 0
        limit = index + 1
    }

    init(_ list: ListObject, at index: Int) {
        object = list
        let (page, skip) = list.directory.locate(index, of: list.count)
        place = page
        view = list.directory.page(page).view
        limit = list.directory.page(page).next(after: list.offset(ofElement: skip, in: page))
    }

    /// The next element; nil at the end.
    public mutating func next() -> PackedElement? { step().map { view.element(at: $0) } }

    /// The next element in packed form; nil at the end.
    public mutating func nextRaw() -> ByteSlice? {
        guard let offset = step() else { return nil }
        return view.bytes.slice(from: offset, count: view.next(after: offset) - offset)
    }

    /// The offset of the next element in `view`.
    private mutating func step() -> Int? {
        guard let object else { return stepPacked() }
        if limit == 0 {
            guard place > 0 else { return nil }
            place -= 1
            view = object.directory.page(place).view
            limit = view.end
        }
        limit = object.directory.page(place).previous(before: limit)
        return limit
    }

    /// A packed list cannot be walked backwards: it is short enough to begin from its front.
    private mutating func stepPacked() -> Int? {
        guard limit > 0 else { return nil }
        limit -= 1
        return view.offset(ofElement: limit)
    }
}
