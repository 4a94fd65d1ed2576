// Every bound and period of the replication protocol in one place.

/// Bounds and periods of replication links.
public enum ReplicationLimits {
    /// Longest status line of a handshake: no server sends more than about 100 bytes.
    public static let lineBytesMax = 4096
    /// Longest `*<n>` or `$<n>` header in the stream, with its CRLF.
    public static let headerBytesMax = 32
    /// Most arguments of one streamed command: what Redis allows (a 32-bit count).
    public static let argumentCountMax = Int(Int32.max)
    /// Longest argument of one streamed command (1 TiB): only keeps sums inside an Int.
    public static let argumentBytesMax = 1 << 40
    /// Longest address a replica may announce: Redis refuses 256 bytes and more.
    public static let announcedAddressBytesMax = 255
    /// Longest cluster or node name in an identity.
    public static let nameBytesMax = 128
    /// Length of the mark that ends a snapshot of unknown length.
    public static let snapshotMarkBytes = 40
    /// Period of `REPLCONF ACK` towards any master.
    public static let acknowledgementPeriodMilliseconds: Int64 = 1000
    /// Shortest distance of acknowledgements towards a master of our own kind, which are sent
    /// when the offset moves instead of by the clock.
    public static let acknowledgementEventMilliseconds: Int64 = 10
    /// Period of the first acknowledgements after a snapshot of unknown length: the first may be
    /// swallowed by a master that has not yet noticed the end of its own transfer.
    public static let acknowledgementEagerMilliseconds: Int64 = 100
    /// Period of the lone newlines that keep a link alive around a snapshot.
    public static let newlinePeriodMilliseconds: Int64 = 1000
    /// Period of heartbeat lines between nodes of our own kind.
    public static let heartbeatPeriodMilliseconds: Int64 = 100
    /// How long an upstream may be at a lower epoch than its replica before it is given up.
    public static let staleEpochMilliseconds: Int64 = 1000
    /// First pause before a reconnection that follows a failed one.
    public static let retryFirstMilliseconds: Int64 = 50
    /// Longest pause before a reconnection.
    public static let retryMaxMilliseconds: Int64 = 1000
    /// Longest time to establish a TCP connection.
    public static let connectTimeoutMilliseconds: Int64 = 5000
}
