// A key with its value: one block of the table's slab.
//
//   offset 0   header, 8 bytes
//                bits  0–23  access clock (LRU/LFU, free for the eviction policy)
//                bits 24–27  type of the value
//                bits 28–29  representation of the value
//                bit  30     an expiry time follows the header
//                bit  31     string: changed in place (OBJECT ENCODING says raw);
//                            packed set: every element is an integer (it says intset)
//                bits 32–35  snapshot stamp (see Snapshot.swift)
//                bits 36–49  key length; 16383: the length follows in a word of its own
//                bits 50–63  length of an inline value
//          8   [expiry, absolute milliseconds, 8 bytes]
//         16   [key length, 8 bytes]
//              key │ value: inline bytes, or 8 bytes of integer or reference, not aligned
//
// A value of bytes, inline or in a `SharedBlock`, is a string, or a packed collection (see
// PackedView.swift) when the type says another. In a `MemberTable` the key is the member.
//
// Invariants
//   block size = header + optional words + key + value, rounded up to 8;
//   inline value length <= 1024; a reference in the value owns one count of its object.
//
// A key of 16 bytes with a value of 32 is a block of 56 bytes.

public import Bytes

/// A trivial reference to a stored key with its value; valid until the next change of its database.
@safe
public struct Entry: Equatable {
    @usableFromInline let base: UnsafeMutableRawPointer

    /// Values up to this length lie in the entry; larger ones in a `SharedBlock`.
    public static let inlineValueBytesMax = 1024
    /// The answer of `expiresAt` for a key that does not expire.
    public static let never: Int64 = -1

    @usableFromInline static let longKey = 0x3FFF
    static let stampMax: UInt8 = 15

    @unsafe @inline(__always)
    init(base: UnsafeMutableRawPointer) { unsafe self.base = base }

    @inlinable @inline(__always)
    func load<Field: BitwiseCopyable>(_ offset: Int, as: Field.Type) -> Field {
        unsafe base.loadUnaligned(fromByteOffset: offset, as: Field.self)
    }

    @inlinable @inline(__always)
    func store<Field: BitwiseCopyable>(_ value: Field, _ offset: Int) {
        unsafe base.storeBytes(of: value, toByteOffset: offset, as: Field.self)
    }

    @inlinable @inline(__always)
    var header: UInt64 {
        get { load(0, as: UInt64.self) }
        nonmutating set { store(newValue, 0) }
    }

    /// Whether both name the same block.
    @inline(__always)
    public static func == (left: Entry, right: Entry) -> Bool {
        unsafe left.base == right.base
    }

    /// The address, for slots of the table.
    @inline(__always)
    var address: UInt64 { UInt64(UInt(bitPattern: unsafe base)) }

    // MARK: Header

    /// The type of the value.
    @inlinable public var type: ValueType {
        guard let type = ValueType(rawValue: UInt8(truncatingIfNeeded: header &>> 24) & 15) else {
            preconditionFailure("entry with an unknown type")
        }
        return type
    }

    @inlinable @inline(__always)
    var representation: ValueRepresentation {
        switch (header &>> 28) & 3 {
        case 0: .inline
        case 1: .integer
        case 2: .shared
        default: .object
        }
    }

    /// Whether the key has an expiry time.
    @inlinable @inline(__always)
    public var hasExpiry: Bool { header & (1 &<< 30) != 0 }

    /// When the key expires, in absolute milliseconds; -1 if never.
    @inlinable @inline(__always)
    public var expiresAt: Int64 { hasExpiry ? load(8, as: Int64.self) : Entry.never }

    /// Whether the key's time is over at `now` (milliseconds).
    @inlinable @inline(__always)
    public func isExpired(at now: Int64) -> Bool { hasExpiry && load(8, as: Int64.self) <= now }

    /// Overwrites the expiry time of an entry that has one.
    func replaceExpiry(_ time: Int64) {
        assert(hasExpiry)
        store(time, 8)
    }

