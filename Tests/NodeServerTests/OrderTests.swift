import Commands
import ControlModel
import ControlPort
import EventLoop
import Log
import Platform
import RESP
import Store
import Synchronization
import Testing

@testable import NodeServer

@Suite struct OrderTests {
    /// What an order was answered with.
    private final class Box<Value: Sendable>: Sendable {
        private let stored = Mutex<Value?>(nil)
        var value: Value? { stored.withLock { $0 } }
        func store(_ value: Value) { stored.withLock { $0 = value } }
    }

    private func give(
        _ world: NodeWorld, epoch: Int64, _ kind: Order.Kind, node: String = "n1",
        cluster: String = "demo"
    ) throws -> OrderAnswer {
        let box = Box<OrderAnswer>()
        world.node.perform(
            Order(clusterID: cluster, nodeID: node, epoch: epoch, kind: kind)
        ) { box.store($0) }
        try world.until("answer") { box.value != nil }
        return try #require(box.value)
    }

    @Test func theFirstOrderGivesTheNodeItsIdentityForGood() throws {
        let folder = try NodeWorld.makeFolder()
        do {
            let world = try NodeWorld(folder: folder)
            let answer = try give(world, epoch: 3, .master)
            #expect(answer.accepted)
            #expect(answer.epoch == 3)
            #expect(try give(world, epoch: 3, .master).accepted)
            #expect(try give(world, epoch: 2, .resume).problem?.code == "STALE_EPOCH")
            let other = try give(world, epoch: 4, .master, node: "n2")
            #expect(other.problem?.code == "IDENTITY_MISMATCH")
            #expect(other.epoch == 3)
            world.keepsFolder = true
        }
        let world = try NodeWorld(folder: folder)
        #expect(world.node.identity.epoch == 3)
        #expect(world.node.effectiveNodeID == "n1")
        #expect(try give(world, epoch: 2, .resume).problem?.code == "STALE_EPOCH")
        let client = try world.connect()
        let refused = try world.call(client, "REPLICAOF", "NO", "ONE")
        #expect(refused.text?.contains("coordinator manages this node") == true)
    }

    /// Keys that expired while it was down would make it write, and then it needs a full sync.
    @Test func aRestartedMasterWaitsForItsPlaceBeforeItExpiresKeys() throws {
        let folder = try NodeWorld.makeFolder()
        var position: ReplicationPosition?
        do {
            let world = try NodeWorld(folder: folder) { $0.appendOnly = true }
            #expect(try give(world, epoch: 1, .master).accepted)
            let client = try world.connect()
            _ = try world.call(client, "SET", "stays", "1")
            _ = try world.call(client, "SET", "goes", "1", "PX", "30")
            position = world.node.stream.position
            world.keepsFolder = true
        }
        for isReplaced in [true, false] {
            let again = try NodeWorld(folder: folder) {
                $0.appendOnly = true
                $0.restartPauseMilliseconds = isReplaced ? 60_000 : 300
            }
            again.keepsFolder = isReplaced
            if isReplaced {
                try again.until("several rounds of housekeeping") { again.node.cron.ticks > 3 }
                #expect(again.node.keyspace.count == 2)
                let upstream = Order.Upstream(nodeID: "n2", host: "127.0.0.1", port: 1)
                #expect(try give(again, epoch: 2, .replica(of: upstream)).accepted)
                #expect(again.node.stream.position == position)
                #expect(try give(again, epoch: 3, .master).accepted)
            } else {
                try again.until("expiry", seconds: 5) { again.node.keyspace.count == 1 }
                #expect(!again.node.pauses.isPausing(.restart))
            }
        }
    }

    @Test func aNodeOfAnotherNameOrClusterRefusesTheFirstOrder() throws {
        let world = try NodeWorld {
            $0.nodeID = "n7"
            $0.clusterID = "other"
        }
        #expect(try give(world, epoch: 1, .master, node: "n7").problem?.code == "IDENTITY_MISMATCH")
        #expect(try give(world, epoch: 1, .master, cluster: "other").problem != nil)
        #expect(try give(world, epoch: 1, .master, node: "n7", cluster: "other").accepted)
    }

