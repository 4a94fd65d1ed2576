import Bytes
import EventLoop
import Foundation
import Replication
import Testing

@testable import NodeServer

/// Nodes in one loop.
private final class World {
    let loop: EventLoop
    private(set) var nodes: [SocketNode] = []

    init() throws {
        loop = try EventLoop()
        loop.beforeWait = { [unowned self] in
            for node in nodes { node.endTurn() }
        }
    }

    /// Nodes, links and connections refer to the loop, and the loop to them.
    deinit {
        for node in nodes { node.end() }
        loop.releaseAll()
    }

    func node(_ name: String, cluster: String? = nil) throws -> SocketNode {
        let node = try SocketNode(name, loop: loop, cluster: cluster)
        nodes.append(node)
        return node
    }

    /// A replica in step with its upstream, which has one write.
    func pair(
        _ settle: (SocketNode) -> Void = { _ in }
    ) throws -> (top: SocketNode, replica: SocketNode) {
        let top = try node("top")
        let replica = try node("replica")
        settle(top)
        top.write("SET", "a", "1")
        follow(replica, top)
        try #require(run { isInStep(top, replica) && !replica.data.isEmpty })
        return (top, replica)
    }

    /// Runs turns until `condition` holds; false after `seconds`.
    func run(seconds: Double = 10, until condition: () -> Bool) -> Bool {
        let deadline = Date().addingTimeInterval(seconds)
        while !condition() {
            if Date() > deadline { return false }
            loop.runTurn(waitMillisecondsMax: 20)
        }
        return true
    }

    func run(milliseconds: Int) {
        let deadline = Date().addingTimeInterval(Double(milliseconds) / 1000)
        while Date() < deadline { loop.runTurn(waitMillisecondsMax: 5) }
    }
}

private func isInStep(_ nodes: SocketNode...) -> Bool {
    nodes.allSatisfy { node in
        node.data == nodes[0].data && node.historyID == nodes[0].historyID
            && (node.links.upstream?.link.isOnline ?? true)
    }
}

private func follow(_ node: SocketNode, _ upstream: SocketNode) {
    node.links.follow("127.0.0.1", upstream.port)
}

