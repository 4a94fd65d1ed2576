import Bytes
import Foundation
import RESP
import Store
import TestKit
import Testing

@testable import Commands

/// DUMP and RESTORE beyond their transcripts: payloads that were damaged.
@Suite struct RestoreTests {
    /// Calls the engine with binary arguments.
    static func run(_ target: EngineTarget, _ words: [[UInt8]]) throws -> Reply? {
        var request = Array("*\(words.count)\r\n".utf8)
        for word in words {
            request += Array("$\(word.count)\r\n".utf8) + word + Array("\r\n".utf8)
        }
        target.send(request, connection: 1)
        return try target.receive(connection: 1)
    }

    static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    static func payload(_ target: EngineTarget, _ key: String) throws -> [UInt8] {
        guard case .bulk(let bytes) = try run(target, [bytes("DUMP"), bytes(key)]) else {
            Issue.record("no payload of \(key)")
            return []
        }
        return bytes
    }

    @Test func valuesComeBackWhateverTheirForm() throws {
        let target = EngineTarget()
        var random = SeededRandom(seed: 7)
        var values: [[UInt8]] = ["", "0", "-1", "70000", "-9223372036854775808", "007"]
            .map(Self.bytes)
        for count in [1, 63, 64, 1_000, 1_024, 1_025, 16_383, 16_384, 100_000] {
            values.append([UInt8](repeating: 0x61, count: count))
            values.append((0..<count).map { _ in UInt8(random.next() & 0xFF) })
        }
        for value in values {
            #expect(try Self.run(target, ["SET", "k"].map(Self.bytes) + [value]) != nil)
            let encoding = try target.run("OBJECT", "ENCODING", "k")
            let dumped = try Self.payload(target, "k")
            let restored = try Self.run(
                target, ["RESTORE", "copy", "0"].map(Self.bytes) + [dumped, Self.bytes("REPLACE")])
            #expect(restored == .simpleString("OK"))
            #expect(try Self.run(target, ["GET", "copy"].map(Self.bytes)) == .bulk(value))
            #expect(try target.run("OBJECT", "ENCODING", "copy") == encoding)
        }
        target.keyspace.checkInvariants()
    }

    /// Checksums are off, so that the damage reaches the decoder: the old value stays or a whole
    /// new one takes its place, and nothing else appears.
    @Test func damagedPayloadsNeverLeaveHalfAKey() throws {
        let target = EngineTarget()
        #expect(try target.run("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", "1") == "+OK")
        var random = SeededRandom(seed: 2_026)
        for seed in try Self.seeds(target) {
            for _ in 0..<60 {
                _ = try target.run("SET", "k", "before")
                let damaged = Self.damage(seed, &random)
                let reply = try Self.run(
                    target,
                    ["RESTORE", "k", "0"].map(Self.bytes) + [damaged, Self.bytes("REPLACE")])
                switch reply {
                case .simpleString("OK"):
                    #expect(try target.run("EXISTS", "k") == ":1")
                    _ = try Self.payload(target, "k")
                case .error(let text):
                    #expect(
                        text == "ERR Bad data format"
                            || text == "ERR DUMP payload version or checksum are wrong")
                    #expect(try target.run("GET", "k") == "$\"before\"")
                default: Issue.record("\(String(describing: reply))")
                }
                #expect(try target.run("DBSIZE") == ":1")
            }
            target.keyspace.checkInvariants()
            _ = try target.takeEffects()
        }
    }

    /// Payloads of every kind that this server can write or read.
    private static func seeds(_ target: EngineTarget) throws -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        let values = ["12", "hello", String(repeating: "abcd", count: 300)]
        for value in values {
            _ = try target.run("SET", "k", value)
            seeds.append(try payload(target, "k"))
        }
        for (_, value) in RealPayloads.all { seeds.append(value) }
        return seeds
    }

    private static func damage(_ seed: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = seed
        for _ in 0...Int(random.next() % 3) {
            guard !bytes.isEmpty else { break }
            let place = Int(random.next() % UInt64(bytes.count))
            switch random.next() % 5 {
            case 0: bytes[place] = UInt8(random.next() & 0xFF)
            case 1: bytes[place] ^= 1 << UInt8(random.next() % 8)
            case 2: bytes.remove(at: place)
            case 3: bytes.insert(UInt8(random.next() & 0xFF), at: place)
            default: bytes[place] = [0, 0x7F, 0x80, 0xFF][Int(random.next() % 4)]
            }
        }
        return bytes
    }

    @Test func modulesStayAsTheyAre() throws {
        let target = EngineTarget()
        guard let module = RealPayloads.all["module"] else {
            Issue.record("the fixture is gone")
            return
        }
        let restored = try Self.run(
            target, ["RESTORE", "m", "0"].map(Self.bytes) + [module])
        #expect(restored == .simpleString("OK"))
        #expect(try target.run("TYPE", "m") == "+testtype-")
        #expect(try target.run("OBJECT", "ENCODING", "m") == "$\"raw\"")
        #expect(try target.run("GET", "m").hasPrefix("-WRONGTYPE"))
        #expect(try target.run("APPEND", "m", "x").hasPrefix("-WRONGTYPE"))
        #expect(try target.run("COPY", "m", "n") == ":1")
        #expect(try target.run("RENAME", "n", "o") == "+OK")
        #expect(try target.run("EXPIRE", "o", "100") == ":1")
        #expect(try Self.payload(target, "o") == module)
        #expect(try target.run("DEL", "m", "o") == ":2")
        target.keyspace.checkInvariants()
    }
}
