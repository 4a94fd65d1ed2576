// Texts of a long list are plain: its pages are written and read in bulk, and what OBJECT ENCODING
// answers depends on their bytes. Elements that come from a packed list, or were encoded for one,
// are written anew.

internal import Bytes

extension ListObject {
    /// Whether an element in packed form is a text of seven bits a character.
    @inline(__always)
    static func isCompact(_ raw: ByteSlice) -> Bool { raw[0] & 0xC0 == 0x40 }

    /// Calls `body` with the plain form of a compact element.
    @inline(never)
    static func withPlain<Result>(_ raw: ByteSlice, _ body: (ByteSlice) -> Result) -> Result {
        var plain = ByteBuffer(capacity: SevenBitText.longest + 16)
        PackedEncoder.append(PackedView(raw).element(at: 0), to: &plain, as: .plain)
        return body(plain.readable)
    }
}
