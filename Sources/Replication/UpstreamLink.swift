// The link from a replica to its upstream.
//
//   waiting ─► connecting ─► greeting ─► announcing ─► requesting ─┬─ +CONTINUE ───────────► online
//      ▲                      PING        AUTH,          PSYNC     └─ +FULLRESYNC
//      │                                  REPLCONF …                    │ "\n"…
//      │ back-off                                                       ▼
//      └──────────── any failure ◄──── receivingSnapshot ◄── awaitingSnapshot ($<n> or $EOF:<mark>)
//                                            │ last byte
//                                            ▼
//                                         loading ── loaded ──► online, ACK at once
//
// The owner keeps received bytes in a buffer and passes its front to `receive` until that returns
// 0; effects name ranges of what was passed. Each call takes one piece: a status line, a piece of
// snapshot, a run of whole units. So the machine copies no stream byte and holds none.
//
// The position (history, applied offset, selected database) survives every failure but a refused
// stream (rule 6 of StreamScanner), and so do the data: a snapshot replaces them only when it has
// been loaded completely.
//
// Source: replication-wire reference §3, §5.3, §6–§9.

import Bytes
public import Log

/// Whom to follow, and how.
public struct UpstreamSettings: Equatable, Sendable {
    /// Numeric address or host name.
    public var host: String
    /// Port of the upstream.
    public var port: Int
    /// Name of the node that must answer there; nil when any may.
    public var expectedNodeID: String?
    /// `masteruser`; nil for the default user.
    public var user: String?
    /// `masterauth`; nil when the upstream asks for none.
    public var password: String?
    /// `replica-announce-port`, or the port that serves clients.
    public var announcedPort: Int
    /// `replica-announce-ip`; nil lets the upstream use the peer address.
    public var announcedAddress: String?
    /// `repl-timeout`.
    public var timeoutMilliseconds: Int64
    /// Our own identity.
    public var identity: PeerIdentity
    /// Whether a data set exists that a full sync would replace.
    public var holdsData: Bool

    /// Settings.
    public init(
        host: String, port: Int, expectedNodeID: String? = nil, user: String? = nil,
        password: String? = nil, announcedPort: Int,
        announcedAddress: String? = nil, timeoutMilliseconds: Int64 = 60_000,
        identity: PeerIdentity, holdsData: Bool = false
    ) {
        self.host = host
        self.port = port
        self.expectedNodeID = expectedNodeID
        self.user = user
        self.password = password
        self.announcedPort = announcedPort
        self.announcedAddress = announcedAddress
        self.timeoutMilliseconds = timeoutMilliseconds
        self.identity = identity
        self.holdsData = holdsData
    }
}

/// Why a connection to the upstream ended.
public enum UpstreamFailure: Equatable, Sendable {
    /// The connection could not be made, or was closed by the other side.
    case disconnected
    /// Nothing arrived for `repl-timeout`.
    case timeout
    /// The upstream answered a step of the handshake with an error.
    case handshake(String)
    /// The upstream cannot serve now.
    case notNow(String)
    /// The upstream speaks something else.
    case protocolError(String)
    /// The stream was poisoned: the position is given up.
    case poisoned(StreamError)
    /// The snapshot could not be loaded.
    case snapshot(String)
    /// We do not follow this upstream.
    case refused(UpstreamRefusal)
    /// The owner ended the link.
    case stopped

    /// The reason in words, for logs.
    public var text: String {
        switch self {
        case .disconnected: "connection lost"
        case .timeout: "Timeout connecting to the MASTER, or no data nor PING received from it"
        case .handshake(let text), .notNow(let text), .protocolError(let text): text
        case .poisoned(let error): "protocol error in the replication stream: \(error)"
        case .snapshot(let text): "the snapshot could not be loaded: \(text)"
        case .refused(let refusal): refusal.text
        case .stopped: "stopped"
        }
    }
}