    @Test func aStateFileOfAnotherNodeStopsTheStart() throws {
        let folder = try NodeWorld.makeFolder()
        do {
            let world = try NodeWorld(folder: folder)
            _ = try give(world, epoch: 1, .master)
            world.keepsFolder = true
        }
        #expect(throws: Node.IdentityProblem.self) {
            _ = try NodeWorld(folder: folder) { $0.nodeID = "n9" }
        }
    }

    @Test func aPauseHoldsWritesAndEndsByItself() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        #expect(try give(world, epoch: 1, .pause(maximumMilliseconds: 60_000)).accepted)
        client.send("SET", "k", "v")
        client.flush()
        for _ in 0..<5 { world.node.loop.runTurn(waitMillisecondsMax: 5) }
        #expect(client.replies.isEmpty)
        #expect(try give(world, epoch: 1, .pause(maximumMilliseconds: 20)).accepted)
        try world.until("the write") { client.replies.count == 1 }
        #expect(world.node.engine.pause == .none)
    }

    @Test func aReplicaFollowsAfterARestartWhomItWasToldTo() throws {
        let folder = try NodeWorld.makeFolder()
        let upstream = Order.Upstream(nodeID: "n0", host: "127.0.0.1", port: 1)
        do {
            let world = try NodeWorld(folder: folder)
            #expect(try give(world, epoch: 5, .replica(of: upstream)).accepted)
            #expect(world.node.isReplica)
            world.keepsFolder = true
        }
        let world = try NodeWorld(folder: folder)
        #expect(world.node.isReplica)
        #expect(world.node.upstreamAtStart?.nodeID == "n0")
        #expect(try give(world, epoch: 6, .master).accepted)
        #expect(!world.node.isReplica)
        #expect(world.node.upstreamAtStart == nil)
        #expect(try give(world, epoch: 7, .release).accepted)
        #expect(!world.node.identity.isManaged)
    }

    @Test func offsetsAreWaitedForUntilTheStreamHasThem() throws {
        let world = try NodeWorld { $0.appendOnly = true }
        let client = try world.connect()
        let id = world.node.replicationID
        let target = world.node.engine.streamOffset + 1
        let reached = Box<OffsetAnswer>()
        let late = Box<OffsetAnswer>()
        let foreign = Box<OffsetAnswer>()
        let wait = OffsetWait(replicationID: id, offset: target, timeoutMilliseconds: 10_000)
        world.node.waitForOffset(wait) { reached.store($0) }
        world.node.waitForOffset(
            OffsetWait(replicationID: id, offset: target + 1_000_000, timeoutMilliseconds: 10)
        ) { late.store($0) }
        world.node.waitForOffset(
            OffsetWait(replicationID: "other", offset: 0, timeoutMilliseconds: 0)
        ) { foreign.store($0) }
        #expect(foreign.value?.reached == false)
        try world.until("the time limit") { late.value != nil }
        #expect(late.value?.reached == false)
        #expect(reached.value == nil)
        _ = try world.call(client, "SET", "k", "v")
        try world.until("the offset") { reached.value != nil }
        #expect(reached.value?.reached == true)
    }

    @Test func factsReachTheBoard() throws {
        let world = try NodeWorld { $0.appendOnly = true }
        let client = try world.connect()
        _ = try world.call(client, "SET", "k", "v")
        world.node.publishFacts()
        let facts = world.node.board.read(nowMicroseconds: Clock.monotonicMicroseconds())
        #expect(facts.report.role == .master)
        #expect(facts.report.dataset.keys == 1)
        #expect(facts.report.dataset.persistence == "aof")
        #expect(facts.report.offset == world.node.engine.streamOffset)
        #expect(!facts.report.loading)
        #expect(facts.report.loop.ticks > 0)
        #expect(facts.figures.figures.contains { $0.name == "commands_total" && $0.value >= 1 })
    }
}
