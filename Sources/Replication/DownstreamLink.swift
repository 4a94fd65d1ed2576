// One attached replica, as its upstream sees it.
//
//   PSYNC ─► decide ──resume─────────────────────────────────────────► online
//               └─full─► waitingForSnapshot ─► sendingSnapshot ─┬─ length ─► online
//                          "\n" each second      file bytes     └─ mark ─► waitingForAnswer
//                                                                            first ACK ─► online
//
// The machine says what to send and from which offset to feed; the owner moves the bytes: the
// snapshot from its file, the stream from the log, each at the pace the socket takes them. So no
// link ever holds a buffer that grows, and a link costs the same at any lag.
//
// Source: replication-wire reference §5–§9.

public import Bytes
public import Log

/// Why a link to a replica ends.
public enum DownstreamFailure: Equatable, Sendable {
    /// No acknowledgement, or no byte taken by the socket, for `repl-timeout`.
    case timeout
    /// The snapshot could not be made.
    case snapshotFailed
    /// The bytes the replica still needs are no longer kept.
    case fellBehind
    /// The snapshot was all it asked for, and it has it.
    case complete
    /// The history changed and the replica must learn the new id.
    case historyChanged
    /// The socket was closed.
    case disconnected
    /// The peer may not attach: the reason.
    case refused(String)
    /// It sent a command that wants an answer, which would stand in the stream: the name.
    case answerWanted(String)

    /// The reason in words, for logs.
    public var text: String {
        switch self {
        case .timeout: "it did not answer or read for repl-timeout"
        case .snapshotFailed: "the snapshot could not be made"
        case .fellBehind: "it lacks bytes that are no longer kept"
        case .complete: "it has what it asked for"
        case .historyChanged: "it must learn the new history"
        case .disconnected: "its connection is closed"
        case .refused(let why): why
        case .answerWanted(let name):
            "Replica generated a reply to command '\(name)', disconnecting it"
        }
    }

    /// Whether somebody should look at it.
    public var isWarning: Bool {
        switch self {
        case .timeout, .fellBehind, .answerWanted: true
        case .snapshotFailed, .complete, .historyChanged, .disconnected, .refused: false
        }
    }
}

/// What the owner of a link to a replica has to do, in order.
public enum DownstreamEffect: Equatable, Sendable {
    /// Write these bytes.
    case send([UInt8])
    /// Ask for a snapshot; answer with `snapshotReady` or `snapshotFailed`.
    case requestSnapshot
    /// Write the whole snapshot behind the header just sent; then call `snapshotSent`.
    case sendSnapshot
    /// From now on write the stream from this offset on.
    case feed(from: Int64)
    /// Become the master before the link goes on: `PSYNC … FAILOVER`; then call `tookOver`.
    case takeOver
    /// The acknowledged offset moved.
    case acknowledged
    /// Close the connection.
    case close(DownstreamFailure)
}

/// How a snapshot is delimited on the wire.
public enum SnapshotFraming: Equatable, Sendable {
    /// `$<length>`: the bytes are counted.
    case length(Int64)
    /// `$EOF:<mark>`: the bytes end with 40 random characters.
    case mark([UInt8])

    /// Forty random characters.
    public static func makeMark(using random: inout some RandomNumberGenerator) -> [UInt8] {
        Array(ReplicationID(using: &random).text.utf8)
    }

    /// The header line.
    public var header: [UInt8] {
        switch self {
        case .length(let length): WireText.line("$\(length)")
        case .mark(let mark): Array("$EOF:".utf8) + mark + [0x0D, 0x0A]
        }
    }
}

/// The link to one attached replica.
public struct DownstreamLink: Sendable {
    /// What the link is doing.
    public enum State: Equatable, Sendable {
        /// A connection that has not asked for the stream. Ends with PSYNC or SYNC.
        case attached
        /// A snapshot is being made; newlines keep the link alive. Ends when it is ready.
        case waitingForSnapshot
        /// The snapshot is being written. Ends with its last byte.
        case sendingSnapshot
        /// The mark was written; nothing may follow it until the replica answers.
        case waitingForAnswer
        /// The stream is fed and acknowledged.
        case online
        /// Closed for this reason.
        case closed(DownstreamFailure)
    }

