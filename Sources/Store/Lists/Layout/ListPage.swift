// One page of a long list: elements that can be walked from either end.
//
//   offset 0   u32 references: how many lists hold the page (atomic)
//          4   u32 start     first byte in use
//          8   u32 end       behind the last byte in use
//         12   u32 capacity  bytes of the data area
//         16   u32 count     number of elements
//         20   data          │ free │ element back │ element back │ … │ free │
//                             0      start                              end    capacity
//
//   element    as in PackedView.swift
//   back       length of the element, seven bits a byte, read from right to left; the top bit says
//              that more follows to the left
//
// Invariants
//   0 <= start <= end <= capacity; `count` elements fill [start, end) exactly;
//   a page that several lists hold is not changed: whoever wants to makes its own first.
//
// Free room at the front makes pushes at the head cheap. Offsets below count from `start`.

internal import Bytes
internal import Synchronization

/// A reference to a page; trivial, the list that holds it counts.
@safe
struct ListPage: BitwiseCopyable {
    private let base: UnsafeMutableRawPointer

    private static var dataOffset: Int { 20 }

    /// Bytes of a page beyond its data, the allocator's share included.
    static var overheadBytes: Int { dataOffset + 12 }
    /// Most bytes of an element with what stands behind it, for an element of `count` bytes.
    @inline(__always)
    static func room(for count: Int) -> Int { count &+ backCount(count) }

    /// An empty page with room for `capacity` bytes, held once.
    init(capacity: Int) {
        precondition(capacity >= 0 && capacity <= Int(UInt32.max), "a page is that large")
        unsafe base = .allocate(
            byteCount: ListPage.dataOffset + capacity, alignment: MemoryLayout<UInt64>.alignment)
        unsafe base.initializeMemory(as: UInt32.self, repeating: 0, count: 5)
        unsafe references.pointee.store(1, ordering: .relaxed)
        self[12] = capacity
    }

    // MARK: Fields

    private subscript(offset: Int) -> Int {
        @inline(__always) get {
            Int(unsafe base.load(fromByteOffset: offset, as: UInt32.self))
        }
        @inline(__always) nonmutating set {
            unsafe base.storeBytes(
                of: UInt32(truncatingIfNeeded: newValue), toByteOffset: offset, as: UInt32.self)
        }
    }

    private var references: UnsafeMutablePointer<Atomic<UInt32>> {
        @inline(__always) get { unsafe base.assumingMemoryBound(to: Atomic<UInt32>.self) }
    }

    private var start: Int {
        @inline(__always) get { self[4] }
        @inline(__always) nonmutating set { self[4] = newValue }
    }

    private var end: Int {
        @inline(__always) get { self[8] }
        @inline(__always) nonmutating set { self[8] = newValue }
    }

    /// Bytes of the data area.
    var capacity: Int { self[12] }

    /// Number of elements.
    var count: Int {
        @inline(__always) get { self[16] }
        @inline(__always) nonmutating set { self[16] = newValue }
    }

    /// Bytes in use.
    @inline(__always) var usedBytes: Int { end &- start }

    /// Bytes of memory.
    var memoryBytes: Int { capacity + ListPage.overheadBytes }

    @inline(__always)
    private func data(_ offset: Int) -> UnsafeMutableRawPointer {
        unsafe base + (ListPage.dataOffset &+ offset)
    }

    // MARK: Holding

    /// Whether one list alone holds the page.
    @inline(__always)
    var isUnique: Bool { unsafe references.pointee.load(ordering: .acquiring) == 1 }

    /// One more list holds the page.
    func retain() { unsafe references.pointee.add(1, ordering: .relaxed) }

    /// A list gives the page up; the last one frees it.
    func release() {
        let rest = unsafe references.pointee.subtract(1, ordering: .acquiringAndReleasing)
        if rest.newValue == 0 { unsafe base.deallocate() }
    }

    /// A page of its own with the same elements; free room is at the front or at the back.
    func copy(capacity: Int, leavesRoomInFront: Bool) -> ListPage {
        let copied = ListPage(capacity: capacity)
        let used = usedBytes
        precondition(used <= capacity)
        copied.start = leavesRoomInFront ? capacity - used : 0
        copied.end = copied.start + used
        copied.count = count
        unsafe copied.data(copied.start).copyMemory(from: data(start), byteCount: used)
        return copied
    }

    // MARK: Reading

    /// The elements, walked with `next(after:)` and `previous(before:)`.
    @inline(__always)
    var view: PackedView {
        PackedView(
            unsafe ByteSlice(
                base: UnsafePointer(data(start).assumingMemoryBound(to: UInt8.self)),
                count: usedBytes))
    }

    /// The element at `offset`, without what stands behind it.
    func raw(at offset: Int) -> ByteSlice {
        let view = view
        return view.bytes.slice(from: offset, count: view.next(after: offset) - offset)
    }

