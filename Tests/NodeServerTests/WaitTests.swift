// Clients that wait for keys, over real sockets.
import Commands
import EventLoop
import Platform
import RESP
import Testing

@testable import NodeServer

@Suite struct WaitTests {
    private func bulks(_ texts: String...) -> Reply {
        .array(texts.map { .bulk(Array($0.utf8)) })
    }

    /// A connection whose command waits.
    private func blocked(_ world: NodeWorld, _ words: String..., count: Int = 1) throws
        -> TestClient
    {
        let client = try world.connect()
        client.send(raw: words.joined(separator: " ") + "\r\n")
        try world.until("blocked clients") {
            world.node.clients.all.filter { $0.client.blocked != nil }.count >= count
        }
        return client
    }

    @Test func whatWasSentBehindABlockedCommandRunsWhenItIsServed() throws {
        let world = try NodeWorld()
        let waiting = try blocked(world, "BLPOP k 0\r\nECHO one\r\nBLPOP k 0\r\nECHO two")
        let pusher = try world.connect()
        #expect(try world.call(pusher, "RPUSH", "k", "a") == .integer(1))
        try world.until("first replies") { waiting.replies.count == 2 }
        #expect(waiting.replies == [bulks("k", "a"), .bulk(Array("one".utf8))])
        try world.until("second wait") {
            world.node.clients.all.contains { $0.client.blocked != nil }
        }
        #expect(try world.call(pusher, "RPUSH", "k", "b") == .integer(1))
        try world.until("all replies") { waiting.replies.count == 4 }
        #expect(waiting.replies.suffix(2) == [bulks("k", "b"), .bulk(Array("two".utf8))])
    }

    @Test func aPipelineOfPushAndWaitLetsOthersGoFirst() throws {
        let world = try NodeWorld()
        let first = try blocked(world, "BLPOP k 0")
        let second = try world.connect()
        second.send(raw: "RPUSH k 1\r\nBLPOP k 0\r\n")
        try world.until("the first is served") { first.replies.count == 1 }
        #expect(first.replies == [bulks("k", "1")])
        #expect(second.replies == [.integer(1)])
        let third = try world.connect()
        #expect(try world.call(third, "RPUSH", "k", "2") == .integer(1))
        try world.until("the second is served") { second.replies.count == 2 }
        #expect(second.replies.last == bulks("k", "2"))
    }

    @Test func waitsEndInTheOrderOfTheirDeadlines() throws {
        let world = try NodeWorld()
        let start = Clock.monotonicMilliseconds()
        let late = try blocked(world, "BLPOP k 0.15")
        let early = try blocked(world, "BLPOP k 0.05", count: 2)
        let never = try blocked(world, "BLPOP k 0", count: 3)
        try world.until("the early one") { early.replies == [.nullArray] }
        #expect(late.replies.isEmpty)
        #expect(Clock.monotonicMilliseconds() - start >= 49)
        try world.until("the late one") { late.replies == [.nullArray] }
        #expect(Clock.monotonicMilliseconds() - start >= 149)
        #expect(never.replies.isEmpty)
        #expect(world.node.engine.timedWaitCount == 0)
    }

    @Test func aConnectionThatEndsLeavesTheQueue() throws {
        let world = try NodeWorld()
        let gone = try blocked(world, "BLPOP k 0")
        let client = try world.connect()
        let text = try #require(try world.call(client, "INFO", "clients").text)
        #expect(text.contains("blocked_clients:1\r\n"))
        #expect(text.contains("total_blocking_keys:1\r\n"))
        #expect(text.contains("total_blocking_keys_on_nokey:0\r\n"))
        let list = try #require(try world.call(client, "CLIENT", "LIST").text)
        #expect(list.contains(" flags=b "))
        gone.close()
        try world.until("its end") { world.node.clients.count == 1 }
        #expect(world.node.engine.awaitedKeyCounts.all == 0)
        #expect(try world.call(client, "RPUSH", "k", "a") == .integer(1))
        #expect(try world.call(client, "LLEN", "k") == .integer(1))
    }

    @Test func aNodeThatBecomesAReplicaEndsWaitsAndConnections() throws {
        let world = try NodeWorld()
        let waiting = try blocked(world, "BLPOP k 0")
        let client = try world.connect()
        #expect(try world.call(client, "REPLICAOF", "127.0.0.1", "1").text == "OK")
        try world.until("its end") { waiting.isEnded }
        #expect(
            waiting.replies == [
                .error(
                    "UNBLOCKED force unblock from blocking operation, instance state changed "
                        + "(master -> replica?)")
            ])
        #expect(try world.call(client, "REPLICAOF", "NO", "ONE").text == "OK")
    }

    @Test func theTimeOfAWaitBeginsWhenThePauseIsOver() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        #expect(try world.call(client, "CLIENT", "PAUSE", "100000", "WRITE").text == "OK")
        let paused = try world.connect()
        paused.send("BLPOP", "k", "0.05")
        try world.until("the pause holds it") { world.node.clients.all.contains { $0.isHeld } }
        let text = try #require(try world.call(client, "INFO", "clients").text)
        #expect(text.contains("blocked_clients:1\r\n"))
        #expect(try world.call(client, "CLIENT", "UNPAUSE").text == "OK")
        try world.until("its end") { paused.replies == [.nullArray] }
    }

    @Test func whoServesAndWhoIsServedReachTheLogInOrder() throws {
        let folder = try NodeWorld.makeFolder()
        do {
            let world = try NodeWorld(folder: folder) { $0.appendOnly = true }
            let waiting = try blocked(world, "BLMOVE a b LEFT RIGHT 0")
            let client = try world.connect()
            #expect(try world.call(client, "RPUSH", "a", "x") == .integer(1))
            try world.until("it is served") { waiting.replies.count == 1 }
            world.keepsFolder = true
        }
        let world = try NodeWorld(folder: folder) { $0.appendOnly = true }
        let client = try world.connect()
        #expect(try world.call(client, "LRANGE", "b", "0", "-1") == bulks("x"))
        #expect(try world.call(client, "EXISTS", "a") == .integer(0))
    }

    /// Each ends at a time that the clock or its microseconds cannot say.
    @Test func timesThatNoClockReachesEndNothing() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        for words in [["BLPOP", "k", "4611686018427388"], ["BZPOPMIN", "k", "9223370000000000"]] {
            _ = try blocked(world, words.joined(separator: " "))
            let timed = world.node.engine.timedWaitCount
            #expect(timed > 0)
        }
        let reader = try blocked(
            world, "XREAD BLOCK 4611686018427387904 STREAMS s $", count: 3)
        let waiter = try blocked(world, "WAIT 1 9223370000000000000", count: 4)
        let pauser = try world.connect()
        #expect(
            try world.call(pauser, "CLIENT", "PAUSE", "9223370000000000000", "WRITE")
                == .simpleString("OK"))
        #expect(try world.call(pauser, "CLIENT", "UNPAUSE") == .simpleString("OK"))
        #expect(try world.call(client, "XADD", "s", "1-1", "f", "v").text == "1-1")
        try world.until("the reader") { reader.replies.count == 1 }
        #expect(waiter.replies.isEmpty)
    }
}
