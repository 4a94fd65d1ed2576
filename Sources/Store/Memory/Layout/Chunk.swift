// The unit in which tables take memory from the kernel: as large as one huge page.
//
//   chunk   2 MB of address space at a multiple of 2 MB
//     plain      small pages, backed when they are first touched
//     prepared   backed as a whole before its first use, by one huge page where there are any
//
// With huge pages a random key costs the processor one walk of its page tables less for the bucket
// and one for the entry. Backing 2 MB takes the kernel up to milliseconds, so it is never left to
// the first touch: see ChunkSupply.swift.

internal import CLinux

/// A trivial reference to 2 MB of memory. Whoever reserved it releases it.
@safe
struct Chunk {
    static let byteCount = 2 << 20

    let base: UnsafeMutableRawPointer
    var address: UInt { UInt(bitPattern: unsafe base) }

    /// A plain chunk of zeroes.
    static func reserve() -> Chunk {
        guard let base = unsafe hw_reserve(byteCount) else {
            preconditionFailure("out of memory: the system refuses 2 MB of address space")
        }
        return unsafe Chunk(base: base)
    }

    /// The chunk whose address was taken before; nil for 0.
    init?(address: UInt) {
        guard let base = unsafe UnsafeMutableRawPointer(bitPattern: address) else { return nil }
        unsafe self.base = base
    }

    @unsafe
    private init(base: UnsafeMutableRawPointer) { unsafe self.base = base }

    /// Has the kernel back all of it, which may take milliseconds. False when it does not.
    func prepare() -> Bool { unsafe hw_populate_huge(base, Chunk.byteCount) == 0 }

    /// Gives the memory of a part back; the part reads as zero from now on.
    func discard(offset: Int, byteCount: Int) {
        precondition(offset >= 0 && byteCount >= 0 && offset + byteCount <= Chunk.byteCount)
        unsafe hw_discard(base + offset, byteCount)
    }

    /// From now on what was discarded comes back in small pages.
    func forbidHugePages() { unsafe hw_forbid_huge(base, Chunk.byteCount) }

    /// Gives everything back; the chunk must not be used any more.
    func release() { unsafe hw_release(base, Chunk.byteCount) }
}
