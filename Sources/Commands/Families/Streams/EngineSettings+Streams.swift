// The directives that shape a stream, as the structure takes them.
internal import Store

extension EngineSettings {
    /// When a node of a stream is full.
    var streamNodeLimits: StreamNodeLimits {
        StreamNodeLimits(bytesMax: streamNodeBytesMax, entriesMax: streamNodeEntriesMax)
    }
}
