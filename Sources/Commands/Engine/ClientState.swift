// What the command core knows of one connection. The node's session owns it and adds the socket.
//
// Owned by the engine thread. Fields that a batch touches for each command are internal and plain;
// `output` is the only one that another module reads in its turn, once.
public import Bytes
public import RESP

/// What a client is blocked on.
public struct BlockedState {
    /// The command that blocks.
    public enum Reason: Sendable {
        /// WAIT or WAITAOF.
        case acknowledgements
        /// A key of a list, sorted set or stream.
        case keys
        /// A shutdown that waits for replicas.
        case shutdown
    }

    /// The command that blocks.
    public let reason: Reason
    /// When it ends by itself, on the node's monotonic millisecond clock; nil: never.
    public let deadline: Deadline?

    /// A client that waits.
    public init(reason: Reason, deadline: Deadline?) {
        self.reason = reason
        self.deadline = deadline
    }
}

/// Which replies a client wants (CLIENT REPLY).
public enum ReplyMode: Sendable {
    /// All.
    case on
    /// None.
    case off
    /// None for the command that is running.
    case skipCurrent
    /// None for the next command.
    case skipNext
}

/// The command core's side of a connection.
public final class ClientState {
    /// Never used again for another connection.
    public let id: Int64
    /// Number of the selected database.
    public internal(set) var databaseIndex = 0
    @usableFromInline var writer: ReplyWriter
    /// Something about the client needs more than the straight path: see `updateSpecial`.
    var isSpecial = true
    /// The commands behind the running one must wait or will never run.
    var stopsBatch = false

    // MARK: Facts that the node fills in

    /// `host:port` or `path:0` of the other side.
    public var addressText = ""
    /// `host:port` of our side.
    public var localAddressText = ""
    /// The other side is on this machine: loopback or a Unix socket.
    public var isOnThisMachine = true
    /// Descriptor number, for CLIENT LIST.
    public var descriptorNumber: Int32 = -1
    /// When it connected, on the node's wall clock in milliseconds.
    public var connectedAtMilliseconds: Int64 = 0
    /// When it last sent something, on the node's wall clock in milliseconds.
    public var lastInteractionMilliseconds: Int64 = 0
    /// Bytes of input that wait, and the room of that buffer.
    public var queryBufferBytes = 0
    /// Room of the input buffer that is free.
    public var queryBufferFreeBytes = 0
    /// The session, for the node; the node ends the cycle when it closes the connection.
    public var session: AnyObject?

    // MARK: What it is

    /// The client applies its upstream's stream: no gates, no replies, expired keys are visible.
    public let isMaster: Bool
    /// The connection feeds a replica.
    public var isReplica = false
    /// The connection speaks the replication protocol: no further commands of the batch are run.
    public var isHandedOver = false { didSet { updateStop() } }
    /// The connection closes when its replies are sent: no further commands of the batch are run.
    public var closesAfterReplies = false { didSet { updateStop() } }
    /// The user has proved who they are.
    public internal(set) var isAuthenticated = false { didSet { updateSpecial() } }
    /// Whose rights it has; nil: everybody's (the upstream's stream, the log).
    var user: AccessUser? { didSet { updateSpecial() } }
    /// Name of the user.
    public var userName: String { user?.nameText ?? "(superuser)" }
    /// CLIENT SETNAME.
    public internal(set) var name = ""
    /// CLIENT SETINFO LIB-NAME.
    public internal(set) var libraryName = ""
    /// CLIENT SETINFO LIB-VER.
    public internal(set) var libraryVersion = ""
    /// CLIENT NO-EVICT.
    public internal(set) var isExemptFromEviction = false
    /// SCRIPT DEBUG: how its next EVAL runs.
    public var scriptDebugging = ScriptDebugging.off
    /// CLIENT NO-TOUCH.
    public internal(set) var leavesAccessTimes = false
    /// What it waits for.
    public var blocked: BlockedState? { didSet { updateStop() } }
    /// The command that waits for keys, or runs again because one of them has changed.
    var wait: KeyWait?
    /// Offset in the stream behind its last write; 0 before the first.
    public internal(set) var lastWriteOffset: Int64 = 0
    /// Number of the last command in the table, for CLIENT LIST; -1 before the first.
    public internal(set) var lastCommandNumber = -1
    /// A transaction or a script is running: nothing in it may block.
    public internal(set) var deniesBlocking = false
    var replyMode = ReplyMode.on { didSet { updateSpecial() } }
    /// Messages that the running command has caused and the client itself gets, behind its reply.
    var ownPushes = ByteBuffer()
    /// Where the output begins that is dropped behind the running command; -1: all of it stays.
    var silentStart = -1
    /// Whether it is in the engine's list of clients with new output.
    var isListedForOutput = false

    // MARK: Transactions and subscriptions

    /// CLIENT TRACKING; nil: off.
    var tracking: ClientTracking? { didSet { updateSpecial() } }
    var transaction: TransactionQueue? { didSet { updateSpecial() } }
    var watched: [WatchedKey] = []
    var isWatchBroken = false
    var subscriptions = ClientSubscriptions() { didSet { updateSpecial() } }
    /// MONITOR was sent.
    public internal(set) var isMonitor = false { didSet { updateSpecial() } }

    /// A client with nothing selected, named or subscribed.
    ///
    /// - Parameters:
    ///   - id: unique for the life of the process.
    ///   - isMaster: the client applies its upstream's stream or replays the log.
    public init(id: Int64, isMaster: Bool = false) {
        self.id = id
        self.isMaster = isMaster
        writer = ReplyWriter()
        if isMaster { isAuthenticated = true }
        updateSpecial()
    }

    /// Replies that were written and not yet sent. Inlinable: called across modules, the accessors
    /// of a value that is not copied allocate a frame each time.
    @inlinable public var output: ReplyWriter {
        _read { yield writer }
        _modify { yield &writer }
    }

    /// Number of channels and patterns, shard channels included.
    public var subscriptionCount: Int { subscriptions.total }
    /// Number of subscribed channels.
    public var channelCount: Int { subscriptions.channels.count }
    /// Number of subscribed patterns.
    public var patternCount: Int { subscriptions.patterns.count }
    /// Number of subscribed shard channels.
    public var shardChannelCount: Int { subscriptions.shardChannels.count }
    /// Number of watched keys.
    public var watchedCount: Int { watched.count }
    /// Number of commands queued by MULTI; -1 outside.
    public var queuedCount: Int { transaction?.count ?? -1 }
    /// Bytes of the transaction queue.
    public var transactionBytes: Int { transaction?.bytes.capacity ?? 0 }

    private func updateStop() {
        stopsBatch = isHandedOver || closesAfterReplies || blocked != nil
    }

    /// Recomputes whether commands of this client may take the straight path.
    func updateSpecial() {
        isSpecial =
            !isAuthenticated || !(user?.isUnrestricted ?? true) || isMaster || isMonitor
            || transaction != nil || replyMode != .on
            || subscriptions.total > 0 || tracking?.isBroadcast == false
    }
}