    /// The access clock: 24 bits whose meaning the eviction policy defines.
    @inlinable public var accessClock: UInt32 {
        get { UInt32(truncatingIfNeeded: header) & 0xFF_FFFF }
        nonmutating set { header = header & ~0xFF_FFFF | UInt64(newValue & 0xFF_FFFF) }
    }

    /// The snapshot that has this entry's value already, or must not see it; 0 for none.
    @inline(__always)
    var stamp: UInt8 {
        get { UInt8(truncatingIfNeeded: header &>> 32) & 15 }
        nonmutating set { header = header & ~(15 &<< 32) | UInt64(newValue & 15) &<< 32 }
    }

    // MARK: Key

    @inlinable @inline(__always)
    var keyRange: (offset: Int, count: Int) {
        let word = header
        let offset = word & (1 &<< 30) != 0 ? 16 : 8
        let short = Int(truncatingIfNeeded: word &>> 36) & Entry.longKey
        if short != Entry.longKey { return (offset, short) }
        return (offset &+ 8, load(offset, as: Int.self))
    }

    /// The key's bytes; valid until the next change of the database.
    @inlinable public var key: ByteSlice {
        let range = keyRange
        return unsafe ByteSlice(
            base: UnsafePointer((base + range.offset).assumingMemoryBound(to: UInt8.self)),
            count: range.count)
    }

    /// Whether the entry's key is `other`.
    @inline(__always)
    func keyEquals(_ other: ByteSlice) -> Bool {
        let range = keyRange
        let count = range.count
        guard count == other.count else { return false }
        return unsafe other.withUnsafeBytes { bytes in
            guard let theirs = bytes.baseAddress else { return true }
            let mine = unsafe base + range.offset
            if count < 8 {
                var index = 0
                while index < count {
                    if unsafe mine.load(fromByteOffset: index, as: UInt8.self)
                        != theirs.load(fromByteOffset: index, as: UInt8.self)
                    {
                        return false
                    }
                    index &+= 1
                }
                return true
            }
            var index = 0
            while index < count &- 8 {
                if unsafe mine.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    != theirs.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                {
                    return false
                }
                index &+= 8
            }
            // The last word overlaps the one before.
            return unsafe mine.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
                == theirs.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        }
    }

    // MARK: Value

    @inlinable @inline(__always)
    var valueOffset: Int {
        let range = keyRange
        return range.offset &+ range.count
    }

    @inlinable @inline(__always)
    var inlineCount: Int { Int(truncatingIfNeeded: header &>> 50) }

    /// The elements of a small collection; nil for strings and for objects.
    @inlinable @inline(__always)
    public var packed: PackedView? {
        let word = header
        guard word & (15 &<< 24) != 0 else { return nil }
        switch (word &>> 28) & 3 {
        case 0: return PackedView(inlineBytes)
        case 2: return PackedView(sharedBytes)
        default: return nil
        }
    }

    /// How the texts of a collection are stored.
    @inlinable @inline(__always)
    public var texts: PackedEncoder.Texts {
        representation == .object ? .plain : .compact
    }

    /// Whether a packed set has integers only: it is then an "intset" to clients. The flag belongs
    /// to whoever changes the set; it moves with the value.
    @inlinable public var hasOnlyIntegers: Bool {
        get { header & (1 &<< 31) != 0 }
        nonmutating set { header = header & ~(1 &<< 31) | (newValue ? 1 &<< 31 : 0) }
    }

    /// The value of a string.
    @inlinable @inline(__always)
    public var stringValue: StringValue {
        switch representation {
        case .inline: .bytes(inlineBytes)
        case .integer: .integer(integer)
        case .shared: .bytes(sharedBytes)
        case .object: preconditionFailure("the value is no string")
        }
    }

    @inlinable @inline(__always)
    var inlineBytes: ByteSlice {
        unsafe ByteSlice(
            base: UnsafePointer((base + valueOffset).assumingMemoryBound(to: UInt8.self)),
            count: inlineCount)
    }

    @inlinable @inline(__always)
    var integer: Int64 {
        get { load(valueOffset, as: Int64.self) }
        nonmutating set { store(newValue, valueOffset) }
    }

