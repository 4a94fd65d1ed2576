// A borrowed run of bytes: the currency between parser, commands, store and log.
//
//   base ──► │ b0 │ b1 │ … │ b(count-1) │        owned by somebody else
//
// Invariants
//   0 <= count; base is nil only when count == 0;
//   the owner keeps the bytes alive and unmoved while the slice is used.
//
// A slice never owns. Each API that hands one out says how long it is valid: an argument until its
// command ends, a stored value until the next change of its database, a buffer view until the next
// append. Keep bytes longer by copying them (`array`, `OwnedBytes`, `ByteBuffer.append`).

/// A borrowed, trivially copyable view of contiguous bytes.
@safe
public struct ByteSlice {
    @usableFromInline let base: UnsafePointer<UInt8>?
    /// Number of bytes.
    public let count: Int

    /// An empty slice.
    @inlinable
    public init() {
        unsafe base = nil
        count = 0
    }

    /// A slice of `count` bytes at `base`, which the caller keeps alive.
    @inlinable @unsafe
    public init(base: UnsafePointer<UInt8>?, count: Int) {
        unsafe precondition(count >= 0 && (base != nil || count == 0))
        unsafe self.base = base
        self.count = count
    }

    /// The bytes of a literal; valid for ever.
    @inlinable
    public init(_ text: StaticString) {
        precondition(text.hasPointerRepresentation)
        unsafe base = text.utf8Start
        count = text.utf8CodeUnitCount
    }

    /// Whether there is no byte.
    @inlinable public var isEmpty: Bool { count == 0 }

    /// The byte at `index`.
    @inlinable
    public subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < count, "index outside the slice")
        return unsafe base.unsafelyUnwrapped[index]
    }

    /// The byte at `index`, whose bounds the caller has checked: for inner loops of parsers.
    @inlinable
    public subscript(checked index: Int) -> UInt8 {
        assert(index >= 0 && index < count)
        return unsafe base.unsafelyUnwrapped[index]
    }

    /// The part of `length` bytes from `start`.
    @inlinable
    public func slice(from start: Int, count length: Int) -> ByteSlice {
        precondition(start >= 0 && length >= 0 && start <= count - length, "outside the slice")
        return unsafe ByteSlice(base: base.map { unsafe $0 + start }, count: length)
    }

    /// All bytes but the first `length`.
    @inlinable
    public func dropFirst(_ length: Int) -> ByteSlice {
        slice(from: length, count: count - length)
    }

    /// The first `length` bytes.
    @inlinable
    public func prefix(_ length: Int) -> ByteSlice { slice(from: 0, count: length) }

    /// Index of the first `byte` at or after `start`; nil if there is none.
    @inlinable
    public func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        var index = start
        while index < count {
            if self[checked: index] == byte { return index }
            index += 1
        }
        return nil
    }

    /// A copy of the bytes.
    public var array: [UInt8] {
        unsafe [UInt8](UnsafeBufferPointer(start: base, count: count))
    }

    /// The bytes as text; invalid UTF-8 is repaired with U+FFFD.
    public var string: String {
        unsafe String(decoding: UnsafeBufferPointer(start: base, count: count), as: UTF8.self)
    }

    /// Calls `body` with the raw bytes: for system calls and layouts.
    @inlinable @unsafe
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeRawBufferPointer(start: base, count: count))
    }

    /// Eight bytes at `offset`, little-endian; the caller has checked the bounds.
    @inlinable
    public func loadWord(at offset: Int) -> UInt64 {
        precondition(offset >= 0 && offset <= count - 8)
        return unsafe UnsafeRawPointer(base.unsafelyUnwrapped + offset)
            .loadUnaligned(as: UInt64.self).littleEndian
    }

    /// Whether both slices are the same memory.
    @inlinable
    public func isIdentical(to other: ByteSlice) -> Bool {
        unsafe base == other.base && count == other.count
    }

    /// Whether both slices hold the same bytes.
    @inlinable
    public static func == (left: ByteSlice, right: ByteSlice) -> Bool {
        left.count == right.count && left.compare(right) == 0
    }

    /// Whether the slice holds the bytes of `text`.
    @inlinable
    public static func == (left: ByteSlice, right: StaticString) -> Bool {
        left == ByteSlice(right)
    }

    /// Negative, zero or positive as the bytes sort before, equal or after those of `other`
    /// (unsigned bytes, then length: the order of `memcmp`).
    public func compare(_ other: ByteSlice) -> Int {
        let common = min(count, other.count)
        var index = 0
        while index &+ 8 <= common {
            let mine = loadWord(at: index)
            let theirs = other.loadWord(at: index)
            if mine != theirs {
                return mine.byteSwapped < theirs.byteSwapped ? -1 : 1
            }
            index &+= 8
        }
        while index < common {
            let mine = self[checked: index]
            let theirs = other[checked: index]
            if mine != theirs { return mine < theirs ? -1 : 1 }
            index &+= 1
        }
        return count - other.count
    }

    /// Whether the slice equals `text` when ASCII letters are compared without case; `text` is
    /// written in lower case.
    @inlinable
    public func equalsIgnoringCase(_ text: StaticString) -> Bool {
        let other = ByteSlice(text)
        guard count == other.count else { return false }
        var index = 0
        while index < count {
            var byte = self[checked: index]
            if byte &- 0x41 < 26 { byte |= 0x20 }
            if byte != other[checked: index] { return false }
            index &+= 1
        }
        return true
    }
}

extension ByteSlice: Equatable {}

extension ByteSlice: CustomStringConvertible {
    /// The bytes as text.
    public var description: String { string }
}

extension [UInt8] {
    /// Calls `body` with a slice of the array's bytes, valid until `body` returns.
    @inlinable
    public func withByteSlice<Result, Failure: Error>(
        _ body: (ByteSlice) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var outcome: Swift.Result<Result, Failure>?
        unsafe withUnsafeBufferPointer { bytes in
            let slice = unsafe ByteSlice(
                base: bytes.isEmpty ? nil : bytes.baseAddress, count: bytes.count)
            do throws(Failure) {
                outcome = .success(try body(slice))
            } catch {
                outcome = .failure(error)
            }
        }
        guard let outcome else { preconditionFailure("the closure always runs") }
        return try outcome.get()
    }
}
