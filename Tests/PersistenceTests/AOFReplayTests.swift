// Replay of logs: those of real servers, cut ones, foreign ones.
import Bytes
import Log
import Persistence
import Testing

@Suite struct AOFReplayTests {
    private func replay(
        _ bytes: [UInt8], step: Int = .max
    ) throws(AOFReplayError) -> (commands: [String], good: Int64, database: Int) {
        var replay = AOFReplay()
        var buffer = ByteBuffer()
        var commands: [String] = []
        var position = 0
        while position < bytes.count {
            let length = min(step, bytes.count - position)
            bytes.withByteSlice { buffer.append($0.slice(from: position, count: length)) }
            position += length
            _ = try replay.receive(&buffer) { (words, raw) throws(AOFReplayError) in
                if words[0] == "nosuch" {
                    throw .unknownCommand(name: words[0].string, position: 0)
                }
                commands.append(
                    (0..<words.count).map { words[$0].string }.joined(separator: " "))
                #expect(raw[0] == 0x2A)
            }
        }
        #expect(replay.goodBytes + Int64(buffer.count) == Int64(bytes.count))
        return (commands, replay.goodBytes, replay.database)
    }

    @Test(arguments: Fixture.producers)
    func logsOfRealServersAreReplayed(producer: String) throws {
        let bytes = try Fixture.bytes("\(producer)-appendonlydir/appendonly.aof.2.incr.aof")
        for step in [1, 13, 1000] {
            let found = try replay(bytes, step: step)
            #expect(found.good == Int64(bytes.count) && found.database == 0)
            #expect(
                found.commands == [
                    "SELECT 3", "SET after rewrite", "MULTI", "SELECT 0", "INCR counter",
                    "LPUSH list:small x", "EXEC",
                ]
                    || found.commands == [
                        "SELECT 3", "SET after rewrite", "SELECT 0", "MULTI", "INCR counter",
                        "LPUSH list:small x", "EXEC",
                    ])
        }
    }

    @Test func aTransactionIsAppliedWholeOrNotAtAll() throws {
        let bytes = try Fixture.bytes(
            "redis-7.0.15-appendonlydir/appendonly.aof.2.incr.aof")
        let whole = try replay(bytes)
        for cut in 0..<bytes.count {
            let found = try replay([UInt8](bytes[..<cut]))
            #expect(found.commands.contains("MULTI") == false)
            #expect(found.commands == Array(whole.commands.prefix(found.commands.count)))
            #expect(found.good <= Int64(cut))
        }
    }

    @Test func foreignBytesAreRefusedWithTheirPosition() {
        let good = [UInt8]("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n".utf8)
        #expect(throws: AOFReplayError.badFormat(position: Int64(good.count))) {
            try replay(good + [UInt8]("SET a b\r\n".utf8))
        }
        #expect(throws: AOFReplayError.unknownCommand(name: "nosuch", position: 0)) {
            try replay(good + [UInt8]("*1\r\n$6\r\nnosuch\r\n".utf8))
        }
    }
}
