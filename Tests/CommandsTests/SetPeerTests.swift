import Bytes
import RESP
import Store
import TestKit
import Testing

@testable import Commands

/// Random commands whose answers are determined, on sets and SORT.
private struct SetWorkload {
    private var random: SeededRandom
    private static let keys = ["s1", "s2", "s3", "s4"]

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    private mutating func key() -> String { Self.keys[random.below(4)] }

    private mutating func member() -> String {
        switch random.below(4) {
        case 0: String(random.below(40) - 20)
        case 1: String(Int64(bitPattern: random.next()) >> random.below(60))
        case 2: "m\(random.below(60))"
        default: String(repeating: "x", count: random.below(70)) + "\(random.below(3))"
        }
    }

    private mutating func members() -> [String] {
        let integersOnly = random.below(3) == 0
        return (0...random.below(9)).map { _ in
            integersOnly ? String(random.below(1_000)) : member()
        }
    }

    mutating func next() -> [String] {
        switch random.below(14) {
        case 0...3: return ["SADD", key()] + members()
        case 4: return ["SREM", key()] + members()
        case 5: return ["SMOVE", key(), key(), member()]
        case 6: return ["SMISMEMBER", key()] + members()
        case 7: return ["SCARD", key()]
        case 8:
            return [["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"][random.below(3)], key()]
                + (0...random.below(3)).map { _ in key() }
        case 9: return ["SINTERCARD", "2", key(), key(), "LIMIT", "\(random.below(6))"]
        case 10: return ["SORT", key(), "ALPHA", "LIMIT", "\(random.below(4))", "7"]
        case 11: return ["SORT", key(), "BY", "nosort", "STORE", "sorted"]
        case 12: return random.below(12) == 0 ? ["DEL", key()] : ["SISMEMBER", key(), member()]
        default: return ["OBJECT", "ENCODING", key()]
        }
    }
}

@Suite(.serialized) struct SetPeerTests {
    private func reply(
        _ target: any TranscriptTarget, _ words: [String]
    ) throws -> String {
        var request = ByteBuffer()
        RequestWriter.command(words, into: &request)
        try target.send(request.readable.array, connection: 7)
        return try target.receive(connection: 7)?.rendered ?? "(none)"
    }

    /// Answers, forms and digests are those of a real server.
    @Test(.enabled(if: !Peer.all.isEmpty), arguments: Peer.all, [1, 2, 3] as [UInt64])
    func answersAreThoseOfAServer(peer: Peer, seed: UInt64) throws {
        let target = EngineTarget()
        let server = try TCPTarget(host: peer.host, port: peer.port)
        var workload = SetWorkload(seed: seed)
        let isOld = server.peer?.version.hasPrefix("7.0") == true
        for round in 0..<3_000 {
            let words = workload.next()
            let ours = try reply(target, words)
            let theirs = try reply(server, words)
            // Redis 7.0 has no packed sets of texts.
            if isOld && words[0] == "OBJECT" { continue }
            #expect(ours == theirs, "\(words)")
            if round % 250 == 249 {
                let digests = try [
                    reply(target, ["DEBUG", "DIGEST"]), reply(server, ["DEBUG", "DIGEST"]),
                ]
                #expect(digests[0] == digests[1])
            }
        }
    }

    /// Payloads that are damaged are refused, or what they give is sound.
    @Test func damagedPayloadsDoNoHarm() throws {
        var random = SeededRandom(seed: 21)
        let source = EngineTarget()
        _ = try reply(source, ["SADD", "integers", "1", "2", "70000"])
        _ = try reply(source, ["SADD", "packed", "a", "bb", "17", "dddd"])
        _ = try reply(source, ["SADD", "table"] + (0..<300).map { "member \($0)" })
        var taken = 0
        for key in ["integers", "packed", "table"] {
            var dump = ByteBuffer()
            RequestWriter.command(["DUMP", key], into: &dump)
            source.send(dump.readable.array, connection: 1)
            guard case .bulk(let payload) = try source.receive(connection: 1) else {
                Issue.record("no payload")
                return
            }
            for _ in 0..<1_500 {
                var damaged = Array(payload.dropLast(10))
                // Other types of sets are read from the same bytes, too.
                if random.below(4) == 0 { damaged[0] = [2, 11, 20][random.below(3)] }
                for _ in 0...random.below(3) {
                    damaged[1 + random.below(damaged.count - 1)] = UInt8(random.below(256))
                }
                if random.below(6) == 0 { damaged.removeLast(random.below(damaged.count - 1)) }
                let target = EngineTarget()
                try restore(damaged, to: target)
                if try reply(target, ["EXISTS", "k"]) == ":1" {
                    taken += 1
                    _ = try reply(target, ["SMEMBERS", "k"])
                    _ = try reply(target, ["SADD", "k", "x", "1"])
                    _ = try reply(target, ["SPOP", "k", "3"])
                }
                target.keyspace.checkInvariants()
            }
        }
        #expect(taken > 50)
    }

    private func restore(_ value: [UInt8], to target: EngineTarget) throws {
        let framed = value + [10, 0]
        var crc = CRC64()
        framed.withByteSlice { crc.update($0) }
        let payload = framed + (0..<8).map { UInt8(truncatingIfNeeded: crc.value >> (8 * $0)) }
        var request = ByteBuffer()
        RequestWriter.begin(4, into: &request)
        for word in ["RESTORE", "k", "0"] {
            Array(word.utf8).withByteSlice { RequestWriter.argument($0, into: &request) }
        }
        payload.withByteSlice { RequestWriter.argument($0, into: &request) }
        target.send(request.readable.array, connection: 1)
        _ = try target.receive(connection: 1)
    }
}
