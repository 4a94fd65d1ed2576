// A node that ended must leave nothing behind: no memory, no descriptor, no thread.
import Bytes
import ControlPort
import EventLoop
import Platform
import Synchronization
import Testing

@testable import NodeServer

@Suite struct EndOfNodeTests {
    @Test func aNodeThatServedClientsIsFreed() throws {
        try expectFreed { world, client in
            _ = try world.call(client, "PING")
            _ = try world.call(client, "WATCH", "key")
        }
    }

    @Test func aNodeWhoseClientsWaitIsFreed() throws {
        try expectFreed { world, client in
            client.send("SUBSCRIBE", "channel")
            try world.until("subscription") { !client.replies.isEmpty }
            let other = try world.connect()
            other.send("BLPOP", "list", "0")
            try world.until("wait") { world.node.clients.all.contains(where: \.isHeld) }
            // A reply that nobody sends any more.
            world.node.turn.listForOutput(try #require(world.node.clients.all.first))
        }
    }

    @Test func aNodeThatSavedIsFreed() throws {
        try expectFreed { world, client in
            _ = try world.call(client, "SET", "key", "value")
            _ = try world.call(client, "BGSAVE")
            try world.until("snapshot") { world.node.snapshots.runningPurpose == nil }
        }
    }

    @Test func aNodeInTheMiddleOfASaveIsFreed() throws {
        try expectFreed {
            $0.saveDelayMicroseconds = 1_000_000
        } with: { world, client in
            for key in ["a", "b", "c"] { _ = try world.call(client, "SET", key, "value") }
            _ = try world.call(client, "BGSAVE")
            // One that has waited for its answer is told, and can be the last to hold the node.
            world.node.snapshots.request(.sync) { [node = world.node] _ in node.updateGates() }
            #expect(world.node.snapshots.runningPurpose == .dump)
        }
    }

    @Test func aNodeWithALogIsFreed() throws {
        try expectFreed {
            $0.appendOnly = true
        } with: { world, client in
            _ = try world.call(client, "SET", "key", "value")
            try world.until("fsync on its way") { world.node.stream.isSyncing }
        }
    }

    @Test func aNodeWithAControlPortIsFreed() throws {
        try expectFreed { world, _ in
            try world.node.openControlPort([.version4(address: [127, 0, 0, 1], port: 0)])
            let port = try #require(world.node.controlPort?.ports.first)
            let address = SocketAddress.version4(address: [127, 0, 0, 1], port: port)
            let request = try RawClient(
                loop: world.node.loop, connectingTo: address, timeoutMilliseconds: 5_000)
            // Waits for an offset that never comes.
            request.send(
                text: "GET /wait-offset?replicationID=\(world.node.replicationID)&offset=99"
                    + "&timeoutMilliseconds=60000 HTTP/1.1\r\nHost: h\r\n\r\n")
            try world.until("a wait") { !world.node.offsetWaits.entries.isEmpty }
        }
    }

    @Test func aNodeWithAReplicaThatWaitsForItsSnapshotIsFreed() throws {
        try expectFreed { world, client in
            _ = try world.call(client, "SET", "key", "value")
            let address = SocketAddress.version4(
                address: [127, 0, 0, 1], port: UInt16(world.node.listeners.port))
            let replica = try RawClient(
                loop: world.node.loop, connectingTo: address, timeoutMilliseconds: 5_000)
            replica.send(text: "PSYNC ? -1\r\n")
            try world.until("a replica") { world.node.links.replicaCount == 1 }
        }
    }

    @Test func aNodeWhoseUpstreamHasNoAddressYetIsFreed() throws {
        try expectFreed { world, _ in
            // The resolver's thread has not answered, or its answer waits in the mailbox.
            world.node.follow(UpstreamAddress(host: "localhost", port: 1), nodeID: nil)
        }
    }

    @Test func aNodeInTheMiddleOfALoadIsFreed() throws {
        let upstream = try NodeWorld()
        let client = try upstream.connect()
        for index in 0..<40 {
            let value = String(repeating: "\(index % 10)", count: 100_000)
            _ = try upstream.call(client, "SET", "key\(index)", value)
        }
        try expectFreed {
            // What has come is kept on disk too.
            $0.appendOnly = true
        } with: { world, _ in
            let address = UpstreamAddress(host: "127.0.0.1", port: upstream.node.listeners.port)
            world.node.follow(address, nodeID: nil)
            try world.until("a load") {
                upstream.node.loop.runTurn(waitMillisecondsMax: 1)
                return world.node.snapshots.loading != nil
            }
        }
    }

    /// A node that `body` has used must be gone when its world is.
    private func expectFreed(
        _ change: (inout NodeSettings) -> Void = { _ in },
        with body: (NodeWorld, TestClient) throws -> Void,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        weak var node: Node?
        weak var loop: EventLoop?
        weak var log: StreamLog?
        try use(change) { world, client in
            node = world.node
            loop = world.node.loop
            log = world.node.stream
            try body(world, client)
        }
        #expect(node == nil, "something still holds the node", sourceLocation: sourceLocation)
        #expect(log == nil, "something still holds the log", sourceLocation: sourceLocation)
        #expect(loop == nil, "something still holds the loop", sourceLocation: sourceLocation)
    }

    private func use(
        _ change: (inout NodeSettings) -> Void, _ body: (NodeWorld, TestClient) throws -> Void
    ) throws {
        let world = try NodeWorld(change)
        try body(world, try world.connect())
    }
}

/// A client that sends text and does not care for answers.
private final class RawClient: StreamConnection {
    override func received() { input.removeAll() }

    func send(text: String) { Array(text.utf8).withByteSlice { send($0) } }
}

@Suite struct WorkerTests {
    @Test func aJobThatComesAfterTheEndIsDropped() throws {
        let worker = try Worker(name: "test")
        let counter = Counter()
        worker.post { counter.jobs.add(1, ordering: .relaxed) }
        worker.stop()
        #expect(counter.jobs.load(ordering: .relaxed) == 1)
        weak var late: Counter?
        do {
            let held = Counter()
            late = held
            worker.post { held.jobs.add(1, ordering: .relaxed) }
        }
        #expect(late == nil, "the worker keeps a job that it never runs")
    }

    private final class Counter: Sendable {
        let jobs = Atomic<Int>(0)
    }
}
