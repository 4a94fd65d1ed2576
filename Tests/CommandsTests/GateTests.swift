import Bytes
import Commands
import RESP
import Store
import TestKit
import Testing

@Suite struct GateTests {
    @Test func strangersMayOnlyAuthenticate() throws {
        var settings = EngineSettings()
        settings.password = Array("secret".utf8)
        let target = EngineTarget(settings: settings)
        #expect(try target.run("GET", "k") == "-NOAUTH Authentication required.")
        #expect(try target.run("HELLO", "3").hasPrefix("-NOAUTH HELLO must be called"))
        let refused = "-WRONGPASS invalid username-password pair or user is disabled."
        #expect(try target.run("AUTH", "wrong") == refused)
        #expect(try target.run("AUTH", "secretsecret") == refused)
        #expect(try target.run("AUTH", "") == refused)
        #expect(try target.run("AUTH", "somebody", "secret") == refused)
        #expect(try target.run("AUTH", "secret") == "+OK")
        #expect(try target.run("GET", "k") == "_")
        #expect(try target.run("RESET") == "+RESET")
        #expect(try target.run("GET", "k") == "-NOAUTH Authentication required.")
        #expect(try target.run("HELLO", "2", "AUTH", "default", "secret").hasPrefix("["))
        #expect(try target.run("GET", "k") == "_")
    }

    @Test func writesAreRefusedWithTheReason() throws {
        let target = EngineTarget()
        let reasons: [(WriteGate, String)] = [
            (.readOnlyReplica, "-READONLY You can't write against a read only replica."),
            (.lacksReplicas, "-NOREPLICAS Not enough good replicas to write."),
            (.refused(ReplyError("READONLY no lease")), "-READONLY no lease"),
        ]
        for (gate, text) in reasons {
            target.engine.writeGate = gate
            #expect(try target.run("SET", "k", "v") == text)
            #expect(try target.run("GET", "k") == "_")
        }
        target.engine.writeGate = .snapshotFailed
        #expect(try target.run("DEL", "k").hasPrefix("-MISCONF "))
        target.engine.writeGate = .allowed
        #expect(try target.run("SET", "k", "v") == "+OK")
    }

