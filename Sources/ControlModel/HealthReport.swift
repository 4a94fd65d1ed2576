// What a data node answers on `GET /health` of its control port, and what the decision core
// knows about a node. Kept near one KB: it is sent ten times a second.

/// What a node is in the tree.
public enum NodeRole: String, Codable, Hashable, Sendable {
    /// Accepts writes (when it has the right to) and has no upstream.
    case master
    /// Follows an upstream.
    case replica
}

/// State of a replica's link to its upstream.
public enum LinkState: String, Codable, Hashable, Sendable {
    /// A master has no upstream link.
    case none
    /// Not connected; a connection may be in progress.
    case connecting
    /// Connected, the handshake is not finished.
    case handshake
    /// A full synchronisation is being received or loaded.
    case syncing
    /// The stream is being followed.
    case connected
}

/// The state of one data node as it reports it. Offsets are positions in the replication
/// stream: the number of the last byte.
public struct HealthReport: Codable, Hashable, Sendable {
    /// The upstream a replica follows or tries to follow.
    public struct Upstream: Codable, Hashable, Sendable {
        /// Identity announced by the upstream in the handshake; nil before and for foreign peers.
        public var nodeID: String?
        /// Host as configured.
        public var host: String
        /// Data port as configured.
        public var port: Int

        /// Creates an upstream description.
        public init(nodeID: String? = nil, host: String, port: Int) {
            self.nodeID = nodeID
            self.host = host
            self.port = port
        }
    }

    /// One replica attached below this node.
    public struct Replica: Codable, Hashable, Sendable {
        /// Identity announced in the handshake; nil for foreign peers.
        public var nodeID: String?
        /// Address as the node sees it or as announced.
        public var address: String
        /// Announced data port.
        public var port: Int
        /// Last acknowledged stream offset.
        public var ackedOffset: Int64
        /// Milliseconds since the last acknowledgement.
        public var lastAckAgeMilliseconds: Int64
        /// State as in ROLE and INFO: `wait_bgsave`, `send_bulk` or `online`.
        public var state: String

        /// Creates a replica description.
        public init(
            nodeID: String? = nil, address: String, port: Int, ackedOffset: Int64,
            lastAckAgeMilliseconds: Int64, state: String
        ) {
            self.nodeID = nodeID
            self.address = address
            self.port = port
            self.ackedOffset = ackedOffset
            self.lastAckAgeMilliseconds = lastAckAgeMilliseconds
            self.state = state
        }
    }

    /// Progress of the engine's loop: tells a busy node from a dead one.
    public struct Heartbeat: Codable, Hashable, Sendable {
        /// Turns of the engine's loop since the start. It grows at least ten times a second.
        public var ticks: Int64
        /// How long the current command or turn has been running; 0 while the loop waits.
        public var currentCommandAgeMilliseconds: Int64

        /// Creates a heartbeat.
        public init(ticks: Int64, currentCommandAgeMilliseconds: Int64) {
            self.ticks = ticks
            self.currentCommandAgeMilliseconds = currentCommandAgeMilliseconds
        }
    }

    /// What the node holds.
    public struct Dataset: Codable, Hashable, Sendable {
        /// Keys over all databases.
        public var keys: Int64
        /// Unix time in seconds of the last successful save; 0 when there was none.
        public var lastSave: Int64
        /// `none`, `rdb` or `aof`: what survives a restart.
        public var persistence: String
        /// True when the node began without data and without a history, and has neither been made
        /// master since nor taken over the data of an upstream: whatever it holds came later.
        /// Missing otherwise.
        public var startedEmpty: Bool?

        /// Creates a description of the data.
        public init(
            keys: Int64, lastSave: Int64, persistence: String, startedEmpty: Bool? = nil
        ) {
            self.keys = keys
            self.lastSave = lastSave
            self.persistence = persistence
            self.startedEmpty = startedEmpty
        }
    }

    /// Durable identity given by the first order; nil on a node that no one manages.
    public var nodeID: String?
    /// Durable cluster identity given by the first order; nil on a node that no one manages.
    public var clusterID: String?
    /// Random text drawn at each start of the process (the run id).
    public var bootID: String
    /// Role now.
    public var role: NodeRole
    /// Highest epoch ever accepted; durable; 0 on a node that no one manages.
    public var epoch: Int64
    /// Remaining write right; nil while leases are not in use.
    public var leaseRemainingMilliseconds: Int64?
    /// Current replication id (40 hexadecimal digits).
    public var replicationID: String
    /// Former replication id, valid up to the switch; nil when there is none.
    public var secondReplicationID: String?
    /// Last byte of the stream that is applied here.
    public var offset: Int64
    /// First stream offset that can be served to a replica; 0 when nothing can.
    public var backlogFirst: Int64
    /// Last stream offset that can be served to a replica.
    public var backlogLast: Int64
    /// Upstream of a replica; nil on a master.
    public var upstream: Upstream?
    /// State of the upstream link; `none` on a master.
    public var linkState: LinkState
    /// Milliseconds since anything arrived from the upstream, heartbeats included; -1 never.
    public var lastByteAgeMilliseconds: Int64
    /// Replicas attached here.
    public var replicas: [Replica]
    /// A data set is being loaded from disk.
    public var loading: Bool
    /// A full synchronisation from the upstream is running.
    public var syncing: Bool
    /// Progress of the engine.
    public var loop: Heartbeat
    /// What is stored.
    public var dataset: Dataset
    /// The node's monotonic clock at the answer.
    public var clockMilliseconds: Int64
    /// Bytes used by the store.
    public var usedMemory: Int64
    /// Writes are paused by an order.
    public var paused: Bool

    /// Creates a report; see the properties for units.
    public init(
        nodeID: String?, clusterID: String?, bootID: String, role: NodeRole, epoch: Int64,
        leaseRemainingMilliseconds: Int64? = nil, replicationID: String,
        secondReplicationID: String? = nil, offset: Int64, backlogFirst: Int64,
        backlogLast: Int64, upstream: Upstream? = nil, linkState: LinkState = .none,
        lastByteAgeMilliseconds: Int64 = -1, replicas: [Replica] = [], loading: Bool = false,
        syncing: Bool = false, loop: Heartbeat, dataset: Dataset, clockMilliseconds: Int64,
        usedMemory: Int64, paused: Bool = false
    ) {
        self.nodeID = nodeID
        self.clusterID = clusterID
        self.bootID = bootID
        self.role = role
        self.epoch = epoch
        self.leaseRemainingMilliseconds = leaseRemainingMilliseconds
        self.replicationID = replicationID
        self.secondReplicationID = secondReplicationID
        self.offset = offset
        self.backlogFirst = backlogFirst
        self.backlogLast = backlogLast
        self.upstream = upstream
        self.linkState = linkState
        self.lastByteAgeMilliseconds = lastByteAgeMilliseconds
        self.replicas = replicas
        self.loading = loading
        self.syncing = syncing
        self.loop = loop
        self.dataset = dataset
        self.clockMilliseconds = clockMilliseconds
        self.usedMemory = usedMemory
        self.paused = paused
    }
}
