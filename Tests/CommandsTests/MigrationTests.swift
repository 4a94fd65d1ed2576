import Bytes
import Commands
import RESP
import TestKit
import Testing

/// MIGRATE against another server that answers as the test says.
@Suite struct MigrationTests {
    private func requests(_ target: EngineTarget) throws -> [[String]] {
        var commands: [[String]] = []
        for request in target.host.requests {
            var parser = RequestParser()
            var list = ByteSliceList()
            try request.withByteSlice { bytes in
                var position = 0
                while position < bytes.count {
                    list.removeAll()
                    guard
                        case .command(let length, let count) = try parser.parse(
                            bytes, from: position, into: &list)
                    else { break }
                    let view = list.view(from: 0, count: count)
                    commands.append((0..<count).map { view[$0].string })
                    position += length
                }
            }
        }
        return commands
    }

    @Test func keysGoWhenTheTargetHasThem() throws {
        let target = EngineTarget()
        _ = try target.run("SET", "a", "1")
        _ = try target.run("SET", "b", "2", "PX", "5000")
        _ = try target.takeEffects()
        target.host.answers = ["+OK", "+OK", "+OK"]
        #expect(
            try target.run(
                "MIGRATE", "there", "7", "", "3", "100", "REPLACE", "KEYS", "a", "none", "b")
                == "+OK")
        let sent = try requests(target)
        #expect(sent.map { $0[0] } == ["SELECT", "RESTORE", "RESTORE"])
        #expect(sent[0][1] == "3")
        #expect(sent[1][1] == "a" && sent[1][2] == "0" && sent[1][4] == "REPLACE")
        #expect(sent[2][1] == "b" && sent[2][2] == "5000")
        #expect(try target.run("EXISTS", "a", "b") == ":0")
        #expect(try target.takeEffects() == [["DEL", "a", "b"]])
    }

    @Test func copiesStay() throws {
        let target = EngineTarget()
        _ = try target.run("SET", "a", "1")
        _ = try target.takeEffects()
        target.host.answers = ["+OK", "+OK", "+OK"]
        #expect(
            try target.run("MIGRATE", "there", "7", "a", "0", "0", "AUTH2", "u", "p", "COPY")
                == "+OK")
        #expect(try requests(target).map { $0[0] } == ["AUTH", "SELECT", "RESTORE"])
        #expect(try target.run("EXISTS", "a") == ":1")
        #expect(try target.takeEffects() == [])
    }

    @Test func onlyAcknowledgedKeysGo() throws {
        let target = EngineTarget()
        for key in ["a", "b", "c"] { _ = try target.run("SET", key, "1") }
        _ = try target.takeEffects()
        target.host.answers = ["+OK", "+OK", "-BUSYKEY there already", "+OK"]
        #expect(
            try target.run("MIGRATE", "there", "7", "", "0", "100", "KEYS", "a", "b", "c")
                == "-ERR Target instance replied with error: BUSYKEY there already")
        #expect(try target.run("EXISTS", "a") == ":0")
        #expect(try target.run("EXISTS", "b") == ":1")
        #expect(try target.takeEffects() == [["DEL", "a", "c"]])
        _ = try target.run("SET", "a", "1")
        target.host.answers = ["+OK", "+OK"]
        #expect(
            try target.run("MIGRATE", "there", "7", "", "0", "100", "KEYS", "a", "b")
                == "-IOERR error or timeout reading to target instance")
        #expect(try target.run("EXISTS", "a", "b") == ":1")
    }

    @Test func withoutTheRightDatabaseNothingGoes() throws {
        let target = EngineTarget()
        _ = try target.run("SET", "a", "1")
        target.host.answers = ["-ERR DB index is out of range", "+OK"]
        #expect(
            try target.run("MIGRATE", "there", "7", "a", "99", "100")
                == "-ERR Target instance replied with error: ERR DB index is out of range")
        #expect(try target.run("EXISTS", "a") == ":1")
        target.host.answers = ["HTTP/1.1 400 Bad Request", "Content-Length: 0"]
        #expect(
            try target.run("MIGRATE", "there", "7", "a", "0", "100").hasPrefix("-ERR Target inst"))
        #expect(try target.run("EXISTS", "a") == ":1")
        #expect(
            try target.run("MIGRATE", "there", "1", "a", "0", "100")
                == "-IOERR error or timeout connecting to the client")
    }
}
