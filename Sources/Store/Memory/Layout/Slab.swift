// Memory for entries: blocks of 8-byte-granular size classes, cut from aligned pages.
//
//   region   │ page 0 │ page 1 │ … │ page 127 │          one chunk of 2 MB, 16 KB aligned
//   page     │ header 64 │ block │ block │ … │ never used │   all blocks of one class
//
//   page header
//     0  next page with room, of the same class
//     8  previous page with room
//    16  first free block (0: none); a free block holds the address of the next in its first word
//    24  address of the region
//    32  u32 offset of the first byte that was never handed out
//    36  u32 blocks in use
//    40  u32 class (block size / 8)
//    44  u32 1 when the page is in the list of pages with room
//
// Invariants
//   64 <= fresh offset <= 16384; used blocks <= (16384 - 64) / block size;
//   a page is in its class's list exactly when it has a free block or a fresh one;
//   a page without used blocks belongs to its region's free pages, not to a class;
//   a region without used pages is returned, but for the last one.
//
// A page is found from a block by clearing the low 14 bits of its address. Fresh blocks are cut in
// order, so that the kernel backs only what was used. Blocks above 1 KB come from malloc.

/// An allocator of small blocks; single-threaded, owned by one table.
@safe
struct Slab: ~Copyable {
    static let blockBytesMax = 1024
    static let pageBytes = 16384
    static let pageHeaderBytes = 64
    private static let classCount = blockBytesMax / 8 + 1

    /// Bytes of the blocks that are in use, rounded up to their class.
    private(set) var usedBytes = 0
    /// Bytes of address space held in regions.
    var reservedBytes: Int { regions.count * Chunk.byteCount }
    /// Regions in chunks that the supply had prepared.
    var preparedRegionCount: Int { regions.preparedCount }

    /// Per class the first page with room; nil until the first allocation.
    private var classes: UnsafeMutablePointer<UInt>?
    private var regions: RegionList

    /// An empty slab; a large one takes what `supply` has prepared.
    init(supply: ChunkSupply? = nil) {
        regions = RegionList(supply: supply)
        unsafe classes = nil
    }

    deinit { unsafe classes?.deallocate() }

    /// What a block of `size` bytes occupies.
    @inline(__always)
    static func roundedSize(_ size: Int) -> Int { max((size &+ 7) & ~7, 16) }

    /// A block of at least `size` bytes, 8-byte aligned.
    @inline(__always)
    mutating func allocate(_ size: Int) -> UnsafeMutableRawPointer {
        let rounded = Slab.roundedSize(size)
        usedBytes &+= rounded
        if rounded > Slab.blockBytesMax { return unsafe Slab.allocateLarge(rounded) }
        if let heads = unsafe classes {
            let head = unsafe heads[rounded &>> 3]
            if head != 0 {
                let page = unsafe SlabPage(address: head)
                if let block = unsafe page.popFree() { return unsafe block }
            }
        }
        return unsafe allocateSlow(rounded)
    }

    /// Returns the block of `size` bytes at `block`.
    @inline(__always)
    mutating func free(_ block: UnsafeMutableRawPointer, size: Int) {
        let rounded = Slab.roundedSize(size)
        usedBytes &-= rounded
        if rounded > Slab.blockBytesMax {
            unsafe block.deallocate()
            return
        }
        let page = unsafe SlabPage(holding: block)
        assert(page.blockClass == rounded &>> 3)
        unsafe page.pushFree(block)
        if !page.isListed || page.usedBlocks == 0 { freeSlow(page) }
    }

    /// A block for an entry of `size` bytes, not filled yet.
    @inline(__always)
    mutating func makeEntry(_ size: Int) -> Entry { unsafe Entry(base: allocate(size)) }

    /// Returns the block of an entry.
    @inline(__always)
    mutating func free(_ entry: Entry) { unsafe free(entry.base, size: entry.blockBytes) }

    /// Frees the entry's block if it came from malloc: for a table that goes away as a whole.
    static func freeLarge(_ entry: Entry) {
        if entry.blockBytes > blockBytesMax { unsafe entry.base.deallocate() }
    }

    @inline(never)
    private static func allocateLarge(_ size: Int) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    }

    /// No free block at the head of the class: cut a fresh one, or take a new page.
    @inline(never)
    private mutating func allocateSlow(_ rounded: Int) -> UnsafeMutableRawPointer {
        let index = rounded &>> 3
        let heads = unsafe classHeads()
        while true {
            let head = unsafe heads[index]
            if head == 0 {
                let page = regions.takePage()
                page.reset(blockClass: index)
                unsafe page.link(into: heads + index)
                continue
            }
            let page = unsafe SlabPage(address: head)
            if let block = unsafe page.popFree() { return unsafe block }
            if let block = unsafe page.cutFresh(rounded) { return unsafe block }
            unsafe page.unlink(from: heads + index)
        }
    }

    /// A full page got room, or a page became empty.
    @inline(never)
    private mutating func freeSlow(_ page: SlabPage) {
        let head = unsafe classHeads() + page.blockClass
        if !page.isListed { unsafe page.link(into: head) }
        // The last page of a class stays, so that a class in use does not swap pages to and fro; it
        // goes with its table.
        if page.usedBlocks == 0 && (unsafe !page.isAlone(in: head)) {
            unsafe page.unlink(from: head)
            regions.returnPage(page)
        }
    }

    private mutating func classHeads() -> UnsafeMutablePointer<UInt> {
        if let heads = unsafe classes { return unsafe heads }
        let heads = UnsafeMutablePointer<UInt>.allocate(capacity: Slab.classCount)
        unsafe heads.initialize(repeating: 0, count: Slab.classCount)
        unsafe classes = heads
        return unsafe heads
    }

    /// Walks the lists and compares the counters; for tests.
    func checkInvariants() {
        guard let heads = unsafe classes else { return }
        for index in 0..<Slab.classCount {
            var address = unsafe heads[index]
            while address != 0 {
                let page = unsafe SlabPage(address: address)
                page.checkInvariants()
                precondition(page.isListed && page.blockClass == index)
                address = page.next
            }
        }
    }
}

