// A data node as an operator registers it: a stable identity, apart from its addresses.

/// A registered data node.
public struct NodeSpec: Codable, Hashable, Sendable {
    /// Stable identity: letters, digits, `-`, `_` and `.`; unique in the cluster.
    public var node: String
    /// Where other nodes and clients reach the data port.
    public var address: Endpoint
    /// Where the coordinator reaches the HTTP control port.
    public var control: Endpoint
    /// Addresses of the data port as seen from further networks, by network name.
    public var addresses: [String: Endpoint]
    /// Free labels; `zone` takes part in the choice of candidates and upstreams.
    public var labels: [String: String]
    /// Willingness to see it become master.
    public var promotion: PromotionRule
    /// Until when the node is being worked on: it is not promoted and raises no findings.
    public var maintenanceUntil: Timestamp?

    /// Creates a node.
    public init(
        node: String, address: Endpoint, control: Endpoint, addresses: [String: Endpoint] = [:],
        labels: [String: String] = [:], promotion: PromotionRule = .neutral,
        maintenanceUntil: Timestamp? = nil
    ) {
        self.node = node
        self.address = address
        self.control = control
        self.addresses = addresses
        self.labels = labels
        self.promotion = promotion
        self.maintenanceUntil = maintenanceUntil
    }

    private enum Key: String, CodingKey {
        case node, address, control, addresses, labels, promotion, maintenanceUntil
    }

    /// Decodes a node; `node`, `address` and `control` are required.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        node = try values.decode(String.self, forKey: .node)
        address = try values.decode(Endpoint.self, forKey: .address)
        control = try values.decode(Endpoint.self, forKey: .control)
        addresses = try values.decodeIfPresent([String: Endpoint].self, forKey: .addresses) ?? [:]
        labels = try values.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
        promotion = try values.decodeIfPresent(PromotionRule.self, forKey: .promotion) ?? .neutral
        maintenanceUntil = try values.decodeIfPresent(Timestamp.self, forKey: .maintenanceUntil)
    }
}
