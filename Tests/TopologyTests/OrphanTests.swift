import ControlModel
import Testing
import Topology

struct OrphanTests {
    /// n1 → n2 → (n4, n5), n1 → n3.
    private static let wide = TopologySpec(
        node: "n1",
        replicas: [
            TopologySpec(
                node: "n2", replicas: [TopologySpec(node: "n4"), TopologySpec(node: "n5")]),
            TopologySpec(node: "n3"),
        ])

    private func world(
        _ order: [ClusterPolicy.ReparentChoice], fanOut: Int = 8, seed: UInt64 = 1,
        after: ClusterPolicy.AfterFailover = .keep
    ) throws -> SimWorld {
        var policy = ClusterPolicy(afterFailover: after)
        policy.reparent = .init(order: order, maxFanOut: fanOut)
        let world = try SimWorld.converged(Self.wide, seed: seed, policy: policy)
        world.resetCounts()
        return world
    }

    private func killIntermediate(_ world: SimWorld) throws {
        world.node("n2").crash()
        world.run(until: { !world.operations(.reparent).isEmpty })
        try #require(world.run(until: { world.runningOperation == nil }) != nil)
    }

    @Test(arguments: UInt64(1)...8)
    func orphansGoBelowASiblingByPartialResynchronisation(seed: UInt64) throws {
        let world = try world([.sibling, .bestOrphan, .grandparent], seed: seed)
        let killed = world.now
        try killIntermediate(world)
        #expect(world.isUpstream("n3", of: "n4") && world.isUpstream("n3", of: "n5"))
        #expect(world.now - killed < 1500)
        #expect(world.fullSyncs == 0)
        #expect(world.operations(.reparent).map(\.state) == [.succeeded])
        #expect(world.master == "n1" && world.violations.isEmpty)
    }

    @Test func theBestOrphanTakesThePlace() throws {
        let world = try world([.bestOrphan])
        world.node("n5").writesPerStep = 0
        world.run(100)
        world.node("n2").crash()
        world.node("n5").writesPerStep = 1000
        world.run(until: { !world.operations(.reparent).isEmpty })
        world.run(until: { world.runningOperation == nil })
        #expect(world.isUpstream("n1", of: "n4") && world.isUpstream("n4", of: "n5"))
        #expect(world.fullSyncs == 0)
    }

    @Test func theGrandparentTakesThem() throws {
        let world = try world([.grandparent])
        try killIntermediate(world)
        #expect(world.isUpstream("n1", of: "n4") && world.isUpstream("n1", of: "n5"))
    }

    @Test func aFullSiblingTakesNoMore() throws {
        let world = try world([.sibling, .grandparent], fanOut: 1)
        try killIntermediate(world)
        let below = ["n4", "n5"].filter { world.isUpstream("n3", of: $0) }
        #expect(below.count == 1)
        #expect(world.isSettled)
    }

    @Test func aPartialResynchronisationWinsOverTheOrder() throws {
        let world = try world([.sibling, .grandparent])
        world.node("n3").backlogStart = 1_000_000
        try killIntermediate(world)
        #expect(world.isUpstream("n1", of: "n4") && world.isUpstream("n1", of: "n5"))
        #expect(world.fullSyncs == 0)
    }

    @Test func anIntermediateThatOnlyTheCoordinatorCannotReachKeepsItsReplicas() throws {
        let world = try world([.sibling])
        world.cutFromCoordinator = ["n2"]
        world.run(3000)
        #expect(world.operations(.reparent).isEmpty)
        #expect(world.isUpstream("n2", of: "n4"))
        #expect(world.findings("NodeDown").map(\.node) == ["n2"])
    }

    @Test func aNodeThatAnswersNowAndThenIsOneFinding() throws {
        let world = try world([.sibling])
        for _ in 0..<5 {
            world.cutFromCoordinator = ["n5"]
            world.run(1000)
            world.cutFromCoordinator = []
            world.run(500)
        }
        let detail = world.findings("NodeDown").first { $0.node == "n5" }?.detail
        #expect(detail?.hasSuffix(" ms; closes after 1000 ms") == true, "\(detail ?? "")")
        #expect(world.events.count { $0.kind == "node.down" } == 5)
        #expect(world.events.count { $0.kind == "finding.opened" && $0.node == "n5" } == 1)
        #expect(!world.events.contains { $0.kind == "finding.closed" && $0.node == "n5" })
        world.run(1000)
        #expect(world.findings("NodeDown").isEmpty)
    }

    @Test func theIntermediateReturnsToItsPlaceWithoutItsReplicas() throws {
        let world = try world([.sibling])
        try killIntermediate(world)
        world.node("n2").restart(now: world.now)
        #expect(world.run(until: { world.isUpstream("n1", of: "n2") && world.isSettled }) != nil)
        world.run(5000)
        #expect(world.isUpstream("n3", of: "n4"))
        #expect(world.findings("TopologyDrifted").count == 1)
        #expect(world.fullSyncs == 0)
    }

    @Test func theWantedTreeIsRestoredIfThePolicySaysSo() throws {
        let world = try world([.sibling], after: .restore)
        try killIntermediate(world)
        world.node("n2").restart(now: world.now)
        #expect(world.run(until: { world.isUpstream("n2", of: "n4") }) != nil)
        #expect(world.run(until: { world.isSettled && world.runningOperation == nil }) != nil)
        #expect(world.state?.findings.isEmpty == true)
        #expect(world.fullSyncs == 0)
    }

    @Test func theWantedMasterIsRestoredByASwitchover() throws {
        let world = try world([.sibling], after: .restore)
        world.node("n1").crash()
        world.run(until: { world.master != "n1" && world.runningOperation == nil })
        world.node("n1").restart(now: world.now)
        #expect(world.run(until: { world.master == "n1" }) != nil)
        #expect(world.run(until: { world.isSettled && world.runningOperation == nil }) != nil)
        #expect(world.state?.differences.isEmpty == true)
        #expect(world.lostWrites.isEmpty && world.violations.isEmpty)
    }

    @Test func masterAndIntermediateMayDieTogether() throws {
        let world = try world([.sibling, .grandparent])
        world.node("n1").crash()
        world.node("n2").crash()
        #expect(
            world.run(until: { world.master != "n1" && world.runningOperation == nil }) != nil)
        #expect(world.run(until: { world.isSettled }) != nil)
        world.node("n1").restart(now: world.now)
        world.node("n2").restart(now: world.now)
        #expect(world.run(until: { world.isSettled && world.runningOperation == nil }) != nil)
        world.run(2000)
        // A write that only the dead intermediate had acknowledged is lost with both of them.
        #expect(world.violations.isEmpty)
    }
}
