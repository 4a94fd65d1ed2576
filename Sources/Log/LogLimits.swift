// The named limits of the stream log.

/// Sizes and intervals of the stream log.
public enum LogLimits {
    /// An index record is appended at most this often, in milliseconds …
    public static let recordIntervalMilliseconds: Int64 = 100
    /// … or after this many bytes of log.
    public static let recordIntervalBytes = 1 << 20
    /// Highest offset and highest sequence number that a peer or a file may name: at 10 GB/s a
    /// stream gets there after 14 years, and what is counted from there stays in range.
    public static let positionMax = Int64(1) << 62
    /// Longest line of a manifest, its line feed included (Redis: `MANIFEST_MAX_LINE`).
    public static let manifestLineBytesMax = 1024
    /// Largest number of arguments of one logged command.
    public static let argumentsMax = 1 << 20
    /// Largest argument of a logged command; `proto-max-bulk-len` can be set no higher.
    public static let argumentBytesMax = Int64(1) << 40
    /// Log older than this leaves the disk, unless a base still needs it.
    public static let retentionMilliseconds: Int64 = 3_600_000
    /// Log beyond this many bytes leaves the disk, unless a base still needs it.
    public static let retentionBytes: Int64 = 4 << 30
}
