// The limit of `maxmemory-clients`: bytes, or a share of `maxmemory`.

/// How much memory clients may take all together (`maxmemory-clients`).
public struct ClientMemoryLimit: Equatable, Sendable {
    /// A limit that is smaller is taken for this, lest nobody could talk to the node any more.
    static let bytesMin = 128 << 10

    /// Bytes; 0: no limit, or a share.
    public var bytes = 0
    /// Per cent of `maxmemory`; 0: no share.
    public var percent = 0

    /// The bytes that count beside a limit of `memoryBytesMax` for data; 0: no limit.
    func effectiveBytes(memoryBytesMax: Int) -> Int {
        let wanted = percent > 0 ? memoryBytesMax / 100 * percent : bytes
        return wanted > 0 ? max(wanted, ClientMemoryLimit.bytesMin) : 0
    }
}
