// What a node answers to PSYNC <id> <offset>, in the order of the checks:
//
//   1. A fourth argument FAILOVER makes a replica with that very history the master first.
//   2. The bytes from `offset` on are in our history and at hand: continue.
//   3. We follow somebody and the replica is ahead of us in our own history: not now. We shall
//      have those bytes in a moment; a full sync would throw them away.
//   4. We are in the middle of a handover, or we follow somebody and the link is down: not now.
//   5. Otherwise: a snapshot.
//
// Step 2 before step 4 is ours: other servers refuse while their own link is down, which takes
// whole subtrees down with the top of the tree. The reply is legal protocol.

public import Bytes
public import Log

/// The stretch of history a node can serve.
public struct StreamHistory: Equatable, Sendable {
    /// The current history.
    public var id: ReplicationID
    /// The history before the last promotion; `.none` without one.
    public var secondID: ReplicationID
    /// Last offset a replica may ask for under `secondID`: the first byte the new history wrote,
    /// that is one more than the last byte both share. -1 without a second id.
    public var secondOffset: Int64
    /// Number of the last byte.
    public var offset: Int64
    /// Number of the oldest byte that can be read; nil when nothing is kept.
    public var firstOffset: Int64?

    /// A stretch of history.
    public init(
        id: ReplicationID, secondID: ReplicationID = .none, secondOffset: Int64 = -1,
        offset: Int64, firstOffset: Int64?
    ) {
        self.id = id
        self.secondID = secondID
        self.secondOffset = secondOffset
        self.offset = offset
        self.firstOffset = firstOffset
    }
}

/// The part a node plays when it is asked for the stream.
public enum ServingRole: Equatable, Sendable {
    /// Writes the history itself.
    case master
    /// Follows somebody; `isLinked` when the link to it is online.
    case replica(isLinked: Bool)
    /// Hands its role over and waits for the outcome.
    case handingOver
}

/// The arguments of PSYNC.
public struct ResyncRequest: Equatable, Sendable {
    /// The history; nil for `?`, a full sync on purpose, and for ids that cannot be ours.
    public var id: ReplicationID?
    /// Whether the id was `?`.
    public var asksForSnapshot: Bool
    /// First byte wanted.
    public var offset: Int64
    /// Whether the fourth argument was FAILOVER.
    public var takesOver: Bool

    /// A request.
    public init(id: ReplicationID?, offset: Int64, takesOver: Bool = false) {
        self.id = id
        self.offset = offset
        self.takesOver = takesOver
        asksForSnapshot = id == nil
    }

    /// The request in the arguments of PSYNC, the name at index 0; nil for a syntax error.
    public init?(_ arguments: ByteSliceView) {
        guard arguments.count == 3 || arguments.count == 4,
            let offset = WireText.integer(arguments[2])
        else { return nil }
        self.init(id: ReplicationID(arguments[1]), offset: offset)
        asksForSnapshot = arguments[1] == "?"
        if arguments.count == 4 {
            guard arguments[3].equalsIgnoringCase("failover") else { return nil }
            takesOver = true
        }
    }
}

/// Why a replica gets a snapshot.
public enum FullSyncReason: Equatable, Sendable {
    /// It asked for one, or does not speak PSYNC.
    case requested
    /// It names a history that is not ours.
    case otherHistory
    /// Its position lies behind the point where the two histories parted.
    case diverged
    /// The bytes are no longer kept.
    case tooOld
    /// It asks for bytes that do not exist yet.
    case ahead

    /// The reason in words, for logs.
    public var text: String {
        switch self {
        case .requested: "a full sync was requested"
        case .otherHistory: "the replication id is not ours"
        case .diverged: "the replica went on after the histories parted"
        case .tooOld: "the bytes asked for are no longer kept"
        case .ahead: "the offset asked for does not exist"
        }
    }
}

/// The answer to PSYNC.
public enum ResyncDecision: Equatable, Sendable {
    /// Go on with the byte asked for.
    case resume(from: Int64)
    /// Send a snapshot.
    case fullSync(FullSyncReason)
    /// An error reply, without the leading minus.
    case refuse(String)

    /// Decides on `request`. A request that takes over is decided when the node has become the
    /// master; before that, `mayTakeOver` tells whether it may.
    public static func decide(
        _ request: ResyncRequest, history: StreamHistory, role: ServingRole
    ) -> ResyncDecision {
        let reason: FullSyncReason
        if request.id == history.id {
            if let decision = range(request.offset, history) { return decision }
            if case .replica = role, request.offset > history.offset + 1 {
                return .refuse("NOMASTERLINK Can't SYNC while behind the replica that asks")
            }
            reason = request.offset > history.offset + 1 ? .ahead : .tooOld
        } else if let id = request.id, id == history.secondID, id != .none {
            if request.offset > history.secondOffset {
                reason = .diverged
            } else if let decision = range(request.offset, history) {
                return decision
            } else {
                reason = .tooOld
            }
        } else {
            reason = request.asksForSnapshot ? .requested : .otherHistory
        }
        switch role {
        case .handingOver:
            return .refuse("NOMASTERLINK Can't SYNC while failover is in progress")
        case .replica(isLinked: false):
            return .refuse("NOMASTERLINK Can't SYNC while not connected with my master")
        case .master, .replica(isLinked: true):
            return .fullSync(reason)
        }
    }

    /// Both ends are inclusive: the byte after the last one is a fine place to go on.
    private static func range(_ offset: Int64, _ history: StreamHistory) -> ResyncDecision? {
        guard let first = history.firstOffset, offset >= first, offset <= history.offset + 1
        else { return nil }
        return .resume(from: offset)
    }

    /// Whether `PSYNC … FAILOVER` may make this node the master; otherwise the error reply.
    public static func mayTakeOver(
        _ request: ResyncRequest, history: StreamHistory, role: ServingRole
    ) -> String? {
        guard case .replica = role else {
            return "ERR PSYNC FAILOVER can't be sent to a master."
        }
        return request.id == history.id
            ? nil : "ERR PSYNC FAILOVER replid must match my replid."
    }
}
