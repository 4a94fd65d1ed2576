// The blocks of a member table: entries in memory from malloc.
//
//   chunk of malloc   │ size 8 │ entry: header 8 │ member │ value │ rounding │
//
// Invariants
//   a chunk is at least 32 bytes and a multiple of 16, eight of them malloc's own;
//   a block never moves: only a value that needs a chunk of another size gets a new one.

internal import Bytes

/// Allocation of single entries; stateless.
enum MemberBlock {
    /// Bytes of the chunk that holds an entry of `size` bytes.
    @inline(__always)
    static func chunkBytes(_ size: Int) -> Int { max((size &+ 8 &+ 15) & ~15, 32) }

    /// A block for an entry of `size` bytes, not filled yet. It has all bytes of its chunk: a value
    /// that fits the chunk is replaced in place.
    @inline(__always)
    static func make(_ size: Int) -> Entry {
        unsafe Entry(
            base: UnsafeMutableRawPointer.allocate(
                byteCount: chunkBytes(size) &- 8, alignment: 16))
    }

    /// Frees an entry with what it refers to.
    @inline(__always)
    static func free(_ entry: Entry) {
        entry.releaseReference()
        unsafe entry.base.deallocate()
    }

    /// A copy of an entry; a large value is shared.
    static func copy(_ entry: Entry) -> Entry {
        let size = entry.blockBytes
        let made = make(size)
        unsafe made.base.copyMemory(from: entry.base, byteCount: size)
        made.retainReference()
        return made
    }
}
