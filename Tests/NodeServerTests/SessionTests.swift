import Bytes
import Commands
import EventLoop
import Platform
import RESP
import Replication
import Testing

@testable import NodeServer

@Suite struct SessionTests {
    @Test func pipelinedCommandsAreAnsweredInOrderHoweverTheyAreCut() throws {
        let world = try NodeWorld()
        let text =
            "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\nGET k\r\n"
            + "*1\r\n$4\r\nPING\r\n\r\nECHO \"a b\"\r\n"
        for size in [text.utf8.count, 7, 1] {
            let client = try world.connect()
            let bytes = Array(text.utf8)
            for start in stride(from: 0, to: bytes.count, by: size) {
                Array(bytes[start..<min(start + size, bytes.count)]).withByteSlice {
                    client.send($0)
                }
                client.flush()
                world.node.loop.runTurn(waitMillisecondsMax: 5)
            }
            try world.until("four replies") { client.replies.count == 4 }
            #expect(
                client.replies == [
                    .simpleString("OK"), .bulk(Array("value".utf8)), .simpleString("PONG"),
                    .bulk(Array("a b".utf8)),
                ])
        }
    }

    @Test func largeValuesComeAndGoInPieces() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        let value = String(repeating: "0123456789abcdef", count: 1 << 19)
        #expect(try world.call(client, "SET", "big", value) == .simpleString("OK"))
        client.pauseReading()
        client.send("GET", "big")
        client.send("PING")
        client.flush()
        let session = try #require(world.node.clients.all.first)
        try world.until("output that the kernel refuses") { session.outputCount > 0 }
        client.resumeReading()
        try world.until("both replies") { client.replies.count == 3 }
        #expect(client.replies[1].text == value)
        #expect(client.replies[2] == .simpleString("PONG"))
        #expect(session.outputCount == 0)
    }

    @Test func aViolationOfTheProtocolIsToldAndEndsTheConnection() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        client.send(raw: "PING\r\n*1\r\n!oops\r\nPING\r\n")
        try world.until("end") { client.isEnded }
        #expect(
            client.replies == [
                .simpleString("PONG"), .error("ERR Protocol error: expected '$', got '!'"),
            ])
        #expect(world.node.clients.count == 0)
    }

    @Test func clientsBeyondTheLimitAreRefused() throws {
        let world = try NodeWorld { $0.clientsMax = 1 }
        let first = try world.connect()
        #expect(try world.call(first, "PING") == .simpleString("PONG"))
        let second = try world.connect()
        try world.until("end") { second.isEnded }
        #expect(second.replies == [.error("ERR max number of clients reached")])
        #expect(world.node.statistics.connectionsRejected == 1)
        #expect(try world.call(first, "PING") == .simpleString("PONG"))
    }

    @Test func inputBeyondTheLimitEndsTheConnection() throws {
        let world = try NodeWorld { $0.queryBufferBytesMax = 1 << 20 }
        let client = try world.connect()
        client.send(
            raw: "*2\r\n$4\r\nECHO\r\n$8000000\r\n" + String(repeating: "x", count: 3 << 20))
        try world.until("end") { client.isEnded }
        #expect(world.node.statistics.queryLimitDisconnections == 1)
        #expect(world.log.contains("reached max query buffer length"))
    }

    @Test func outputBeyondTheLimitEndsTheConnection() throws {
        let world = try NodeWorld {
            $0.outputLimits.normal = OutputBufferLimit(
                hardBytes: 1 << 20, softBytes: 0, softSeconds: 0)
        }
        let client = try world.connect()
        let value = String(repeating: "x", count: 1 << 20)
        _ = try world.call(client, "SET", "big", value)
        client.pauseReading()
        for _ in 0..<32 { client.send("GET", "big") }
        try world.until("end") { world.node.clients.count == 0 }
        #expect(world.node.statistics.outputLimitDisconnections == 1)
    }

    @Test func ofOutputBeyondTheLimitNothingIsSent() throws {
        let world = try NodeWorld {
            $0.outputLimits.normal = OutputBufferLimit(
                hardBytes: 100_000, softBytes: 0, softSeconds: 0)
        }
        let client = try world.connect()
        _ = try world.call(client, "HSET", "hash", "field", String(repeating: "v", count: 100))
        let sentBefore = world.node.statistics.outputBytes
        // It would never end, were it not cut off.
        let endless = try world.connect()
        endless.send("HRANDFIELD", "hash", "-999999999999", "WITHVALUES")
        try world.until("end") { endless.isEnded }
        // A transaction is executed as a whole all the same.
        let transaction = try world.connect()
        transaction.send("MULTI")
        transaction.send("HRANDFIELD", "hash", "-2000", "WITHVALUES")
        transaction.send("SET", "k", "done")
        transaction.send("EXEC")
        try world.until("end") { transaction.isEnded }
        #expect(world.node.statistics.outputBytes - sentBefore < 100)
        #expect(world.node.statistics.outputLimitDisconnections == 2)
        #expect(try world.call(client, "GET", "k") == .bulk(Array("done".utf8)))
    }

    @Test func idleClientsAreClosedAfterTheirTime() throws {
        let world = try NodeWorld {
            $0.idleTimeoutSeconds = 1
            $0.hz = 100
        }
        let client = try world.connect()
        try world.until("end") { client.isEnded }
        #expect(client.replies.isEmpty)
    }

    @Test func strangersMustAuthenticateAndHaveSmallLimits() throws {
        let world = try NodeWorld { $0.requiredPassword = "secret" }
        let client = try world.connect()
        #expect(try world.call(client, "GET", "k") == .error("NOAUTH Authentication required."))
        #expect(try world.call(client, "AUTH", "secret") == .simpleString("OK"))
        let value = String(repeating: "x", count: 100_000)
        #expect(try world.call(client, "SET", "k", value) == .simpleString("OK"))
        let stranger = try world.connect()
        stranger.send(raw: "*2\r\n$4\r\nECHO\r\n$100000\r\n")
        try world.until("end") { stranger.isEnded }
        #expect(
            stranger.replies == [.error("ERR Protocol error: unauthenticated bulk length")])
    }

    @Test func aUnixSocketServesToo() throws {
        let folder = try NodeWorld.makeFolder()
        let world = try NodeWorld(folder: folder) { $0.unixSocket = "\(folder)/socket" }
        let client = try world.connect(path: "\(folder)/socket")
        #expect(try world.call(client, "PING") == .simpleString("PONG"))
    }

    @Test func pausedClientsGoOnInOrder() throws {
        let world = try NodeWorld()
        let other = try world.connect()
        let client = try world.connect()
        #expect(try world.call(other, "CLIENT", "PAUSE", "60000", "WRITE") == .simpleString("OK"))
        client.send("GET", "k")
        client.send("SET", "k", "1")
        client.send("GET", "k")
        try world.until("the read") { client.replies.count == 1 }
        for _ in 0..<5 { world.node.loop.runTurn(waitMillisecondsMax: 5) }
        #expect(client.replies == [.null])
        #expect(try world.call(other, "CLIENT", "UNPAUSE") == .simpleString("OK"))
        try world.until("the rest") { client.replies.count == 3 }
        #expect(client.replies[1...] == [.simpleString("OK"), .bulk(Array("1".utf8))])
    }

    @Test func messagesReachSubscribersInTheTurnOfTheirPublication() throws {
        let world = try NodeWorld()
        let subscriber = try world.connect()
        let publisher = try world.connect()
        _ = try world.call(subscriber, "SUBSCRIBE", "news")
        #expect(try world.call(publisher, "PUBLISH", "news", "hello") == .integer(1))
        try world.until("message") { subscriber.replies.count == 2 }
        #expect(subscriber.replies[1].elements?.last?.text == "hello")
    }

    /// Reads and forgets: a replica whose bytes are no replies.
    private final class Sink: StreamConnection {
        private(set) var count = 0
        private(set) var isEnded = false
        override func received() {
            count += input.count
            input.removeAll()
        }
        override func closed(_ reason: CloseReason) { isEnded = true }
    }

    @Test func aReplicaIsClosedWhenItsHistoryIsOver() throws {
        let world = try NodeWorld()
        let address = try #require(
            SocketAddress(numeric: "127.0.0.1", port: UInt16(world.node.listeners.port)))
        let replica = try Sink(
            loop: world.node.loop, connectingTo: address, timeoutMilliseconds: 5_000)
        defer { replica.close() }
        Array("REPLCONF capa psync2\r\n".utf8).withByteSlice { replica.send($0) }
        try world.until("answer") { replica.count == 5 }
        Array("PSYNC ? -1\r\n".utf8).withByteSlice { replica.send($0) }
        try world.until("replica") { world.node.links.replicaCount == 1 && replica.count > 60 }
        world.node.links.historyChanged(.replaced)
        try world.until("end") { replica.isEnded && world.node.clients.count == 0 }
        #expect(world.node.links.replicaCount == 0)
    }

    @Test(arguments: [false, true])
    func replicasAreFedWithOrWithoutDelay(isDisabled: Bool) throws {
        let world = try NodeWorld { $0.disablesReplicationNoDelay = isDisabled }
        let address = try #require(
            SocketAddress(numeric: "127.0.0.1", port: UInt16(world.node.listeners.port)))
        let replica = try Sink(
            loop: world.node.loop, connectingTo: address, timeoutMilliseconds: 5_000)
        defer { replica.close() }
        Array("PING\r\n".utf8).withByteSlice { replica.send($0) }
        try world.until("answer") { replica.count == 7 }
        let session = try #require(world.node.clients.all.first)
        #expect(try Socket.isNoDelay(session.descriptor))
        Array("PSYNC ? -1\r\n".utf8).withByteSlice { replica.send($0) }
        try world.until("replica") { world.node.links.replicaCount == 1 }
        #expect(try Socket.isNoDelay(session.descriptor) == !isDisabled)
    }

    @Test func aKilledClientIsForgotten() throws {
        let world = try NodeWorld()
        let victim = try world.connect()
        let other = try world.connect()
        guard case .integer(let id) = try world.call(victim, "CLIENT", "ID") else {
            Issue.record("no id")
            return
        }
        _ = try world.call(victim, "WATCH", "k")
        #expect(try world.call(other, "CLIENT", "KILL", "ID", "\(id)") == .integer(1))
        try world.until("end") { victim.isEnded }
        #expect(world.node.clients.count == 1)
        #expect(world.node.engine.watchedKeyCount == 0)
    }

    @Test func buffersOfIdleClientsAreGivenBack() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        client.send(raw: "*2\r\n$4\r\nECHO\r\n$30000\r\n" + String(repeating: "x", count: 30_000))
        let session = try #require(world.node.clients.all.first)
        try world.until("input") { session.inputCount > 30_000 }
        client.send(raw: "\r\n")
        try world.until("reply") { client.replies.count == 1 }
        #expect(session.bufferBytes > 0)
        try world.until("release") { session.bufferBytes == 0 }
        #expect(try world.call(client, "PING") == .simpleString("PONG"))
    }
}