/// A page of blocks of one class.
@safe
struct SlabPage {
    private let base: UnsafeMutableRawPointer

    private enum Offset {
        static let next = 0
        static let previous = 8
        static let free = 16
        static let region = 24
        static let fresh = 32
        static let used = 36
        static let blockClass = 40
        static let listed = 44
    }

    @unsafe @inline(__always)
    init(address: UInt) {
        unsafe base = UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
    }

    @unsafe @inline(__always)
    init(holding block: UnsafeMutableRawPointer) {
        unsafe self.init(address: UInt(bitPattern: block) & ~UInt(Slab.pageBytes &- 1))
    }

    @inline(__always)
    private func load<Field: BitwiseCopyable>(_ offset: Int, as: Field.Type) -> Field {
        assert(offset >= 0 && offset < Slab.pageHeaderBytes)
        return unsafe base.load(fromByteOffset: offset, as: Field.self)
    }

    @inline(__always)
    private func store<Field: BitwiseCopyable>(_ value: Field, _ offset: Int) {
        assert(offset >= 0 && offset < Slab.pageHeaderBytes)
        unsafe base.storeBytes(of: value, toByteOffset: offset, as: Field.self)
    }

    var address: UInt { UInt(bitPattern: unsafe base) }
    var next: UInt { load(Offset.next, as: UInt.self) }
    var usedBlocks: Int {
        @inline(__always) get { Int(load(Offset.used, as: UInt32.self)) }
    }
    var blockClass: Int {
        @inline(__always) get { Int(load(Offset.blockClass, as: UInt32.self)) }
    }
    var isListed: Bool {
        @inline(__always) get { load(Offset.listed, as: UInt32.self) != 0 }
    }
    var regionAddress: UInt {
        get { load(Offset.region, as: UInt.self) }
        nonmutating set { store(newValue, Offset.region) }
    }

    /// Makes the page an empty one of `blockClass`.
    func reset(blockClass: Int) {
        store(UInt(0), Offset.next)
        store(UInt(0), Offset.previous)
        store(UInt(0), Offset.free)
        store(UInt32(Slab.pageHeaderBytes), Offset.fresh)
        store(UInt32(0), Offset.used)
        store(UInt32(blockClass), Offset.blockClass)
        store(UInt32(0), Offset.listed)
    }

    @inline(__always)
    private func addUsed(_ change: Int32) {
        let used = load(Offset.used, as: UInt32.self)
        store(UInt32(bitPattern: Int32(bitPattern: used) &+ change), Offset.used)
    }

    @inline(__always)
    func popFree() -> UnsafeMutableRawPointer? {
        guard
            let block = unsafe UnsafeMutableRawPointer(bitPattern: load(Offset.free, as: UInt.self))
        else { return nil }
        store(unsafe block.load(as: UInt.self), Offset.free)
        addUsed(1)
        return unsafe block
    }

    @inline(__always)
    func pushFree(_ block: UnsafeMutableRawPointer) {
        unsafe block.storeBytes(of: load(Offset.free, as: UInt.self), as: UInt.self)
        store(UInt(bitPattern: block), Offset.free)
        addUsed(-1)
    }

    func cutFresh(_ size: Int) -> UnsafeMutableRawPointer? {
        let fresh = Int(load(Offset.fresh, as: UInt32.self))
        guard fresh + size <= Slab.pageBytes else { return nil }
        store(UInt32(fresh + size), Offset.fresh)
        addUsed(1)
        return unsafe base + fresh
    }

    func isAlone(in head: UnsafeMutablePointer<UInt>) -> Bool {
        unsafe head.pointee == address && next == 0
    }

    func link(into head: UnsafeMutablePointer<UInt>) {
        let first = unsafe head.pointee
        store(first, Offset.next)
        store(UInt(0), Offset.previous)
        if first != 0 { unsafe SlabPage(address: first).store(address, Offset.previous) }
        unsafe head.pointee = address
        store(UInt32(1), Offset.listed)
    }

    func unlink(from head: UnsafeMutablePointer<UInt>) {
        let next = self.next
        let previous = load(Offset.previous, as: UInt.self)
        if previous == 0 {
            unsafe head.pointee = next
        } else {
            unsafe SlabPage(address: previous).store(next, Offset.next)
        }
        if next != 0 { unsafe SlabPage(address: next).store(previous, Offset.previous) }
        store(UInt32(0), Offset.listed)
    }

    /// The chain of free blocks and the counter of used ones must cover what was cut.
    func checkInvariants() {
        let size = blockClass * 8
        let fresh = Int(load(Offset.fresh, as: UInt32.self))
        precondition(fresh >= Slab.pageHeaderBytes && fresh <= Slab.pageBytes)
        var free = 0
        var block = load(Offset.free, as: UInt.self)
        while block != 0 {
            precondition(block > address && block < address + UInt(fresh))
            precondition((Int(block - address) - Slab.pageHeaderBytes) % size == 0)
            free += 1
            block = unsafe UnsafeRawPointer(bitPattern: block).unsafelyUnwrapped.load(
                as: UInt.self)
        }
        precondition(usedBlocks + free == (fresh - Slab.pageHeaderBytes) / size)
    }
}
