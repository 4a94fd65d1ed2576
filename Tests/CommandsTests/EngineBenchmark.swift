import Bytes
import Commands
import Foundation
import RESP
import Store
import Testing

/// Nanoseconds per command of the parser and the engine, without sockets. Runs when `BENCHMARK` is
/// set, in a release build:
/// `BENCHMARK=1 swift test -c release --filter EngineBenchmark`.
@Suite(.serialized) struct EngineBenchmark {
    static let isWanted = ProcessInfo.processInfo.environment["BENCHMARK"] != nil
    static let keyCount = 1_000_000
    static let roundCount = 40_000

    /// `roundCount` batches of `depth` requests with random keys.
    private func requests(depth: Int, setting: Bool) -> [[UInt8]] {
        var random = SeededRandom(seed: 42)
        let value = String(repeating: "v", count: 32)
        return (0..<EngineBenchmark.roundCount).map { _ in
            var buffer = ByteBuffer(capacity: depth * 100)
            for _ in 0..<depth {
                let number = String(random.below(EngineBenchmark.keyCount))
                let key = "key:" + String(repeating: "0", count: 12 - number.count) + number
                RequestWriter.command(
                    setting ? ["SET", key, value] : ["GET", key], into: &buffer)
            }
            return buffer.readable.array
        }
    }

    private func measure(
        _ target: EngineTarget, _ name: String, depth: Int, setting: Bool
    ) -> Double {
        let client = target.connection(1).client
        let batches = requests(depth: depth, setting: setting)
        var parser = RequestParser()
        var batch = RequestBatch(keyspace: target.keyspace)
        var best = Double.infinity
        for _ in 0..<3 {
            let start = DispatchTime.now().uptimeNanoseconds
            for input in batches {
                input.withByteSlice { slice in
                    batch.fill(from: slice, parser: &parser)
                    _ = target.engine.execute(&batch, client: client)
                }
                client.output.buffer.removeAll()
                target.engine.drainStream { _ in }
            }
            let spent = Double(DispatchTime.now().uptimeNanoseconds - start)
            best = min(best, spent / Double(batches.count * depth))
        }
        print("\(name) P=\(depth): \(Int(best)) ns per command")
        return best
    }

    @Test(.enabled(if: isWanted)) func commandsCostLittle() {
        let target = EngineTarget()
        for number in 0..<EngineBenchmark.keyCount {
            let digits = String(number)
            let key = "key:" + String(repeating: "0", count: 12 - digits.count) + digits
            Array(key.utf8).withByteSlice { key in
                let database = target.keyspace.database(0)
                _ = database.set(
                    key, database.hash(key), ByteSlice("vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"))
            }
        }
        target.engine.propagates = false
        for depth in [1, 16, 64] {
            #expect(measure(target, "GET", depth: depth, setting: false) < 1_000)
            #expect(measure(target, "SET", depth: depth, setting: true) < 1_000)
        }
        target.engine.propagates = true
        #expect(measure(target, "SET into a stream", depth: 16, setting: true) < 1_000)
    }
}
