// The address space of a slab: regions of 128 pages and which of their pages are free.
//
//   region │ page 0 │ page 1 │ … │ page 127 │      one chunk (Chunk.swift)
//
// Invariants
//   bit i of `freePages` says that page i belongs to nobody;
//   regions with a free page are listed in `open`, each once;
//   a region whose pages are all free is returned, unless it is the only open one.
//
// A small slab consists of plain chunks, of which only the touched pages cost memory; a large one
// takes prepared chunks. In those a free page keeps its memory, since giving it back would break
// the huge page up, until half of the pages are free: then they all go, and the chunk is a plain
// one from there on.

/// The regions of one slab; cold compared with block allocation.
@safe
struct RegionList {
    /// Pages of a region.
    static let pageCount = Chunk.byteCount / Slab.pageBytes
    /// A slab of fewer regions stays with plain chunks: a huge page would be mostly room.
    static let plainRegionsMax = 2

    private final class Region {
        let chunk: Chunk
        var freePages = UInt128.max
        var isOpen = true
        /// Free pages keep their memory.
        var isPrepared: Bool
        /// Where the region stands in `all`.
        var index: Int

        init(index: Int, prepared: Chunk?) {
            self.index = index
            isPrepared = prepared != nil
            chunk = prepared ?? Chunk.reserve()
        }

        deinit { chunk.release() }

        /// Gives the memory of page `number`, which has become free, back.
        func discard(_ number: Int) {
            guard isPrepared else { return discardPage(number) }
            guard freePages.nonzeroBitCount > RegionList.pageCount / 2 else { return }
            isPrepared = false
            chunk.forbidHugePages()
            for page in 0..<RegionList.pageCount where freePages & (1 << UInt128(page)) != 0 {
                discardPage(page)
            }
        }

        private func discardPage(_ number: Int) {
            chunk.discard(offset: number * Slab.pageBytes, byteCount: Slab.pageBytes)
        }
    }

    private var all: [Region] = []
    private var open: [Region] = []
    private let supply: ChunkSupply?

    init(supply: ChunkSupply?) {
        precondition(RegionList.pageCount == UInt128.bitWidth)
        self.supply = supply
    }

    var count: Int { all.count }
    /// Regions in prepared chunks.
    var preparedCount: Int { all.count { $0.isPrepared } }

    /// A page that belongs to nobody yet; its region is noted in its header.
    mutating func takePage() -> SlabPage {
        if open.isEmpty {
            let prepared = all.count >= RegionList.plainRegionsMax ? supply?.take() : nil
            let region = Region(index: all.count, prepared: prepared)
            all.append(region)
            open.append(region)
        }
        let region = open[open.count - 1]
        let index = region.freePages.trailingZeroBitCount
        region.freePages &= region.freePages &- 1
        if region.freePages == 0 {
            region.isOpen = false
            open.removeLast()
        }
        let page = unsafe SlabPage(address: region.chunk.address + UInt(index * Slab.pageBytes))
        page.regionAddress = unsafe UInt(bitPattern: Unmanaged.passUnretained(region).toOpaque())
        return page
    }

    /// Takes back a page without used blocks; its memory goes back to the kernel.
    mutating func returnPage(_ page: SlabPage) {
        guard let opaque = unsafe UnsafeRawPointer(bitPattern: page.regionAddress) else {
            preconditionFailure("every page in use knows its region")
        }
        let region = unsafe Unmanaged<Region>.fromOpaque(opaque).takeUnretainedValue()
        let number = Int(page.address - region.chunk.address) / Slab.pageBytes
        region.freePages |= 1 << UInt128(number)
        if !region.isOpen {
            region.isOpen = true
            open.append(region)
        }
        if region.freePages == .max && open.count > 1 {
            close(region)
        } else {
            region.discard(number)
        }
    }

    private mutating func close(_ region: Region) {
        if let position = open.firstIndex(where: { $0 === region }) {
            open.swapAt(position, open.count - 1)
            open.removeLast()
        }
        let last = all[all.count - 1]
        all[region.index] = last
        last.index = region.index
        all.removeLast()
    }
}
