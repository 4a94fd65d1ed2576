import Bytes
import Commands
import RESP
import Store
import TestKit
import Testing

@Suite struct StreamTests {
    /// A client that applies the stream of its master, with what it is fed.
    private func apply(_ commands: [[String]], to target: EngineTarget) -> ClientState {
        let master = ClientState(id: 99, isMaster: true)
        var input = ByteBuffer()
        for command in commands { RequestWriter.command(command, into: &input) }
        var parser = RequestParser()
        var batch = RequestBatch(keyspace: target.keyspace)
        batch.fill(from: input.readable, parser: &parser)
        #expect(target.engine.execute(&batch, client: master).end == .finished)
        return master
    }

    @Test func offsetsCountTheBytesProduced() throws {
        let target = EngineTarget()
        target.engine.streamOffset = 1_000
        #expect(target.connection(1).client.lastWriteOffset == 0)
        _ = try target.run("SET", "k", "v")
        // SELECT 0 takes 23 bytes, SET k v takes 27.
        #expect(target.engine.stream.count == 50)
        #expect(target.engine.streamOffset == 1_050)
        #expect(target.connection(1).client.lastWriteOffset == 1_050)
        _ = try target.takeEffects()
        #expect(target.engine.streamOffset == 1_050)
        _ = try target.run("GET", "k")
        _ = try target.run("SET", "k", "v")
        #expect(target.connection(1).client.lastWriteOffset == 1_077)
        target.engine.streamDatabase = -1
        _ = try target.run("SET", "k", "v")
        #expect(try target.takeEffects()?.map { $0[0] } == ["SET", "SELECT", "SET"])
    }

    @Test func theStreamSelectsADatabaseWhenItChanges() throws {
        let target = EngineTarget()
        for database in ["3", "0"] {
            _ = try target.run("SELECT", database)
            _ = try target.run("SET", "k", "v")
            _ = try target.run("SET", "k", "v")
        }
        let write = ["SET", "k", "v"]
        #expect(
            try target.takeEffects()
                == [["SELECT", "3"], write, write, ["SELECT", "0"], write, write])
    }

    @Test func inlineAndSloppyRequestsBecomeCanonical() throws {
        let target = EngineTarget()
        target.send(Array("set  k 'a b'\r\n".utf8), connection: 1)
        target.send(Array("*3\r\n$3\r\nSET\r\n$1\r\nkxx$1\r\nvyy".utf8), connection: 1)
        #expect(
            try target.takeEffects()
                == [["SELECT", "0"], ["set", "k", "a b"], ["SET", "k", "v"]])
    }

    @Test func nobodyToListenMeansNoBytes() throws {
        let target = EngineTarget()
        target.engine.propagates = false
        _ = try target.run("SET", "k", "v")
        _ = try target.run("PUBLISH", "c", "m")
        #expect(target.engine.stream.isEmpty)
        #expect(target.engine.dirty == 1)
    }

    @Test func theStreamOfAMasterIsAppliedSilently() throws {
        let target = EngineTarget()
        target.engine.isReplica = true
        target.engine.writeGate = .readOnlyReplica
        target.engine.isOutOfMemory = true
        target.engine.propagates = false
        let master = apply(
            [
                ["SELECT", "2"], ["SET", "a", "1"], ["MULTI"], ["SET", "b", "2"],
                ["INCR", "b"], ["EXEC"], ["ping"], ["REPLCONF", "GETACK", "*"],
                ["NOSUCHCOMMAND"], ["SET", "c", "x", "PXAT", "1"],
            ], to: target)
        let isSilent = master.output.buffer.isEmpty
        #expect(isSilent)
        #expect(target.host.calls == ["replconf"])
        _ = try target.run("SELECT", "2")
        #expect(try target.run("MGET", "a", "b", "c") == "[$\"1\" $\"3\" _]")
        // The key whose time is over is still stored, for clients it is gone.
        #expect(try target.run("DBSIZE") == ":3")
        #expect(try target.run("TTL", "c") == ":-2")
        #expect(target.engine.expireKeys(bucketBudget: 1_000_000))
        #expect(try target.run("DBSIZE") == ":3")
        _ = apply([["SELECT", "2"], ["DEL", "c"]], to: target)
        #expect(try target.run("DBSIZE") == ":2")
    }

    @Test func expiredKeysLeaveOneByOne() throws {
        let target = EngineTarget()
        for number in 0..<50 {
            _ = try target.run("SET", "k\(number)", "v", "PX", "\(10 + number % 2 * 1_000)")
        }
        _ = try target.run("SELECT", "3")
        _ = try target.run("SET", "other", "v", "PX", "10")
        _ = try target.takeEffects()
        target.advance(milliseconds: 500)
        while !target.engine.expireKeys(bucketBudget: 1_000) {}
        let effects = try target.takeEffects() ?? []
        #expect(effects.filter { $0[0] == "DEL" }.count == 26)
        #expect(!effects.contains(["MULTI"]))
        #expect(target.keyspace.database(0).count == 25)
        #expect(target.engine.counters.expiredKeys == 26)
        target.engine.isReplica = true
        target.advance(milliseconds: 1_000)
        #expect(!target.engine.mayExpireActively)
        #expect(target.engine.expireKeys(bucketBudget: 1_000_000))
        #expect(target.keyspace.database(0).count == 25)
    }

    @Test func statisticsCountWhatRan() throws {
        let target = EngineTarget()
        for _ in 0..<3 { _ = try target.run("GET", "k") }
        _ = try target.run("SET", "k", "v")
        _ = try target.run("GET", "k")
        _ = try target.run("INCR", "k")
        _ = try target.run("GET")
        _ = try target.run("CLIENT", "SETNAME", "x")
        let text = try target.run("INFO", "commandstats")
        #expect(text.contains("cmdstat_get:calls=4,usec="))
        #expect(text.contains(",rejected_calls=1,failed_calls=0"))
        #expect(text.contains("cmdstat_incr:calls=1,usec="))
        #expect(text.contains("failed_calls=1"))
        #expect(text.contains("cmdstat_client|setname:calls=1"))
        #expect(target.engine.counters.hits == 1 && target.engine.counters.misses == 3)
        #expect(target.engine.errorReplies == ["ERR": 2])
        _ = try target.run("CONFIG", "RESETSTAT")
        #expect(target.engine.counters.hits == 0)
    }

    @Test func watchesEndWithTheirClient() throws {
        let target = EngineTarget()
        _ = try target.run("WATCH", "a", "b")
        #expect(target.engine.watchedKeyCount == 2)
        target.engine.forget(target.connection(1).client)
        #expect(target.engine.watchedKeyCount == 0)
    }

    @Test func aKeyThatHadExpiredMayGoWithoutBreakingTheWatch() throws {
        let target = EngineTarget()
        _ = try target.run("SET", "k", "v", "PX", "10")
        target.advance(milliseconds: 100)
        _ = try target.run("WATCH", "k")
        #expect(try target.run("GET", "k", connection: 2) == "_")
        _ = try target.run("MULTI")
        _ = try target.run("PING")
        #expect(try target.run("EXEC") == "[+PONG]")
        _ = try target.run("SET", "k", "v", "PX", "10")
        _ = try target.run("WATCH", "k")
        target.advance(milliseconds: 100)
        _ = try target.run("MULTI")
        _ = try target.run("PING")
        #expect(try target.run("EXEC") == "*_")
    }
}
