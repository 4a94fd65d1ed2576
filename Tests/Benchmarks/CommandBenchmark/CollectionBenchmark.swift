// Commands on small collections: ten elements of 16 bytes, text or not, under 20,000 keys.
import Bytes
import Commands
import RESP
import Store

/// Nanoseconds of processor time per command, in batches of 16.
@MainActor
struct CollectionBenchmark {
    private static let collectionCount = 20_000
    private static let requestCount = 200_000
    let isText: Bool

    /// 16 bytes of ASCII, or with some that are none.
    private func element(_ number: Int, _ index: Int) -> [UInt8] {
        let digits = Array(String((number &* 7919 &+ index) & 0xFFFFFF, radix: 16).utf8)
        let start = Array((isText ? "element:" : "\u{E9}l\u{E9}ment").utf8.prefix(8))
        return start + [UInt8](repeating: 0x7A, count: 8 - digits.count) + digits
    }

    private func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func key(_ kind: String, _ number: Int) -> [UInt8] {
        text("\(kind):\(isText):\(number)")
    }

    /// Sends what `request` makes of a key's number and an index, and measures the best of `rounds`
    /// times; nil as the name for preparations.
    private func send(
        _ name: String?, _ count: Int, rounds: Int, _ request: (Int, Int) -> [[[UInt8]]]
    ) {
        var random = SeededRandom(seed: 42)
        var buffer = ByteBuffer(capacity: count * 128)
        var starts: [Int] = []
        var commandCount = 0
        for number in 0..<count {
            if number % 16 == 0 { starts.append(buffer.count) }
            let key = name == nil ? number : random.below(Self.collectionCount)
            for command in request(key, random.below(10)) {
                RequestWriter.begin(command.count, into: &buffer)
                for word in command {
                    word.withByteSlice { RequestWriter.argument($0, into: &buffer) }
                }
                commandCount += 1
            }
        }
        starts.append(buffer.count)
        var best = Double.infinity
        for _ in 0..<rounds {
            let nanoseconds = execute(buffer.readable, starts)
            best = min(best, Double(nanoseconds) / Double(commandCount))
        }
        if let name { print("\(name) (\(isText ? "text" : "other")): \(Int(best)) ns per command") }
    }

    private func execute(_ bytes: ByteSlice, _ starts: [Int]) -> UInt64 {
        var parser = RequestParser()
        var batch = RequestBatch(keyspace: keyspace)
        let start = processorNanoseconds()
        for (from, to) in zip(starts, starts.dropFirst()) {
            batch.fill(from: bytes.slice(from: from, count: to - from), parser: &parser)
            precondition(engine.execute(&batch, client: client).end == .finished)
            client.output.buffer.removeAll()
            engine.drainStream { _ in }
        }
        return processorNanoseconds() - start
    }

    private func measure(_ name: String, _ request: (Int, Int) -> [[[UInt8]]]) {
        send(name, Self.requestCount, rounds: 5, request)
    }

    func run() {
        fill()
        measure("HGET") { [[text("HGET"), key("hash", $0), element($0, $1)]] }
        measure("HSET of a field") {
            [[text("HSET"), key("hash", $0), element($0, $1), element($1, $0 + 1)]]
        }
        measure("HGETALL") { number, _ in [[text("HGETALL"), key("hash", number)]] }
        measure("SISMEMBER") { [[text("SISMEMBER"), key("set", $0), element($0, $1)]] }
        measure("SADD and SREM") {
            [
                [text("SADD"), key("set", $0), element($0, 11 + $1)],
                [text("SREM"), key("set", $0), element($0, 11 + $1)],
            ]
        }
        measure("LPUSH and RPOP") {
            [
                [text("LPUSH"), key("list", $0), element($0, $1)],
                [text("RPOP"), key("list", $0)],
            ]
        }
        measure("LRANGE of 10") { number, _ in
            [[text("LRANGE"), key("list", number), text("0"), text("9")]]
        }
        measure("ZADD of a new score") {
            [[text("ZADD"), key("zset", $0), text("\($1 * 77)"), element($0, $1)]]
        }
        measure("ZRANGE of 10") { number, _ in
            [[text("ZRANGE"), key("zset", number), text("0"), text("9")]]
        }
        measure("DEL and HSET of 10 fields") { number, _ in
            [
                [text("DEL"), key("hash", number)],
                [text("HSET"), key("hash", number)]
                    + (0..<10).flatMap { [element(number, $0), element($0, number)] },
            ]
        }
    }

    private func fill() {
        send(nil, Self.collectionCount, rounds: 1) { number, _ in
            let elements = (0..<10).map { element(number, $0) }
            return [
                [text("HSET"), key("hash", number)]
                    + (0..<10).flatMap { [elements[$0], element($0, number)] },
                [text("SADD"), key("set", number)] + elements,
                [text("RPUSH"), key("list", number)] + elements,
                [text("ZADD"), key("zset", number)]
                    + (0..<10).flatMap { [text("\($0 * 100)"), elements[$0]] },
            ]
        }
    }
}
