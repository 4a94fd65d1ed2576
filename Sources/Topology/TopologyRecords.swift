// What survives a restart of the coordinator. Field names are a stored format: add fields with
// a default when decoding, never rename one.

public import ControlModel

/// The durable part of a cluster.
public struct ClusterRecord: Codable, Hashable, Sendable {
    /// Identity that the nodes carry.
    public var clusterID: String
    /// The wanted state, nodes included.
    public var spec: ClusterSpec
    /// Grows with each change of the spec.
    public var generation: Int64
    /// Generation of each node's registration.
    public var nodeGenerations: [String: Int64]
    /// When it was created.
    public var createdAt: Timestamp
    /// When the spec was last changed.
    public var updatedAt: Timestamp
    /// Epoch of the last decision about the master; only grows.
    public var epoch: Int64
    /// The assigned master.
    public var master: String?
    /// Intended upstream of each node of the tree but the master.
    public var edges: [String: String]
    /// Replication ids that the data have had, oldest first: tells our data from foreign ones.
    public var lineage: [String]
    /// Times of automatic failovers, oldest first: what the hourly budget counts.
    public var recoveries: [Timestamp]
    /// Stream offset at which the current master was promoted, to tell what a returning former
    /// master has that was lost.
    public var promotedOffset: Int64?
    /// Automation is paused.
    public var maintenance: Maintenance?

    var name: String { spec.name }
    var nodes: [NodeSpec] { spec.nodes ?? [] }

    func nodeSpec(_ id: String) -> NodeSpec? { nodes.first { $0.node == id } }
}

/// The durable part of an operation.
public struct OperationRecord: Codable, Hashable, Sendable {
    /// What people see of it.
    public var operation: Operation
    /// Where its machine stands.
    public var phase: OperationPhase
    /// Tree that it works towards.
    public var goal: Goal

    /// The tree at the end of an operation.
    public struct Goal: Codable, Hashable, Sendable {
        /// Its master.
        public var master: String?
        /// Its edges, from a node to its upstream.
        public var edges: [String: String]
    }
}

/// Where the machine of an operation stands.
public enum OperationPhase: Codable, Hashable, Sendable {
    /// First assignment: waits until the nodes are seen and the root is fit.
    case assigning
    /// Switchover: waits until the target is close enough. Ends by the pause, or by a limit.
    case prechecking(Switch)
    /// Switchover: the pause was ordered. Ends by the answer.
    case pausing(Switch)
    /// Switchover: writes are paused, the target catches up. Ends by its answer or a limit.
    case catchingUp(Switch, offset: Int64)
    /// The new epoch is stored, the promotion is ordered. Ends by the answer.
    case promoting(Promotion)
    /// Rollback before a new epoch: writes are resumed. Ends by the answer.
    case resuming(Switch, Problem)
    /// The master stands; the others are wired. Ends when all reachable nodes are in place.
    case converging
    /// Nodes that leave are told to forget their identity. Ends when all did, or by a limit.
    case releasing(nodes: [NodeSpec], removesCluster: Bool)

    /// Who hands over to whom.
    public struct Switch: Codable, Hashable, Sendable {
        /// Master before.
        public var from: String
        /// Master after.
        public var to: String
        /// Longest pause of writes.
        public var maxPauseMilliseconds: Int64
    }

    /// A promotion under way.
    public struct Promotion: Codable, Hashable, Sendable {
        /// Node to promote.
        public var node: String
        /// Master before, if there was one.
        public var from: String?
        /// The old master works and is paused: going back is possible.
        public var planned: Bool
        /// This promotion reinstates the old master; the operation fails afterwards.
        public var rollback: Problem?
        /// Nodes that were tried before and did not take the order.
        public var tried: [String]
    }
}

/// Numbers that only grow.
public struct TopologyCounters: Codable, Hashable, Sendable {
    /// Last event.
    public var event: Int64 = 0
    /// Last operation.
    public var operation: Int64 = 0

    /// Creates counters at zero.
    public init() {}
}

/// Everything the decision core needs to go on after a restart.
public struct TopologyRecords: Hashable, Sendable {
    /// All clusters.
    public var clusters: [ClusterRecord]
    /// Running operations, and recent ended ones.
    public var operations: [OperationRecord]
    /// Counters.
    public var counters: TopologyCounters

    /// Creates records; empty for a first start.
    public init(
        clusters: [ClusterRecord] = [], operations: [OperationRecord] = [],
        counters: TopologyCounters = TopologyCounters()
    ) {
        self.clusters = clusters
        self.operations = operations
        self.counters = counters
    }
}