@Suite(.serialized) struct LinksTests {
    @Test func aChainGetsASnapshotAndThenTheStream() throws {
        let world = try World()
        let top = try world.node("top")
        let middle = try world.node("middle")
        let leaf = try world.node("leaf")
        for index in 0..<2000 { top.write("SET", "key\(index)", "value") }
        follow(middle, top)
        follow(leaf, middle)
        #expect(world.run { isInStep(top, middle, leaf) && !top.data.isEmpty })
        top.write("SET", "last", "one")
        #expect(world.run { isInStep(top, middle, leaf) })
        #expect(leaf.data.count == top.data.count)
        #expect(top.links.replicaCount == 1)
        // The acknowledgements of our own kind come with the data, not once a second.
        let offset = Int64(top.data.count)
        #expect(
            world.run(seconds: 0.5) {
                top.links.replicas.first?.link.acknowledgedOffset == offset
            })
    }

    @Test func moreThanTheWindowIsFedAtTheReplicasPace() throws {
        let world = try World()
        let top = try world.node("top")
        let replica = try world.node("replica")
        replica.loadsLater = true
        let value = String(repeating: "v", count: 10_000)
        for index in 0..<400 { top.write("SET", "key\(index)", value) }
        follow(replica, top)
        #expect(world.run { isInStep(top, replica) && top.data.count > 4_000_000 })
        for index in 0..<400 { top.write("SET", "key\(index)", value) }
        #expect(world.run { isInStep(top, replica) && top.data.count > 8_000_000 })
    }

    @Test func aSnapshotIsSentWhileItIsWritten() throws {
        let world = try World()
        let top = try world.node("top")
        let replica = try world.node("replica")
        top.writesSlowly = true
        for node in world.nodes { node.linkSettings.timeoutMilliseconds = 300 }
        for index in 0..<2000 { top.write("SET", "key\(index)", "value") }
        follow(replica, top)
        #expect(world.run { top.snapshots.first != nil })
        let first = try #require(top.snapshots.first)
        first.write(10_000)
        #expect(world.run { replica.links.upstream?.link.snapshotBytes == 10_000 - 39 })
        #expect(replica.links.upstream?.link.snapshotLength == nil)
        // Neither side gives up while there is progress, slow as it is.
        for _ in 0..<5 {
            world.run(milliseconds: 150)
            first.write(10_000)
        }
        #expect(top.snapshots.count == 1 && replica.data.isEmpty)
        // It fails: the replica has nothing, and asks again.
        first.fail()
        #expect(world.run { top.snapshots.count == 2 })
        #expect(replica.data.isEmpty && first.readers == 0)
        top.snapshots[1].write(.max)
        top.write("SET", "behind", "the cut")
        #expect(world.run { isInStep(top, replica) && !replica.data.isEmpty })
        #expect(top.snapshots.count == 2)
    }

    @Test func aWriterThatRestsDoesNotEndTheTransferOnItsSide() throws {
        let world = try World()
        let top = try world.node("top")
        let replica = try world.node("replica")
        top.writesSlowly = true
        top.linkSettings.timeoutMilliseconds = 200
        top.write("SET", "key", "value")
        follow(replica, top)
        #expect(world.run { top.snapshots.first != nil })
        world.run(milliseconds: 700)
        #expect(top.links.replicaCount == 1)
        top.snapshots[0].write(.max)
        #expect(world.run { isInStep(top, replica) && !replica.data.isEmpty })
        #expect(top.links.counters.fullSyncs == 1)
    }

    @Test func aSnapshotIsWholeBeforeItIsSentIfSoConfigured() throws {
        let world = try World()
        let top = try world.node("top")
        let replica = try world.node("replica")
        top.writesSlowly = true
        top.linkSettings.sendsGrowingSnapshots = false
        top.write("SET", "key", "value")
        follow(replica, top)
        #expect(world.run { isInStep(top, replica) && !replica.data.isEmpty })
        #expect(replica.links.upstream?.link.snapshotLength == top.snapshots[0].length)
    }

    @Test func aSubtreeStaysUpAndContinuesThroughAPromotion() throws {
        let world = try World()
        let top = try world.node("top")
        let middle = try world.node("middle")
        let leaf = try world.node("leaf")
        for node in world.nodes { node.linkSettings.timeoutMilliseconds = 400 }
        top.write("SET", "a", "1")
        follow(middle, top)
        follow(leaf, middle)
        #expect(world.run { isInStep(top, middle, leaf) && !leaf.data.isEmpty })
        top.die()
        #expect(world.run { !middle.links.isLinked })
        world.run(milliseconds: 1200)
        // Three timeouts later the leaf is still attached: heartbeats keep it.
        #expect(leaf.links.isLinked)
        middle.links.promote()
        middle.write("SET", "b", "2")
        #expect(world.run { isInStep(middle, leaf) })
        #expect(middle.links.counters.partialSyncs == 1)
        #expect(leaf.secondID == middle.secondID)
    }

    @Test func siblingsContinueBelowThePromotedNode() throws {
        let world = try World()
        let top = try world.node("top")
        let left = try world.node("left")
        let right = try world.node("right")
        top.write("SET", "a", "1")
        follow(left, top)
        follow(right, top)
        #expect(world.run { isInStep(top, left, right) && !left.data.isEmpty })
        top.die()
        left.links.promote()
        left.write("SET", "b", "2")
        follow(right, left)
        #expect(world.run { isInStep(left, right) })
        #expect(left.links.counters == LinkCounters(partialSyncs: 1))
    }

    @Test func waitsEndWhenTheReplicaHasTheWrite() throws {
        let world = try World()
        let (top, _) = try world.pair()
        top.write("SET", "b", "2")
        let offset = Int64(top.data.count) + Int64(top.produced.count)
        let waiter = WaitBook.Waiter(client: 99, offset: offset, replicas: 1, deadline: nil)
        #expect(top.links.wait(waiter) == nil)
        #expect(world.run(seconds: 1) { top.ended.map(\.replicas) == [1] })
        let many = WaitBook.Waiter(
            client: 98, offset: offset, replicas: 2,
            deadline: Deadline(150, after: world.loop.nowMilliseconds))
        #expect(top.links.wait(many) == nil)
        #expect(world.run(seconds: 2) { top.ended.map(\.replicas) == [1, 1] })
    }

    @Test func aFailoverHandsTheRoleOver() throws {
        let world = try World()
        let (top, replica) = try world.pair()
        top.write("SET", "b", "2")
        #expect(top.links.startFailover(.init(timeoutMilliseconds: 5000)) == nil)
        #expect(top.writesArePaused)
        #expect(world.run { top.links.isReplica && !replica.links.isReplica })
        #expect(world.run { isInStep(replica, top) && !top.writesArePaused })
        #expect(replica.links.counters.partialSyncs == 1)
        #expect(top.links.failover.state == .none)
    }

    @Test func aFailoverToNobodyRestoresTheRole() throws {
        let world = try World()
        let (top, replica) = try world.pair()
        let port = replica.port
        let order = FailoverMachine.Order(
            target: ("127.0.0.1", port), isForced: true, timeoutMilliseconds: 1)
        // The replica dies before it can have this write; then nobody answers at its address.
        top.write("SET", "b", "2")
        top.endTurn()
        #expect(top.links.startFailover(order) == nil)
        replica.die()
        #expect(world.run { top.links.failover.state == .none })
        #expect(!top.links.isReplica)
        #expect(!top.writesArePaused)
    }

    @Test func aMasterLeftAloneGivesItsBacklogBack() throws {
        let world = try World()
        let (top, replica) = try world.pair { $0.linkSettings.backlogKeepMilliseconds = 300 }
        world.run(milliseconds: 500)
        #expect(top.keepsStream)
        replica.die()
        #expect(world.run { !top.keepsStream })
    }

    @Test func aNameThatSuitsIsTakenWithoutReconnecting() throws {
        let world = try World()
        let (top, replica) = try world.pair()
        #expect(!replica.links.follow("127.0.0.1", top.port, nodeID: "top"))
        #expect(replica.links.isLinked)
        #expect(replica.links.follow("127.0.0.1", top.port, nodeID: "other"))
        #expect(
            world.run {
                replica.links.upstream?.link.refusal
                    == .otherNode(expected: "other", upstream: "top")
            })
    }

    @Test func anEmptyMasterOfTheClusterCannotWipeAReplica() throws {
        let world = try World()
        let lost = try world.node("lost", cluster: "c1")
        lost.peerIdentity.lineageIsEmpty = true
        let replica = try world.node("replica", cluster: "c1")
        replica.write("SET", "a", "1")
        world.run(milliseconds: 20)
        let before = replica.data
        follow(replica, lost)
        #expect(world.run { replica.links.upstream?.link.refusal != nil })
        world.run(milliseconds: 300)
        #expect(replica.data == before)
        #expect(replica.links.upstream?.link.refusal == .emptyLineage(upstream: "lost"))
    }

    @Test func anUnreachableUpstreamIsTriedUntilItIsThere() throws {
        let world = try World()
        let gone = try world.node("gone")
        let port = gone.port
        gone.die()
        let replica = try world.node("replica")
        replica.links.follow("localhost", port)
        world.run(milliseconds: 200)
        #expect(!replica.links.isLinked)
        #expect(replica.links.isReplica)
        #expect(replica.links.follow("localhost", port) == false)
    }
}
