// The value of a type that belongs to a foreign module: kept as the bytes of its snapshot form.
//
//   id (RDB length) │ items │ end mark            id = nine characters of 6 bits │ version, 10 bits
//
// Nobody here can look into it. It is loaded, copied, moved and written again byte for byte, and
// every command on its contents answers that the type is wrong.

public import Bytes

/// An opaque value with the name of its type. Immutable.
public final class ModuleValue: StoredObject {
    /// The value as it stands in a snapshot, the type's id first.
    public let bytes: [UInt8]
    /// The nine characters of the type's name.
    public let typeName: String

    /// Bytes of the object itself: header, array header and text.
    private static let overheadBytes = 96
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

    /// Keeps `bytes`, whose type has the number `id`.
    public init(id: UInt64, bytes: ByteSlice) {
        self.bytes = bytes.array
        typeName = ModuleValue.name(of: id)
    }

    /// The characters in the upper 54 bits of a type's number.
    public static func name(of id: UInt64) -> String {
        var name = ""
        for place in 0..<9 {
            name.append(alphabet[Int(id >> UInt64(58 - 6 * place) & 63)])
        }
        return name
    }

    /// Bytes that the value occupies.
    public override var memoryUsage: Int { ModuleValue.overheadBytes + bytes.count }

    /// The same object: it never changes.
    public override func copy() -> StoredObject { self }
}
