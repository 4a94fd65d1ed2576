// What the coordinator knows about a cluster: the spec, and what is observed against it.

/// Judgement of one node from its probes.
public enum NodeVerdict: String, Codable, Hashable, Sendable {
    /// Not probed yet since the coordinator started.
    case unknown
    /// Answers and works.
    case up
    /// Answers while it loads its data.
    case loading
    /// Answers on its control port while its engine stands still.
    case busy
    /// Probes fail, but not for long enough.
    case suspect
    /// Probes have failed for the deadline.
    case down
    /// Another node, or a node of another cluster, answers at this address.
    case foreign
}

/// A registered node and its state.
public struct NodeState: Codable, Hashable, Sendable {
    /// As registered.
    public var spec: NodeSpec
    /// Grows with each change of the registration; the entity tag of the node.
    public var generation: Int64
    /// Judgement from the probes.
    public var verdict: NodeVerdict
    /// Why, in words: the last failure, the identity found, the command that runs.
    public var reason: String?
    /// Last time it answered.
    public var lastSeen: Timestamp?
    /// Upstream that the coordinator currently intends; nil for the master and spare nodes.
    public var intendedUpstream: String?
    /// Registered node that it follows now, if it follows one.
    public var observedUpstream: String?
    /// Bytes behind the master's last reported offset; nil when unknown or not comparable.
    public var lagBytes: Int64?
    /// Last health report.
    public var health: HealthReport?

    /// Creates a node state.
    public init(
        spec: NodeSpec, generation: Int64, verdict: NodeVerdict, reason: String? = nil,
        lastSeen: Timestamp? = nil, intendedUpstream: String? = nil,
        observedUpstream: String? = nil, lagBytes: Int64? = nil, health: HealthReport? = nil
    ) {
        self.spec = spec
        self.generation = generation
        self.verdict = verdict
        self.reason = reason
        self.lastSeen = lastSeen
        self.intendedUpstream = intendedUpstream
        self.observedUpstream = observedUpstream
        self.lagBytes = lagBytes
        self.health = health
    }
}

/// A node of the observed tree with what hangs below it.
public struct ObservedTree: Codable, Hashable, Sendable {
    /// Identity of the node.
    public var node: String
    /// Role that it reports; nil when it has not answered.
    public var role: NodeRole?
    /// Judgement from the probes.
    public var verdict: NodeVerdict
    /// State of its upstream link; nil when it has not answered.
    public var linkState: LinkState?
    /// Bytes behind the master; nil when unknown.
    public var lagBytes: Int64?
    /// Nodes that follow it.
    public var replicas: [ObservedTree]

    /// Creates a tree.
    public init(
        node: String, role: NodeRole?, verdict: NodeVerdict, linkState: LinkState?,
        lagBytes: Int64?, replicas: [ObservedTree] = []
    ) {
        self.node = node
        self.role = role
        self.verdict = verdict
        self.linkState = linkState
        self.lagBytes = lagBytes
        self.replicas = replicas
    }
}

/// One edge that is not as the spec wants it.
public struct TopologyDifference: Codable, Hashable, Sendable {
    /// Node below the edge.
    public var node: String
    /// Upstream in the spec; nil: it should be the master.
    public var desiredUpstream: String?
    /// Upstream observed; nil: it has none.
    public var observedUpstream: String?
    /// Why it differs.
    public var reason: String

    /// Creates a difference.
    public init(node: String, desiredUpstream: String?, observedUpstream: String?, reason: String) {
        self.node = node
        self.desiredUpstream = desiredUpstream
        self.observedUpstream = observedUpstream
        self.reason = reason
    }
}

/// Something an operator should know: a named analysis with its evidence.
public struct Finding: Codable, Hashable, Sendable {
    /// How much it matters.
    public enum Severity: String, Codable, Hashable, Sendable {
        /// For information.
        case info
        /// Redundancy or shape suffers.
        case warning
        /// Writes or data are at risk.
        case critical
    }

    /// Name such as `MasterDead`, `MasterUnreachableByCoordinator`, `FailoverBlocked`.
    public var code: String
    /// How much it matters.
    public var severity: Severity
    /// Node it is about; nil: the cluster.
    public var node: String?
    /// Evidence, and why an action is or is not taken.
    public var detail: String
    /// Since when.
    public var since: Timestamp
    /// Until when an action is blocked, where that is known.
    public var until: Timestamp?

    /// Creates a finding.
    public init(
        code: String, severity: Severity, node: String? = nil, detail: String, since: Timestamp,
        until: Timestamp? = nil
    ) {
        self.code = code
        self.severity = severity
        self.node = node
        self.detail = detail
        self.since = since
        self.until = until
    }
}

/// A cluster with everything known about it.
public struct ClusterState: Codable, Hashable, Sendable {
    /// Durable identity that the nodes carry.
    public var clusterID: String
    /// The wanted state, `nodes` and `topology` filled in.
    public var spec: ClusterSpec
    /// Grows with each change of the spec; the entity tag of cluster and topology.
    public var generation: Int64
    /// When it was created.
    public var createdAt: Timestamp
    /// When the spec was last changed.
    public var updatedAt: Timestamp
    /// Epoch of the last decision about the master.
    public var epoch: Int64
    /// The assigned master; nil before the first assignment.
    public var master: String?
    /// Registered nodes with their state, in the order of their identities.
    public var nodes: [NodeState]
    /// Observed trees: the master's first, then nodes that are attached nowhere.
    public var observed: [ObservedTree]
    /// Edges that are not as the spec wants them.
    public var differences: [TopologyDifference]
    /// Whether every node of the tree is up and in its intended place, connected and at the epoch.
    /// After a failover the intended tree need not be the declared one: see `differences`.
    public var converged: Bool
    /// What an operator should know.
    public var findings: [Finding]
    /// Automation is paused.
    public var maintenance: Maintenance?
    /// Operation that is running now.
    public var operation: String?

    /// Creates a cluster state.
    public init(
        clusterID: String, spec: ClusterSpec, generation: Int64, createdAt: Timestamp,
        updatedAt: Timestamp, epoch: Int64, master: String?, nodes: [NodeState],
        observed: [ObservedTree], differences: [TopologyDifference], converged: Bool,
        findings: [Finding], maintenance: Maintenance?, operation: String?
    ) {
        self.clusterID = clusterID
        self.spec = spec
        self.generation = generation
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.epoch = epoch
        self.master = master
        self.nodes = nodes
        self.observed = observed
        self.differences = differences
        self.converged = converged
        self.findings = findings
        self.maintenance = maintenance
        self.operation = operation
    }
}
