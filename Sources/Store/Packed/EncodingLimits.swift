// How large a collection may be before it changes from the packed form to an object.
//
// The names are those of the settings; the defaults and the meaning are Redis 7.2's.

/// The sizes at which collections change their form. A collection never changes back.
public struct EncodingLimits: Equatable, Sendable {
    /// Fields of a packed hash (`hash-max-listpack-entries`).
    public var hashPackedEntriesMax = 512
    /// Bytes of a field or value in a packed hash (`hash-max-listpack-value`).
    public var hashPackedValueBytesMax = 64
    /// Members of a packed set (`set-max-listpack-entries`).
    public var setPackedEntriesMax = 128
    /// Bytes of a member of a packed set (`set-max-listpack-value`).
    public var setPackedValueBytesMax = 64
    /// Members of a set of integers (`set-max-intset-entries`).
    public var setIntegerEntriesMax = 512
    /// Members of a packed sorted set (`zset-max-listpack-entries`).
    public var sortedSetPackedEntriesMax = 128
    /// Bytes of a member of a packed sorted set (`zset-max-listpack-value`).
    public var sortedSetPackedValueBytesMax = 64
    /// Size of a node of a list (`list-max-listpack-size`): elements when positive, -1 … -5 for
    /// 4 … 64 KB.
    public var listPackedSize = -2
    /// Nodes at either end of a list that are never compressed; 0 compresses none
    /// (`list-compress-depth`).
    public var listCompressDepth = 0
    /// Bytes of a sparse HyperLogLog (`hll-sparse-max-bytes`).
    public var hyperLogLogSparseBytesMax = 3000
    /// Bytes of a node of a stream; 0 for any (`stream-node-max-bytes`).
    public var streamNodeBytesMax = 4096
    /// Entries of a node of a stream; 0 for any (`stream-node-max-entries`).
    public var streamNodeEntriesMax = 100

    /// The built-in defaults.
    public init() {}
}
