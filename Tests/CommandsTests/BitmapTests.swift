import Bytes
import RESP
import Store
import TestKit
import Testing

/// Commands on bits against rows of booleans.
@Suite struct BitmapTests {
    private struct Model {
        var bits: [Bool] = []

        mutating func grow(to byteCount: Int) {
            while bits.count < byteCount * 8 { bits.append(false) }
        }
        func bit(_ place: Int) -> Bool { place < bits.count && bits[place] }
        func field(_ place: Int, _ width: Int, isSigned: Bool) -> Int128 {
            var value: Int128 = 0
            for index in 0..<width { value = value << 1 | (bit(place + index) ? 1 : 0) }
            if isSigned, bit(place) { value -= 1 << Int128(width) }
            return value
        }
        mutating func set(_ place: Int, _ width: Int, _ value: Int128) {
            for index in 0..<width {
                bits[place + index] = value >> Int128(width - 1 - index) & 1 == 1
            }
        }
        var bytes: [UInt8] {
            stride(from: 0, to: bits.count, by: 8).map { start in
                bits[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | ($1 ? 1 : 0) }
            }
        }
    }

    private func check(_ target: EngineTarget, _ model: Model) throws {
        let stored = try RestoreTests.run(target, [Array("GET".utf8), Array("k".utf8)])
        #expect(stored == (model.bits.isEmpty ? .null : .bulk(model.bytes)))
    }

