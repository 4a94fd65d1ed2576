// What an operator wants of a cluster: nodes, tree and policy in one document. An export is a
// list of these, and creating a cluster takes one.

/// What a master promises for an acknowledged write.
public enum Durability: String, Codable, Hashable, Sendable, CaseIterable {
    /// Acknowledged when the master has it; replicas follow behind.
    case async
}

/// The wanted state of a cluster.
public struct ClusterSpec: Codable, Hashable, Sendable {
    /// Name in paths: letters, digits, `-`, `_` and `.`.
    public var name: String
    /// Durable identity that the nodes carry. Given only to adopt nodes of a former
    /// registration; drawn at random otherwise.
    public var clusterID: String?
    /// What an acknowledged write means.
    public var durability: Durability
    /// How the cluster is watched and repaired.
    public var policy: ClusterPolicy
    /// Registered nodes. Missing in a replacement: the registered nodes stay as they are.
    public var nodes: [NodeSpec]?
    /// The wanted tree. Missing in a replacement: the tree stays as it is.
    public var topology: TopologySpec?

    /// Creates a spec.
    public init(
        name: String, clusterID: String? = nil, durability: Durability = .async,
        policy: ClusterPolicy = ClusterPolicy(), nodes: [NodeSpec]? = nil,
        topology: TopologySpec? = nil
    ) {
        self.name = name
        self.clusterID = clusterID
        self.durability = durability
        self.policy = policy
        self.nodes = nodes
        self.topology = topology
    }

    private enum Key: String, CodingKey {
        case name, clusterID, durability, policy, nodes, topology
    }

    /// Decodes a spec; only `name` is required.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        name = try values.decode(String.self, forKey: .name)
        clusterID = try values.decodeIfPresent(String.self, forKey: .clusterID)
        durability = try values.decodeIfPresent(Durability.self, forKey: .durability) ?? .async
        policy =
            try values.decodeIfPresent(ClusterPolicy.self, forKey: .policy) ?? ClusterPolicy()
        nodes = try values.decodeIfPresent([NodeSpec].self, forKey: .nodes)
        topology = try values.decodeIfPresent(TopologySpec.self, forKey: .topology)
    }
}

/// Automation of a cluster is paused by an operator.
public struct Maintenance: Codable, Hashable, Sendable {
    /// Who asked for it.
    public var owner: String
    /// Why.
    public var reason: String
    /// When automation resumes on its own; nil: only when the record is deleted.
    public var until: Timestamp?

    /// Creates a maintenance record.
    public init(owner: String, reason: String, until: Timestamp? = nil) {
        self.owner = owner
        self.reason = reason
        self.until = until
    }
}
