// ASCII text in seven bits a character: 16 characters take 14 bytes.
//
//   8 characters   │ 0aaaaaaa 0bbbbbbb 0ccccccc … 0hhhhhhh │     8 bytes
//   one group      │ bit 0–6: a │ 7–13: b │ … │ 49–55: h │     7 bytes, little-endian
//   the rest       as many bytes as its bits need; the bits beyond the last character are zero
//
// Invariants
//   a text has `shortest` … `longest` characters, so that a word of eight bytes always lies inside;
//   equal texts have equal bytes.
//
// Three shifts with masks spread a group, and three close it: no loop over characters.

/// A borrowed ASCII text in seven bits a character.
@safe
public struct SevenBitText {
    @usableFromInline let base: UnsafePointer<UInt8>
    /// Number of characters.
    public let count: Int

    /// Fewest characters: fewer would not fill a word.
    @inlinable public static var shortest: Int { 9 }
    /// Most characters: 63 bytes.
    @inlinable public static var longest: Int { 72 }

    /// Bytes of a text of `count` characters.
    @inlinable @inline(__always)
    public static func byteCount(_ count: Int) -> Int { (count &* 7 &+ 7) &>> 3 }

    /// The text of `count` characters in `bytes`, which a buffer has written.
    @inlinable @inline(__always)
    public init(_ bytes: ByteSlice, count: Int) {
        precondition(
            count >= SevenBitText.shortest && bytes.count == SevenBitText.byteCount(count))
        unsafe base = bytes.base.unsafelyUnwrapped
        self.count = count
    }

    /// The bytes that the text lies in.
    @inlinable public var bytes: ByteSlice {
        unsafe ByteSlice(base: base, count: SevenBitText.byteCount(count))
    }

    /// The eight characters from `offset` on, a multiple of 8, little-endian; zero behind the end.
    @inlinable @inline(__always)
    func word(at offset: Int) -> UInt64 {
        assert(offset >= 0 && offset < count && offset & 7 == 0)
        let start = offset &- offset &>> 3
        let last = SevenBitText.byteCount(count) &- 8
        let place = min(start, last)
        let group = unsafe UnsafeRawPointer(base + place).loadUnaligned(as: UInt64.self)
            .littleEndian
        return SevenBitText.spread(group &>> UInt64(truncatingIfNeeded: (start &- place) &* 8))
    }

    /// The low 56 bits as eight bytes of seven bits.
    @inlinable @inline(__always)
    static func spread(_ group: UInt64) -> UInt64 {
        var word = group & 0x0FFF_FFFF | (group & 0xFF_FFFF_F000_0000) &<< 4
        word = word & 0x3FFF_0000_3FFF | (word & 0x0FFF_C000_0FFF_C000) &<< 2
        return word & 0x7F_007F_007F_007F | (word & 0x3F80_3F80_3F80_3F80) &<< 1
    }

    /// Eight bytes below 128 as 56 bits.
    @inlinable @inline(__always)
    static func close(_ word: UInt64) -> UInt64 {
        var group = word & 0x7F_007F_007F_007F | (word & 0x7F00_7F00_7F00_7F00) &>> 1
        group = group & 0x3FFF_0000_3FFF | (group & 0x3FFF_0000_3FFF_0000) &>> 2
        return group & 0x0FFF_FFFF | (group & 0x0FFF_FFFF_0000_0000) &>> 4
    }

    /// Negative, zero or positive as the text sorts before, with or after `other` (order of
    /// `memcmp`, then length).
    public func compare(_ other: ByteSlice) -> Int {
        let common = min(count, other.count)
        var offset = 0
        while offset &+ 8 <= common {
            let mine = word(at: offset)
            let theirs = other.loadWord(at: offset)
            if mine != theirs { return mine.byteSwapped < theirs.byteSwapped ? -1 : 1 }
            offset &+= 8
        }
        if offset < common {
            var mine = word(at: offset)
            while offset < common {
                let character = UInt8(truncatingIfNeeded: mine)
                let theirs = other[checked: offset]
                if character != theirs { return character < theirs ? -1 : 1 }
                mine &>>= 8
                offset &+= 1
            }
        }
        return count &- other.count
    }
}

extension ByteSlice {
    /// Writes the text in seven bits a character to `target`, which has room for eight bytes more
    /// than it takes; false when a character is not ASCII, after writing anything there. The length
    /// must be one that fits.
    @inlinable @inline(__always) @unsafe
    public func writeSevenBits(to target: UnsafeMutableRawPointer) -> Bool {
        precondition(count >= SevenBitText.shortest && count <= SevenBitText.longest)
        let source = unsafe UnsafeRawPointer(base.unsafelyUnwrapped)
        var seen: UInt64 = 0
        var offset = 0
        var place = 0
        while offset &+ 8 <= count {
            let word = unsafe source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                .littleEndian
            seen |= word
            unsafe target.storeBytes(
                of: SevenBitText.close(word).littleEndian, toByteOffset: place, as: UInt64.self)
            offset &+= 8
            place &+= 7
        }
        if offset < count {
            let rest = unsafe source.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
                .littleEndian
            let word = rest &>> UInt64(truncatingIfNeeded: (offset &+ 8 &- count) &* 8)
            seen |= word
            unsafe target.storeBytes(
                of: SevenBitText.close(word).littleEndian, toByteOffset: place, as: UInt64.self)
        }
        return seen & 0x8080_8080_8080_8080 == 0
    }
}

extension ByteBuffer {
    /// Appends the characters of `text`.
    @inlinable
    public mutating func append(_ text: SevenBitText) {
        reserve(text.count &+ 8)
        appendReserved(text)
    }

    /// Writes the characters where there is room for them and eight bytes more.
    @inlinable @inline(__always)
    mutating func appendReserved(_ text: SevenBitText) {
        let target = unsafe UnsafeMutableRawPointer(storage.unsafelyUnwrapped + end)
        var offset = 0
        while offset < text.count {
            unsafe target.storeBytes(
                of: text.word(at: offset).littleEndian, toByteOffset: offset, as: UInt64.self)
            offset &+= 8
        }
        end &+= text.count
    }

    /// Appends `marker` and `text` in seven bits a character; appends nothing and says false when a
    /// character is not ASCII or the number of them is none that fits.
    @inlinable @inline(__always)
    public mutating func append(marker: UInt8, sevenBits text: ByteSlice) -> Bool {
        let count = text.count
        guard count >= SevenBitText.shortest && count <= SevenBitText.longest else { return false }
        let length = SevenBitText.byteCount(count)
        reserve(length &+ 9)
        let target = unsafe UnsafeMutableRawPointer(storage.unsafelyUnwrapped + end)
        guard unsafe text.writeSevenBits(to: target + 1) else { return false }
        unsafe target.storeBytes(of: marker, as: UInt8.self)
        end &+= length &+ 1
        return true
    }

    /// Appends `text`, which must not lie in this buffer, as a bulk string.
    @inlinable
    public mutating func appendBulkString(_ text: SevenBitText) {
        reserve(text.count &+ 32)
        let base = unsafe storage.unsafelyUnwrapped
        unsafe base[end] = 0x24
        end &+= 1
        appendReservedLineNumber(text.count)
        appendReserved(text)
        unsafe base[end] = 0x0D
        unsafe base[end &+ 1] = 0x0A
        end &+= 2
    }
}
