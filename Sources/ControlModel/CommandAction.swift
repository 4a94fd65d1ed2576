// The kinds of command with their payloads. `expectedGeneration` is the entity tag that the
// client saw; another one now is refused with 412 and code STALE_GENERATION.

/// What a command does.
public enum CommandAction: Hashable, Sendable {
    /// Registers a cluster; 409 NAME_TAKEN when it exists.
    case createCluster(ClusterSpec)
    /// Replaces the spec of the cluster that the spec names.
    case replaceCluster(ClusterSpec, expectedGeneration: Int64?)
    /// Takes a cluster out: its nodes forget their identity, their data stay.
    case deleteCluster(ClusterTarget)
    /// Replaces the wanted tree.
    case applyTopology(cluster: String, TopologySpec, expectedGeneration: Int64?)
    /// Registers a node; 409 NAME_TAKEN when it exists.
    case addNode(cluster: String, NodeSpec)
    /// Replaces the registration of a node.
    case updateNode(cluster: String, NodeSpec, expectedGeneration: Int64?)
    /// Takes a node out; refused while the tree names it.
    case removeNode(cluster: String, node: String, expectedGeneration: Int64?)
    /// Planned change of the master.
    case switchover(SwitchoverRequest)
    /// Forced change of the master.
    case failover(FailoverRequest)
    /// Pauses automation, or resumes it when `maintenance` is nil.
    case setMaintenance(cluster: String, Maintenance?)
    /// Gives up a running operation as far as that is safe.
    case cancelOperation(id: String)
    /// Stores a token.
    case createToken(TokenRecord)
    /// Deletes a token.
    case deleteToken(id: String)
}

/// A cluster with the generation that the client saw.
public struct ClusterTarget: Codable, Hashable, Sendable {
    /// Name of the cluster.
    public var cluster: String
    /// Generation that the client saw.
    public var expectedGeneration: Int64?

    /// Creates a target.
    public init(cluster: String, expectedGeneration: Int64? = nil) {
        self.cluster = cluster
        self.expectedGeneration = expectedGeneration
    }
}

/// Payload of a switchover.
public struct SwitchoverRequest: Codable, Hashable, Sendable {
    /// Name of the cluster.
    public var cluster: String
    /// Node to promote; nil: the best replica.
    public var target: String?
    /// Longest pause of writes before the switchover is given up; nil: 5 s.
    public var maxPause: DurationText?
    /// Why, in the operator's words.
    public var reason: String?

    /// Creates a request.
    public init(
        cluster: String, target: String? = nil, maxPause: DurationText? = nil,
        reason: String? = nil
    ) {
        self.cluster = cluster
        self.target = target
        self.maxPause = maxPause
        self.reason = reason
    }
}

/// Payload of a forced failover.
public struct FailoverRequest: Codable, Hashable, Sendable {
    /// Name of the cluster.
    public var cluster: String
    /// Node to promote; nil: the most advanced replica.
    public var target: String?
    /// The operator accepts that acknowledged writes may be lost.
    public var acceptDataLoss: Bool
    /// Why, in the operator's words.
    public var reason: String?

    /// Creates a request.
    public init(
        cluster: String, target: String? = nil, acceptDataLoss: Bool = false,
        reason: String? = nil
    ) {
        self.cluster = cluster
        self.target = target
        self.acceptDataLoss = acceptDataLoss
        self.reason = reason
    }

    private enum Key: String, CodingKey {
        case cluster, target, acceptDataLoss, reason
    }

    /// Decodes a request; only `cluster` is required.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        cluster = try values.decode(String.self, forKey: .cluster)
        target = try values.decodeIfPresent(String.self, forKey: .target)
        acceptDataLoss = try values.decodeIfPresent(Bool.self, forKey: .acceptDataLoss) ?? false
        reason = try values.decodeIfPresent(String.self, forKey: .reason)
    }
}