    /// What the link is doing.
    public private(set) var state = State.attached
    /// What the replica announced.
    public private(set) var options = ReplicaOptions()
    /// Last byte the replica applied, by its own word; only grows.
    public private(set) var acknowledgedOffset: Int64 = 0
    /// Last byte the replica has on disk, by its own word; only grows.
    public private(set) var durableOffset: Int64 = 0
    /// When it last acknowledged.
    public private(set) var acknowledgedAt: Int64
    /// The newest heartbeat it echoed.
    public private(set) var echo: Heartbeat?
    /// Why it got a snapshot; nil when it resumed.
    public private(set) var fullSyncReason: FullSyncReason?
    /// Milliseconds of silence after which the link is dropped (`repl-timeout`).
    public var timeoutMilliseconds: Int64

    /// Whether the replica used bare SYNC: no status line, no acknowledgements.
    public private(set) var isBareSync = false
    private var request: ResyncRequest?
    private var framing = SnapshotFraming.length(0)
    private var feedOffset: Int64 = 0
    private var progressAt: Int64
    private var newlineAt: Int64

    /// A link on a connection that has not asked for anything.
    public init(timeoutMilliseconds: Int64, now: Int64) {
        self.timeoutMilliseconds = timeoutMilliseconds
        acknowledgedAt = now
        progressAt = now
        newlineAt = now
    }

    /// Whether a snapshot of unknown length may be sent: the peer understands it and acknowledges
    /// its end.
    public var acceptsMarkedSnapshot: Bool {
        options.acceptsMarkedSnapshot && !isBareSync && !options.wantsSnapshotOnly
    }
    /// Whether the peer may take the snapshot without the stream behind it: it said so, or it is
    /// one of the tools that use bare SYNC and hang up after the file.
    public var mayTakeSnapshotAlone: Bool { options.wantsSnapshotOnly || isBareSync }
    /// Whether the connection has turned into a replica.
    public var isReplica: Bool { state != .attached }
    /// Whether the replica counts for WAIT and `min-replicas-to-write`.
    public var isOnline: Bool { state == .online }

    /// The word INFO shows for the state.
    public var stateText: StaticString {
        switch state {
        case .attached, .waitingForSnapshot: "wait_bgsave"
        case .sendingSnapshot, .waitingForAnswer: "send_bulk"
        case .online, .closed: "online"
        }
    }

    /// A REPLCONF command arrived, the name at index 0; `identity` is our own.
    public mutating func configure(
        _ arguments: ByteSliceView, identity: PeerIdentity, now: Int64,
        effects: inout [DownstreamEffect]
    ) {
        switch options.take(arguments) {
        case .ok: answer(WireText.line("+OK"), effects: &effects)
        case .identity: answer(identity.answer, effects: &effects)
        case .silent: break
        case .error(let text): answer(WireText.line("-" + text), effects: &effects)
        case .acknowledgement(let value): acknowledge(value, now: now, effects: &effects)
        }
    }

    /// Answers REPLCONF, unless that would stand in the stream.
    private mutating func answer(_ line: [UInt8], effects: inout [DownstreamEffect]) {
        guard !isReplica else { return fail(.answerWanted("replconf"), effects: &effects) }
        effects.append(.send(line))
    }

    /// PSYNC or SYNC arrived; `request` is nil for bare SYNC. Ignored on a replica.
    public mutating func attach(
        _ request: ResyncRequest?, history: StreamHistory, role: ServingRole,
        identity: PeerIdentity, now: Int64, effects: inout [DownstreamEffect]
    ) {
        guard state == .attached else { return }
        acknowledgedAt = now
        progressAt = now
        newlineAt = now
        if let own = identity.clusterID, let peer = options.identity?.clusterID, own != peer {
            let text = "this node belongs to cluster \(own), the replica to \(peer)"
            effects.append(.send(WireText.line("-ERR " + text)))
            return
        }
        guard let request else {
            isBareSync = true
            decide(
                ResyncRequest(id: nil, offset: -1), history: history, role: role,
                effects: &effects)
            return
        }
        if request.takesOver {
            // Who is master of a managed tree is decided in one place.
            if identity.clusterID != nil && identity.epoch > 0 {
                let text = "ERR PSYNC FAILOVER is not allowed: a coordinator manages this node"
                effects.append(.send(WireText.line("-" + text)))
                return
            }
            if let problem = ResyncDecision.mayTakeOver(request, history: history, role: role) {
                effects.append(.send(WireText.line("-" + problem)))
                return
            }
            self.request = request
            effects.append(.takeOver)
            return
        }
        decide(request, history: history, role: role, effects: &effects)
    }

