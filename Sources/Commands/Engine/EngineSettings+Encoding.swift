// The sizes at which collections change their form, under the names that handlers use.
internal import Store

extension EngineSettings {
    /// See `EncodingLimits`.
    public var hashPackedEntriesMax: Int {
        @inline(__always) get { encoding.hashPackedEntriesMax }
        set { encoding.hashPackedEntriesMax = newValue }
    }
    /// See `EncodingLimits`.
    public var hashPackedValueBytesMax: Int {
        @inline(__always) get { encoding.hashPackedValueBytesMax }
        set { encoding.hashPackedValueBytesMax = newValue }
    }
    /// See `EncodingLimits`.
    public var setPackedEntriesMax: Int {
        @inline(__always) get { encoding.setPackedEntriesMax }
        set { encoding.setPackedEntriesMax = newValue }
    }
    /// See `EncodingLimits`.
    public var setPackedValueBytesMax: Int {
        @inline(__always) get { encoding.setPackedValueBytesMax }
        set { encoding.setPackedValueBytesMax = newValue }
    }
    /// See `EncodingLimits`.
    public var setIntegerEntriesMax: Int {
        @inline(__always) get { encoding.setIntegerEntriesMax }
        set { encoding.setIntegerEntriesMax = newValue }
    }
    /// See `EncodingLimits`.
    public var sortedSetPackedEntriesMax: Int {
        @inline(__always) get { encoding.sortedSetPackedEntriesMax }
        set { encoding.sortedSetPackedEntriesMax = newValue }
    }
    /// See `EncodingLimits`.
    public var sortedSetPackedValueBytesMax: Int {
        @inline(__always) get { encoding.sortedSetPackedValueBytesMax }
        set { encoding.sortedSetPackedValueBytesMax = newValue }
    }
    /// See `EncodingLimits`.
    public var listPackedSize: Int {
        @inline(__always) get { encoding.listPackedSize }
        set { encoding.listPackedSize = newValue }
    }
    /// See `EncodingLimits`.
    public var listCompressDepth: Int {
        @inline(__always) get { encoding.listCompressDepth }
        set { encoding.listCompressDepth = newValue }
    }
    /// See `EncodingLimits`.
    public var hyperLogLogSparseBytesMax: Int {
        @inline(__always) get { encoding.hyperLogLogSparseBytesMax }
        set { encoding.hyperLogLogSparseBytesMax = newValue }
    }
    /// See `EncodingLimits`.
    public var streamNodeBytesMax: Int {
        @inline(__always) get { encoding.streamNodeBytesMax }
        set { encoding.streamNodeBytesMax = newValue }
    }
    /// See `EncodingLimits`.
    public var streamNodeEntriesMax: Int {
        @inline(__always) get { encoding.streamNodeEntriesMax }
        set { encoding.streamNodeEntriesMax = newValue }
    }
}
