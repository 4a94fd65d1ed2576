// Sorted sets of this and of other servers, in every form that a file may hold.
import Bytes
import Persistence
import Store
import Testing

@Suite struct RDBSortedSetTests {
    private func loadAll(
        _ bytes: [UInt8]
    ) throws(RDBError) -> (keyspace: Keyspace, facts: RDBFacts) {
        let keyspace = makeKeyspace()
        var loader = RDBLoader(keyspace: keyspace, expired: .kept)
        var reader = RDBReader()
        var buffer = ByteBuffer()
        bytes.withByteSlice { buffer.append($0) }
        let outcome = try reader.receive(&buffer, patient: false, visitor: &loader)
        guard outcome == .finished else { throw reader.truncation }
        keyspace.checkInvariants()
        return (keyspace, loader.facts)
    }

    private func entry(_ keyspace: Keyspace) -> Entry? {
        let key = ByteSlice("k")
        return keyspace.database(0).find(key, keyspace.hash(key))
    }

    /// Loads one value; nil when it is refused or skipped.
    private func load(_ typeCode: UInt8, _ value: [UInt8]) -> Keyspace? {
        let file =
            [UInt8]("REDIS0010".utf8) + [typeCode, 1, 0x6B] + value + [0xFF]
            + [UInt8](repeating: 0, count: 8)
        guard let keyspace = try? loadAll(file).keyspace, entry(keyspace) != nil else {
            return nil
        }
        return keyspace
    }

    private func pairs(_ keyspace: Keyspace) -> [String] {
        guard let entry = entry(keyspace) else { return [] }
        let view = SortedSetView(entry)
        var found: [String] = []
        var text = ByteBuffer()
        view.forEach(0..<view.count) { member, score in
            found.append("\(member.text(in: &text).string)=\(score)")
        }
        if case .indexed(let set) = view { set.checkInvariants() }
        return found
    }

    private func loadedPairs(_ typeCode: UInt8, _ value: [UInt8]) -> [String]? {
        load(typeCode, value).map(pairs)
    }

    private func string(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8(0x40 | bytes.count >> 8), UInt8(bytes.count & 0xFF)] + bytes
    }

    private func binary(_ score: Double) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: score.bitPattern >> (8 * UInt64($0))) }
    }

    @Test func binaryScoresAreLoadedInAnyOrder() {
        let value: [UInt8] =
            [3, 1, 0x62] + binary(2.5) + [1, 0x61] + binary(2.5) + [0xC0, 7] + binary(-.infinity)
        #expect(loadedPairs(5, value) == ["7=-inf", "a=2.5", "b=2.5"])
    }

    @Test func textScoresAreLoaded() {
        let value: [UInt8] =
            [4, 1, 0x61, 3] + Array("1.5".utf8) + [1, 0x62, 254, 1, 0x63, 255, 1, 0x64, 2]
            + Array("-3".utf8)
        #expect(loadedPairs(3, value) == ["c=-inf", "d=-3.0", "a=1.5", "b=inf"])
        #expect(load(3, [1, 1, 0x61, 253]) == nil)
        #expect(load(3, [1, 1, 0x61, 1, 0x78]) == nil)
    }

    @Test func ziplistsAndListpacksAreLoaded() {
        let ziplist: [UInt8] = [
            20, 0, 0, 0, 17, 0, 0, 0, 4, 0, 0, 1, 0x61, 3, 0xF2, 2, 0xF6, 2, 0xF8, 0xFF,
        ]
        #expect(loadedPairs(12, string(ziplist)) == ["a=1.0", "5=7.0"])
        let listpack: [UInt8] = [
            19, 0, 0, 0, 4, 0, 0x81, 0x61, 2, 0x83, 0x31, 0x2E, 0x35, 4, 0x81, 0x62, 2, 2, 1,
            0xFF,
        ]
        let sized = [UInt8(listpack.count)] + listpack.dropFirst()
        #expect(loadedPairs(17, string(sized)) == ["a=1.5", "b=2.0"])
    }

    @Test func whatIsCorruptIsRefused() {
        let twice: [UInt8] = [2, 1, 0x61] + binary(1) + [1, 0x61] + binary(2)
        #expect(load(5, twice) == nil)
        #expect(load(5, [1, 1, 0x61] + binary(.nan)) == nil)
        #expect(load(5, [0]) == nil)
        var many: [UInt8] = [0x41, 0x2C]
        for number in 0..<300 { many += string([UInt8]("\(number % 299)".utf8)) + binary(1) }
        #expect(load(5, many) == nil)
    }

    @Test(arguments: [1, 5, 128, 129, 3_000]) func whatIsWrittenReadsBack(size: Int) throws {
        var random = SeededRandom(seed: UInt64(size))
        var value: [UInt8] = [0x80] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) }
        for number in 0..<size {
            let member = number % 2 == 0 ? "\(number)" : "member:\(number)"
            let score = [0, -0.25, 1e300, Double(random.below(1_000)), .infinity][random.below(5)]
            value += string([UInt8](member.utf8)) + binary(score)
        }
        let keyspace = try #require(load(5, value))
        let first = try #require(entry(keyspace))
        #expect((first.packed != nil) == (size <= 128))
        let row = try #require(RDBValueEncoder.find(.sortedSet))
        var encoder = RDBEncoder()
        #expect(row.encode(first, &encoder) == nil)
        let written = encoder.output.readable.array
        let again = try #require(load(row.typeCode, written))
        #expect(pairs(again) == pairs(keyspace))
        #expect(entry(again)?.encodingName.description == first.encodingName.description)
    }

    @Test func changedBytesNeverTrap() {
        var random = SeededRandom(seed: 0x5EED)
        let values: [(UInt8, [UInt8])] = [
            (5, [2, 1, 0x61] + binary(1) + [1, 0x62] + binary(2)),
            (3, [2, 1, 0x61, 1, 0x31, 1, 0x62, 254]),
            (
                12,
                string([
                    20, 0, 0, 0, 17, 0, 0, 0, 4, 0, 0, 1, 0x61, 3, 0xF2, 2, 0xF6, 2, 0xF8, 0xFF,
                ])
            ),
            (
                17,
                string([
                    20, 0, 0, 0, 4, 0, 0x81, 0x61, 2, 0x83, 0x31, 0x2E, 0x35, 4, 0x81, 0x62, 2, 2,
                    1, 0xFF,
                ])
            ),
        ]
        for _ in 0..<8_000 {
            var (code, bytes) = values[random.below(values.count)]
            for _ in 0...random.below(3) {
                bytes[random.below(bytes.count)] = UInt8(random.below(256))
            }
            _ = load(code, bytes)
        }
    }
}
