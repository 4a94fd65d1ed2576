// The tree that an operator wants: a root (the master) with replicas, to any depth.

/// How willing an operator is to see a node become master.
public enum PromotionRule: String, Codable, Hashable, Sendable, CaseIterable {
    /// Taken before others that hold the same data.
    case prefer
    /// No opinion.
    case neutral
    /// Taken only when no other node holds the same data.
    case preferNot
    /// Not promoted by any automatic decision.
    case never
}

/// A node of the wanted tree with everything that hangs below it.
public struct TopologySpec: Codable, Hashable, Sendable {
    /// Stable identity of a registered node.
    public var node: String
    /// Labels that the tree gives to the node, over those it was registered with.
    public var labels: [String: String]
    /// Promotion rule over the one it was registered with.
    public var promotion: PromotionRule?
    /// Nodes that replicate from this one.
    public var replicas: [TopologySpec]

    /// Creates a tree.
    public init(
        node: String, labels: [String: String] = [:], promotion: PromotionRule? = nil,
        replicas: [TopologySpec] = []
    ) {
        self.node = node
        self.labels = labels
        self.promotion = promotion
        self.replicas = replicas
    }

    private enum Key: String, CodingKey {
        case node, labels, promotion, replicas
    }

    /// Decodes a tree; only `node` is required.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        node = try values.decode(String.self, forKey: .node)
        labels = try values.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
        promotion = try values.decodeIfPresent(PromotionRule.self, forKey: .promotion)
        replicas = try values.decodeIfPresent([TopologySpec].self, forKey: .replicas) ?? []
    }

    /// Encodes the tree without empty fields, so that it reads as it was written.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(node, forKey: .node)
        if !labels.isEmpty { try values.encode(labels, forKey: .labels) }
        try values.encodeIfPresent(promotion, forKey: .promotion)
        if !replicas.isEmpty { try values.encode(replicas, forKey: .replicas) }
    }

    /// Every node of the tree with its parent, parents before their children.
    public var flattened: [(spec: TopologySpec, parent: String?)] {
        var result: [(spec: TopologySpec, parent: String?)] = []
        var pending: [(spec: TopologySpec, parent: String?)] = [(self, nil)]
        while !pending.isEmpty {
            let next = pending.removeFirst()
            result.append(next)
            pending += next.spec.replicas.map { ($0, next.spec.node) }
        }
        return result
    }
}
