// A node of a stream: up to some hundred entries, whose fields repeat those of the first.
//
//   offset 0   used u32        bytes of the body
//          4   capacity u32    bytes there is room for
//          8   count u32       entries that are not deleted
//         12   deleted u32     entries that are
//         16   elements u32    listpack elements of the body
//         20   entriesAt u32   where the first entry begins
//         24   fieldCount u32  fields of the first entry
//         28   liveAt u32      every entry before this place is deleted
//         32   epoch u32       when it was made: tells whether a frozen stream shares it
//         40   body: number of fields │ field* │ 0 │ entry*
//
// The body is the inside of the listpack that other servers keep for a node, without the two
// counters at its head: those change with each entry and have no fixed size there. Put the counters
// in front and the frame around it, and it is a node of an RDB file (see Listpack.swift).
//
// Invariants
//   entriesAt <= liveAt <= used <= capacity; count + deleted is the number of entries;
//   the body is a valid sequence of listpack elements.
//
// A handle is a plain pointer; the stream that made a node frees it.

internal import Bytes

/// Entries of a stream that lie together; the handle owns nothing.
@safe
struct StreamNode: BitwiseCopyable {
    private let base: UnsafeMutableRawPointer

    private static var headerBytes: Int { 40 }

    /// An empty node with room for `capacity` bytes of body.
    init(capacity: Int) {
        precondition(capacity >= 0 && capacity <= Int(UInt32.max))
        unsafe base = .allocate(
            byteCount: StreamNode.headerBytes + capacity, alignment: 8)
        unsafe base.initializeMemory(
            as: UInt8.self, repeating: 0, count: StreamNode.headerBytes)
        store(capacity, 4)
    }

    /// Gives the memory back; no handle of it may be used again.
    func free() { unsafe base.deallocate() }

    @inline(__always)
    private func load(_ offset: Int) -> Int {
        Int(unsafe base.load(fromByteOffset: offset, as: UInt32.self))
    }

    @inline(__always)
    private func store(_ value: Int, _ offset: Int) {
        unsafe base.storeBytes(of: UInt32(value), toByteOffset: offset, as: UInt32.self)
    }

    // MARK: Fields

    /// Bytes of the body.
    private(set) var used: Int {
        get { load(0) }
        nonmutating set { store(newValue, 0) }
    }

    private var capacity: Int { load(4) }

    /// Entries that are not deleted.
    var count: Int {
        get { load(8) }
        nonmutating set { store(newValue, 8) }
    }

    /// Entries that are deleted and still take room.
    var deleted: Int {
        get { load(12) }
        nonmutating set { store(newValue, 12) }
    }

    /// Listpack elements of the body.
    var elements: Int {
        get { load(16) }
        nonmutating set { store(newValue, 16) }
    }

    /// Where the first entry begins.
    var entriesStart: Int {
        get { load(20) }
        nonmutating set { store(newValue, 20) }
    }

    /// Fields of the first entry.
    var fieldCount: Int {
        get { load(24) }
        nonmutating set { store(newValue, 24) }
    }

    /// Every entry before this place is deleted.
    var liveStart: Int {
        get { load(28) }
        nonmutating set { store(newValue, 28) }
    }

    /// The stream's epoch in which it was made.
    var epoch: Int {
        get { load(32) }
        nonmutating set { store(newValue, 32) }
    }

    /// Bytes of memory.
    var memoryBytes: Int { StreamNode.headerBytes + capacity }

    /// The body; valid until the node changes.
    var body: ByteSlice {
        unsafe ByteSlice(
            base: UnsafePointer(
                (base + StreamNode.headerBytes).assumingMemoryBound(to: UInt8.self)),
            count: used)
    }

    // MARK: Changes

    /// Makes room for `length` more bytes, at most `limit` in all if that suffices; returns the
    /// node to use from now on, which replaces this one.
    func reserving(_ length: Int, limit: Int) -> StreamNode {
        let needed = used + length
        if needed <= capacity { return self }
        return moved(capacity: max(needed, min(capacity * 2, limit)))
    }

    /// Gives room that is not used back, if it is worth it; returns the node to use from now on.
    func closed() -> StreamNode {
        capacity - used > used / 16 + 16 ? moved(capacity: used) : self
    }

    /// An independent copy.
    func copy() -> StreamNode { copy(capacity: used) }

    private func moved(capacity: Int) -> StreamNode {
        let target = copy(capacity: capacity)
        free()
        return target
    }

    private func copy(capacity: Int) -> StreamNode {
        let target = StreamNode(capacity: capacity)
        unsafe target.base.copyMemory(from: base, byteCount: StreamNode.headerBytes + used)
        target.store(capacity, 4)
        return target
    }

    /// Adds a byte at the end, for which there is room.
    @inline(__always)
    func put(_ byte: UInt8) {
        let end = used
        assert(end < capacity)
        unsafe base.storeBytes(
            of: byte, toByteOffset: StreamNode.headerBytes &+ end, as: UInt8.self)
        used = end &+ 1
    }

    /// Adds a little-endian integer at the end, for which there is room.
    @inline(__always)
    func put<Value: FixedWidthInteger & BitwiseCopyable>(littleEndian value: Value) {
        let end = used
        assert(end + MemoryLayout<Value>.size <= capacity)
        unsafe base.storeBytes(
            of: value.littleEndian, toByteOffset: StreamNode.headerBytes &+ end, as: Value.self)
        used = end &+ MemoryLayout<Value>.size
    }

    /// Adds bytes at the end, for which there is room.
    @inline(__always)
    func put(_ bytes: ByteSlice) {
        let end = used
        let target = unsafe base + (StreamNode.headerBytes &+ end)
        assert(end + bytes.count <= capacity)
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe target.copyMemory(from: start, byteCount: source.count)
        }
        used = end &+ bytes.count
    }

    /// Overwrites a byte of the body.
    func replace(at offset: Int, with byte: UInt8) {
        precondition(offset >= 0 && offset < used)
        unsafe base.storeBytes(
            of: byte, toByteOffset: StreamNode.headerBytes + offset, as: UInt8.self)
    }
}

/// A node in the order of a stream.
struct PlacedNode: HasStreamID {
    /// The ID that the entries' IDs are counted from; none of them is smaller.
    let id: StreamID
    /// The entries.
    var node: StreamNode
}
