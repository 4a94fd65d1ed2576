// What a command does and where it may run. Names in COMMAND INFO are those of Redis.

/// Flags of a command; raw values are internal and may change.
public struct CommandFlags: OptionSet, Sendable, BitwiseCopyable {
    /// The bits.
    public let rawValue: UInt32
    /// From bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// May change data.
    public static let write = CommandFlags(rawValue: 1 << 0)
    /// Only reads data.
    public static let readOnly = CommandFlags(rawValue: 1 << 1)
    /// Refused when memory is short.
    public static let denyOutOfMemory = CommandFlags(rawValue: 1 << 2)
    /// For administrators.
    public static let admin = CommandFlags(rawValue: 1 << 3)
    /// Publish/subscribe.
    public static let pubSub = CommandFlags(rawValue: 1 << 4)
    /// Not from scripts.
    public static let noScript = CommandFlags(rawValue: 1 << 5)
    /// May block the client.
    public static let blocking = CommandFlags(rawValue: 1 << 6)
    /// Runs while the data set is loading.
    public static let loading = CommandFlags(rawValue: 1 << 7)
    /// Runs on a replica whose data may be old.
    public static let stale = CommandFlags(rawValue: 1 << 8)
    /// Not shown to MONITOR.
    public static let skipMonitor = CommandFlags(rawValue: 1 << 9)
    /// Not in the slow log.
    public static let skipSlowLog = CommandFlags(rawValue: 1 << 10)
    /// Constant or logarithmic time.
    public static let fast = CommandFlags(rawValue: 1 << 11)
    /// Runs before authentication.
    public static let noAuth = CommandFlags(rawValue: 1 << 12)
    /// May go into the replication stream although it changes no data.
    public static let mayReplicate = CommandFlags(rawValue: 1 << 13)
    /// Not inside MULTI.
    public static let noMulti = CommandFlags(rawValue: 1 << 14)
    /// Keys depend on the arguments in ways the key specifications do not tell.
    public static let movableKeys = CommandFlags(rawValue: 1 << 15)
    /// Runs although the server is busy.
    public static let allowBusy = CommandFlags(rawValue: 1 << 16)
    /// Runs in an asynchronous load.
    public static let noAsyncLoading = CommandFlags(rawValue: 1 << 17)
    /// Runs at once inside MULTI instead of being queued.
    public static let runsInsideMulti = CommandFlags(rawValue: 1 << 18)
    /// Allowed to a RESP2 client that has subscriptions.
    public static let allowedWhileSubscribed = CommandFlags(rawValue: 1 << 19)
    /// The row is a container of subcommands.
    public static let container = CommandFlags(rawValue: 1 << 20)
    /// Its time is measured with the batch it came in, not alone.
    public static let measuredInBatch = CommandFlags(rawValue: 1 << 21)
    /// The command may come without any key.
    public static let noMandatoryKeys = CommandFlags(rawValue: 1 << 22)

    /// Runs on a node of a cluster that is importing the slot of its keys.
    public static let asking = CommandFlags(rawValue: 1 << 24)

    /// The command cannot take the engine's straight path.
    static let notStraight = CommandFlags(rawValue: 1 << 31)

    /// Runs a script, whose own flags count.
    static let runsScript = CommandFlags(rawValue: 1 << 25)

    /// Goes into the replication stream without being called so by COMMAND INFO.
    static let publishes = CommandFlags(rawValue: 1 << 23)

    /// Flags as COMMAND INFO names them, in Redis' order.
    static let names: [(flag: CommandFlags, name: StaticString)] = [
        (.write, "write"), (.readOnly, "readonly"), (.denyOutOfMemory, "denyoom"),
        (.admin, "admin"), (.pubSub, "pubsub"), (.noScript, "noscript"),
        (.blocking, "blocking"), (.loading, "loading"), (.stale, "stale"),
        (.skipMonitor, "skip_monitor"), (.skipSlowLog, "skip_slowlog"),
        (.asking, "asking"), (.fast, "fast"),
        (.noAuth, "no_auth"), (.mayReplicate, "may_replicate"),
        (.noMandatoryKeys, "no_mandatory_keys"), (.noAsyncLoading, "no_async_loading"),
        (.noMulti, "no_multi"), (.movableKeys, "movablekeys"), (.allowBusy, "allow_busy"),
    ]
}
