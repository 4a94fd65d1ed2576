// What is answered beyond the types of the control model, and what orders say.

import ControlModel

/// A page of a list.
struct Page<Item: Encodable>: Encodable {
    var items: [Item]
    var nextCursor: String?
}

/// Desired and observed tree.
struct TopologyView: Encodable {
    var cluster: String
    var generation: Int64
    var epoch: Int64
    var master: String?
    var converged: Bool
    var desired: TopologySpec?
    var observed: [ObservedTree]
    var differences: [TopologyDifference]
    var operation: String?

    init(_ state: ClusterState) {
        cluster = state.spec.name
        generation = state.generation
        epoch = state.epoch
        master = state.master
        converged = state.converged
        desired = state.spec.topology
        observed = state.observed
        differences = state.differences
        operation = state.operation
    }
}

/// A token without its hash; with its secret only in the answer that made it.
struct TokenView: Encodable {
    var id: String
    var name: String
    var role: AccessRole
    var createdAt: Timestamp
    var createdBy: String
    var expiresAt: Timestamp?
    var secret: String?

    init(_ record: TokenRecord, secret: String? = nil) {
        id = record.id
        name = record.name
        role = record.role
        createdAt = record.createdAt
        createdBy = record.createdBy
        expiresAt = record.expiresAt
        self.secret = secret
    }
}

/// The answer to a dry run.
struct PlanAnswer: Encodable {
    var plan: Plan
}

/// Events of a page.
struct EventView: Encodable {
    var items: [Event]
    var oldestSequence: Int64
    var latestSequence: Int64
    var nextCursor: String?
}

/// What is wrong with a cluster.
struct AnalysisView: Encodable {
    var cluster: String
    var converged: Bool
    var findings: [Finding]
}

/// All specs as one document.
struct ExportView: Encodable {
    var clusters: [ClusterSpec]
}

/// One place to connect to.
struct RouteEndpoint: Encodable {
    var node: String
    var role: NodeRole
    var address: Endpoint
    var verdict: NodeVerdict
    var linkState: LinkState?
    var lagBytes: Int64?
    var labels: [String: String]
}

/// The places of a cluster.
struct RouteEndpoints: Encodable {
    var cluster: String
    var epoch: Int64
    var endpoints: [RouteEndpoint]
}

/// A word on the state of the service.
struct StatusView: Encodable {
    var status: String
}

/// Which program answers.
struct VersionView: Encodable {
    var name: String
    var version: String
    var api: String
}

/// Body of a switchover.
struct SwitchoverOrder: Decodable {
    var target: String?
    var maxPause: DurationText?
    var reason: String?
}

/// Body of a failover.
struct FailoverOrder: Decodable {
    var target: String?
    var acceptDataLoss: Bool?
    var reason: String?
}

/// Body of a new token.
struct TokenOrder: Decodable {
    var name: String
    var role: AccessRole
    var expiresIn: DurationText?
}