    private var reference: Unmanaged<AnyObject> {
        guard let pointer = unsafe load(valueOffset, as: UnsafeRawPointer?.self) else {
            preconditionFailure("an entry lost its reference")
        }
        return unsafe Unmanaged<AnyObject>.fromOpaque(pointer)
    }

    @usableFromInline var sharedBytes: ByteSlice {
        unsafe Unmanaged<SharedBlock>.fromOpaque(reference.toOpaque())
            ._withUnsafeGuaranteedRef { $0.bytes }
    }

    /// The block of a large value; nil when the value is small. A snapshot may keep it: the engine
    /// then goes on with a copy.
    public var sharedBlock: SharedBlock? {
        guard representation == .shared else { return nil }
        return unsafe Unmanaged<SharedBlock>.fromOpaque(reference.toOpaque())
            .takeUnretainedValue()
    }

    /// The object of an aggregate; nil for strings.
    public var object: StoredObject? {
        guard representation == .object else { return nil }
        return unsafe Unmanaged<StoredObject>.fromOpaque(reference.toOpaque())
            .takeUnretainedValue()
    }

    /// The object of an aggregate as what it is; nil while it is packed. Stops the process when the
    /// object is of another class: check `type` before.
    @inlinable
    public func object<Object: StoredObject>(as: Object.Type) -> Object? {
        guard representation == .object else { return nil }
        guard let pointer = unsafe load(valueOffset, as: UnsafeRawPointer?.self) else {
            preconditionFailure("an entry lost its reference")
        }
        let object = unsafe Unmanaged<StoredObject>.fromOpaque(pointer).takeUnretainedValue()
        precondition(Swift.type(of: object) == Object.self, "the object is of another class")
        return unsafe unsafeDowncast(object, to: Object.self)
    }

    /// Calls `body` with the block when the entry holds its only reference; otherwise with a copy
    /// that replaces it (copy-on-write).
    func withUniqueBlock<Result>(_ body: (SharedBlock) -> Result) -> Result {
        var block = unsafe Unmanaged<SharedBlock>.fromOpaque(reference.toOpaque())
            .takeRetainedValue()
        if !isKnownUniquelyReferenced(&block) { block = SharedBlock(block.bytes) }
        let result = body(block)
        unsafe store(Unmanaged.passRetained(block).toOpaque(), valueOffset)
        return result
    }

    /// Takes the object out, to be freed elsewhere; the entry must not be used any more.
    func takeObject() -> StoredObject {
        precondition(representation == .object)
        return unsafe Unmanaged<StoredObject>.fromOpaque(reference.toOpaque())
            .takeRetainedValue()
    }

    /// Takes one more count of the reference, if the value is one: for a copied block.
    func retainReference() {
        switch representation {
        case .inline, .integer: break
        case .shared, .object: _ = unsafe reference.retain()
        }
    }

    /// Gives up the entry's reference, if its value is one.
    func releaseReference() {
        switch representation {
        case .inline, .integer: break
        case .shared, .object: unsafe reference.release()
        }
    }

    /// Notes that the string was changed in place: Redis stores such strings raw, whatever their
    /// length, and tells so.
    func noteEdit() { header |= 1 &<< 31 }

    /// What OBJECT ENCODING answers. Redis calls strings up to 44 bytes embstr.
    public var encodingName: StaticString {
        if type != .string && representation != .object {
            return type == .set && hasOnlyIntegers ? "intset" : "listpack"
        }
        return switch representation {
        case .integer: "int"
        case .inline: inlineCount <= 44 && header & (1 &<< 31) == 0 ? "embstr" : "raw"
        case .shared: "raw"
        case .object: object?.encodingName ?? "raw"
        }
    }

    /// Bytes that the value occupies outside the block.
    var externalBytes: Int {
        switch representation {
        case .inline, .integer: 0
        case .shared: sharedBlock?.memoryUsage ?? 0
        case .object: object?.memoryUsage ?? 0
        }
    }

    /// Bytes that the key occupies with its value: block and external memory.
    public var memoryUsage: Int { Slab.roundedSize(blockBytes) + externalBytes }

    // MARK: Blocks

