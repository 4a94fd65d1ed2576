// The address space of a slab: regions of 64 pages and which of their pages are free.
//
//   region │ page 0 │ page 1 │ … │ page 63 │      one aligned allocation; untouched pages cost
//                                                 address space only
//
// Invariants
//   bit i of `freePages` says that page i belongs to nobody;
//   regions with a free page are listed in `open`, each once;
//   a region whose pages are all free is returned, unless it is the only open one.

internal import CLinux

/// The regions of one slab; cold compared with block allocation.
@safe
struct RegionList {
    @safe
    private final class Region {
        let base: UnsafeMutableRawPointer
        var freePages = UInt64.max
        var isOpen = true
        /// Where the region stands in `all`.
        var index: Int

        init(index: Int) {
            self.index = index
            unsafe base = UnsafeMutableRawPointer.allocate(
                byteCount: Slab.regionPages * Slab.pageBytes, alignment: Slab.pageBytes)
        }

        deinit { unsafe base.deallocate() }
    }

    private var all: [Region] = []
    private var open: [Region] = []

    var count: Int { all.count }

    /// A page that belongs to nobody yet; its region is noted in its header.
    mutating func takePage() -> SlabPage {
        if open.isEmpty {
            let region = Region(index: all.count)
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
        let page = unsafe SlabPage(
            address: UInt(bitPattern: region.base) + UInt(index * Slab.pageBytes))
        page.regionAddress = unsafe UInt(bitPattern: Unmanaged.passUnretained(region).toOpaque())
        return page
    }

    /// Takes back a page without used blocks; its memory goes back to the kernel.
    mutating func returnPage(_ page: SlabPage) {
        guard let opaque = unsafe UnsafeRawPointer(bitPattern: page.regionAddress) else {
            preconditionFailure("every page in use knows its region")
        }
        let region = unsafe Unmanaged<Region>.fromOpaque(opaque).takeUnretainedValue()
        let offset = Int(page.address - UInt(bitPattern: unsafe region.base))
        region.freePages |= 1 << UInt64(offset / Slab.pageBytes)
        if !region.isOpen {
            region.isOpen = true
            open.append(region)
        }
        if region.freePages == .max && open.count > 1 {
            close(region)
        } else {
            unsafe hw_discard(region.base + offset, Slab.pageBytes)
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