/// What the owner of an upstream link has to do, in order.
public enum UpstreamEffect: Equatable, Sendable {
    /// Open a connection; answer with `connected` or `disconnected`.
    case connect
    /// Write these bytes, after what has been applied was committed.
    case send([UInt8])
    /// Close the connection and drop its input.
    case close(UpstreamFailure)
    /// A snapshot of this position follows; the length is nil when only its end tells it.
    case beginSnapshot(id: ReplicationID, offset: Int64, length: Int64?)
    /// These bytes of the input belong to the snapshot.
    case snapshot(Range<Int>)
    /// That was the last of it: replace the data set, then call `loaded` or `loadFailed`.
    case endSnapshot
    /// Throw the unfinished snapshot away; the old data stay.
    case abortSnapshot
    /// The stream goes on where the position ends; `isNewHistory` when its id changed, which
    /// makes the old one the second id up to here.
    case resumed(ReplicationPosition, isNewHistory: Bool)
    /// These bytes of the input are whole units of the stream: apply, log and pass them on.
    case stream(Range<Int>, database: Int)
    /// The upstream is at a higher epoch: remember it durably.
    case learnedEpoch(Int64)
    /// `PSYNC … FAILOVER` was accepted, or not: the reply.
    case handover(accepted: Bool, String)
}

/// The link from a replica to its upstream.
public struct UpstreamLink: Sendable {
    /// What the link is doing.
    public enum State: Equatable, Sendable {
        /// Nothing, until `start`.
        case idle
        /// Pausing before the next attempt. Ends at `until`.
        case waiting(until: Int64)
        /// A connection is being made. Ends with the owner's word or the timeout.
        case connecting(since: Int64)
        /// PING was sent. Ends with its reply.
        case greeting
        /// Credentials and announcements were sent. Ends with the last of their replies.
        case announcing
        /// PSYNC was sent. Ends with its answer.
        case requesting
        /// A snapshot was promised. Ends with its header.
        case awaitingSnapshot
        /// The snapshot arrives. Ends with its last byte.
        case receivingSnapshot
        /// The owner replaces the data set. Ends with the owner's word.
        case loading
        /// The stream arrives.
        case online
    }

    enum Announcement: Sendable { case credentials, option, identity }

    /// What the link is doing.
    public internal(set) var state = State.idle
    /// Whom it follows.
    public var settings: UpstreamSettings
    /// Where the applied stream ends; nil when there is no history to go on with.
    public internal(set) var position: ReplicationPosition?
    /// Who the upstream is; nil for servers of another kind.
    public internal(set) var peer: PeerIdentity?
    /// Why the upstream is not followed; stays until it is.
    public internal(set) var refusal: UpstreamRefusal?
    /// Why the last connection ended.
    public internal(set) var failure: UpstreamFailure?
    /// When the last byte arrived.
    public internal(set) var receivedAt: Int64 = 0
    /// When the link went down; nil while it is up.
    public internal(set) var downSince: Int64?
    /// Bytes of the snapshot that arrived, and its length when known: for INFO.
    public internal(set) var snapshotBytes: Int64 = 0
    /// Length of the snapshot; nil when unknown.
    public internal(set) var snapshotLength: Int64?
    /// Last byte known to be in the local log on disk; nil without a log. Set by the owner.
    public var durableOffset: Int64?
    /// The newest heartbeat of the upstream.
    public internal(set) var heartbeat: Heartbeat?

    var asksForHandover = false
    var announcements: [Announcement] = []
    var snapshotPosition = ReplicationPosition(id: .none, offset: 0, database: -1)
    var mark: [UInt8]?
    var scanner = StreamScanner(database: -1)
    var retry: RetryDelay
    var newlineAt: Int64 = 0
    var acknowledgedAt: Int64 = 0
    var acknowledgesEagerly = false
    var wantsEventAcknowledgement = false
    /// Since when the upstream's heartbeats carry a lower epoch than ours.
    var staleSince: Int64?

    /// A link that goes on at `position`; `seed` feeds the jitter of reconnections.
    public init(settings: UpstreamSettings, position: ReplicationPosition?, seed: UInt64) {
        self.settings = settings
        self.position = position
        retry = RetryDelay(seed: seed)
    }

