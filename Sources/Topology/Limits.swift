// Every number of the decision core that a policy does not set.

/// Limits of the decision core; times in milliseconds.
public enum Limits {
    /// Largest distance of two steps in normal operation.
    public static let tickMilliseconds: Int64 = 25
    /// A longer distance than this many probe intervals means that the coordinator itself stood
    /// still: what it thinks it missed is no evidence.
    static let stallProbeIntervals: Int64 = 3
    /// Stalls shorter than this are ignored whatever the interval.
    static let stallMillisecondsMin: Int64 = 250
    /// A command that runs for longer makes its node busy.
    static let busyMilliseconds: Int64 = 1000
    /// Time limit of an order.
    static let orderMilliseconds: Int64 = 1000
    /// First and longest distance of repeated orders to one node.
    static let orderRetryMillisecondsMin: Int64 = 100
    static let orderRetryMillisecondsMax: Int64 = 3000
    /// How long a first assignment waits for nodes that do not answer.
    static let assignmentMillisecondsMax: Int64 = 5000
    /// How long a first assignment waits for its root.
    static let rootMillisecondsMax: Int64 = 30_000
    /// How long a promotion is tried before the operation fails.
    static let promotionMillisecondsMax: Int64 = 30_000
    /// How long a switchover waits for the lag to shrink before it pauses writes.
    static let precheckMillisecondsMax: Int64 = 10_000
    /// Bytes that a target may lack when writes are paused.
    static let precheckLagBytesMax: Int64 = 4_194_304
    /// Longest pause of writes unless the request says otherwise.
    static let pauseMillisecondsDefault: Int64 = 5000
    /// Bounds of what a request may say.
    static let pauseMillisecondsRange: ClosedRange<Int64> = 50...60_000
    /// How much longer than the pause the node itself keeps it, for the promotion to be answered.
    static let pauseReserveMilliseconds: Int64 = 3000
    /// How long convergence may make no progress before the operation fails.
    static let convergenceMillisecondsMax: Int64 = 60_000
    /// How long nodes that leave are asked to forget their identity.
    static let releaseMillisecondsMax: Int64 = 5000
    /// How long a node that was down has to answer without a failure before the finding is closed:
    /// one on a crowded machine that answers now and then is one finding and not many.
    static let recoveryMilliseconds: Int64 = 1000
    /// How long everything has to be quiet before a tree is restored on its own.
    static let restoreMilliseconds: Int64 = 3000
    /// First distance of automatic failovers; doubles with each one in the hour.
    static let failoverDistanceMilliseconds: Int64 = 1000
    /// Replication ids that are remembered.
    static let lineageMax = 64
    /// Ended operations that are remembered.
    public static let operationsMax = 200
    /// Nodes of a cluster and levels of a tree.
    static let nodesMax = 1000
    static let levelsMax = 16
    /// Characters of a name.
    static let nameMax = 64
}
