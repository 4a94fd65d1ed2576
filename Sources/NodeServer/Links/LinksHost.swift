// What replication links ask of the node around them. The links know sockets and the protocol;
// the node knows the log, the snapshots, the data and the clients. Everything runs on the engine
// thread; completions come from there too, later or at once.

import Bytes
import EventLoop
import Log
import Replication
import TLS

/// Directives that links read.
struct LinkSettings: Equatable {
    /// `masteruser`; nil for the default user.
    var user: String?
    /// `masterauth`; nil when the upstream asks for none.
    var password: String?
    /// The port that replicas of other nodes should see for this one.
    var announcedPort = 0
    /// `replica-announce-ip`.
    var announcedAddress: String?
    /// `bind-source-addr`; nil for any.
    var sourceAddress: String?
    /// `repl-timeout`.
    var timeoutMilliseconds: Int64 = 60_000
    /// `repl-ping-replica-period`.
    var pingPeriodMilliseconds: Int64 = 10_000
    /// `min-replicas-to-write`; 0 for never.
    var replicasToWriteMin = 0
    /// `min-replicas-max-lag`.
    var replicaLagMillisecondsMax: Int64 = 10_000
    /// `repl-backlog-ttl`; 0 for never.
    var backlogKeepMilliseconds: Int64 = 3_600_000
    /// `repl-disable-tcp-nodelay`.
    var disablesNoDelay = false
    /// `repl-diskless-sync`: send snapshots while they are written.
    var sendsGrowingSnapshots = true
}

/// What a read of the stream gave.
enum LinkRead: Equatable {
    /// This many bytes were appended.
    case bytes(Int)
    /// They are read on another thread; ask again when told.
    case pending
    /// There is nothing yet.
    case upToDate
    /// They are no longer kept.
    case gone
}

/// A snapshot that any number of replicas read, written or being written. The stream since its cut
/// stays readable until it is released.
protocol LinkSnapshot: AnyObject {
    /// The cut.
    var position: ReplicationPosition { get }
    /// Length in bytes; nil while it is being written.
    var length: Int64? { get }
    /// Reads up to `maximum` bytes from `offset` on, off the engine thread and when they are
    /// written; nothing at the end, nil when they cannot be read or will never be written.
    func read(at offset: Int64, maximum: Int, completion: @escaping ([UInt8]?) -> Void)
    /// One reader has finished.
    func release()
}

/// A snapshot that arrives from the upstream. The old data serve until `finish` replaces them.
protocol LinkLoader: AnyObject {
    /// Takes the next bytes; the reason when they are bad.
    func feed(_ bytes: ByteSlice) -> String?
    /// More than enough bytes wait for the disk: the socket should rest.
    var isCongested: Bool { get }
    /// That was all: replaces the data set and reports the database selected at the cut.
    func finish(_ completion: @escaping (LinkLoadOutcome) -> Void)
    /// Throws away what has arrived.
    func abort()
}

/// How a load ended.
enum LinkLoadOutcome: Equatable {
    /// The data set was replaced; the database selected in the stream at the cut.
    case replaced(database: Int)
    /// The snapshot is bad, the old data are still there.
    case failed(String)
}

/// The node as the links see it.
protocol LinksHost: AnyObject {
    /// The loop of the engine thread.
    var loop: EventLoop { get }
    /// Directives in force.
    var linkSettings: LinkSettings { get }
    /// Certificates for the connection to the upstream; nil when it is plain.
    var linkSecurity: TLSContext? { get }
    /// Who this node is.
    var peerIdentity: PeerIdentity { get }
    /// Whether the data set holds a key.
    var holdsData: Bool { get }
    /// Stores an epoch durably.
    func rememberEpoch(_ epoch: Int64)
    /// So many bytes of the upstream were taken, for statistics.
    func countUpstreamBytes(_ count: Int)

    /// The stretch of history that can be served; `firstOffset` is nil without log and backlog.
    var history: StreamHistory { get }
    /// Database selected at the end of the stream; -1 when unknown.
    var streamDatabase: Int { get }
    /// Last byte that is in the log: replicas are fed up to here.
    var committedOffset: Int64 { get }
    /// A replica reads the stream from the byte `offset` on.
    func readerBegan(at offset: Int64)
    /// Last byte that is on disk; nil without a log.
    var durableOffset: Int64? { get }
    /// Appends up to `maximum` bytes from the byte `offset` on.
    func readStream(
        from offset: Int64, maximum: Int, into buffer: inout ByteBuffer,
        onReady: @escaping () -> Void
    ) -> LinkRead
    /// Adds a command of a master that is no change: PING, GETACK.
    func appendToStream(_ command: ByteSlice)
    /// Keep the stream from now on: a first replica attaches, or the upstream's stream begins.
    func openBacklog()
    /// The backlog of a master without replicas and without a log may go.
    func closeBacklog()
    /// Puts what the turn has produced so far into the log: the role is about to change.
    func settleStream()
    /// A master that nobody follows is about to follow: if nothing was written since its restart,
    /// it goes on in the history before that.
    func returnToHistoryOfStart()
    /// The node becomes a master: a new history continues the old one.
    func startNewHistory()
    /// The upstream continued under a new id: the old one becomes the second.
    func continueHistory(as id: ReplicationID, database: Int)
    /// The data set was replaced by a snapshot of this position.
    func adoptHistory(_ position: ReplicationPosition)

    /// Asks for a snapshot that may be shared; nil when it cannot be made. It is complete, unless
    /// the replica `acceptsGrowing`. One that is `fresh` has everything written before the call.
    func requestSnapshot(
        for options: ReplicaOptions, acceptsGrowing: Bool, fresh: Bool,
        _ completion: @escaping ((any LinkSnapshot)?) -> Void)
    /// Begins a load; the reason when it cannot be.
    func beginLoad(id: ReplicationID, offset: Int64) -> Result<any LinkLoader, LinkProblem>
    /// Applies whole units of the upstream's stream and puts them into the log.
    func apply(_ units: ByteSlice, database: Int)

    /// Role or link state or the number of good replicas changed: gates and facts follow.
    func linksChanged()
    /// Holds writes back, and expiry with them, or lets them go on.
    func pauseWrites(_ isPaused: Bool)
    /// Whether something holds writes back.
    var writesArePaused: Bool { get }
    /// The wait of a client ended.
    func endWait(_ outcome: WaitBook.Outcome)
    /// The wait of a client makes no sense any more: the node is no master now.
    func abandonWait(of client: Int64)
    /// One line for the log.
    func logLink(_ message: String, isWarning: Bool)
}

/// Why something cannot be done.
struct LinkProblem: Error, Equatable {
    /// The reason in words.
    var text: String
}

/// The connection of a replica, as a link sees it.
protocol ReplicaConnection: AnyObject {
    /// The client's id.
    var clientID: Int64 { get }
    /// Numeric address of the peer.
    var peerHost: String { get }
    /// Bytes that the kernel has not taken yet.
    var outputCount: Int { get }
    /// Lets `fill` append output, which leaves at the end of the turn.
    func withOutput(_ fill: (inout ByteBuffer) -> Void)
    /// Passes what the peer sends from now on to `session`.
    func handOver(to session: DownstreamSession, noDelay: Bool)
    /// Closes when the output is sent, or at once.
    func close(afterOutput: Bool)
}
