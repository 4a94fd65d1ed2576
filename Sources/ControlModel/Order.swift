// Orders of the coordinator to a data node (`POST /orders` on its control port) and the
// node's answers. A node checks, in this order: the secret, the identity, the epoch.
//
//   identity   a node without identity adopts clusterID and nodeID durably; another identity
//              than the stored one is refused with code IDENTITY_MISMATCH (409)
//   epoch      lower than the stored one is refused with code STALE_EPOCH (409); a higher one
//              is stored durably before the order takes effect
//   repeat     an order that is already fulfilled is accepted again and changes nothing

/// One instruction to a node.
public struct Order: Codable, Hashable, Sendable {
    /// What the node has to do.
    public enum Kind: Hashable, Sendable {
        /// Become (or stay) master: a promotion starts a new history of the stream.
        case master
        /// Follow this node.
        case replica(of: Upstream)
        /// Stop accepting writes and hold them back; ends by `resume`, by any role order, or on
        /// its own after the given time. The answer carries the offset at which writes stopped.
        case pause(maximumMilliseconds: Int64)
        /// Accept writes again.
        case resume
        /// Forget cluster and node identity and the epoch; the role stays. Sent when a node is
        /// taken out of its cluster.
        case release
    }

    /// The node that a replica has to follow.
    public struct Upstream: Codable, Hashable, Sendable {
        /// Identity that the upstream has to announce in the handshake.
        public var nodeID: String
        /// Numeric address or name, as other nodes reach it.
        public var host: String
        /// Data port.
        public var port: Int

        /// Creates an upstream.
        public init(nodeID: String, host: String, port: Int) {
            self.nodeID = nodeID
            self.host = host
            self.port = port
        }
    }

    /// Cluster the receiver has to belong to.
    public var clusterID: String
    /// Node the receiver has to be.
    public var nodeID: String
    /// Epoch of the decision; never lower than one that the node has seen.
    public var epoch: Int64
    /// What to do.
    public var kind: Kind

    /// Creates an order.
    public init(clusterID: String, nodeID: String, epoch: Int64, kind: Kind) {
        self.clusterID = clusterID
        self.nodeID = nodeID
        self.epoch = epoch
        self.kind = kind
    }

    private enum Key: String, CodingKey {
        case clusterID, nodeID, epoch, kind, upstream, maximumMilliseconds
    }

    /// Decodes `{"clusterID","nodeID","epoch","kind":"master|replica|pause|resume|release"}`
    /// with `upstream` for `replica` and `maximumMilliseconds` for `pause`.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        clusterID = try values.decode(String.self, forKey: .clusterID)
        nodeID = try values.decode(String.self, forKey: .nodeID)
        epoch = try values.decode(Int64.self, forKey: .epoch)
        switch try values.decode(String.self, forKey: .kind) {
        case "master": kind = .master
        case "replica": kind = .replica(of: try values.decode(Upstream.self, forKey: .upstream))
        case "pause":
            let limit = try values.decode(Int64.self, forKey: .maximumMilliseconds)
            kind = .pause(maximumMilliseconds: limit)
        case "resume": kind = .resume
        case "release": kind = .release
        case let other:
            throw DecodingError.dataCorruptedError(
                forKey: .kind, in: values, debugDescription: "unknown kind of order '\(other)'")
        }
    }

    /// Encodes the form that `init(from:)` reads.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(clusterID, forKey: .clusterID)
        try values.encode(nodeID, forKey: .nodeID)
        try values.encode(epoch, forKey: .epoch)
        try values.encode(kind.name, forKey: .kind)
        switch kind {
        case .replica(let upstream): try values.encode(upstream, forKey: .upstream)
        case .pause(let limit): try values.encode(limit, forKey: .maximumMilliseconds)
        case .master, .resume, .release: break
        }
    }
}

extension Order.Kind {
    /// Name on the wire.
    public var name: String {
        switch self {
        case .master: "master"
        case .replica: "replica"
        case .pause: "pause"
        case .resume: "resume"
        case .release: "release"
        }
    }
}

/// A node's answer to an order.
public struct OrderAnswer: Codable, Hashable, Sendable {
    /// Whether the order is in effect now.
    public var accepted: Bool
    /// The node's durable epoch after the order.
    public var epoch: Int64
    /// Replication id after the order.
    public var replicationID: String
    /// Stream offset after the order; for a pause the offset at which writes stopped.
    public var offset: Int64
    /// Why it was refused.
    public var problem: Problem?

    /// Creates an answer.
    public init(
        accepted: Bool, epoch: Int64, replicationID: String, offset: Int64,
        problem: Problem? = nil
    ) {
        self.accepted = accepted
        self.epoch = epoch
        self.replicationID = replicationID
        self.offset = offset
        self.problem = problem
    }
}

/// Answer of `GET /wait-offset?replicationID=&offset=&timeoutMilliseconds=`, sent as soon as
/// the node has applied the offset, or at the time limit.
public struct OffsetAnswer: Codable, Hashable, Sendable {
    /// Whether the offset of that history is applied.
    public var reached: Bool
    /// Replication id now.
    public var replicationID: String
    /// Stream offset now.
    public var offset: Int64

    /// Creates an answer.
    public init(reached: Bool, replicationID: String, offset: Int64) {
        self.reached = reached
        self.replicationID = replicationID
        self.offset = offset
    }
}
