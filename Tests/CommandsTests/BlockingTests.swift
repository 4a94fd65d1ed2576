import Bytes
import Commands
import RESP
import Store
import TestKit
import Testing

@Suite struct BlockingTests {
    private func received(_ target: EngineTarget, _ connection: Int) throws -> String? {
        try target.receive(connection: connection)?.rendered
    }

    @Test func aClientThatIsGoneIsNotServed() throws {
        let target = EngineTarget()
        #expect(try target.run("BLPOP", "k", "0", connection: 2) == "(none)")
        #expect(try target.run("BLPOP", "k", "0", connection: 3) == "(none)")
        #expect(target.engine.awaitedKeyCounts.all == 1)
        target.engine.forget(target.connection(2).client)
        #expect(try target.run("RPUSH", "k", "x") == ":1")
        #expect(try received(target, 3) == "[$\"k\" $\"x\"]")
        #expect(try received(target, 2) == nil)
        #expect(target.engine.awaitedKeyCounts.all == 0)
    }

    @Test func whoWaitsIsEndedByUnblock() throws {
        let target = EngineTarget()
        for (option, reply) in [
            ("TIMEOUT", "*_"), ("ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK"),
        ] {
            _ = try target.run("BLPOP", "k", "0", connection: 2)
            target.send(Array("PING\r\n".utf8), connection: 2)
            #expect(try target.run("CLIENT", "UNBLOCK", "2", option) == ":1")
            #expect(try received(target, 2) == reply)
            #expect(try received(target, 2) == "+PONG")
            #expect(try target.run("CLIENT", "UNBLOCK", "2", option) == ":0")
        }
        #expect(target.engine.timedWaitCount == 0 && target.engine.awaitedKeyCounts.all == 0)
    }

    @Test func aBlockedCommandIsCountedOnceWhenItHasItsAnswer() throws {
        let target = EngineTarget()
        let number = try #require(target.engine.table.specs.firstIndex { "\($0.name)" == "blpop" })
        _ = try target.run("BLPOP", "k", "1", connection: 2)
        #expect(target.engine.statistics(of: number).calls == 0)
        _ = try target.run("RPUSH", "k", "x")
        #expect(target.engine.statistics(of: number).calls == 1)
        _ = try target.run("BLPOP", "k", "1", connection: 3)
        target.advance(milliseconds: 1_000)
        #expect(try received(target, 3) == "*_")
        #expect(target.engine.statistics(of: number).calls == 2)
        #expect(target.engine.statistics(of: number).failedCalls == 0)
    }

    @Test func deadlinesAreKeptInOrderWhateverEndsTheWaits() throws {
        let target = EngineTarget()
        var random = SeededRandom(seed: 5)
        // Eight clients with random timeouts; some are served before.
        var deadlines: [Int: Int64] = [:]
        func now() -> Int64 { target.host.nanoseconds / 1_000_000 }
        for round in 0..<2_000 {
            let client = 2 + random.below(8)
            if deadlines[client] == nil {
                let milliseconds = 1 + random.below(60)
                let text = "0.0\(milliseconds < 10 ? "0" : "")\(milliseconds)"
                _ = try target.run("BLPOP", "k\(client)", text, connection: client)
                deadlines[client] = now() + Int64(milliseconds)
            } else if round % 3 == 0 {
                _ = try target.run("RPUSH", "k\(client)", "x")
                #expect(try received(target, client) == "[$\"k\(client)\" $\"x\"]")
                deadlines[client] = nil
            }
            #expect(target.engine.timedWaitCount == deadlines.count)
            _ = try target.takeEffects()
            guard round % 4 == 0 else { continue }
            target.advance(milliseconds: random.below(12))
            for (client, deadline) in deadlines {
                let reply = try received(target, client)
                // The clock also counts its readings: it may be a millisecond further now.
                #expect(reply == nil ? deadline >= now() - 1 : deadline <= now() + 1)
                if reply != nil { deadlines[client] = nil }
            }
        }
    }

    @Test func thousandsMayWaitForOneKeyAndLeaveAnywhere() throws {
        let target = EngineTarget()
        var random = SeededRandom(seed: 6)
        var waiting: [Int] = []
        var next = 2
        for _ in 0..<3_000 {
            switch random.below(5) {
            case 0...2:
                _ = try target.run("BLPOP", "k", "0", connection: next)
                waiting.append(next)
                next += 1
            case 3 where !waiting.isEmpty:
                let gone = waiting.remove(at: random.below(waiting.count))
                target.engine.forget(target.connection(gone).client)
            case 4 where !waiting.isEmpty:
                #expect(try target.run("RPUSH", "k", "x") == ":1")
                #expect(try received(target, waiting.removeFirst()) == "[$\"k\" $\"x\"]")
            default: break
            }
        }
        #expect(try target.run("DBSIZE") == ":0")
        while !waiting.isEmpty {
            _ = try target.run("RPUSH", "k", "x")
            #expect(try received(target, waiting.removeFirst()) == "[$\"k\" $\"x\"]")
        }
    }