    /// Whether the stream is arriving.
    public var isOnline: Bool { state == .online }
    /// Whether a snapshot is promised, arriving or being loaded.
    public var isSyncing: Bool {
        state == .awaitingSnapshot || state == .receivingSnapshot || state == .loading
    }
    /// Whether a connection exists or is being made.
    public var isConnected: Bool {
        switch state {
        case .idle, .waiting: false
        default: true
        }
    }

    /// The word ROLE shows for the state.
    public var stateText: StaticString {
        switch state {
        case .idle: "none"
        case .waiting: "connect"
        case .connecting: "connecting"
        case .greeting, .announcing, .requesting: "handshake"
        case .awaitingSnapshot, .receivingSnapshot, .loading: "sync"
        case .online: "connected"
        }
    }

    /// Starts following. With `handover` the first PSYNC asks the upstream to become the master.
    public mutating func start(
        now: Int64, handover: Bool = false, effects: inout [UpstreamEffect]
    ) {
        precondition(state == .idle, "the link was started before")
        asksForHandover = handover
        downSince = now
        receivedAt = now
        connect(now: now, effects: &effects)
    }

    /// Stops for good.
    public mutating func stop(effects: inout [UpstreamEffect]) {
        if isSyncing && state != .awaitingSnapshot { effects.append(.abortSnapshot) }
        if isConnected { effects.append(.close(.stopped)) }
        state = .idle
    }

    mutating func connect(now: Int64, effects: inout [UpstreamEffect]) {
        state = .connecting(since: now)
        effects.append(.connect)
    }

    /// The connection exists.
    public mutating func connected(now: Int64, effects: inout [UpstreamEffect]) {
        guard case .connecting = state else { return }
        receivedAt = now
        peer = nil
        heartbeat = nil
        state = .greeting
        effects.append(.send(WireText.command("PING")))
    }

    /// The connection could not be made, or was closed by the other side.
    public mutating func disconnected(now: Int64, effects: inout [UpstreamEffect]) {
        guard isConnected else { return }
        fail(.disconnected, now: now, effects: &effects)
    }

    mutating func fail(
        _ reason: UpstreamFailure, now: Int64, effects: inout [UpstreamEffect]
    ) {
        failure = reason
        if state == .receivingSnapshot || state == .loading { effects.append(.abortSnapshot) }
        if state == .online { retry.succeeded() }
        if case .refused(let refusal) = reason { self.refusal = refusal }
        if case .poisoned = reason { position = nil }
        if asksForHandover {
            asksForHandover = false
            effects.append(.handover(accepted: false, reason.text))
        }
        if downSince == nil { downSince = now }
        acknowledgesEagerly = false
        wantsEventAcknowledgement = false
        effects.append(.close(reason))
        state = .waiting(until: now + retry.next())
    }

    /// The data set was replaced by the snapshot; `database` is the one selected at its cut.
    public mutating func loaded(
        database: Int, now: Int64, effects: inout [UpstreamEffect]
    ) {
        precondition(state == .loading, "no snapshot was being loaded")
        // A snapshot that names none was cut before anything was selected: the next command
        // selects.
        snapshotPosition.database = max(0, database)
        position = snapshotPosition
        settings.holdsData = true
        acknowledgesEagerly = mark != nil
        enterOnline(now: now)
        acknowledge(now: now, effects: &effects)
    }

    /// The snapshot was bad; the old data are still there.
    public mutating func loadFailed(
        _ text: String, now: Int64, effects: inout [UpstreamEffect]
    ) {
        guard state == .loading || state == .receivingSnapshot else { return }
        fail(.snapshot(text), now: now, effects: &effects)
    }

    mutating func enterOnline(now: Int64) {
        guard let position else { preconditionFailure("online without a position") }
        state = .online
        scanner = StreamScanner(database: position.database, acceptsLines: peer != nil)
        retry.succeeded()
        refusal = nil
        failure = nil
        downSince = nil
        staleSince = nil
        receivedAt = now
    }
}
