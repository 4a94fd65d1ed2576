// How the values of entries are written: one row per type, the counterpart of `RDBValueCodec`.

public import Store

/// How values of one type are written.
public struct RDBValueEncoder: Sendable {
    /// The code that stands in front of the key.
    public let typeCode: UInt8
    /// Appends the value. A large string is returned instead, to travel beside the buffer as the
    /// value's only string.
    public let encode: @Sendable (Entry, inout RDBEncoder) -> SharedBlock?
    /// Appends one element of a big object that is written in steps: a length, then each element.
    /// Nil for types whose objects are written as a whole.
    public let encodeElement: (@Sendable (Entry, inout RDBEncoder) -> Void)?
    /// As `encodeElement`, for objects of pages: appends the elements of one page, and says how
    /// many they are; nil behind the last page.
    public let encodePage: (@Sendable (StoredObject, Int, inout RDBEncoder) -> Int?)?

    init(
        typeCode: UInt8, encodeElement: (@Sendable (Entry, inout RDBEncoder) -> Void)? = nil,
        encodePage: (@Sendable (StoredObject, Int, inout RDBEncoder) -> Int?)? = nil,
        encode: @escaping @Sendable (Entry, inout RDBEncoder) -> SharedBlock?
    ) {
        self.typeCode = typeCode
        self.encode = encode
        self.encodeElement = encodeElement
        self.encodePage = encodePage
    }

    /// The row of `type`; nil while values of the type cannot exist.
    public static func find(_ type: ValueType) -> RDBValueEncoder? {
        find(type, streams: .portable)
    }

    /// The row of `type`, with streams in this form.
    static func find(_ type: ValueType, streams: RDBStreams.Format) -> RDBValueEncoder? {
        switch type {
        case .string: string
        case .module: RDBModules.encoder
        case .set: RDBSets.encoder
        case .hash: RDBHashes.encoder
        case .stream: streams.encoder
        case .list: RDBLists.encoder
        case .sortedSet: RDBSortedSets.encoder
        }
    }

    private static let string = RDBValueEncoder(typeCode: 0) { entry, encoder in
        if let block = entry.sharedBlock { return block }
        switch entry.stringValue {
        case .integer(let value): encoder.integer(value)
        case .bytes(let bytes): encoder.string(bytes)
        }
        return nil
    }
}