    /// The offset behind the element at `offset`: that of the following one, or `usedBytes`.
    @inline(__always)
    func next(after offset: Int) -> Int {
        let length = view.next(after: offset) &- offset
        return offset &+ length &+ ListPage.backCount(length)
    }

    /// The offset of the element in front of `offset`, which is not 0.
    @inline(__always)
    func previous(before offset: Int) -> Int {
        var place = start &+ offset &- 1
        var byte = unsafe data(place).load(as: UInt8.self)
        if byte < 0x80 { return offset &- 1 &- Int(byte) }
        var length = Int(byte & 0x7F)
        var shift = 7
        while byte >= 0x80 {
            place &-= 1
            byte = unsafe data(place).load(as: UInt8.self)
            length |= Int(byte & 0x7F) &<< shift
            shift &+= 7
        }
        return offset &- length &- ListPage.backCount(length)
    }

    /// How many bytes tell the length of an element of `length` bytes.
    @inline(__always)
    static func backCount(_ length: Int) -> Int {
        if length < 1 &<< 7 { return 1 }
        if length < 1 &<< 14 { return 2 }
        if length < 1 &<< 21 { return 3 }
        return length < 1 &<< 28 ? 4 : 5
    }

    // MARK: Changing

    /// Whether `count` bytes more fit.
    @inline(__always)
    func hasRoom(_ count: Int) -> Bool { usedBytes &+ count <= capacity }

    /// Adds an element at the end; there is room for it in the page.
    @inline(__always)
    func append(_ raw: ByteSlice) {
        let room = ListPage.room(for: raw.count)
        if capacity &- end < room { slide(spare: room, inFront: false) }
        write(raw, at: end)
        end = end &+ room
        count = count &+ 1
    }

    /// Adds an element at the start; there is room for it in the page.
    @inline(__always)
    func prepend(_ raw: ByteSlice) {
        let room = ListPage.room(for: raw.count)
        if start < room { slide(spare: room, inFront: true) }
        start = start &- room
        write(raw, at: start)
        count = count &+ 1
    }

    /// Inserts an element at `offset`; there is room for it in the page.
    func insert(_ raw: ByteSlice, at offset: Int) {
        let room = ListPage.room(for: raw.count)
        precondition(offset >= 0 && offset <= usedBytes)
        if capacity &- end < room { slide(spare: room, inFront: false) }
        let place = start + offset
        unsafe data(place + room).copyMemory(from: data(place), byteCount: end - place)
        write(raw, at: place)
        end += room
        count += 1
    }

    /// Removes the bytes [from, to), which hold `removed` elements.
    @inline(__always)
    func remove(from first: Int, to last: Int, count removed: Int) {
        precondition(first >= 0 && first <= last && last <= usedBytes)
        if first == 0 {
            start = start &+ last
        } else {
            let tail = end &- start &- last
            unsafe data(start &+ first).copyMemory(from: data(start &+ last), byteCount: tail)
            end = start &+ first &+ tail
        }
        count = count &- removed
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Copies elements of another page behind the last one; there is room for them.
    func append(from other: ListPage, _ first: Int, to last: Int, count added: Int) {
        let length = last - first
        if capacity - end < length { slide(spare: length, inFront: false) }
        unsafe data(end).copyMemory(from: other.data(other.start + first), byteCount: length)
        end += length
        count += added
    }

    /// Moves the elements so that there are at least `spare` bytes of room on one side. Half of the
    /// rest goes to that side, so that pushes at both ends in turn do not move them each time.
    @inline(never)
    private func slide(spare: Int, inFront: Bool) {
        let used = usedBytes
        let free = capacity - used
        precondition(spare <= free, "the page is full")
        let wanted = spare + (free - spare) / 2
        let target = inFront ? wanted : free - wanted
        unsafe data(target).copyMemory(from: data(start), byteCount: used)
        start = target
        end = target + used
    }

    @inline(__always)
    private func write(_ raw: ByteSlice, at place: Int) {
        let length = raw.count
        assert(place >= 0 && place &+ ListPage.room(for: length) <= capacity)
        let target = unsafe data(place)
        unsafe raw.withUnsafeBytes { source in
            guard let from = source.baseAddress else { return }
            unsafe target.copyMemory(from: from, byteCount: length)
        }
        if length < 0x80 {
            unsafe target.storeBytes(
                of: UInt8(truncatingIfNeeded: length), toByteOffset: length, as: UInt8.self)
            return
        }
        var rest = length
        var offset = length &+ ListPage.backCount(length)
        while rest > 0 {
            offset &-= 1
            // The leftmost byte has no mark: nothing follows it.
            let mark: UInt8 = rest >= 0x80 ? 0x80 : 0
            unsafe target.storeBytes(
                of: UInt8(truncatingIfNeeded: rest & 0x7F) | mark, toByteOffset: offset,
                as: UInt8.self)
            rest &>>= 7
        }
    }
}
