// Sets of this and of other servers, in every form that a file may hold.
import Bytes
import Persistence
import Store
import Testing

@Suite struct RDBSetTests {
    /// Loads a file of items behind the magic.
    private func loadFile(
        _ items: [UInt8]
    ) throws(RDBError) -> (keyspace: Keyspace, facts: RDBFacts) {
        try loadAll(
            [UInt8]("REDIS0010".utf8) + items + [0xFF] + [UInt8](repeating: 0, count: 8))
    }

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

    /// Loads one value; nil when it is refused or skipped.
    private func load(
        _ typeCode: UInt8, _ value: [UInt8]
    ) -> (members: Set<String>, encoding: String)? {
        guard let keyspace = try? loadFile([typeCode, 1, 0x6B] + value).keyspace else {
            return nil
        }
        let key = ByteSlice("k")
        let found = keyspace.database(0).find(key, keyspace.hash(key))
        return found.map { (members(of: $0), $0.encodingName.description) }
    }

    private func members(of entry: Entry) -> Set<String> {
        var members: Set<String> = []
        var text = ByteBuffer()
        SetView(entry).forEach { member in
            members.insert(member.withText(&text) { $0.string })
        }
        return members
    }

    /// A string in RDB form, with a length in front.
    private func string(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8(0x40 | bytes.count >> 8), UInt8(bytes.count & 0xFF)] + bytes
    }

    @Test func plainSetsAreLoaded() throws {
        let loaded = try #require(load(2, [3, 1, 0x61, 0xC0, 5, 2, 0x30, 0x31]))
        #expect(loaded.members == ["a", "5", "01"] && loaded.encoding == "listpack")
        let numbers = try #require(load(2, [2, 0xC1, 0, 1, 1, 0x37]))
        #expect(numbers.members == ["256", "7"] && numbers.encoding == "intset")
        var many: [UInt8] = [0x42, 0x58]
        for number in 0..<600 { many += string([UInt8]("\(number)".utf8)) }
        let table = try #require(load(2, many))
        #expect(table.members.count == 600 && table.encoding == "hashtable")
    }

    @Test func intsetsOfAllWidthsAreLoaded() throws {
        for width in [2, 4, 8] {
            var intset: [UInt8] = [UInt8(width), 0, 0, 0, 2, 0, 0, 0]
            for value in [Int64(-3), 7] {
                intset += (0..<width).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
            }
            let loaded = try #require(load(11, string(intset)))
            #expect(loaded.members == ["-3", "7"] && loaded.encoding == "intset")
        }
        #expect(load(11, string([2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0])) == nil)
    }

    @Test func listpacksAreLoaded() throws {
        let listpack: [UInt8] = [13, 0, 0, 0, 2, 0, 0x81, 0x61, 2, 9, 1, 0xFF]
        let whole = listpack.count
        let sized = [UInt8(whole), 0, 0, 0] + listpack.dropFirst(4)
        let loaded = try #require(load(20, string(sized)))
        #expect(loaded.members == ["a", "9"] && loaded.encoding == "listpack")
    }

    @Test func membersThatComeTwiceAndEmptySetsAreRefused() {
        #expect(load(2, [2, 1, 0x61, 1, 0x61]) == nil)
        #expect(load(2, [2, 0xC0, 5, 1, 0x35]) == nil)
        #expect(load(2, [0]) == nil)
        #expect(load(20, string([11, 0, 0, 0, 2, 0, 5, 1, 5, 1, 0xFF])) == nil)
    }

    @Test func emptySetsInAFileAreSkipped() throws {
        let loaded = try loadFile([2, 1, 0x65, 0, 2, 1, 0x66, 1, 1, 0x61])
        #expect(loaded.facts.keysEmpty == 1 && loaded.facts.keysLoaded == 1)
        #expect(loaded.facts.emptyKeys == ["e"])
        #expect(loaded.keyspace.count == 1)
    }

    /// What is written is read back, whatever the form.
    @Test func setsSurviveAFile() throws {
        let keyspace = makeKeyspace()
        var random = SeededRandom(seed: 9)
        var expected: [String: Set<String>] = [:]
        for number in 0..<60 {
            let name = "set\(number)"
            var builder = SetBuilder(
                limits: EncodingLimits(), hasher: keyspace.database(0).hasher)
            var members: Set<String> = []
            for _ in 0...random.below(number * 20 + 1) {
                let member =
                    number % 3 == 0
                    ? String(Int64(bitPattern: random.next()) >> random.below(64))
                    : "member \(random.below(10_000))"
                members.insert(member)
                _ = [UInt8](member.utf8).withByteSlice { builder.add($0) }
            }
            _ = [UInt8](name.utf8).withByteSlice {
                builder.store(in: keyspace.database(0), $0, keyspace.hash($0))
            }
            expected[name] = members
        }
        let file = SnapshotFile()
        let encoder = SnapshotEncoder { file.append($0) }
        encoder.begin(
            SnapshotHead(
                serverVersion: "7.2.4", createdSeconds: 0, usedBytes: 0, position: nil,
                isLogBase: false, functions: []), counts: keyspace.beginSnapshot(encoder))
        while keyspace.advanceSnapshot(bucketBudget: 3) == .running {}
        encoder.finish()
        file.finish()
        let copy = try loadAll(file.bytes).keyspace
        var found: [String: Set<String>] = [:]
        copy.database(0).forEach { found[$0.key.string] = members(of: $0) }
        #expect(found == expected)
    }

    @Test(arguments: Fixture.producers) func setsOfRealServersAreLoaded(producer: String) throws {
        var visitor = SetsOnly()
        try read(Fixture.dump(producer), into: &visitor)
        let expected = try Fixture.keys(producer).filter { $0.type == "set" }
        #expect(visitor.keyspace.count == expected.count && !expected.isEmpty)
        visitor.keyspace.checkInvariants()
    }
}

/// Loads the sets of a file and passes over the rest.
private struct SetsOnly: RDBVisitor {
    let keyspace = makeKeyspace()
    mutating func auxiliary(_ name: ByteSlice, _ value: ByteSlice) {}
    mutating func function(_ source: ByteSlice) {}
    mutating func moduleAuxiliary(_ item: ByteSlice) {}
    mutating func select(database: UInt64) {}
    mutating func resize(keys: UInt64, expires: UInt64) {}
    mutating func entry(
        _ key: RDBKey, codec: RDBValueCodec, value: ByteSlice, scratch: inout RDBScratch
    ) throws(RDBCorruption) {
        guard "\(codec.name)" == "set", let load = codec.load else { return }
        var cursor = RDBCursor(value)
        let existed = try? load(
            &cursor, &scratch, key, keyspace.database(key.database), keyspace.hash(key.bytes))
        guard existed == false else { throw .duplicateKey }
    }
}
