import ControlModel
import Testing
import Topology

/// The coordinator crashes right after it stored something and before it sent anything: at
/// every such point of an operation in turn.
struct RestartTests {
    private func crash(_ world: SimWorld, afterStores count: Int) {
        world.crashAfterStores = world.stores + count
    }

    private func survive(_ world: SimWorld, limit: Int64 = 6000) {
        world.run(until: { world.topology == nil }, limit: limit)
        world.crashAfterStores = nil
        if world.topology == nil {
            world.run(400)
            world.startCoordinator()
        }
        world.run(until: { world.isSettled && world.runningOperation == nil })
    }

    @Test(arguments: 1...14)
    func aFailoverIsFinishedAfterACrashAtAnyPoint(stores: Int) throws {
        let world = try SimWorld.converged(seed: UInt64(stores))
        crash(world, afterStores: stores)
        world.node("n1").crash()
        world.run(until: { world.topology == nil || world.master != "n1" })
        survive(world, limit: 3000)
        world.run(until: {
            world.master != "n1" && world.isSettled && world.runningOperation == nil
        })
        #expect(world.master == "n2" || world.master == "n3" || world.master == "n4")
        #expect(world.isSettled && world.runningOperation == nil)
        #expect(world.operationRecords.values.allSatisfy { $0.operation.hasEnded })
        world.node("n1").restart(now: world.now)
        #expect(world.run(until: { world.isSettled }) != nil)
        #expect(world.lostWrites.isEmpty && world.violations.isEmpty)
    }

    @Test(arguments: 1...14)
    func aSwitchoverEndsAfterACrashAtAnyPoint(stores: Int) throws {
        let world = try SimWorld.converged(seed: UInt64(stores))
        crash(world, afterStores: stores)
        try world.execute(.switchover(SwitchoverRequest(cluster: "c", target: "n3")))
        survive(world)
        #expect(world.isSettled && world.runningOperation == nil)
        #expect(world.operationRecords.values.allSatisfy { $0.operation.hasEnded })
        let operation = try #require(world.operations(.switchover).first)
        #expect(world.master == (operation.state == .succeeded ? "n3" : "n1"))
        world.run(9000)
        let master = try #require(world.master)
        #expect(world.node(master).acceptsWrites(world.now))
        #expect(world.lostWrites.isEmpty && world.violations.isEmpty)
    }

    @Test(arguments: 1...10)
    func aFirstAssignmentEndsAfterACrashAtAnyPoint(stores: Int) throws {
        let world = SimWorld(nodes: ["n1", "n2", "n3", "n4"], seed: UInt64(stores))
        crash(world, afterStores: stores)
        try world.create(SimWorld.cascade)
        survive(world)
        #expect(world.isSettled && world.master == "n1")
        #expect(world.operationRecords.values.allSatisfy { $0.operation.hasEnded })
        #expect(world.violations.isEmpty)
    }

    @Test func writesGoOnWhileTheCoordinatorIsDown() throws {
        let world = try SimWorld.converged()
        world.crashCoordinator()
        let before = world.node("n1").writes.count
        world.run(60_000)
        #expect(world.node("n1").writes.count > before + 10_000)
        world.startCoordinator()
        world.run(2000)
        #expect(world.isSettled && world.master == "n1")
        #expect(world.operations(.failover).isEmpty && world.violations.isEmpty)
    }

    @Test func aMasterThatDiedWhileTheCoordinatorWasDownIsReplaced() throws {
        let world = try SimWorld.converged()
        world.crashCoordinator()
        world.node("n1").crash()
        world.run(2000)
        world.startCoordinator()
        #expect(world.run(until: { world.master != "n1" }, limit: 3000) != nil)
    }

    /// The whole installation was switched off: the replicas are up first, the master is slow.
    @Test func aMasterThatIsLateAfterAColdStartIsWaitedFor() throws {
        let world = try SimWorld.converged()
        world.isWriting = false
        world.crashCoordinator()
        for node in world.nodes.values { node.crash() }
        for id in ["n2", "n3", "n4"] { world.node(id).restart(now: world.now) }
        world.startCoordinator()
        world.run(5000)
        #expect(world.master == "n1")
        #expect(world.findings("MasterNotSeenYet").count == 1)
        world.node("n1").restart(now: world.now, loading: 500)
        #expect(world.run(until: { world.isSettled }) != nil)
        #expect(world.master == "n1" && world.operations(.failover).isEmpty)
        #expect(world.operations(.reparent).isEmpty)
    }

    @Test func aStoreThatIsTooOldFollowsTheNodes() throws {
        let world = try SimWorld.converged()
        let old = world.clusterRecords
        try world.execute(.switchover(SwitchoverRequest(cluster: "c", target: "n3")))
        world.run(until: { world.runningOperation == nil })
        let stale = SimWorldRestore.topology(old, world)
        world.topology = stale
        #expect(world.run(until: { world.master == "n3" && world.isSettled }) != nil)
        #expect(world.violations.filter { !$0.contains("stored epoch") }.isEmpty)
        #expect((world.state?.epoch ?? 0) > 2)
    }
}

/// Builds a coordinator from yesterday's copy of its store.
private enum SimWorldRestore {
    static func topology(_ records: [String: ClusterRecord], _ world: SimWorld) -> Topology {
        Topology(
            records: TopologyRecords(clusters: Array(records.values)), startedAt: world.moment,
            seed: 99)
    }
}
