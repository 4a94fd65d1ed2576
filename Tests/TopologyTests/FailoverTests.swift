import ControlModel
import Testing
import Topology

struct FailoverTests {
    @Test func theFirstMasterIsTheRootAndTheCascadeIsWired() throws {
        let world = try SimWorld.converged()
        #expect(world.master == "n1")
        #expect(world.isUpstream("n1", of: "n2"))
        #expect(world.isUpstream("n1", of: "n3"))
        #expect(world.isUpstream("n2", of: "n4"))
        #expect(world.operations(.applyTopology).map(\.state) == [.succeeded])
        #expect(world.violations.isEmpty)
        let tree = try #require(world.state?.observed.first)
        #expect(tree.node == "n1" && tree.replicas.map(\.node) == ["n2", "n3"])
        #expect(world.state?.differences.isEmpty == true)
    }

    @Test(arguments: UInt64(1)...12)
    func aKilledMasterIsReplacedWithinFourHundredMilliseconds(seed: UInt64) throws {
        let world = try SimWorld.converged(seed: seed)
        world.resetCounts()
        world.run(Int64(seed) * 17)
        let killed = world.now
        world.node("n1").crash()
        world.run(until: { world.firstWriteAt[2] != nil })
        let first = try #require(world.firstWriteAt[2])
        #expect(first - killed <= 400, "took \(first - killed) ms")
        #expect(world.run(until: { world.isSettled && world.runningOperation == nil }) != nil)
        #expect(world.fullSyncs == 0)
        #expect(world.lostWrites.isEmpty)
        #expect(world.operations(.failover).map(\.state) == [.succeeded])
        #expect(world.violations.isEmpty)
    }

    @Test func aTreeWithADeadNodeIsNotConverged() throws {
        let world = try SimWorld.converged()
        world.node("n4").crash()
        #expect(world.run(until: { !world.isConverged }) != nil)
        world.run(5_000)
        #expect(world.isSettled && !world.isConverged)
        #expect(world.state?.differences.map(\.node) == ["n4"])
        world.node("n1").crash()
        #expect(world.run(until: { world.master != "n1" && world.isSettled }) != nil)
        #expect(!world.isConverged)
        for name in ["n1", "n4"] { world.node(name).restart(now: world.now) }
        // Where the failover has put them: the declared tree is left to the operator.
        #expect(world.run(until: { world.isConverged }) != nil)
        #expect(world.state?.differences.isEmpty == false)
    }

