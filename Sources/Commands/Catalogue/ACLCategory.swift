// The categories by which access rules name sets of commands.

/// Categories of a command, as `@name` in access rules.
public struct ACLCategory: OptionSet, Sendable {
    /// The bits.
    public let rawValue: UInt32
    /// From bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Keys of any type.
    public static let keyspace = ACLCategory(rawValue: 1 << 0)
    /// Reads.
    public static let read = ACLCategory(rawValue: 1 << 1)
    /// Writes.
    public static let write = ACLCategory(rawValue: 1 << 2)
    /// Sets.
    public static let set = ACLCategory(rawValue: 1 << 3)
    /// Sorted sets.
    public static let sortedSet = ACLCategory(rawValue: 1 << 4)
    /// Lists.
    public static let list = ACLCategory(rawValue: 1 << 5)
    /// Hashes.
    public static let hash = ACLCategory(rawValue: 1 << 6)
    /// Strings.
    public static let string = ACLCategory(rawValue: 1 << 7)
    /// Bitmaps.
    public static let bitmap = ACLCategory(rawValue: 1 << 8)
    /// HyperLogLogs.
    public static let hyperLogLog = ACLCategory(rawValue: 1 << 9)
    /// Geographic indexes.
    public static let geo = ACLCategory(rawValue: 1 << 10)
    /// Streams.
    public static let stream = ACLCategory(rawValue: 1 << 11)
    /// Publish/subscribe.
    public static let pubSub = ACLCategory(rawValue: 1 << 12)
    /// Administration.
    public static let admin = ACLCategory(rawValue: 1 << 13)
    /// Constant or logarithmic time.
    public static let fast = ACLCategory(rawValue: 1 << 14)
    /// Everything else.
    public static let slow = ACLCategory(rawValue: 1 << 15)
    /// May block.
    public static let blocking = ACLCategory(rawValue: 1 << 16)
    /// Can do harm.
    public static let dangerous = ACLCategory(rawValue: 1 << 17)
    /// The connection itself.
    public static let connection = ACLCategory(rawValue: 1 << 18)
    /// Transactions.
    public static let transaction = ACLCategory(rawValue: 1 << 19)
    /// Scripts and functions.
    public static let scripting = ACLCategory(rawValue: 1 << 20)

    /// Categories with the names that ACL CAT and COMMAND INFO print.
    public static let names: [(category: ACLCategory, name: StaticString)] = [
        (.keyspace, "keyspace"), (.read, "read"), (.write, "write"), (.set, "set"),
        (.sortedSet, "sortedset"), (.list, "list"), (.hash, "hash"), (.string, "string"),
        (.bitmap, "bitmap"), (.hyperLogLog, "hyperloglog"), (.geo, "geo"), (.stream, "stream"),
        (.pubSub, "pubsub"), (.admin, "admin"), (.fast, "fast"), (.slow, "slow"),
        (.blocking, "blocking"), (.dangerous, "dangerous"), (.connection, "connection"),
        (.transaction, "transaction"), (.scripting, "scripting"),
    ]
}