    /// Whether freeing the slab's pages does not free the entry: a reference, or a large block.
    @inline(__always)
    var isHeavy: Bool {
        switch representation {
        case .inline, .integer: blockBytes > Slab.blockBytesMax
        case .shared, .object: true
        }
    }

    /// Bytes of the block before rounding.
    @inline(__always)
    var blockBytes: Int {
        valueOffset &+ (representation == .inline ? inlineCount : 8)
    }

    /// Bytes of a block for a key of `keyCount` bytes and a value of `valueCount` (8 for anything
    /// but inline bytes).
    @inline(__always)
    static func blockBytes(keyCount: Int, valueCount: Int, hasExpiry: Bool) -> Int {
        8 &+ (hasExpiry ? 8 : 0) &+ (keyCount >= longKey ? 8 : 0) &+ keyCount &+ valueCount
    }

    /// Writes everything but the value into a block of `blockBytes`; returns the value's offset.
    @inline(__always)
    private func write(
        key: ByteSlice, type: ValueType, representation: ValueRepresentation, inlineCount: Int,
        expiresAt: Int64
    ) -> Int {
        let count = key.count
        var word = UInt64(type.rawValue) &<< 24 | UInt64(representation.rawValue) &<< 28
        word |= UInt64(truncatingIfNeeded: min(count, Entry.longKey)) &<< 36
        word |= UInt64(truncatingIfNeeded: inlineCount) &<< 50
        var offset = 8
        if expiresAt >= 0 {
            word |= 1 &<< 30
            store(expiresAt, 8)
            offset = 16
        }
        header = word
        if count >= Entry.longKey {
            store(count, offset)
            offset &+= 8
        }
        copy(key, to: offset)
        return offset &+ count
    }

