// Hashes under random commands beside a dictionary, and what is freed elsewhere.
import Bytes
import Commands
import RESP
import Store
import TestKit
import Testing

@Suite struct HashTests {
    typealias Model = [String: [String: String]]

    private static func text(_ random: inout SeededRandom) -> String {
        switch random.below(6) {
        case 0: ""
        case 1: "\(Int64(bitPattern: random.next()) >> Int64(random.below(64)))"
        case 2: String(repeating: "x", count: random.below(90))
        case 3: "0\(random.below(9))"
        case 4: "field:\(100 + random.below(30))"
        default: "f\(random.below(30))"
        }
    }

    /// Runs one random command; returns it with the reply that the model expects.
    private static func step(
        _ model: inout Model, _ random: inout SeededRandom
    ) -> (command: [String], expected: String) {
        let key = "h\(random.below(3))"
        let field = text(&random)
        var fields = model[key] ?? [:]
        defer { model[key] = fields.isEmpty ? nil : fields }
        switch random.below(9) {
        case 0, 1:
            var command = ["HSET", key]
            var created = 0
            for _ in 0...random.below(3) {
                let pair = (text(&random), text(&random))
                command += [pair.0, pair.1]
                created += fields.updateValue(pair.1, forKey: pair.0) == nil ? 1 : 0
            }
            return (command, ":\(created)")
        case 2:
            let value = text(&random)
            let exists = fields[field] != nil
            if !exists { fields[field] = value }
            return (["HSETNX", key, field, value], exists ? ":0" : ":1")
        case 3:
            let several = [field, text(&random), fields.keys.sorted().first ?? "none"]
            let deleted = Set(several).filter { fields.removeValue(forKey: $0) != nil }.count
            return (["HDEL", key] + several, ":\(deleted)")
        case 4:
            guard let value = fields[field] else { return (["HGET", key, field], "_") }
            return (["HGET", key, field], Reply.bulk(Array(value.utf8)).rendered)
        case 5: return (["HLEN", key], ":\(fields.count)")
        case 6: return (["HSTRLEN", key, field], ":\(fields[field]?.utf8.count ?? 0)")
        case 7: return (["HEXISTS", key, field], fields[field] == nil ? ":0" : ":1")
        default:
            let old = fields[field] ?? "0"
            guard let number = Int64(old), "\(number)" == old else {
                return (["HINCRBY", key, field, "3"], "-ERR hash value is not an integer")
            }
            let (sum, overflowed) = number.addingReportingOverflow(3)
            if overflowed {
                return (
                    ["HINCRBY", key, field, "3"],
                    "-ERR increment or decrement would overflow"
                )
            }
            fields[field] = "\(sum)"
            return (["HINCRBY", key, field, "3"], ":\(sum)")
        }
    }

    private static func run(_ target: EngineTarget, _ command: [String]) throws -> Reply {
        var request = ByteBuffer()
        RequestWriter.command(command, into: &request)
        target.send(request.readable.array, connection: 1)
        return try #require(try target.receive(connection: 1))
    }

    /// All pairs of a reply that alternates.
    private static func pairs(_ reply: Reply) -> [String: String] {
        let texts = (reply.elements ?? []).map { $0.text ?? "" }
        var result: [String: String] = [:]
        for index in stride(from: 0, to: texts.count - 1, by: 2) {
            result[texts[index]] = texts[index + 1]
        }
        return result
    }

    @Test(arguments: [(0, 64), (5, 64), (40, 64), (512, 64), (512, 20)])
    func hashesBehaveLikeDictionaries(entriesMax: Int, valueBytesMax: Int) throws {
        var settings = EngineSettings()
        settings.hashPackedEntriesMax = entriesMax
        settings.hashPackedValueBytesMax = valueBytesMax
        let target = EngineTarget(settings: settings)
        let empty = target.keyspace.usedBytes
        var random = SeededRandom(seed: UInt64(entriesMax + valueBytesMax))
        var model = Model()
        for round in 0..<4_000 {
            let (command, expected) = Self.step(&model, &random)
            #expect(try Self.run(target, command).rendered == expected, "\(command)")
            guard round % 200 == 0 else { continue }
            target.keyspace.checkInvariants()
            #expect(target.keyspace.count == model.count)
            for (key, fields) in model {
                #expect(Self.pairs(try Self.run(target, ["HGETALL", key])) == fields)
                let scanned = try Self.run(target, ["HSCAN", key, "0", "COUNT", "100000"])
                #expect(Self.pairs(scanned.elements?[1] ?? .null) == fields)
                if random.below(4) == 0 {
                    model[key] = nil
                    _ = try Self.run(target, ["DEL", key])
                }
            }
        }
        for key in model.keys { _ = try Self.run(target, ["DEL", key]) }
        #expect(target.keyspace.usedBytes == empty)
    }

