// Long actions. Each one ends in succeeded, failed or cancelled, also across a restart of the
// coordinator.

/// What an operation does.
public enum OperationKind: String, Codable, Hashable, Sendable, CaseIterable {
    /// Wires the wanted tree: first assignment of the master, moves, a switchover if needed.
    case applyTopology
    /// Planned change of the master, without loss.
    case switchover
    /// Forced change of the master.
    case failover
    /// Orphans of a dead intermediate node get a new upstream.
    case reparent
    /// Nodes forget their identity and the records go.
    case release
}

/// How far an operation is.
public enum OperationState: String, Codable, Hashable, Sendable, CaseIterable {
    /// Steps are being worked on.
    case running
    /// Done and verified.
    case succeeded
    /// Ended without reaching its goal; the problem says why.
    case failed
    /// Given up on request or superseded by a more urgent one.
    case cancelled
}

/// One step of an operation.
public struct OperationStep: Codable, Hashable, Sendable {
    /// How far a step is.
    public enum State: String, Codable, Hashable, Sendable {
        /// Not begun.
        case pending
        /// Being worked on.
        case running
        /// Done.
        case succeeded
        /// Did not work.
        case failed
        /// Not needed.
        case skipped
    }

    /// Name, for example `pauseWrites`.
    public var name: String
    /// How far it is.
    public var state: State
    /// What was decided or found, with the reason.
    public var detail: String?
    /// When it began.
    public var startedAt: Timestamp?
    /// When it ended.
    public var endedAt: Timestamp?

    /// Creates a step.
    public init(
        name: String, state: State = .pending, detail: String? = nil, startedAt: Timestamp? = nil,
        endedAt: Timestamp? = nil
    ) {
        self.name = name
        self.state = state
        self.detail = detail
        self.startedAt = startedAt
        self.endedAt = endedAt
    }
}

/// A long action with its steps.
public struct Operation: Codable, Hashable, Sendable {
    /// Identity, `op-` and a number.
    public var id: String
    /// What it does.
    public var kind: OperationKind
    /// Cluster it works on.
    public var cluster: String
    /// How far it is.
    public var state: OperationState
    /// Its steps in order.
    public var steps: [OperationStep]
    /// Why it was begun: the operator's words, or the evidence.
    public var reason: String
    /// Who asked: an actor's name, or `coordinator`.
    public var requestedBy: String
    /// Identity of the request, if there was one.
    public var requestID: String?
    /// When it began.
    public var createdAt: Timestamp
    /// When it ended.
    public var endedAt: Timestamp?
    /// Master when it ended or, while it runs, the one it works towards.
    public var master: String?
    /// Epoch of its decision.
    public var epoch: Int64?
    /// Bytes of the stream known to the old master and not to the new one, at most.
    public var lostBytesMax: Int64?
    /// Milliseconds for which writes were paused.
    public var writePauseMilliseconds: Int64?
    /// Why it failed or was cancelled.
    public var problem: Problem?
    /// Whether everything is as it was before; set when it failed or was cancelled.
    public var rolledBack: Bool?
    /// Things to know about what was asked for; nil when there are none.
    public var warnings: [String]?

    /// Creates an operation that runs.
    public init(
        id: String, kind: OperationKind, cluster: String, steps: [OperationStep], reason: String,
        requestedBy: String, requestID: String?, createdAt: Timestamp
    ) {
        self.id = id
        self.kind = kind
        self.cluster = cluster
        state = .running
        self.steps = steps
        self.reason = reason
        self.requestedBy = requestedBy
        self.requestID = requestID
        self.createdAt = createdAt
    }

    /// Whether it has ended.
    public var hasEnded: Bool { state != .running }
}

/// What an action would do: the answer to a dry run.
public struct Plan: Codable, Hashable, Sendable {
    /// One edge that would change.
    public struct EdgeChange: Codable, Hashable, Sendable {
        /// How the node gets the data of its new upstream.
        public enum Resync: String, Codable, Hashable, Sendable {
            /// Nothing has to be transferred: it becomes the master.
            case none
            /// The missing part of the stream is in the new upstream's backlog.
            case partial
            /// The whole data set is transferred.
            case full
            /// Not enough is known.
            case unknown
        }

        /// Node that moves.
        public var node: String
        /// Upstream before; nil: none.
        public var from: String?
        /// Upstream after; nil: it becomes the master.
        public var to: String?
        /// What the move costs.
        public var resync: Resync

        /// Creates a change.
        public init(node: String, from: String?, to: String?, resync: Resync) {
            self.node = node
            self.from = from
            self.to = to
            self.resync = resync
        }
    }

    /// Kind of operation that would run; nil when nothing would have to be done.
    public var kind: OperationKind?
    /// Its steps.
    public var steps: [OperationStep]
    /// Edges that would change.
    public var edges: [EdgeChange]
    /// Master afterwards.
    public var master: String?
    /// Bytes that could be lost, at most; 0 for planned actions.
    public var lostBytesMax: Int64
    /// Things to know before doing it.
    public var warnings: [String]

    /// Creates a plan.
    public init(
        kind: OperationKind?, steps: [OperationStep], edges: [EdgeChange], master: String?,
        lostBytesMax: Int64 = 0, warnings: [String] = []
    ) {
        self.kind = kind
        self.steps = steps
        self.edges = edges
        self.master = master
        self.lostBytesMax = lostBytesMax
        self.warnings = warnings
    }
}
