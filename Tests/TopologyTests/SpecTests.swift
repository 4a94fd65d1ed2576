import ControlModel
import Testing
import Topology

struct SpecTests {
    private func code(_ body: () throws(Problem) -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return error.code
        }
    }

    private func create(_ world: SimWorld, _ tree: TopologySpec) -> String? {
        code { () throws(Problem) in try world.create(tree) }
    }

    @Test func aTreeWithoutSenseIsRefused() {
        let world = SimWorld(nodes: ["n1", "n2", "n3"])
        let ring = TopologySpec(
            node: "n1",
            replicas: [TopologySpec(node: "n2", replicas: [TopologySpec(node: "n1")])])
        #expect(create(world, ring) == "CYCLE")
        let twice = TopologySpec(
            node: "n1",
            replicas: [
                TopologySpec(node: "n2", replicas: [TopologySpec(node: "n3")]),
                TopologySpec(node: "n3"),
            ])
        #expect(create(world, twice) == "DUPLICATE_NODE")
        #expect(create(world, TopologySpec(node: "n9")) == "UNKNOWN_NODE")
        #expect(
            create(world, TopologySpec(node: "n1", promotion: .never)) == "NO_ELIGIBLE_CANDIDATE")
        var deep = TopologySpec(node: "n1")
        for _ in 0..<20 { deep = TopologySpec(node: "n1", replicas: [deep]) }
        #expect(create(world, deep) == "CYCLE")
        #expect(world.topology?.clusterStates(now: world.moment).isEmpty == true)
        #expect(world.clusterRecords.isEmpty && world.events.isEmpty)
    }

    @Test func problemsPointIntoTheBody() {
        let world = SimWorld(nodes: ["n1", "n2"])
        let tree = TopologySpec(
            node: "n1", replicas: [TopologySpec(node: "n2"), TopologySpec(node: "x")])
        do {
            try world.create(tree)
            Issue.record("it was accepted")
        } catch {
            #expect(error.errors?.first?.pointer == "/topology/replicas/1/node")
        }
    }

    @Test func policiesHaveBounds() {
        let world = SimWorld(nodes: ["n1"])
        var policy = ClusterPolicy()
        policy.detection.deadline = DurationText(milliseconds: 150)
        #expect(
            code { () throws(Problem) in
                try world.create(TopologySpec(node: "n1"), policy: policy)
            } == "INVALID_POLICY")
    }

    @Test func aNodeBelongsToOneCluster() throws {
        let world = try SimWorld.converged()
        let stolen = ClusterSpec(
            name: "d",
            nodes: [
                NodeSpec(
                    node: "x", address: Endpoint(host: "10.0.0.2", port: 6379),
                    control: Endpoint(host: "10.0.0.2", port: 8001))
            ])
        #expect(
            code { () throws(Problem) in try world.execute(.createCluster(stolen)) }
                == "NODE_IN_OTHER_CLUSTER")
        #expect(
            code { () throws(Problem) in
                try world.execute(.createCluster(ClusterSpec(name: "c")))
            } == "NAME_TAKEN")
    }

    @Test func aStaleGenerationIsRefused() throws {
        let world = try SimWorld.converged()
        let generation = try #require(world.state?.generation)
        #expect(
            code { () throws(Problem) in
                try world.execute(
                    .applyTopology(
                        cluster: "c", SimWorld.cascade, expectedGeneration: generation + 1))
            } == "STALE_GENERATION")
    }

    @Test func anEmptyRootIsNotPutOverData() throws {
        let world = SimWorld(nodes: ["n1", "n2"])
        world.node("n2").writes = [1, 2, 3]
        let tree = TopologySpec(node: "n1", replicas: [TopologySpec(node: "n2")])
        try world.create(tree)
        world.run(until: { world.runningOperation == nil })
        let operation = try #require(world.operations(.applyTopology).first)
        #expect(operation.state == .failed && operation.problem?.code == "WOULD_LOSE_DATA")
        #expect(world.master == nil && world.node("n2").role == .master)
        // What is known now makes the same request fail at once, the dry run included.
        for dryRun in [true, false] {
            #expect(
                code { () throws(Problem) in
                    try world.execute(
                        .applyTopology(cluster: "c", tree, expectedGeneration: nil),
                        dryRun: dryRun)
                } == "WOULD_LOSE_DATA")
        }
        let other = TopologySpec(node: "n2", replicas: [TopologySpec(node: "n1")])
        try world.execute(.applyTopology(cluster: "c", other, expectedGeneration: nil))
        #expect(world.run(until: { world.isSettled }) != nil)
        #expect(Array(world.node("n1").writes.prefix(3)) == [1, 2, 3])
    }

    @Test func foreignDataAreNotReplaced() throws {
        let world = SimWorld(nodes: ["n1", "n2", "n3"])
        world.node("n3").crash()
        try world.create(
            TopologySpec(
                node: "n1", replicas: [TopologySpec(node: "n2"), TopologySpec(node: "n3")]))
        world.run(until: { world.runningOperation == nil })
        #expect(world.master == "n1")
        world.node("n3").writes = [900]
        world.node("n3").restart(now: world.now)
        world.run(3000)
        #expect(world.findings("ForeignData").map(\.node) == ["n3"])
        #expect(world.node("n3").writes == [900])
    }

    @Test func aRunningTreeIsAdoptedAndTheRootTakesOverWithoutLoss() throws {
        let world = SimWorld(nodes: ["n1", "n2"])
        let old = world.node("n2")
        old.writes = Array(1...50)
        _ = world.node("n1").carryOut(
            Order(
                clusterID: "x", nodeID: "n1", epoch: 0,
                kind: .replica(
                    of: .init(nodeID: "n2", host: old.endpoint.host, port: old.endpoint.port))),
            now: world.now)
        world.node("n1").clusterID = nil
        world.node("n1").nodeID = nil
        world.run(500)
        world.resetCounts()
        try world.create(TopologySpec(node: "n1", replicas: [TopologySpec(node: "n2")]))
        #expect(world.run(until: { world.master == "n1" && world.runningOperation == nil }) != nil)
        #expect(world.isUpstream("n1", of: "n2") && world.fullSyncs == 0)
        #expect(Array(world.node("n1").writes.prefix(50)) == Array(1...50))
        let operation = try #require(world.operations(.applyTopology).first)
        #expect(operation.state == .succeeded && operation.steps.contains { $0.name == "catchUp" })
        #expect(world.violations.isEmpty)
    }

    @Test func aTreeThatHangsInAnotherWayIsRewired() throws {
        let world = try SimWorld.converged()
        world.resetCounts()
        let chain = TopologySpec(
            node: "n1",
            replicas: [
                TopologySpec(
                    node: "n3",
                    replicas: [
                        TopologySpec(node: "n4", replicas: [TopologySpec(node: "n2")])
                    ])
            ])
        let plan = try #require(
            try world.execute(
                .applyTopology(cluster: "c", chain, expectedGeneration: nil), dryRun: true
            ).plan)
        #expect(plan.edges.map(\.node) == ["n2", "n4"] && plan.edges.map(\.to) == ["n4", "n3"])
        try world.execute(.applyTopology(cluster: "c", chain, expectedGeneration: nil))
        #expect(world.run(until: { world.runningOperation == nil }) != nil)
        #expect(world.isUpstream("n3", of: "n4") && world.isUpstream("n4", of: "n2"))
        #expect(world.fullSyncs == 0 && world.clusterRecords["c"]?.epoch == 1)
        #expect(world.violations.isEmpty)
    }

    @Test func anotherRootTakesOverBySwitchoverWithItsTree() throws {
        let world = try SimWorld.converged()
        world.resetCounts()
        let tree = TopologySpec(
            node: "n4", replicas: [TopologySpec(node: "n1", replicas: [TopologySpec(node: "n3")])])
        try world.execute(.applyTopology(cluster: "c", tree, expectedGeneration: nil))
        #expect(world.run(until: { world.runningOperation == nil }) != nil)
        #expect(world.master == "n4")
        #expect(world.isUpstream("n4", of: "n1") && world.isUpstream("n1", of: "n3"))
        #expect(world.fullSyncs == 0 && world.lostWrites.isEmpty && world.violations.isEmpty)
        // n2 is spare now: it may be taken out, and forgets its identity.
        try world.execute(.removeNode(cluster: "c", node: "n2", expectedGeneration: nil))
        #expect(world.run(until: { world.runningOperation == nil }) != nil)
        #expect(world.node("n2").clusterID == nil)
        #expect(world.state?.nodes.map(\.spec.node) == ["n1", "n3", "n4"])
    }

    @Test func nodesThatATreeLeavesOutAreNamed() throws {
        let world = try SimWorld.converged()
        let all = try #require(
            try world.execute(
                .applyTopology(cluster: "c", SimWorld.cascade, expectedGeneration: nil),
                dryRun: true
            ).plan)
        #expect(all.warnings.isEmpty)
        let tree = TopologySpec(node: "n1", replicas: [TopologySpec(node: "n3")])
        let action = CommandAction.applyTopology(cluster: "c", tree, expectedGeneration: nil)
        let plan = try #require(try world.execute(action, dryRun: true).plan)
        let warnings = [("n2", "n1"), ("n4", "n2")].map { node, upstream in
            "\(node) is left out of the tree: it keeps following \(upstream) and is neither "
                + "re-parented nor promoted; DELETE /v1/clusters/c/nodes/\(node) takes it out"
        }
        #expect(plan.warnings == warnings)
        #expect(plan.edges.isEmpty)
        let operation = try #require(try world.execute(action).operation)
        #expect(operation.warnings == warnings)
        // And so it is.
        #expect(world.run(until: { world.runningOperation == nil }) != nil)
        world.run(1000)
        #expect(world.isUpstream("n1", of: "n2") && world.isUpstream("n2", of: "n4"))
        // The master may be left out too.
        let other = TopologySpec(node: "n3")
        let change = CommandAction.applyTopology(cluster: "c", other, expectedGeneration: nil)
        let warning = try #require(try world.execute(change).operation?.warnings?.first)
        #expect(warning.hasPrefix("n1 is left out of the tree: it becomes a replica of n3 and "))
        #expect(world.run(until: { world.isUpstream("n3", of: "n1") }) != nil)
    }

    @Test func aNodeInTheTreeIsNotTakenOut() throws {
        let world = try SimWorld.converged()
        #expect(
            code { () throws(Problem) in
                try world.execute(
                    .removeNode(cluster: "c", node: "n4", expectedGeneration: nil))
            } == "NODE_IN_USE")
    }

    @Test func aDeletedClusterFreesItsNodes() throws {
        let world = try SimWorld.converged()
        try world.execute(.deleteCluster(ClusterTarget(cluster: "c")))
        #expect(world.run(until: { world.state == nil }) != nil)
        #expect(world.nodes.values.allSatisfy { $0.clusterID == nil && !$0.writes.isEmpty })
        #expect(world.clusterRecords.isEmpty)
        #expect(world.operations(.release).map(\.state) == [.succeeded])
        try world.create(SimWorld.cascade)
        #expect(world.run(until: { world.isSettled }) != nil)
    }

    @Test func aNewNodeIsRegisteredAndThenPlaced() throws {
        let world = SimWorld(nodes: ["n1", "n2"])
        try world.execute(.createCluster(ClusterSpec(name: "c")))
        for id in ["n1", "n2"] {
            try world.execute(.addNode(cluster: "c", world.node(id).spec))
        }
        world.run(1000)
        #expect(world.master == nil && world.node("n1").clusterID == nil)
        let tree = TopologySpec(node: "n1", replicas: [TopologySpec(node: "n2")])
        try world.execute(.applyTopology(cluster: "c", tree, expectedGeneration: nil))
        #expect(world.run(until: { world.isSettled && world.runningOperation == nil }) != nil)
        var changed = world.node("n2").spec
        changed.labels = ["zone": "b"]
        let answer = try world.execute(
            .updateNode(cluster: "c", changed, expectedGeneration: 1))
        #expect(answer.node?.generation == 2 && answer.node?.spec.labels == ["zone": "b"])
        #expect(
            code { () throws(Problem) in
                try world.execute(.updateNode(cluster: "c", changed, expectedGeneration: 1))
            } == "STALE_GENERATION")
    }

    @Test func aRootThatDoesNotComeFailsTheOperation() throws {
        let world = SimWorld(nodes: ["n1", "n2"])
        world.node("n1").crash()
        try world.create(TopologySpec(node: "n1", replicas: [TopologySpec(node: "n2")]))
        #expect(world.run(until: { world.runningOperation == nil }, limit: 40_000) != nil)
        #expect(world.operations(.applyTopology).first?.problem?.code == "ROOT_NOT_AVAILABLE")
    }
}
