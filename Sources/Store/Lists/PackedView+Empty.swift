// The packed form of a list that does not exist.

internal import Bytes

extension PackedView {
    /// A packed collection without elements; valid for ever.
    public static var empty: PackedView { PackedView(ByteSlice("\u{0}\u{0}")) }
}