    @Test func stepsThatAreDoneTellWhatTheyDidAndNotWhatTheyWaitedFor() throws {
        let world = try SimWorld.converged()
        world.node("n1").crash()
        #expect(
            world.run(until: { world.isSettled && !world.operations(.failover).isEmpty }) != nil)
        #expect(world.run(until: { world.runningOperation == nil }) != nil)
        let steps = try #require(world.operations(.failover).first).steps
        #expect(steps.first { $0.name == "reparent" }?.state == .succeeded)
        #expect(steps.first { $0.name == "reparent" }?.detail == nil)
        let choice = try #require(steps.first { $0.name == "chooseCandidate" }?.detail)
        #expect(choice.hasPrefix("n2 at offset"))
        #expect(choice.contains("not: n3 at"))
    }

    /// By name another one than the best is chosen, and one that may not when a loss is accepted.
    @Test func aCandidateThatIsChosenByNameIsNotAmongThoseThatAreNot() throws {
        let world = try SimWorld.converged()
        try world.execute(
            .failover(FailoverRequest(cluster: "c", target: "n4", acceptDataLoss: true)))
        world.run(until: { world.runningOperation == nil })
        let first = try #require(world.operations(.failover).last?.steps)
        let choice = try #require(first.first { $0.name == "chooseCandidate" }?.detail)
        #expect(choice.hasPrefix("n4 at offset"))
        #expect(choice.dropFirst(2).contains("n4") == false, "\(choice)")
        #expect(choice.contains("n2 at") && choice.contains("n3 at"))
    }

    @Test func theNextCandidateIsToldWithItsEpoch() throws {
        let world = try SimWorld.converged()
        world.node("n2").refusesPromotion = true
        world.node("n1").crash()
        #expect(world.run(until: { world.master == "n3" && world.runningOperation == nil }) != nil)
        let operation = try #require(world.operations(.failover).first)
        func detail(_ name: String) -> String? {
            operation.steps.first { $0.name == name }?.detail
        }
        #expect(detail("recordEpoch") == "epoch \(operation.epoch ?? 0)")
        #expect(detail("chooseCandidate")?.hasPrefix("n3 at offset") == true)
    }

    @Test func theOldMasterComesBackAsReplica() throws {
        let world = try SimWorld.converged()
        // Nobody may receive the last writes: they make a diverged suffix.
        world.cutPairs = [["n1", "n2"], ["n1", "n3"]]
        world.run(50)
        world.node("n1").crash()
        world.cutPairs = []
        world.run(until: { world.master != "n1" && world.isSettled })
        world.node("n1").restart(now: world.now)
        #expect(world.run(until: { world.isUpstream("n2", of: "n1") }) != nil)
        let event = try #require(world.events.last { $0.kind == "recovery.diverged" })
        #expect(event.node == "n1" && event.attributes["lostBytes"] != "0")
        #expect(world.node("n1").fullSyncs == 1)
        #expect(world.violations.isEmpty)
    }

    @Test func theMostAdvancedReplicaIsChosen() throws {
        let world = try SimWorld.converged()
        world.cutPairs = [["n1", "n2"]]
        world.run(100)
        world.node("n1").crash()
        world.run(until: { world.master != "n1" })
        #expect(world.master == "n3")
        #expect(world.lostWrites.isEmpty)
    }

    @Test func aNodeThatMustNotBePromotedIsNot() throws {
        var tree = SimWorld.cascade
        tree.replicas[0].promotion = .never
        let world = try SimWorld.converged(tree)
        world.node("n1").crash()
        world.run(until: { world.master != "n1" })
        #expect(world.master == "n3")
    }

    @Test func amongEqualsTheRuleAndThenTheZoneDecide() throws {
        var tree = SimWorld.cascade
        tree.labels = ["zone": "b"]
        tree.replicas[1].labels = ["zone": "b"]
        let world = try SimWorld.converged(tree)
        world.isWriting = false
        world.run(200)
        world.node("n1").crash()
        world.run(until: { world.master != "n1" })
        #expect(world.master == "n3")
        tree.replicas[0].promotion = .prefer
        let other = try SimWorld.converged(tree)
        other.isWriting = false
        other.run(200)
        other.node("n1").crash()
        other.run(until: { other.master != "n1" })
        #expect(other.master == "n2")
    }

    @Test func aQuickRestartWithDataIsNotPromotedOver() throws {
        let world = try SimWorld.converged()
        world.node("n1").crash()
        world.run(120)
        world.node("n1").restart(now: world.now, loading: 700)
        world.run(4000)
        #expect(world.master == "n1")
        #expect(world.operations(.failover).isEmpty)
        #expect(world.isSettled)
        #expect(world.violations.isEmpty)
    }

    @Test func aMasterThatRestartsEmptyDoesNotWipeItsReplicas() throws {
        let world = try SimWorld.converged()
        world.node("n1").crash()
        // Its replicas do not reach it before the coordinator does.
        world.cutPairs = [["n1", "n2"], ["n1", "n3"]]
        world.node("n1").restart(now: world.now, wiped: true)
        world.run(until: { world.master != "n1" })
        world.cutPairs = []
        #expect(world.run(until: { world.isSettled && world.runningOperation == nil }) != nil)
        let master = try #require(world.master)
        #expect(!world.node(master).writes.isEmpty && world.lostWrites.isEmpty)
        #expect(world.node("n1").writes.count > 10)
        #expect(world.violations.isEmpty)
    }

    /// Nobody saw it restart, and clients have written since.
    @Test func aMasterThatRestartsEmptyUnseenDoesNotWipeItsReplicas() throws {
        let world = try SimWorld.converged()
        let before = world.node("n2").writes.count
        world.crashCoordinator()
        world.node("n1").crash()
        world.run(50)
        world.node("n1").restart(now: world.now, withoutData: true)
        world.run(1_000)
        #expect(!world.node("n1").writes.isEmpty)
        #expect(world.node("n2").writes.count >= before)
        world.startCoordinator()
        #expect(world.run(until: { world.master != "n1" }) != nil)
        #expect(world.run(until: { world.isSettled && world.runningOperation == nil }) != nil)
        let master = try #require(world.master)
        #expect(world.node(master).writes.count >= before)
        // What came in meanwhile gave way to what the others had.
        #expect(world.node(master).writes.starts(with: world.node("n1").writes))
    }

    @Test func aMasterThatRestartsEmptyAmongEmptyReplicasIsConfirmed() throws {
        let world = try SimWorld.converged()
        world.isWriting = false
        world.crashCoordinator()
        for node in world.nodes.values {
            node.crash()
            node.restart(now: world.now, withoutData: true)
        }
        world.startCoordinator()
        #expect(world.run(until: { !world.node("n1").startedEmpty }) != nil)
        #expect(world.run(until: { world.isSettled }) != nil)
        #expect(world.master == "n1")
    }

    @Test func aStoppedMasterIsReplacedWithinASecond() throws {
        let world = try SimWorld.converged()
        let stopped = world.now
        world.node("n1").isStopped = true
        world.run(until: { world.firstWriteAt[2] != nil })
        let first = try #require(world.firstWriteAt[2])
        #expect(first - stopped <= 1500, "took \(first - stopped) ms")
        world.node("n1").isStopped = false
        #expect(world.run(until: { world.isUpstream(world.master ?? "", of: "n1") }) != nil)
        #expect(world.violations.isEmpty)
    }

    @Test func aMasterThatItsReplicasStillHearIsNotReplaced() throws {
        let world = try SimWorld.converged()
        world.cutFromCoordinator = ["n1"]
        world.run(5000)
        #expect(world.master == "n1")
        #expect(world.findings("MasterUnreachableByCoordinator").count == 1)
        world.cutFromCoordinator = []
        world.run(1000)
        #expect(world.state?.findings.isEmpty == true)
    }

    @Test func aBusyMasterIsNotReplacedBeforeItsTolerance() throws {
        let world = try SimWorld.converged()
        world.node("n1").busySince = world.now
        world.run(20_000)
        #expect(world.master == "n1")
        #expect(world.findings("MasterBusy").count == 1)
        world.run(11_500)
        #expect(world.master != "n1")
        #expect(world.operations(.failover).count == 1)
    }

    @Test func anIsolatedCoordinatorDoesNothing() throws {
        let world = try SimWorld.converged()
        world.cutFromCoordinator = ["n1", "n2", "n3", "n4"]
        world.node("n1").crash()
        world.run(3000)
        #expect(world.master == "n1")
        #expect(world.findings("CoordinatorIsolated").count == 1)
        world.cutFromCoordinator = []
        world.run(until: { world.master != "n1" })
        #expect(world.master == "n2" || world.master == "n3")
    }

    @Test func aCoordinatorThatStoodStillDiscardsWhatItMissed() throws {
        let world = try SimWorld.converged()
        var topology = try #require(world.topology)
        // While it slept its probes of every node ran into their time limit.
        let wake = Moment(
            monotonicMilliseconds: world.now + 5000, wallMilliseconds: world.moment.wallMilliseconds
        )
        for node in ["n1", "n2", "n3", "n4"] {
            for _ in 0..<3 {
                let failure = ProbeResult(
                    node: NodeKey(cluster: "c", node: node), sentAtMilliseconds: world.now,
                    outcome: .failed(.timeout))
                _ = topology.step(.probe(failure), now: wake)
            }
        }
        let effects = topology.step(.tick, now: wake)
        #expect(effects.requests.isEmpty)
        #expect(topology.clusterStates(now: wake)[0].nodes.allSatisfy { $0.verdict == .up })
    }

    @Test func failoversAreRationedAndTheReasonIsShown() throws {
        var policy = ClusterPolicy()
        policy.failover.budgetPerHour = 2
        let world = try SimWorld.converged(policy: policy)
        for _ in 0..<2 {
            let old = try #require(world.master)
            world.node(old).crash()
            world.run(until: { world.master != old && world.runningOperation == nil })
            world.node(old).restart(now: world.now)
            world.run(until: { world.isSettled })
            world.run(3000)
        }
        let third = try #require(world.master)
        world.node(third).crash()
        world.run(10_000)
        #expect(world.master == third)
        let finding = try #require(world.findings("FailoverBlocked").first)
        #expect(finding.until != nil && finding.detail.contains("budget is 2"))
        try world.execute(.failover(FailoverRequest(cluster: "c", reason: "by hand")))
        world.run(until: { world.master != third })
        #expect(world.run(until: { world.runningOperation == nil }) != nil)
        #expect(world.operations(.failover).last?.state == .succeeded)
        #expect(world.violations.isEmpty)
    }

    @Test func automaticFailoverCanBeOff() throws {
        var policy = ClusterPolicy()
        policy.failover.automatic = false
        let world = try SimWorld.converged(policy: policy)
        world.node("n1").crash()
        world.run(3000)
        #expect(world.master == "n1")
        #expect(world.findings("FailoverBlocked").count == 1)
    }

    @Test func maintenancePausesAutomation() throws {
        let world = try SimWorld.converged()
        let until = world.moment.wallMilliseconds + 4000
        try world.execute(
            .setMaintenance(
                cluster: "c",
                Maintenance(owner: "me", reason: "disk", until: Timestamp(milliseconds: until))))
        world.node("n1").crash()
        world.run(3500)
        #expect(world.master == "n1")
        world.run(until: { world.master != "n1" }, limit: 2000)
        #expect(world.master == "n2" || world.master == "n3")
    }

    @Test func aCandidateThatRefusesIsFollowedByTheNext() throws {
        let world = try SimWorld.converged()
        world.isWriting = false
        world.run(100)
        world.node("n2").refusesPromotion = true
        world.node("n1").crash()
        world.run(until: { world.master != "n1" })
        #expect(world.run(until: { world.isSettled && world.runningOperation == nil }) != nil)
        #expect(world.master == "n3" || world.master == "n4")
        let operation = try #require(world.operations(.failover).first)
        #expect(operation.state == .succeeded && operation.epoch == 3)
        #expect(world.violations.isEmpty)
    }

    @Test func aCandidateThatDiesDuringThePromotionIsFollowedByTheNext() throws {
        let world = try SimWorld.converged()
        world.node("n1").crash()
        world.run(until: { world.clusterRecords["c"]?.epoch == 2 })
        world.node(try #require(world.master)).crash()
        #expect(
            world.run(until: { world.isSettled && world.runningOperation == nil }) != nil)
        // Whether the order still arrived decides whether one operation or two did it.
        #expect(world.operations(.failover).allSatisfy { $0.hasEnded })
        #expect(world.operations(.failover).last?.state == .succeeded)
        #expect(["n3", "n4"].contains(world.master))
        #expect(world.violations.isEmpty)
    }

    @Test func aLaggingCandidateBlocksTheFailover() throws {
        var policy = ClusterPolicy()
        policy.failover.maxLagBytes = 100
        let world = try SimWorld.converged(policy: policy)
        world.node("n2").writesPerStep = 0
        world.node("n3").writesPerStep = 0
        world.run(400)
        world.node("n1").crash()
        world.run(2000)
        #expect(world.master == "n1")
        #expect(world.findings("FailoverBlocked").first?.detail.contains("maxLagBytes") == true)
        #expect(throws: Problem.self) {
            try world.execute(.failover(FailoverRequest(cluster: "c")))
        }
        try world.execute(.failover(FailoverRequest(cluster: "c", acceptDataLoss: true)))
        #expect(world.run(until: { world.isSettled && world.master != "n1" }) != nil)
    }
}
