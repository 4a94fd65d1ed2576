// Values of the model for the tests: a cluster in three levels.
import ControlModel

enum Sample {
    static let time = Timestamp(milliseconds: 1_800_000_000_123)

    static func spec(_ name: String = "demo") -> ClusterSpec {
        ClusterSpec(
            name: name, nodes: ["n1", "n2", "n3", "n4"].map { node($0) },
            topology: TopologySpec(
                node: "n1",
                replicas: [
                    TopologySpec(
                        node: "n2",
                        replicas: [TopologySpec(node: "n4", labels: ["use": "analytics"])]),
                    TopologySpec(node: "n3"),
                ]))
    }

    static func node(_ id: String) -> NodeSpec {
        let number = Int(id.dropFirst()) ?? 0
        return NodeSpec(
            node: id, address: Endpoint(host: "127.0.0.1", port: 7_000 + number),
            control: Endpoint(host: "127.0.0.1", port: 7_100 + number),
            labels: ["zone": number % 2 == 0 ? "b" : "a"])
    }

    static func health(_ id: String, _ role: NodeRole) -> HealthReport {
        HealthReport(
            nodeID: id, clusterID: "c1", bootID: "b", role: role, epoch: 3,
            secondReplicationID: "second", upstreamPort: role == .master ? nil : 7_001)
    }

    static func state(_ id: String, _ role: NodeRole, lag: Int64?) -> NodeState {
        NodeState(
            spec: node(id), generation: 4, verdict: .up, lastSeen: time,
            intendedUpstream: role == .master ? nil : "n1",
            observedUpstream: role == .master ? nil : "n1", lagBytes: lag,
            health: health(id, role))
    }

    static func tree(_ id: String, lag: Int64, _ replicas: [ObservedTree] = []) -> ObservedTree {
        ObservedTree(
            node: id, role: .replica, verdict: .up, linkState: .connected, lagBytes: lag,
            replicas: replicas)
    }

    static func cluster(_ name: String = "demo") -> ClusterState {
        ClusterState(
            clusterID: "c1", spec: spec(name), generation: 7, createdAt: time, updatedAt: time,
            epoch: 3, master: "n1",
            nodes: [
                state("n1", .master, lag: nil), state("n2", .replica, lag: 5),
                state("n3", .replica, lag: 0), state("n4", .replica, lag: 12),
            ],
            observed: [
                ObservedTree(
                    node: "n1", role: .master, verdict: .up, linkState: LinkState.none,
                    lagBytes: nil,
                    replicas: [tree("n2", lag: 5, [tree("n4", lag: 12)]), tree("n3", lag: 0)])
            ],
            differences: [
                TopologyDifference(
                    node: "n3", desiredUpstream: "n1", observedUpstream: nil, reason: "it moves")
            ], converged: true,
            findings: [
                Finding(
                    code: "ReplicaLags", severity: .warning, node: "n4", detail: "12 bytes",
                    since: time)
            ], maintenance: nil, operation: nil)
    }

    static func operation(_ id: String, _ state: OperationState = .succeeded) -> Operation {
        var operation = Operation(
            id: id, kind: .switchover, cluster: "demo",
            steps: [OperationStep(name: "pauseWrites", state: .running, startedAt: time)],
            reason: "asked for", requestedBy: "bootstrap", requestID: "r", createdAt: time)
        operation.state = state
        operation.warnings = ["n4 is left out"]
        if state == .failed {
            operation.problem = Problem(
                status: 504, code: "SWITCHOVER_TIMEOUT", title: "Too slow", detail: "d")
            operation.rolledBack = true
        }
        return operation
    }

    static func event(_ sequence: Int64, kind: String = "node.up", cluster: String = "demo")
        -> Event
    {
        Event(
            sequence: sequence, time: time, kind: kind, cluster: cluster, node: "n1",
            detail: "it\nanswers", attributes: ["from": "a"])
    }

    static let plan = Plan(
        kind: .applyTopology, steps: [OperationStep(name: "wire")],
        edges: [Plan.EdgeChange(node: "n4", from: "n2", to: "n3", resync: .partial)],
        master: "n1", warnings: ["none"])
}

extension HealthReport {
    init(
        nodeID: String, clusterID: String, bootID: String, role: NodeRole, epoch: Int64,
        secondReplicationID: String, upstreamPort: Int?
    ) {
        self.init(
            nodeID: nodeID, clusterID: clusterID, bootID: bootID, role: role, epoch: epoch,
            leaseRemainingMilliseconds: 5, replicationID: "r",
            secondReplicationID: secondReplicationID, offset: 100, backlogFirst: 1,
            backlogLast: 100,
            upstream: upstreamPort.map { Upstream(nodeID: "n1", host: "127.0.0.1", port: $0) },
            linkState: upstreamPort == nil ? .none : .connected, lastByteAgeMilliseconds: 3,
            replicas: [
                Replica(
                    nodeID: "n2", address: "127.0.0.1", port: 7_002, ackedOffset: 99,
                    lastAckAgeMilliseconds: 1, state: "online")
            ], loop: Heartbeat(ticks: 1, currentCommandAgeMilliseconds: 0),
            dataset: Dataset(keys: 1, lastSave: 0, persistence: "aof"), clockMilliseconds: 1,
            usedMemory: 1)
    }
}
