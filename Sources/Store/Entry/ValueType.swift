// What kinds of value there are, and how a value lies in its entry.

public import Bytes

/// The type of a value as clients see it. Raw values are in memory only, never in a file.
public enum ValueType: UInt8, Sendable, CaseIterable {
    /// Bytes or a number.
    case string = 0
    /// A list of elements.
    case list = 1
    /// An unordered set.
    case set = 2
    /// A set ordered by score.
    case sortedSet = 3
    /// Fields with values.
    case hash = 4
    /// An append-only series with consumer groups.
    case stream = 5
    /// An opaque value of a foreign module.
    case module = 6

    /// The word that TYPE answers.
    public var name: StaticString {
        switch self {
        case .string: "string"
        case .list: "list"
        case .set: "set"
        case .sortedSet: "zset"
        case .hash: "hash"
        case .stream: "stream"
        case .module: "module"
        }
    }
}

/// How a value lies in its entry; independent of its type, so that a new type needs no change of
/// the table.
@usableFromInline
enum ValueRepresentation: UInt8 {
    /// The bytes follow the key.
    case inline = 0
    /// A signed 64-bit integer follows the key.
    case integer = 1
    /// A reference to a `SharedBlock` follows the key.
    case shared = 2
    /// A reference to a `StoredObject` follows the key.
    case object = 3
}

/// The value of a string: a number that was stored as such, or bytes.
public enum StringValue {
    /// An integer.
    case integer(Int64)
    /// Bytes, valid until the next change of the database.
    case bytes(ByteSlice)
}