    @inline(__always)
    private func copy(_ bytes: ByteSlice, to offset: Int) {
        let target = unsafe base + offset
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe target.copyMemory(from: start, byteCount: source.count)
        }
    }

    /// Fills a fresh block with a key and an inline value.
    @inline(__always)
    func fill(
        key: ByteSlice, inline value: ByteSlice, type: ValueType = .string, expiresAt: Int64
    ) {
        let offset = write(
            key: key, type: type, representation: .inline, inlineCount: value.count,
            expiresAt: expiresAt)
        copy(value, to: offset)
    }

    /// Fills a fresh block with a key and an integer.
    func fill(key: ByteSlice, integer value: Int64, expiresAt: Int64) {
        let offset = write(
            key: key, type: .string, representation: .integer, inlineCount: 0,
            expiresAt: expiresAt)
        store(value, offset)
    }

    /// Fills a fresh block with a key and a reference, of which the entry takes one count.
    func fill(
        key: ByteSlice, shared block: SharedBlock, type: ValueType = .string, expiresAt: Int64
    ) {
        let offset = write(
            key: key, type: type, representation: .shared, inlineCount: 0, expiresAt: expiresAt)
        unsafe store(Unmanaged.passRetained(block).toOpaque(), offset)
    }

    /// Fills a fresh block with a key and a reference, of which the entry takes one count.
    func fill(key: ByteSlice, object: StoredObject, type: ValueType, expiresAt: Int64) {
        let offset = write(
            key: key, type: type, representation: .object, inlineCount: 0, expiresAt: expiresAt)
        unsafe store(Unmanaged.passRetained(object).toOpaque(), offset)
    }

    /// Overwrites an inline value by one whose block has the same size, maybe of another type.
    @inline(__always)
    func replaceInline(_ value: ByteSlice, type: ValueType = .string) {
        let kept = header & ~(0x3FFF &<< 50 | 15 &<< 24 | 1 &<< 31)
        header =
            kept | UInt64(truncatingIfNeeded: value.count) &<< 50
            | UInt64(type.rawValue) &<< 24
        copy(value, to: valueOffset)
    }

    /// Overwrites part of an inline value; the range lies inside.
    func overwriteInline(_ bytes: ByteSlice, at offset: Int) {
        precondition(offset >= 0 && offset <= inlineCount - bytes.count)
        copy(bytes, to: valueOffset &+ offset)
    }

    /// Makes an inline value longer or shorter inside its block's rounding; new bytes are zero.
    func resizeInline(to count: Int) {
        let old = inlineCount
        header = header & ~(0x3FFF &<< 50) | UInt64(truncatingIfNeeded: count) &<< 50
        if count > old {
            unsafe (base + valueOffset + old).initializeMemory(
                as: UInt8.self, repeating: 0, count: count - old)
        }
    }

    /// Takes over bit 31 of an entry whose value this one holds now.
    func copyFlag(of entry: Entry) { header |= entry.header & (1 &<< 31) }

    /// Fills a fresh block like `entry`, but with `splice` applied to the inline value.
    func fill(like entry: Entry, _ splice: Splice) {
        let old = entry.inlineBytes
        let offset = write(
            key: entry.key, type: entry.type, representation: .inline,
            inlineCount: old.count &+ splice.growth, expiresAt: entry.expiresAt)
        copyFlag(of: entry)
        copy(old.prefix(splice.offset), to: offset)
        copy(splice.inserted, to: offset &+ splice.offset)
        copy(
            old.dropFirst(splice.offset &+ splice.removedCount),
            to: offset &+ splice.offset &+ splice.inserted.count)
    }

    /// Corrects the number of elements in the header of a packed value that nobody shares.
    func adjustPackedCount(by change: Int) {
        if change == 0 { return }
        let header =
            unsafe representation == .inline
            ? base + valueOffset : sharedBytesForChange
        let noted = Int(unsafe UInt16(littleEndian: header.loadUnaligned(as: UInt16.self)))
        // From 65535 on, the number is not kept: a reader counts.
        guard noted < PackedView.countUnknown else { return }
        let count = PackedEncoder.noted(noted &+ change)
        unsafe header.storeBytes(of: count.littleEndian, as: UInt16.self)
    }

    private var sharedBytesForChange: UnsafeMutableRawPointer {
        unsafe Unmanaged<SharedBlock>.fromOpaque(reference.toOpaque())
            ._withUnsafeGuaranteedRef { unsafe $0.start }
    }

    /// Applies `splice` to an inline value whose block has room for the result.
    func spliceInline(_ splice: Splice) {
        let old = inlineCount
        precondition(splice.offset >= 0 && splice.removedCount >= 0)
        precondition(splice.offset &+ splice.removedCount <= old)
        let start = unsafe base + (valueOffset &+ splice.offset)
        let tail = old &- splice.offset &- splice.removedCount
        if splice.growth != 0 && tail > 0 {
            // The runs may overlap: this is C's memmove.
            unsafe (start + splice.inserted.count).copyMemory(
                from: start + splice.removedCount, byteCount: tail)
        }
        header =
            header & ~(0x3FFF &<< 50)
            | UInt64(truncatingIfNeeded: old &+ splice.growth) &<< 50
        copy(splice.inserted, to: valueOffset &+ splice.offset)
    }

    // MARK: Members of a table

    /// The member's bytes: the other name of `key` in a `MemberTable`.
    @inlinable @inline(__always)
    public var member: ByteSlice { key }

    /// The member's value; empty for a set.
    @inlinable @inline(__always)
    public var memberValue: ByteSlice {
        representation == .shared ? sharedBytes : inlineBytes
    }

    /// The eight bytes of a member that was inserted with a word.
    @inlinable @inline(__always)
    public var word: UInt64 {
        get {
            assert(inlineCount == 8)
            return load(valueOffset, as: UInt64.self)
        }
        nonmutating set {
            assert(inlineCount == 8)
            store(newValue, valueOffset)
        }
    }

    /// Fills a fresh block of a member table with a member and a word.
    func fill(member: ByteSlice, word: UInt64) {
        let offset = write(
            key: member, type: .string, representation: .inline, inlineCount: 8,
            expiresAt: Entry.never)
        store(word, offset)
    }
}

/// A change in the middle of a value: bytes removed at an offset, others put in their place.
struct Splice {
    let offset: Int
    let removedCount: Int
    let inserted: ByteSlice

    var growth: Int { @inline(__always) get { inserted.count &- removedCount } }
}
