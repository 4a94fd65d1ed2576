// A short element in packed form on the stack: encoded once, to be searched for and appended.
//
//   words   │ lead │ data … │ anything │     80 bytes; the first `count` are the element
//
// Invariants
//   1 <= count <= 2 + 72, and the bytes are those that `PackedEncoder` writes for the text; or
//   count == 0, and the text is longer than 72 bytes.

public import Bytes

/// A text in packed form; borrowed if it is long.
@safe
public struct PackedNeedle {
    @usableFromInline
    typealias Words = (
        UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64
    )
    @usableFromInline var words: Words = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    /// Bytes of the element; 0 for a long one.
    @usableFromInline var count = 0
    /// A long text.
    @usableFromInline let text: ByteSlice

    /// The element that `text` becomes.
    @inlinable @inline(__always)
    public init(_ text: ByteSlice) {
        self.text = text
        if let number = PackedEncoder.integer(text) {
            encode(number)
            return
        }
        let length = text.count
        if length > SevenBitText.longest { return }
        if length < 8 {
            words.0 = UInt64(truncatingIfNeeded: length) | text.leadingWord &<< 8
            count = 1 &+ length
            return
        }
        if encodeSevenBits(text) { return }
        encodePlain(text)
    }

    /// The element that a number becomes.
    @inlinable @inline(__always)
    public init(integer value: Int64) {
        text = ByteSlice()
        encode(value)
    }

    @inlinable @inline(__always)
    mutating func encode(_ value: Int64) {
        let lead = PackedEncoder.lead(of: value)
        let data = UInt64(bitPattern: lead & 0xF8 == 0xE8 ? value &- 128 : value)
        words.0 = UInt64(lead) | data &<< 8
        words.1 = data &>> 56
        count = PackedView.length(of: lead)
    }

    @inlinable @inline(__always)
    mutating func encodeSevenBits(_ text: ByteSlice) -> Bool {
        let length = text.count
        guard length >= SevenBitText.shortest else { return false }
        let isASCII = unsafe withUnsafeMutableBytes(of: &words) {
            let start = unsafe $0.baseAddress.unsafelyUnwrapped
            return unsafe text.writeSevenBits(to: start + 1)
        }
        guard isASCII else { return false }
        words.0 = words.0 & ~0xFF | UInt64(PackedEncoder.lead(ofSevenBits: length))
        count = 1 &+ SevenBitText.byteCount(length)
        return true
    }

    /// Eight bytes or more as they are.
    @inlinable @inline(never)
    mutating func encodePlain(_ text: ByteSlice) {
        let length = text.count
        let isShort = length < 0x40
        let header = isShort ? 1 : 2
        count = header &+ length
        unsafe withUnsafeMutableBytes(of: &words) { target in
            unsafe text.withUnsafeBytes { source in
                let start = unsafe target.baseAddress.unsafelyUnwrapped
                unsafe (start + header).copyMemory(
                    from: source.baseAddress.unsafelyUnwrapped, byteCount: length)
            }
        }
        let lead = isShort ? UInt64(length) : 0xC0 | UInt64(length) &<< 8
        words.0 = words.0 & ~(isShort ? 0xFF : 0xFFFF) | lead
    }

    /// The first eight bytes; what lies behind the element is not part of `firstMask`.
    @inlinable var firstWord: UInt64 { words.0 }
    @inlinable var firstMask: UInt64 {
        count >= 8 ? ~0 : 1 &<< UInt64(truncatingIfNeeded: count &* 8) &- 1
    }

    /// Calls `body` with the element's bytes.
    @inlinable @inline(__always) @unsafe
    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe Swift.withUnsafeBytes(of: words) { bytes in
            unsafe body(UnsafeRawBufferPointer(start: bytes.baseAddress, count: count))
        }
    }

    /// Appends the element to a packed collection.
    @inlinable
    public func append(to buffer: inout ByteBuffer) {
        if count == 0 { return PackedEncoder.append(text, to: &buffer) }
        unsafe withUnsafeBytes {
            buffer.append(
                unsafe ByteSlice(
                    base: $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self),
                    count: count))
        }
    }
}
