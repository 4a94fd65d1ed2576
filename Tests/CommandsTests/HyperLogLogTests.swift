import Bytes
import Foundation
import RESP
import Store
import TestKit
import Testing

@testable import Commands

/// Values of HyperLogLogs, byte by byte those of real servers.
@Suite struct HyperLogLogTests {
    private static let digests: [String: String] = {
        let url = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Fixtures/hyperloglog-digests.json")
        guard let data = try? Data(contentsOf: url) else { return [:] }
        return (try? JSONDecoder().decode([String: String].self, from: data)) ?? [:]
    }()

    private func target(sparseBytesMax: Int) -> EngineTarget {
        var settings = EngineSettings()
        settings.hyperLogLogSparseBytesMax = sparseBytesMax
        return EngineTarget(settings: settings)
    }

    private func add(
        _ target: EngineTarget, _ key: String, _ range: Range<Int>, _ prefix: String, step: Int
    ) throws {
        for start in stride(from: range.lowerBound, to: range.upperBound, by: step) {
            let elements = (start..<min(start + step, range.upperBound)).map { "\(prefix):\($0)" }
            _ = try RestoreTests.run(
                target, (["PFADD", key] + elements).map { Array($0.utf8) })
        }
    }

    private func digest(_ target: EngineTarget, _ key: String) throws -> String {
        let reply = try RestoreTests.run(target, ["GET", key].map { Array($0.utf8) })
        guard case .bulk(let bytes)? = reply else { return "none" }
        return bytes.withByteSlice { SHA1.digest($0) }
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test(arguments: [3_000, 0, 100, 16_000])
    func addingGivesTheBytesOfRealServers(sparseBytesMax: Int) throws {
        let target = target(sparseBytesMax: sparseBytesMax)
        var done = 0
        for count in [1, 2, 3, 10, 50, 100, 300, 700, 1_000, 1_400, 2_000, 3_000, 6_000, 20_000] {
            try add(target, "k", done..<count, "element", step: 7)
            done = count
            #expect(try digest(target, "k") == Self.digests["\(sparseBytesMax) add \(count)"])
            _ = try target.run("PFCOUNT", "k")
            #expect(try digest(target, "k") == Self.digests["\(sparseBytesMax) count \(count)"])
        }
        target.keyspace.checkInvariants()
    }

    @Test(arguments: [3_000, 0, 100, 16_000])
    func mergingGivesTheBytesOfRealServers(sparseBytesMax: Int) throws {
        let target = target(sparseBytesMax: sparseBytesMax)
        for (a, b, d) in [
            (20, 30, 0), (200, 300, 100), (600, 600, 10), (900, 900, 1_500), (5_000, 10, 10),
            (10, 5_000, 0),
        ] {
            _ = try target.run("DEL", "a", "b", "d")
            try add(target, "a", 0..<a, "a", step: 9)
            try add(target, "b", 0..<b, "b", step: 9)
            try add(target, "d", 0..<d, "d", step: 9)
            #expect(try target.run("PFMERGE", "d", "a", "b") == "+OK")
            let name = "\(a) \(b) \(d)"
            #expect(try digest(target, "d") == Self.digests["\(sparseBytesMax) merge \(name)"])
            _ = try target.run("PFCOUNT", "d")
            #expect(try digest(target, "d") == Self.digests["\(sparseBytesMax) merged \(name)"])
        }
    }

    /// Damaged values give an error or a number, never a crash, and adding leaves them as they are
    /// when it fails.
    @Test func damagedValuesAreRefused() throws {
        let target = EngineTarget()
        var random = SeededRandom(seed: 5)
        try add(target, "k", 0..<200, "element", step: 50)
        guard
            case .bulk(let good)? = try RestoreTests.run(
                target, ["GET", "k"].map { Array($0.utf8) })
        else { return }
        for _ in 0..<500 {
            var bytes = good
            for _ in 0...Int(random.next() % 3) {
                let place = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 3 {
                case 0: bytes[place] = UInt8(random.next() & 0xFF)
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8(random.next() & 0xFF), at: place)
                }
            }
            if bytes.count > 15 { bytes[15] |= 0x80 }
            let set = ["SET", "k"].map { Array($0.utf8) } + [bytes]
            _ = try RestoreTests.run(target, set)
            let count = try target.run("PFCOUNT", "k")
            #expect(
                count.hasPrefix(":") || count.hasPrefix("-INVALIDOBJ")
                    || count.hasPrefix("-WRONGTYPE"))
            _ = try RestoreTests.run(target, set)
            for (name, arguments) in [("PFADD", ["x"]), ("PFMERGE", []), ("PFMERGE", ["k"])] {
                let before = try digest(target, "k")
                let words = [name, "k"] + arguments
                let reply = try RestoreTests.run(target, words.map { Array($0.utf8) })
                if case .error? = reply { #expect(try digest(target, "k") == before) }
            }
            _ = try target.run("PFDEBUG", "DECODE", "k")
            _ = try target.run("PFDEBUG", "TODENSE", "k")
        }
        target.keyspace.checkInvariants()
    }
}
