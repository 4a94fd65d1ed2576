// Ready-made situations and questions for the tests.

import ControlModel
import Testing
import Topology

extension SimWorld {
    /// n1 → n2 → n4, n1 → n3.
    static let cascade = TopologySpec(
        node: "n1",
        replicas: [
            TopologySpec(node: "n2", replicas: [TopologySpec(node: "n4")]),
            TopologySpec(node: "n3"),
        ])

    /// A world whose cluster is created and converged.
    static func converged(
        _ tree: TopologySpec = cascade, seed: UInt64 = 1, spare: [String] = [],
        policy: ClusterPolicy = ClusterPolicy()
    ) throws -> SimWorld {
        let ids = tree.flattened.map(\.spec.node).sorted() + spare
        let world = SimWorld(nodes: ids, seed: seed)
        try world.create(tree, policy: policy)
        try #require(
            world.run(until: { world.isConverged && world.runningOperation == nil }) != nil)
        world.run(300)
        return world
    }

    @discardableResult
    func create(
        _ tree: TopologySpec?, policy: ClusterPolicy = ClusterPolicy()
    ) throws(Problem) -> CommandAnswer {
        let nodes = nodes.values.map(\.spec).sorted { $0.node < $1.node }
        return try execute(
            .createCluster(
                ClusterSpec(name: clusterName, policy: policy, nodes: nodes, topology: tree)))
    }

    var state: ClusterState? { topology?.clusterState(clusterName, now: moment) }
    var master: String? { state?.master }
    var isConverged: Bool { state?.converged ?? false }
    /// The nodes that can be reached are in their places.
    var isSettled: Bool {
        guard let state, let master = state.master else { return false }
        return state.nodes.allSatisfy { node in
            let isMaster = node.spec.node == master
            guard isMaster || node.intendedUpstream != nil else { return true }
            switch node.verdict {
            case .down, .foreign: return !isMaster
            case .up: break
            case .unknown, .suspect, .loading, .busy: return false
            }
            guard let health = node.health, health.epoch == state.epoch else { return false }
            if isMaster { return health.role == .master && !health.paused }
            return health.role == .replica && health.linkState == .connected
                && node.observedUpstream == node.intendedUpstream
        }
    }
    var runningOperation: Operation? { topology?.operations.first { !$0.hasEnded } }
    var lastOperation: Operation? { topology?.operations.first }

    func operations(_ kind: OperationKind) -> [Operation] {
        operationRecords.values.map(\.operation).filter { $0.kind == kind }
            .sorted { $0.createdAt < $1.createdAt }
    }

    func findings(_ code: String) -> [Finding] {
        (state?.findings ?? []).filter { $0.code == code }
    }

    func isUpstream(_ upstream: String, of node: String) -> Bool {
        let below = self.node(node)
        return below.role == .replica && below.upstream?.nodeID == upstream
            && below.link == .connected
    }

    var fullSyncs: Int { nodes.values.map(\.fullSyncs).reduce(0, +) }

    func resetCounts() {
        for node in nodes.values {
            node.fullSyncs = 0
            node.partialSyncs = 0
        }
    }

    /// Acknowledged writes that the present master does not have.
    var lostWrites: Set<Int> {
        guard let master else { return acknowledged }
        return acknowledged.subtracting(node(master).writes)
    }
}