    /// The node became the master, as `.takeOver` asked.
    public mutating func tookOver(history: StreamHistory, effects: inout [DownstreamEffect]) {
        guard let request else { preconditionFailure("nobody asked for a takeover") }
        self.request = nil
        decide(request, history: history, role: .master, effects: &effects)
    }

    private mutating func decide(
        _ request: ResyncRequest, history: StreamHistory, role: ServingRole,
        effects: inout [DownstreamEffect]
    ) {
        switch ResyncDecision.decide(request, history: history, role: role) {
        case .resume(let offset):
            let id = options.acceptsHistoryChange ? " " + history.id.text : ""
            effects.append(.send(WireText.line("+CONTINUE" + id)))
            feedOffset = offset
            acknowledgedOffset = max(acknowledgedOffset, offset - 1)
            state = .online
            effects.append(.feed(from: offset))
        case .fullSync(let reason):
            fullSyncReason = reason
            state = .waitingForSnapshot
            effects.append(.requestSnapshot)
        case .refuse(let text):
            effects.append(.send(WireText.line("-" + text)))
        }
    }

    /// The snapshot that was asked for exists; `position` is its cut.
    public mutating func snapshotReady(
        _ position: ReplicationPosition, framing: SnapshotFraming, now: Int64,
        effects: inout [DownstreamEffect]
    ) {
        guard state == .waitingForSnapshot else { return }
        self.framing = framing
        feedOffset = position.offset + 1
        progressAt = now
        state = .sendingSnapshot
        if !isBareSync {
            effects.append(
                .send(WireText.line("+FULLRESYNC \(position.id.text) \(position.offset)")))
        }
        effects.append(.send(framing.header))
        effects.append(.sendSnapshot)
    }

    /// The snapshot could not be made.
    public mutating func snapshotFailed(effects: inout [DownstreamEffect]) {
        guard state == .waitingForSnapshot || state == .sendingSnapshot else { return }
        fail(.snapshotFailed, effects: &effects)
    }

    /// The last byte of the snapshot was handed to the socket.
    public mutating func snapshotSent(now: Int64, effects: inout [DownstreamEffect]) {
        precondition(state == .sendingSnapshot, "no snapshot was being sent")
        acknowledgedAt = now
        if case .mark(let mark) = framing {
            effects.append(.send(mark))
            state = .waitingForAnswer
        } else if options.wantsSnapshotOnly {
            fail(.complete, effects: &effects)
        } else {
            state = .online
            effects.append(.feed(from: feedOffset))
        }
    }

    /// The socket took bytes.
    public mutating func progressed(now: Int64) { progressAt = now }

    /// The replica sent a lone newline: it is busy loading, and alive.
    public mutating func receivedNewline(now: Int64) { acknowledgedAt = now }

    private mutating func acknowledge(
        _ value: Acknowledgement, now: Int64, effects: inout [DownstreamEffect]
    ) {
        guard isReplica else { return }
        acknowledgedAt = now
        if let heartbeat = value.heartbeat { echo = heartbeat }
        durableOffset = max(durableOffset, value.durableOffset ?? 0)
        acknowledgedOffset = max(acknowledgedOffset, value.offset)
        if state == .waitingForAnswer {
            if options.wantsSnapshotOnly {
                fail(.complete, effects: &effects)
                return
            }
            state = .online
            effects.append(.feed(from: feedOffset))
        }
        effects.append(.acknowledged)
    }

    /// Time passed.
    public mutating func tick(now: Int64, effects: inout [DownstreamEffect]) {
        switch state {
        case .attached, .closed: return
        case .waitingForSnapshot:
            guard now - newlineAt >= ReplicationLimits.newlinePeriodMilliseconds else { return }
            newlineAt = now
            effects.append(.send([0x0A]))
        case .sendingSnapshot:
            if now - progressAt > timeoutMilliseconds { fail(.timeout, effects: &effects) }
        case .waitingForAnswer, .online:
            // A peer that used bare SYNC never acknowledges: only its socket can be judged.
            if isBareSync { return }
            if now - acknowledgedAt > timeoutMilliseconds { fail(.timeout, effects: &effects) }
        }
    }

    /// Ends the link for `reason`.
    public mutating func fail(_ reason: DownstreamFailure, effects: inout [DownstreamEffect]) {
        if case .closed = state { return }
        state = .closed(reason)
        effects.append(.close(reason))
    }
}