    @Test func aNewReplicaEndsAllWaits() throws {
        let target = EngineTarget()
        _ = try target.run("BLPOP", "a", "b", "1", connection: 2)
        _ = try target.run("BLPOP", "b", "0", connection: 3)
        let clients = target.engine.endWaits(with: ReplyError("UNBLOCKED changed"))
        #expect(clients.map(\.id) == [2, 3])
        #expect(try received(target, 2) == "-UNBLOCKED changed")
        #expect(try received(target, 3) == "-UNBLOCKED changed")
        #expect(target.engine.awaitedKeyCounts.all == 0 && target.engine.timedWaitCount == 0)
    }

    @Test func servedCommandsAskTheGatesAgain() throws {
        let target = EngineTarget()
        _ = try target.run("BLMOVE", "a", "b", "LEFT", "RIGHT", "0", connection: 2)
        target.engine.isOutOfMemory = true
        let master = ClientState(id: 99, isMaster: true)
        var request = ByteBuffer()
        RequestWriter.command(["RPUSH", "a", "x"], into: &request)
        var parser = RequestParser()
        var batch = RequestBatch(keyspace: target.keyspace)
        batch.fill(from: request.readable, parser: &parser)
        _ = target.engine.execute(&batch, client: master)
        #expect(
            try received(target, 2)
                == "-OOM command not allowed when used memory > 'maxmemory'.")
        target.engine.isOutOfMemory = false
        #expect(try target.run("LLEN", "a") == ":1")
    }

    @Test func whoIsPausedIsServedWhenThePauseEnds() throws {
        let target = EngineTarget()
        _ = try target.run("BLPOP", "a", "0", connection: 2)
        target.engine.pause = .writes
        // A replica's writes are not paused.
        target.connection(3).client.isReplica = true
        #expect(try target.run("RPUSH", "a", "x", connection: 3) == ":1")
        #expect(try received(target, 2) == nil)
        target.engine.pause = .none
        target.engine.serveReadyKeys()
        #expect(try received(target, 2) == "[$\"a\" $\"x\"]")
    }

    @Test func expiredKeysWakeNobody() throws {
        let target = EngineTarget()
        _ = try target.run("BLPOP", "a", "10", connection: 2)
        _ = try target.run("MULTI")
        _ = try target.run("RPUSH", "a", "x")
        _ = try target.run("PEXPIRE", "a", "1")
        // The time passes within the transaction.
        target.host.milliseconds += 5
        _ = try target.run("EXEC")
        #expect(try received(target, 2) == nil)
        #expect(try target.run("RPUSH", "a", "y") == ":1")
        #expect(try received(target, 2) == "[$\"a\" $\"y\"]")
    }

    @Test func repliesThatNobodyWantsAreLeftOut() throws {
        let target = EngineTarget()
        _ = try target.run("CLIENT", "REPLY", "OFF", connection: 2)
        _ = try target.run("BLPOP", "a", "0", connection: 2)
        _ = try target.run("RPUSH", "a", "x")
        #expect(try received(target, 2) == nil)
        #expect(try target.run("LLEN", "a") == ":0")
        #expect(try target.run("CLIENT", "REPLY", "SKIP", connection: 3) == "(none)")
        _ = try target.run("BLPOP", "a", "0", connection: 3)
        _ = try target.run("RPUSH", "a", "x")
        #expect(try target.run("PING", connection: 3) == "+PONG")
        #expect(try target.run("LLEN", "a") == ":0")
    }

    @Test func theLoadOfAnotherDataSetWakesThoseWhoWait() throws {
        let target = EngineTarget()
        _ = try target.run("BLPOP", "a", "0", connection: 2)
        var packed = ByteBuffer()
        PackedEncoder.begin(&packed, count: 1)
        PackedEncoder.append(ByteSlice("x"), to: &packed)
        let key = ByteSlice("a")
        target.keyspace.database(0).set(
            key, target.keyspace.hash(key), packed: packed.readable, type: .list)
        target.engine.dataWereReplaced()
        target.engine.serveReadyKeys()
        #expect(try received(target, 2) == "[$\"a\" $\"x\"]")
    }
}