    @Test(arguments: [0, 512]) func drawnFieldsAreDistinctAndEquallyLikely(entriesMax: Int) throws {
        var settings = EngineSettings()
        settings.hashPackedEntriesMax = entriesMax
        let target = EngineTarget(settings: settings)
        let all = (0..<60).map { "f\($0)" }
        _ = try Self.run(target, ["HSET", "h"] + all.flatMap { [$0, "v" + $0] })
        for count in [1, 5, 20, 59, 60, 100] {
            var drawn: [String: Int] = [:]
            let rounds = 6_000 / min(count, 60)
            for _ in 0..<rounds {
                let reply = try Self.run(target, ["HRANDFIELD", "h", "\(count)", "WITHVALUES"])
                let pairs = Self.pairs(reply)
                #expect(pairs.count == min(count, 60))
                for (field, value) in pairs {
                    #expect(value == "v" + field)
                    drawn[field, default: 0] += 1
                }
            }
            #expect(drawn.count == 60)
            let mean = Double(rounds * min(count, 60)) / 60
            #expect(drawn.values.allSatisfy { abs(Double($0) - mean) < mean / 2 })
        }
        let reply = try Self.run(target, ["HRANDFIELD", "h", "-500"])
        #expect(reply.elements?.count == 500)
        #expect(Set((reply.elements ?? []).map { $0.text ?? "" }).isSubset(of: all))
    }

    @Test func aScanOfAGrowingHashSeesWhatStays() throws {
        let target = EngineTarget()
        let staying = (0..<1_000).map { "stay\($0)" }
        _ = try Self.run(target, ["HSET", "h"] + staying.flatMap { [$0, "1"] })
        var cursor = "0"
        var seen: Set<String> = []
        var round = 0
        repeat {
            let reply = try Self.run(target, ["HSCAN", "h", cursor, "COUNT", "20", "NOVALUES"])
            cursor = reply.elements?[0].text ?? "0"
            for field in reply.elements?[1].elements ?? [] { seen.insert(field.text ?? "") }
            if round < 100 {
                let more = (0..<40).map { "more\(round * 40 + $0)" }
                _ = try Self.run(target, ["HSET", "h"] + more.flatMap { [$0, "2"] })
            }
            round += 1
        } while cursor != "0"
        #expect(seen.isSuperset(of: staying))
    }

    @Test func bigHashesAreFreedElsewhereWhenToldSo() throws {
        let target = EngineTarget()
        var handed = 0
        target.keyspace.lazyFreeing.handler = {
            handed += 1
            $0.free()
        }
        func fill(_ key: String) throws {
            let fields = (0..<600).flatMap { ["f\($0)", "v"] }
            _ = try Self.run(target, ["HSET", key] + fields)
        }
        for command in [["DEL", "h"], ["SET", "h", "1"], ["UNLINK", "h"]] {
            _ = try Self.run(target, ["DEL", "h"])
            try fill("h")
            _ = try Self.run(target, command)
        }
        #expect(handed == 1)
        target.engine.settings.deletesLazily = true
        target.engine.settings.overwritesLazily = true
        for command in [["DEL", "h"], ["SET", "h", "1"], ["RENAME", "s", "h"]] {
            _ = try Self.run(target, ["SET", "s", "1"])
            _ = try Self.run(target, ["DEL", "h"])
            try fill("h")
            _ = try Self.run(target, command)
        }
        #expect(handed == 4)
        target.keyspace.checkInvariants()
    }
}
