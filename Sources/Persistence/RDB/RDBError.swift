// What can be wrong with an RDB file.

/// A reason to refuse an RDB file.
public enum RDBCorruption: Error, Equatable, Sendable {
    /// The file does not begin with "REDIS" or "VALKEY" and digits.
    case badMagic
    /// A version that is not read.
    case unsupportedVersion(Int)
    /// An opcode that is unknown or refused.
    case unknownOpcode(UInt8)
    /// A value type that is unknown or refused.
    case unknownType(UInt8)
    /// A value type that is known and valid, but that this server does not hold yet.
    case unsupportedType(name: String)
    /// A length where none can stand, or one that no server writes.
    case badLength
    /// A string form that does not exist.
    case badStringEncoding(UInt8)
    /// Compressed data that do not expand to what they claim.
    case badCompression
    /// A database number that is not configured.
    case databaseOutOfRange(UInt64)
    /// A key that the file holds twice.
    case duplicateKey
    /// A collection without elements: no server keeps one, some have written one. A file is read
    /// on behind it, a payload of RESTORE is refused.
    case emptyCollection
    /// A damaged listpack, ziplist, zipmap, intset, stream or module value.
    case badStructure(StaticDescription)
    /// The file ends before its end mark.
    case truncated
    /// The checksum at the end does not match.
    case checksumMismatch(expected: UInt64, computed: UInt64)

    /// A fixed text that can be compared.
    public struct StaticDescription: Equatable, Sendable, ExpressibleByStringLiteral {
        /// The text.
        public let text: String
        /// The text `value`.
        public init(stringLiteral value: String) { text = value }
    }
}

/// A refused RDB file: where and why.
public struct RDBError: Error, Equatable, Sendable {
    /// What is wrong.
    public var reason: RDBCorruption
    /// First byte of the item that could not be read, from the start of the file.
    public var offset: Int64
    /// Its opcode or value type; 0 in front of the first.
    public var opcode: UInt8
    /// The key it belongs to, if it was read.
    public var key: String?

    /// An error with its place.
    public init(reason: RDBCorruption, offset: Int64, opcode: UInt8, key: String? = nil) {
        self.reason = reason
        self.offset = offset
        self.opcode = opcode
        self.key = key
    }
}

extension RDBError: CustomStringConvertible {
    /// One line for the log: reason, offset, opcode, key.
    public var description: String {
        let place = "at offset \(offset), opcode \(opcode)" + (key.map { ", key '\($0)'" } ?? "")
        return switch reason {
        case .badMagic: "Wrong signature trying to load DB from file"
        case .unsupportedVersion(let version): "Can't handle RDB format version \(version)"
        case .unknownOpcode(let opcode): "Unknown RDB opcode \(opcode) \(place)"
        case .unknownType(let type): "Unknown RDB value type \(type) \(place)"
        case .unsupportedType(let name): "Value type '\(name)' is not supported yet, \(place)"
        case .badLength: "Impossible length \(place)"
        case .badStringEncoding(let form): "Unknown RDB string encoding type \(form) \(place)"
        case .badCompression: "Invalid LZF compressed string \(place)"
        case .databaseOutOfRange(let number): "Database \(number) is not configured, \(place)"
        case .duplicateKey: "RDB has duplicated key \(place)"
        case .emptyCollection: "a collection without elements \(place)"
        case .badStructure(let what): "integrity check failed: \(what.text) \(place)"
        case .truncated: "Short read or OOM loading DB. Unrecoverable error, \(place)"
        case .checksumMismatch(let expected, let computed):
            "Wrong RDB checksum expected: (\(String(expected, radix: 16))) but got"
                + " (\(String(computed, radix: 16))). Aborting now: CRC error"
        }
    }
}

/// What ends the reading of an item early.
public enum RDBFault: Error, Equatable, Sendable {
    /// The input ends inside the item; at least `total` bytes from its start are needed.
    case needMore(total: Int)
    /// The bytes are wrong.
    case corrupt(RDBCorruption)
}