    @Test(arguments: [1, 2, 3]) func singleBitsAndFieldsAreThoseOfAModel(seed: UInt64) throws {
        let target = EngineTarget()
        var random = SeededRandom(seed: seed)
        var model = Model()
        for step in 0..<600 {
            // From time to time beyond what fits into an entry.
            let range: UInt64 = step % 50 == 49 ? 20_000 : 300
            let place = Int(random.next() % range)
            let isSigned = random.next() & 1 == 1
            let width = 1 + Int(random.next() % (isSigned ? 64 : 63))
            let type = (isSigned ? "i" : "u") + "\(width)"
            let value = Int64(truncatingIfNeeded: random.next()) >> Int64(random.next() % 64)
            let before = model.field(place, width, isSigned: isSigned)
            switch random.next() % 4 {
            case 0:
                let bit = model.bit(place)
                #expect(
                    try target.run("SETBIT", "k", "\(place)", "\(value & 1)") == ":\(bit ? 1 : 0)")
                model.grow(to: place / 8 + 1)
                model.bits[place] = value & 1 == 1
            case 1:
                #expect(
                    try target.run("BITFIELD", "k", "GET", type, "\(place)") == "[:\(before)]")
                #expect(
                    try target.run("GETBIT", "k", "\(place)") == ":\(model.bit(place) ? 1 : 0)")
            default:
                let mode = ["WRAP", "SAT", "FAIL"][Int(random.next() % 3)]
                let isSet = random.next() & 1 == 1
                let reply = try target.run(
                    "BITFIELD", "k", "OVERFLOW", mode, isSet ? "SET" : "INCRBY", type, "\(place)",
                    "\(value)")
                let new = Self.result(
                    isSet ? 0 : before, value, width, isSigned: isSigned, isSet: isSet, mode)
                model.grow(to: (place + width - 1) / 8 + 1)
                if let new { model.set(place, width, new) }
                let expected = new.map { ":\(isSet ? before : $0)" } ?? "_"
                #expect(reply == "[\(expected)]")
            }
            if step % 20 == 0 { try check(target, model) }
        }
        try check(target, model)
        target.keyspace.checkInvariants()
    }

    private static func result(
        _ base: Int128, _ operand: Int64, _ width: Int, isSigned: Bool, isSet: Bool, _ mode: String
    ) -> Int128? {
        let modulus = Int128(1) << Int128(width)
        let least = isSigned ? -modulus / 2 : 0
        let most = least + modulus - 1
        let exact =
            !isSigned && isSet ? Int128(UInt64(bitPattern: operand)) : base + Int128(operand)
        if exact >= least && exact <= most { return exact }
        switch mode {
        case "SAT": return exact < least ? least : most
        case "FAIL": return nil
        default:
            var wrapped = (exact - least) % modulus
            if wrapped < 0 { wrapped += modulus }
            return wrapped + least
        }
    }

    @Test func countingAndSearchingAreThoseOfAModel() throws {
        let target = EngineTarget()
        var random = SeededRandom(seed: 11)
        for length in [0, 1, 2, 7, 8, 9, 31, 64, 100] {
            for density in 0..<4 {
                var model = Model()
                model.grow(to: length)
                for place in model.bits.indices {
                    model.bits[place] =
                        [false, true, random.next() % 9 == 0, random.next() & 1 == 0][
                            density]
                }
                _ = try RestoreTests.run(
                    target, [Array("SET".utf8), Array("k".utf8), model.bytes])
                for _ in 0..<20 {
                    try checkRange(target, model, &random)
                }
            }
        }
    }

    private func checkRange(
        _ target: EngineTarget, _ model: Model, _ random: inout SeededRandom
    ) throws {
        let isInBits = random.next() & 1 == 1
        let total = isInBits ? model.bits.count : model.bits.count / 8
        let reach = UInt64(total * 3 + 4)
        let start = Int(random.next() % reach) - Int(reach / 2)
        let end = Int(random.next() % reach) - Int(reach / 2)
        let unit = isInBits ? "BIT" : "BYTE"
        var first = start < 0 ? max(0, start + total) : start
        var last = min(end < 0 ? max(0, end + total) : end, total - 1)
        if !isInBits {
            first *= 8
            last = last * 8 + 7
        }
        let range = first <= last ? model.bits[first...last] : []
        let isReversed = start < 0 && end < 0 && start > end
        let count = isReversed ? 0 : range.count { $0 }
        #expect(try target.run("BITCOUNT", "k", "\(start)", "\(end)", unit) == ":\(count)")
        for bit in [false, true] {
            let found = range.firstIndex(of: bit) ?? -1
            #expect(
                try target.run("BITPOS", "k", bit ? "1" : "0", "\(start)", "\(end)", unit)
                    == ":\(found)")
        }
    }

    @Test func combinationsAreThoseOfAModel() throws {
        let target = EngineTarget()
        var random = SeededRandom(seed: 12)
        for _ in 0..<100 {
            var sources: [[UInt8]] = []
            for index in 0...Int(random.next() % 4) {
                let length = Int(random.next() % 40) * (random.next() % 8 == 0 ? 60 : 1)
                let bytes = (0..<length).map { _ in UInt8(random.next() & 0xFF) }
                sources.append(bytes)
                _ = try RestoreTests.run(
                    target, [Array("SET".utf8), Array("s\(index)".utf8), bytes])
            }
            let names = sources.indices.map { "s\($0)" }
            let length = sources.map(\.count).max() ?? 0
            let padded = sources.map { $0 + [UInt8](repeating: 0, count: length - $0.count) }
            let operations: [(String, (UInt8, UInt8) -> UInt8)] = [
                ("AND", { $0 & $1 }), ("OR", { $0 | $1 }), ("XOR", { $0 ^ $1 }),
            ]
            for (name, operation) in operations {
                var expected = padded[0]
                for other in padded.dropFirst() {
                    expected = zip(expected, other).map { operation($0, $1) }
                }
                let words = ["BITOP", name, "d"] + names
                let reply = try RestoreTests.run(target, words.map { Array($0.utf8) })
                #expect(reply == .integer(Int64(length)))
                let stored = try RestoreTests.run(target, [Array("GET".utf8), Array("d".utf8)])
                #expect(stored == (length == 0 ? .null : .bulk(expected)))
            }
            _ = try target.run("BITOP", "NOT", "d", "s0")
            let stored = try RestoreTests.run(target, [Array("GET".utf8), Array("d".utf8)])
            #expect(stored == (sources[0].isEmpty ? .null : .bulk(sources[0].map { ~$0 })))
        }
        target.keyspace.checkInvariants()
    }
}
