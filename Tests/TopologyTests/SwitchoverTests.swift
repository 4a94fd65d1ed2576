import ControlModel
import Testing
import Topology

struct SwitchoverTests {
    private func switchover(_ world: SimWorld, to target: String? = nil, pause: Int64? = nil)
        throws(Problem)
    {
        try world.execute(
            .switchover(
                SwitchoverRequest(
                    cluster: "c", target: target,
                    maxPause: pause.map { DurationText(milliseconds: $0) })))
    }

    @Test(arguments: UInt64(1)...8)
    func aSwitchoverLosesNothingAndMovesEveryone(seed: UInt64) throws {
        let world = try SimWorld.converged(seed: seed)
        world.resetCounts()
        try switchover(world, to: "n3")
        #expect(world.run(until: { world.runningOperation == nil }) != nil)
        let operation = try #require(world.operations(.switchover).first)
        #expect(operation.state == .succeeded, "\(operation)")
        #expect(world.master == "n3")
        #expect(world.isUpstream("n3", of: "n1") && world.isUpstream("n3", of: "n2"))
        #expect(world.isUpstream("n2", of: "n4"))
        #expect(world.fullSyncs == 0)
        #expect(world.lostWrites.isEmpty)
        #expect((operation.writePauseMilliseconds ?? .max) <= 50)
        #expect(operation.steps.allSatisfy { $0.state == .succeeded })
        let demotion = operation.steps.first { $0.name == "demote" }
        #expect(demotion?.detail == "n1 is demoted and follows n3")
        #expect(world.violations.isEmpty)
    }

    @Test func withoutATargetTheNearestReplicaIsTaken() throws {
        let world = try SimWorld.converged()
        try switchover(world)
        world.run(until: { world.runningOperation == nil })
        #expect(world.master == "n2")
    }

    @Test func aNodeOfTheThirdLevelCanTakeOver() throws {
        let world = try SimWorld.converged()
        world.resetCounts()
        try switchover(world, to: "n4")
        #expect(world.run(until: { world.runningOperation == nil }) != nil)
        #expect(world.master == "n4")
        #expect(world.isUpstream("n4", of: "n2") && world.isUpstream("n4", of: "n1"))
        #expect(world.fullSyncs == 0 && world.lostWrites.isEmpty)
    }

    @Test func aTargetThatDoesNotCatchUpIsGivenUpAndWritesGoOn() throws {
        let world = try SimWorld.converged()
        world.node("n3").writesPerStep = 0
        try switchover(world, to: "n3", pause: 500)
        #expect(world.run(until: { world.runningOperation == nil }) != nil)
        let operation = try #require(world.operations(.switchover).first)
        #expect(operation.state == .failed && operation.rolledBack == true)
        #expect(operation.problem?.code == "SWITCHOVER_TIMEOUT")
        #expect(world.master == "n1" && world.clusterRecords["c"]?.epoch == 1)
        #expect(world.node("n1").acceptsWrites(world.now))
    }

    @Test func aTargetThatRefusesIsGivenUpAndTheOldMasterReinstated() throws {
        let world = try SimWorld.converged()
        world.node("n3").refusesPromotion = true
        try switchover(world, to: "n3")
        #expect(world.run(until: { world.runningOperation == nil }) != nil)
        let operation = try #require(world.operations(.switchover).first)
        #expect(operation.state == .failed && operation.rolledBack == true)
        #expect(world.master == "n1")
        #expect(world.run(until: { world.isSettled }) != nil)
        #expect(world.node("n1").acceptsWrites(world.now) && world.lostWrites.isEmpty)
        #expect(world.violations.isEmpty)
    }

    @Test func aMasterThatDiesDuringThePauseIsFailedOver() throws {
        let world = try SimWorld.converged()
        world.node("n3").writesPerStep = 0
        try switchover(world, to: "n3", pause: 5000)
        world.run(100)
        world.node("n1").crash()
        #expect(
            world.run(until: { world.master != "n1" && world.runningOperation == nil }) != nil)
        #expect(world.operations(.switchover).first?.state == .cancelled)
        #expect(world.operations(.failover).first?.state == .succeeded)
        #expect(world.master == "n2" || world.master == "n4")
        #expect(world.violations.isEmpty)
    }

    @Test func aSwitchoverCanBeCancelledBeforeTheEpoch() throws {
        let world = try SimWorld.converged()
        world.node("n3").writesPerStep = 0
        try switchover(world, to: "n3", pause: 5000)
        world.run(200)
        let id = try #require(world.runningOperation?.id)
        try world.execute(.cancelOperation(id: id))
        #expect(world.run(until: { world.runningOperation == nil }) != nil)
        #expect(world.operations(.switchover).first?.state == .cancelled)
        #expect(world.node("n1").acceptsWrites(world.now))
        #expect(throws: Problem.self) { try world.execute(.cancelOperation(id: id)) }
    }

    @Test func onlyOneOperationRunsAtATime() throws {
        let world = try SimWorld.converged()
        try switchover(world)
        do {
            try switchover(world)
            Issue.record("a second switchover was accepted")
        } catch {
            #expect(error.code == "OPERATION_IN_PROGRESS" && error.status == 409)
        }
    }

    @Test func aDryRunPlansAndChangesNothing() throws {
        let world = try SimWorld.converged()
        let before = world.clusterRecords
        let answer = try world.execute(
            .switchover(SwitchoverRequest(cluster: "c", target: "n2")), dryRun: true)
        let plan = try #require(answer.plan)
        #expect(plan.master == "n2" && plan.kind == .switchover)
        #expect(plan.edges.map(\.node) == ["n1", "n2", "n3"])
        #expect(plan.steps.map(\.name).contains("pauseWrites"))
        #expect(plan.edges.map(\.resync) == [.partial, .none, .partial])
        #expect(answer.operation == nil && world.clusterRecords == before)
        #expect(world.runningOperation == nil)
    }

    @Test func aFailoverOfALivingMasterNeedsConsent() throws {
        let world = try SimWorld.converged()
        do {
            try world.execute(.failover(FailoverRequest(cluster: "c", target: "n3")))
            Issue.record("it was accepted")
        } catch {
            #expect(error.code == "WOULD_LOSE_DATA" && error.status == 422)
        }
        try world.execute(
            .failover(FailoverRequest(cluster: "c", target: "n3", acceptDataLoss: true)))
        #expect(world.run(until: { world.runningOperation == nil && world.isSettled }) != nil)
        #expect(world.master == "n3")
        #expect(world.isUpstream("n3", of: "n1"))
        #expect(world.violations.isEmpty)
    }

    @Test(arguments: ["n1", "n9"])
    func targetsThatCannotBeAreRefused(target: String) throws {
        let world = try SimWorld.converged()
        do {
            try switchover(world, to: target)
            Issue.record("it was accepted")
        } catch {
            #expect(error.code == "NO_ELIGIBLE_CANDIDATE")
        }
    }
}