    @Test func aTransactionIsRefusedWhenTheRightToWriteEndedMeanwhile() throws {
        let target = EngineTarget()
        _ = try target.run("MULTI")
        _ = try target.run("SET", "k", "v")
        target.engine.writeGate = .readOnlyReplica
        let refused = try target.run("EXEC")
        #expect(
            refused == "-EXECABORT Transaction discarded because of: "
                + "READONLY You can't write against a read only replica.")
        #expect(try target.run("EXEC") == "-ERR EXEC without MULTI")
        _ = try target.run("MULTI")
        _ = try target.run("GET", "k")
        #expect(try target.run("EXEC") == "[_]")
    }

    @Test func memoryStaleAndLoadingRefuseWhatTheyMust() throws {
        let target = EngineTarget()
        target.engine.isOutOfMemory = true
        #expect(try target.run("SET", "k", "v").hasPrefix("-OOM "))
        #expect(try target.run("DEL", "k") == ":0")
        target.engine.isOutOfMemory = false
        target.engine.refusesStaleReads = true
        #expect(try target.run("GET", "k").hasPrefix("-MASTERDOWN "))
        #expect(try target.run("ECHO", "x") == "$\"x\"")
        target.engine.refusesStaleReads = false
        target.engine.isLoading = true
        #expect(try target.run("GET", "k").hasPrefix("-LOADING "))
        #expect(try target.run("CONFIG", "GET", "appendonly") == "[$\"appendonly\" $\"no\"]")
    }

    @Test func pausedCommandsWaitAndRunLater() throws {
        let target = EngineTarget()
        _ = try target.run("CLIENT", "PAUSE", "10000", "WRITE", connection: 2)
        #expect(try target.run("GET", "k") == "_")
        #expect(try target.run("SET", "k", "v") == "(none)")
        #expect(try target.run("GET", "k") == "(none)")
        #expect(try target.run("GET", "k", connection: 2) == "_")
        #expect(try target.run("CLIENT", "UNPAUSE", connection: 2) == "+OK")
        #expect(try target.receive(connection: 1)?.rendered == "+OK")
        #expect(try target.receive(connection: 1)?.rendered == "$\"v\"")
    }

    @Test func aBlockedClientKeepsTheRestOfItsInput() throws {
        let target = EngineTarget()
        var input = ByteBuffer()
        RequestWriter.command(["WAIT", "1", "0"], into: &input)
        RequestWriter.command(["PING"], into: &input)
        target.send(input.readable.array, connection: 1)
        #expect(try target.receive(connection: 1) == nil)
        #expect(try target.run("CLIENT", "UNBLOCK", "1", "ERROR", connection: 2) == ":1")
        #expect(
            try target.receive(connection: 1)?.rendered
                == "-UNBLOCKED client unblocked via CLIENT UNBLOCK")
        target.send([], connection: 1)
        #expect(try target.receive(connection: 1)?.rendered == "+PONG")
        #expect(try target.run("CLIENT", "UNBLOCK", "1", connection: 2) == ":0")
    }

    @Test func nothingRunsBehindQuit() throws {
        let target = EngineTarget()
        var input = ByteBuffer()
        for command in [["SET", "a", "1"], ["QUIT"], ["SET", "a", "2"]] {
            RequestWriter.command(command, into: &input)
        }
        target.send(input.readable.array, connection: 1)
        #expect(target.connection(1).isClosed)
        #expect(try target.run("GET", "a", connection: 2) == "$\"1\"")
    }

    @Test func aViolationOfTheProtocolIsToldBehindTheReplies() throws {
        let target = EngineTarget()
        target.send(Array("PING\r\n*1\r\nfoo\r\n".utf8), connection: 1)
        #expect(try target.receive(connection: 1)?.rendered == "+PONG")
        #expect(
            try target.receive(connection: 1)?.rendered
                == "-ERR Protocol error: expected '$', got 'f'")
        #expect(target.connection(1).isClosed)
    }

    @Test func repliesAreOnlySentToThoseWhoWantThem() throws {
        let target = EngineTarget()
        #expect(try target.run("CLIENT", "REPLY", "SKIP") == "(none)")
        #expect(try target.run("PING") == "(none)")
        #expect(try target.run("PING") == "+PONG")
        #expect(try target.run("CLIENT", "REPLY", "OFF") == "(none)")
        #expect(try target.run("SET", "k", "v") == "(none)")
        #expect(try target.run("NOPE") == "(none)")
        #expect(try target.run("CLIENT", "REPLY", "ON") == "+OK")
        #expect(try target.run("GET", "k") == "$\"v\"")
    }

    @Test func pushesReachThoseWhoWantNoReplies() throws {
        let target = EngineTarget()
        for mode in ["OFF", "SKIP"] {
            _ = try target.run("CLIENT", "REPLY", mode)
            #expect(try target.run("SUBSCRIBE", "c") == "[$\"subscribe\" $\"c\" :1]")
        }
        _ = try target.run("CLIENT", "REPLY", "OFF")
        _ = try target.run("PUBLISH", "c", "text", connection: 2)
        #expect(
            try target.receive(connection: 1)?.rendered == "[$\"message\" $\"c\" $\"text\"]")
        #expect(try target.run("PING") == "(none)")
        #expect(try target.run("UNSUBSCRIBE", "c") == "[$\"unsubscribe\" $\"c\" :0]")
        // Of a transaction only the pushes stay.
        for command in ["MULTI", "PING"] { _ = try target.run(command) }
        _ = try target.run("PSUBSCRIBE", "p*")
        _ = try target.run("PING")
        #expect(try target.run("EXEC") == "[$\"psubscribe\" $\"p*\" :1]")
    }

    @Test func clientsSeeAndKillEachOther() throws {
        let target = EngineTarget()
        _ = try target.run("CLIENT", "SETNAME", "first")
        _ = try target.run("SELECT", "5", connection: 2)
        let line = try target.run("CLIENT", "LIST", "ID", "1", connection: 2)
        #expect(line.contains("id=1 addr=127.0.0.1:10001 laddr=127.0.0.1:6379 fd=-1 name=first "))
        #expect(line.contains(" db=0 ") && line.contains(" cmd=client|setname "))
        let own = try target.run("CLIENT", "INFO", connection: 2)
        #expect(own.contains("id=2 ") && own.contains(" db=5 "))
        #expect(try target.run("CLIENT", "KILL", "TYPE", "normal", connection: 2) == ":1")
        #expect(target.host.closed == [1])
        #expect(
            try target.run("CLIENT", "KILL", "ID", "2", "SKIPME", "no", connection: 2) == ":1")
        #expect(target.connection(2).isClosed)
    }

    @Test func monitorsSeeCommandsOfOthers() throws {
        let target = EngineTarget()
        #expect(try target.run("MONITOR", connection: 2) == "+OK")
        #expect(try target.run("SET", "k", "a b\n") == "+OK")
        #expect(
            try target.receive(connection: 2)?.rendered
                == "+1700000000.000000 [0 127.0.0.1:10001] \"SET\" \"k\" \"a b\\n\"")
        #expect(try target.run("CONFIG", "GET", "appendonly").hasPrefix("["))
        #expect(try target.receive(connection: 2) == nil)
        #expect(try target.run("RESET", connection: 2) == "+RESET")
        #expect(try target.run("GET", "k") == "$\"a b\\n\"")
        #expect(try target.receive(connection: 2) == nil)
    }

    @Test func passwordsAreKeptFromMonitors() throws {
        let target = EngineTarget()
        #expect(try target.run("MONITOR", connection: 2) == "+OK")
        _ = try target.run("AUTH", "default", "secret")
        _ = try target.run("HELLO", "2", "AUTH", "default", "secret", "SETNAME", "me")
        let first = try target.receive(connection: 2)?.rendered ?? ""
        #expect(first.hasSuffix("\"AUTH\" \"(redacted)\" \"(redacted)\""))
        let second = try target.receive(connection: 2)?.rendered ?? ""
        #expect(
            second.hasSuffix(
                "\"AUTH\" \"(redacted)\" \"(redacted)\" \"SETNAME\" \"me\""))
    }

    @Test func nothingBlocksInsideATransaction() throws {
        let target = EngineTarget()
        _ = try target.run("MULTI")
        _ = try target.run("WAIT", "1", "0")
        #expect(try target.run("EXEC") == "[:0]")
    }

    @Test func slowCommandsAreKept() throws {
        var settings = EngineSettings()
        settings.slowLogMicroseconds = 0
        settings.slowLogCountMax = 2
        let target = EngineTarget(settings: settings)
        _ = try target.run("KEYS", String(repeating: "k", count: 200))
        _ = try target.run("KEYS", "*")
        #expect(try target.run("SLOWLOG", "LEN") == ":2")
        let entries = try target.run("SLOWLOG", "GET", "-1")
        #expect(entries.contains("[$\"SLOWLOG\" $\"LEN\"]"))
        #expect(entries.contains("[$\"KEYS\" $\"*\"]"))
    }

    @Test func whicheverWayACommandRunsItCanBeSlow() throws {
        var settings = EngineSettings()
        settings.slowLogMicroseconds = 0
        let target = EngineTarget(settings: settings)
        _ = try target.run("SET", "k", "1")
        for command in ["MULTI", "PING", "EXEC"] { _ = try target.run(command) }
        _ = try target.run("BLPOP", "list", "0", connection: 2)
        _ = try target.run("RPUSH", "list", "x")
        let entries = try target.run("SLOWLOG", "GET", "-1")
        #expect(entries.contains("[$\"SET\" $\"k\" $\"1\"]"))
        #expect(entries.contains("[$\"BLPOP\" $\"list\" $\"0\"]"))
        #expect(entries.contains("[$\"PING\"]") && !entries.contains("[$\"EXEC\"]"))
    }
}
