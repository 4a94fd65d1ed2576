import ControlModel
import Platform
import Synchronization
import Testing
import Topology

@testable import CoordinatorServer

/// The whole coordinator over real HTTP and a real store; only the nodes have no data.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct CoordinatorTests {
    private static let tree = TopologySpec(
        node: "n1",
        replicas: [
            TopologySpec(node: "n2", replicas: [TopologySpec(node: "n4")]),
            TopologySpec(node: "n3"),
        ])

    private func makeNodes() throws -> FakeNodes {
        let nodes = try FakeNodes(["n1", "n2", "n3", "n4"])
        for id in ["n1", "n2", "n3", "n4"] { nodes[id].shareHistory() }
        return nodes
    }

    private func create(_ harness: Harness, _ nodes: FakeNodes) throws {
        let answer = try harness.send(
            .createCluster(ClusterSpec(name: "c", nodes: nodes.specs, topology: Self.tree)))
        let operation = try harness.end(of: answer.operation)
        try #require(operation.state == .succeeded, "\(operation)")
    }

    @Test func aClusterIsWiredFailedOverAndSwitchedBack() throws {
        let directory = try ScratchDirectory()
        let nodes = try makeNodes()
        let harness = try Harness(directory: directory)
        defer {
            harness.crash()
            nodes.stop()
        }
        try create(harness, nodes)
        #expect(nodes["n4"].upstream == "n2" && nodes["n2"].upstream == "n1")
        let start = Clock.monotonicMilliseconds()
        nodes["n1"].kill()
        #expect(try harness.wait { $0.master != "n1" && $0.operation == nil })
        #expect(Clock.monotonicMilliseconds() - start < 3000)
        let promoted = try #require(try harness.cluster()?.master)
        #expect(nodes[promoted].role == .master && nodes[promoted].epoch == 2)
        #expect(try harness.cluster()?.converged == false, "n1 is down")
        try nodes["n1"].restart()
        #expect(try harness.wait { _ in nodes["n1"].upstream == promoted })
        #expect(try harness.wait { $0.converged && $0.operation == nil })
        let answer = try harness.send(
            .switchover(SwitchoverRequest(cluster: "c", target: "n1")))
        let operation = try harness.end(of: answer.operation)
        #expect(operation.state == .succeeded, "\(operation)")
        #expect(nodes["n1"].role == .master && nodes["n1"].epoch == 3)
        #expect(nodes[promoted].upstream == "n1" && !nodes[promoted].isPaused)
        let page = try harness.get(EventPage.self, "/internal/v1/events?after=0&limit=1000")
        let masters = page.events.filter { $0.kind == "master.changed" }.map(\.node)
        #expect(masters == ["n1", promoted, "n1"])
        #expect(page.events.map(\.sequence) == Array(1...Int64(page.events.count)))
    }

    /// The coordinator dies after it has stored the new epoch and before any order left.
    @Test func aFailoverThatWasOnlyStoredIsFinishedByTheNextProcess() throws {
        let directory = try ScratchDirectory()
        let nodes = try makeNodes()
        defer { nodes.stop() }
        let isArmed = Mutex(false)
        let harness = try Harness(directory: directory) { changes in
            let decides = changes.records.contains { change in
                if case .cluster(let record) = change { record.epoch == 2 } else { false }
            }
            return !(decides && isArmed.withLock { $0 })
        }
        try create(harness, nodes)
        isArmed.withLock { $0 = true }
        nodes["n1"].kill()
        let deadline = Clock.monotonicMilliseconds() + 5000
        var stored = StoredState()
        while Clock.monotonicMilliseconds() < deadline, stored.topology.clusters.first?.epoch != 2 {
            let reader = try SQLiteStateStore(directory: directory.path)
            stored = try reader.load()
            reader.close()
        }
        #expect(stored.topology.clusters.first?.epoch == 2)
        #expect(["n2", "n3", "n4"].allSatisfy { nodes[$0].epoch == 1 })
        harness.crash()
        let next = try Harness(directory: directory)
        defer { next.crash() }
        #expect(try next.wait { $0.master != "n1" && $0.operation == nil })
        let failover = try #require(
            try next.state().operations.first { $0.kind == .failover })
        #expect(failover.state == .succeeded && failover.epoch == 2)
        let master = try #require(try next.cluster()?.master)
        #expect(nodes[master].role == .master && nodes[master].epoch == 2)
    }

    @Test func aSwitchoverThatWasInterruptedDuringThePauseIsRolledBack() throws {
        let directory = try ScratchDirectory()
        let nodes = try makeNodes()
        defer { nodes.stop() }
        let harness = try Harness(directory: directory)
        try create(harness, nodes)
        nodes["n3"].holdWaits()
        try harness.send(.switchover(SwitchoverRequest(cluster: "c", target: "n3")))
        let deadline = Clock.monotonicMilliseconds() + 5000
        while Clock.monotonicMilliseconds() < deadline, !nodes["n1"].isPaused {}
        #expect(nodes["n1"].isPaused)
        harness.crash()
        let next = try Harness(directory: directory)
        defer { next.crash() }
        let operation = try #require(try next.state().operations.first)
        let ended = try next.end(of: operation)
        #expect(ended.state == .failed && ended.rolledBack == true)
        #expect(ended.problem?.code == "COORDINATOR_RESTARTED")
        #expect(!nodes["n1"].isPaused && nodes["n1"].role == .master)
        #expect(try next.wait { $0.master == "n1" && $0.converged })
    }

    @Test func nothingLeavesTheProcessAfterTheStoreFailed() throws {
        let nodes = try makeNodes()
        defer { nodes.stop() }
        let harness = try Harness {
            let store = MemoryStateStore()
            store.failsFrom = 2
            return store
        }
        defer { harness.crash() }
        #expect(throws: Problem.self) {
            try harness.send(
                .createCluster(ClusterSpec(name: "c", nodes: nodes.specs, topology: Self.tree)))
        }
        #expect(harness.storeFailure == "the disk is full")
        #expect(nodes.specs.allSatisfy { nodes[$0.node].orders.isEmpty })
    }

    @Test func generationsGrowOverRestarts() throws {
        let directory = try ScratchDirectory()
        let first = try Harness(directory: directory)
        let before = try first.state()
        first.crash()
        let second = try Harness(directory: directory)
        defer { second.crash() }
        let after = try second.state()
        #expect(after.generation > before.generation && after.instance != before.instance)
        let page = try second.get(EventPage.self, "/internal/v1/events?after=0")
        #expect(page.events.map(\.sequence) == [1, 2])
        #expect(page.events.allSatisfy { $0.kind == "coordinator.started" })
    }

    @Test func nodesMayBeRegisteredByName() throws {
        let directory = try ScratchDirectory()
        let nodes = try FakeNodes(["n1"])
        let harness = try Harness(directory: directory)
        defer {
            harness.crash()
            nodes.stop()
        }
        var spec = nodes["n1"].spec
        spec.control.host = "localhost"
        try harness.send(
            .createCluster(
                ClusterSpec(name: "c", nodes: [spec], topology: TopologySpec(node: "n1"))))
        #expect(try harness.wait { $0.converged })
    }
}
