import Bytes
import RESP
import Store
import TestKit
import Testing

@testable import Commands

/// Random commands on sets, beside sets of the standard library.
@Suite struct SetCommandTests {
    private static let keys = ["a", "b", "c", "d"]

    /// A member: small numbers, large numbers, texts.
    private func member(_ random: inout SeededRandom) -> String {
        switch random.below(3) {
        case 0: String(random.below(40) - 20)
        case 1: String(Int64(bitPattern: random.next()) >> random.below(60))
        default: "\(random.below(2) == 0 ? "m" : "member:00")\(random.below(15))"
        }
    }

    /// The elements of an array or a set as texts.
    private func texts(_ reply: Reply?) -> [String] {
        (reply?.elements ?? []).compactMap(\.text)
    }

    @Test(arguments: 0..<4) func commandsBehaveAsTheirModel(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let target = EngineTarget()
        target.engine.settings.encoding.setIntegerEntriesMax = [4, 16, 512, 30][Int(seed)]
        target.engine.settings.encoding.setPackedEntriesMax = [4, 16, 20, 512][Int(seed)]
        var model: [String: Set<String>] = [:]
        func run(_ words: [String]) throws -> Reply? {
            var request = ByteBuffer()
            RequestWriter.command(words, into: &request)
            target.send(request.readable.array, connection: 1)
            return try target.receive(connection: 1)
        }
        func expect(_ words: [String], _ number: Int) throws {
            #expect(try run(words) == .integer(Int64(number)), "\(words)")
        }
        for round in 0..<4_000 {
            let key = Self.keys[random.below(4)]
            let other = Self.keys[random.below(4)]
            let old = model[key] ?? []
            switch random.below(13) {
            case 0, 1, 2:
                let new = (0..<(1 + random.below(6))).map { _ in member(&random) }
                model[key] = old.union(new)
                try expect(["SADD", key] + new, old.union(new).count - old.count)
            case 3:
                let gone = (0..<(1 + random.below(6))).map { _ in
                    old.randomElement(using: &random) ?? member(&random)
                }
                model[key] = old.subtracting(gone)
                try expect(["SREM", key] + gone, old.intersection(gone).count)
            case 4:
                let moved = old.randomElement(using: &random) ?? member(&random)
                if old.contains(moved) {
                    model[key]?.remove(moved)
                    model[other, default: []].insert(moved)
                }
                try expect(["SMOVE", key, other, moved], old.contains(moved) ? 1 : 0)
            case 5:
                let reply = try run(["SPOP", key])
                if old.isEmpty {
                    #expect(reply == .null)
                } else {
                    let popped = reply?.text ?? "?"
                    #expect(model[key]?.remove(popped) != nil)
                }
            case 6:
                let count = random.below(10)
                let popped = texts(try run(["SPOP", key, "\(count)"]))
                #expect(popped.count == min(count, old.count))
                #expect(Set(popped).count == popped.count && old.isSuperset(of: popped))
                model[key] = old.subtracting(popped)
            case 7:
                let count = random.below(20)
                let some = texts(try run(["SRANDMEMBER", key, "\(count)"]))
                #expect(some.count == min(count, old.count))
                #expect(Set(some).count == some.count && old.isSuperset(of: some))
                let many = texts(try run(["SRANDMEMBER", key, "\(-count)"]))
                #expect(many.count == (old.isEmpty ? 0 : count) && old.isSuperset(of: many))
            case 8:
                let more = model[other] ?? []
                let name = ["SINTER", "SUNION", "SDIFF"][random.below(3)]
                let result =
                    name == "SINTER"
                    ? old.intersection(more)
                    : name == "SUNION" ? old.union(more) : old.subtracting(more)
                let found = texts(try run([name, key, other]))
                #expect(found.count == result.count && Set(found) == result)
                let target = Self.keys[random.below(4)]
                try expect([name + "STORE", target, key, other], result.count)
                model[target] = result
            case 9:
                let more = model[other] ?? []
                let third = model["a"] ?? []
                let result = old.subtracting(more).subtracting(third)
                #expect(Set(texts(try run(["SDIFF", key, other, "a", "none"]))) == result)
                let common = old.intersection(more).intersection(third).count
                try expect(["SINTERCARD", "3", key, other, "a"], common)
                try expect(["SINTERCARD", "3", key, other, "a", "LIMIT", "2"], min(common, 2))
            case 10:
                let asked = (0..<4).map { _ in
                    random.below(2) == 0
                        ? member(&random) : old.randomElement(using: &random) ?? "x"
                }
                let reply = try run(["SMISMEMBER", key] + asked)
                #expect(
                    reply?.elements == asked.map { .integer(old.contains($0) ? 1 : 0) })
                try expect(["SCARD", key], old.count)
            case 11:
                let found = texts(try run(["SMEMBERS", key]))
                #expect(found.count == old.count && Set(found) == old)
            default:
                var seen: Set<String> = []
                var cursor = "0"
                repeat {
                    let reply = try run(["SSCAN", key, cursor, "COUNT", "3"])
                    cursor = reply?.elements?[0].text ?? "0"
                    seen.formUnion(texts(reply?.elements?[1]))
                } while cursor != "0"
                #expect(seen == old)
            }
            for key in Self.keys where model[key]?.isEmpty == true { model[key] = nil }
            if round % 200 == 0 {
                target.keyspace.checkInvariants()
                #expect(target.keyspace.database(0).count == model.count)
            }
            _ = try target.takeEffects()
        }
    }

    /// A replica that gets the stream has the same data.
    @Test func theStreamReproducesTheSets() throws {
        var random = SeededRandom(seed: 5)
        let target = EngineTarget()
        let replica = EngineTarget()
        target.engine.settings.encoding.setPackedEntriesMax = 20
        for _ in 0..<400 {
            let key = Self.keys[random.below(4)]
            let other = Self.keys[random.below(4)]
            let command: [String]
            switch random.below(6) {
            case 0, 1: command = ["SADD", key] + (0..<9).map { _ in member(&random) }
            case 2: command = ["SPOP", key]
            case 3: command = ["SPOP", key, "\(random.below(30))"]
            case 4: command = ["SMOVE", key, other, member(&random)]
            default: command = ["SDIFFSTORE", key, key, other]
            }
            var request = ByteBuffer()
            RequestWriter.command(command, into: &request)
            target.send(request.readable.array, connection: 1)
            _ = try target.receive(connection: 1)
            for effect in try target.takeEffects() ?? [] {
                var request = ByteBuffer()
                RequestWriter.command(effect, into: &request)
                replica.send(request.readable.array, connection: 1)
                _ = try replica.receive(connection: 1)
            }
        }
        #expect(DataDigest.of(target.keyspace).text == DataDigest.of(replica.keyspace).text)
    }

    @Test func manyPoppedMembersLeaveInBatches() throws {
        let target = EngineTarget()
        let members = (0..<3_000).map { "member:\($0)" }
        var request = ByteBuffer()
        RequestWriter.command(["SADD", "s"] + members, into: &request)
        target.send(request.readable.array, connection: 1)
        _ = try target.receive(connection: 1)
        _ = try target.takeEffects()
        #expect(try target.run("SPOP", "s", "2500").hasPrefix("[$\"member:"))
        let effects = try target.takeEffects() ?? []
        #expect(effects.first == ["MULTI"] && effects.last == ["EXEC"])
        #expect(effects.dropFirst().dropLast().map(\.count) == [1_026, 1_026, 454])
        #expect(effects[1].prefix(2) == ["SREM", "s"])
        #expect(try target.run("SCARD", "s") == ":500")
    }
}