extension CommandAction {
    /// Names on the wire.
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        case createCluster, replaceCluster, deleteCluster, applyTopology
        case addNode, updateNode, removeNode
        case switchover, failover, setMaintenance, cancelOperation, createToken, deleteToken
    }

    /// Name on the wire.
    public var kind: Kind {
        switch self {
        case .createCluster: .createCluster
        case .replaceCluster: .replaceCluster
        case .deleteCluster: .deleteCluster
        case .applyTopology: .applyTopology
        case .addNode: .addNode
        case .updateNode: .updateNode
        case .removeNode: .removeNode
        case .switchover: .switchover
        case .failover: .failover
        case .setMaintenance: .setMaintenance
        case .cancelOperation: .cancelOperation
        case .createToken: .createToken
        case .deleteToken: .deleteToken
        }
    }

    /// Cluster, token or operation that the action is about, for audit records.
    public var target: String {
        switch self {
        case .createCluster(let spec), .replaceCluster(let spec, _): spec.name
        case .deleteCluster(let target): target.cluster
        case .applyTopology(let cluster, _, _), .setMaintenance(let cluster, _): cluster
        case .addNode(let cluster, let spec), .updateNode(let cluster, let spec, _):
            "\(cluster)/\(spec.node)"
        case .removeNode(let cluster, let node, _): "\(cluster)/\(node)"
        case .switchover(let request): request.cluster
        case .failover(let request): request.cluster
        case .cancelOperation(let id), .deleteToken(let id): id
        case .createToken(let token): token.id
        }
    }

    private enum Key: String, CodingKey {
        case cluster, spec, topology, node, expectedGeneration, maintenance, id
    }

    init(kind: Kind, from decoder: any Decoder) throws {
        func values() throws -> KeyedDecodingContainer<Key> {
            try decoder.container(keyedBy: Key.self)
        }
        func cluster() throws -> String { try values().decode(String.self, forKey: .cluster) }
        func expected() throws -> Int64? {
            try values().decodeIfPresent(Int64.self, forKey: .expectedGeneration)
        }
        func nodeSpec() throws -> NodeSpec { try values().decode(NodeSpec.self, forKey: .spec) }
        switch kind {
        case .createCluster: self = .createCluster(try ClusterSpec(from: decoder))
        case .replaceCluster:
            let spec = try values().decode(ClusterSpec.self, forKey: .spec)
            self = .replaceCluster(spec, expectedGeneration: try expected())
        case .deleteCluster: self = .deleteCluster(try ClusterTarget(from: decoder))
        case .applyTopology:
            let tree = try values().decode(TopologySpec.self, forKey: .topology)
            self = .applyTopology(
                cluster: try cluster(), tree, expectedGeneration: try expected())
        case .addNode: self = .addNode(cluster: try cluster(), try nodeSpec())
        case .updateNode:
            self = .updateNode(
                cluster: try cluster(), try nodeSpec(), expectedGeneration: try expected())
        case .removeNode:
            let node = try values().decode(String.self, forKey: .node)
            self = .removeNode(
                cluster: try cluster(), node: node, expectedGeneration: try expected())
        case .switchover: self = .switchover(try SwitchoverRequest(from: decoder))
        case .failover: self = .failover(try FailoverRequest(from: decoder))
        case .setMaintenance:
            let record = try values().decodeIfPresent(Maintenance.self, forKey: .maintenance)
            self = .setMaintenance(cluster: try cluster(), record)
        case .cancelOperation:
            self = .cancelOperation(id: try values().decode(String.self, forKey: .id))
        case .createToken: self = .createToken(try TokenRecord(from: decoder))
        case .deleteToken: self = .deleteToken(id: try values().decode(String.self, forKey: .id))
        }
    }

    func encodePayload(to encoder: any Encoder) throws {
        switch self {
        case .createCluster(let spec): try spec.encode(to: encoder)
        case .deleteCluster(let target): try target.encode(to: encoder)
        case .switchover(let request): try request.encode(to: encoder)
        case .failover(let request): try request.encode(to: encoder)
        case .createToken(let token): try token.encode(to: encoder)
        case .replaceCluster, .applyTopology, .addNode, .updateNode, .removeNode,
            .setMaintenance, .cancelOperation, .deleteToken:
            var values = encoder.container(keyedBy: Key.self)
            try encodeFields(to: &values)
        }
    }

    private func encodeFields(to values: inout KeyedEncodingContainer<Key>) throws {
        switch self {
        case .replaceCluster(let spec, let expected):
            try values.encode(spec, forKey: .spec)
            try values.encodeIfPresent(expected, forKey: .expectedGeneration)
        case .applyTopology(let cluster, let tree, let expected):
            try values.encode(cluster, forKey: .cluster)
            try values.encode(tree, forKey: .topology)
            try values.encodeIfPresent(expected, forKey: .expectedGeneration)
        case .addNode(let cluster, let spec):
            try values.encode(cluster, forKey: .cluster)
            try values.encode(spec, forKey: .spec)
        case .updateNode(let cluster, let spec, let expected):
            try values.encode(cluster, forKey: .cluster)
            try values.encode(spec, forKey: .spec)
            try values.encodeIfPresent(expected, forKey: .expectedGeneration)
        case .removeNode(let cluster, let node, let expected):
            try values.encode(cluster, forKey: .cluster)
            try values.encode(node, forKey: .node)
            try values.encodeIfPresent(expected, forKey: .expectedGeneration)
        case .setMaintenance(let cluster, let record):
            try values.encode(cluster, forKey: .cluster)
            try values.encodeIfPresent(record, forKey: .maintenance)
        case .cancelOperation(let id), .deleteToken(let id): try values.encode(id, forKey: .id)
        case .createCluster, .deleteCluster, .switchover, .failover, .createToken: break
        }
    }
}
