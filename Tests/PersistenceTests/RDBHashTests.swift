// Hashes of this and of other servers, in every form that a file may hold.
import Bytes
import Persistence
import Store
import Testing

@Suite struct RDBHashTests {
    /// Loads a file of items behind the magic.
    private func loadFile(
        _ items: [UInt8], magic: String = "REDIS0010", limits: EncodingLimits = EncodingLimits()
    ) throws(RDBError) -> (keyspace: Keyspace, facts: RDBFacts) {
        try loadAll(
            [UInt8](magic.utf8) + items + [0xFF] + [UInt8](repeating: 0, count: 8), limits)
    }

    private func loadAll(
        _ bytes: [UInt8], _ limits: EncodingLimits = EncodingLimits()
    ) throws(RDBError) -> (keyspace: Keyspace, facts: RDBFacts) {
        let keyspace = makeKeyspace()
        keyspace.encodingLimits = limits
        var loader = RDBLoader(keyspace: keyspace, expired: .kept)
        var reader = RDBReader()
        var buffer = ByteBuffer()
        bytes.withByteSlice { buffer.append($0) }
        let outcome = try reader.receive(&buffer, patient: false, visitor: &loader)
        guard outcome == .finished else { throw reader.truncation }
        keyspace.checkInvariants()
        return (keyspace, loader.facts)
    }

    /// Loads one value under the name "k".
    private func load(
        _ typeCode: UInt8, _ value: [UInt8], magic: String = "REDIS0010",
        limits: EncodingLimits = EncodingLimits()
    ) throws -> (fields: [String: String], encoding: String) {
        let items = [typeCode, 1, 0x6B] + value
        let keyspace = try loadFile(items, magic: magic, limits: limits).keyspace
        let key = ByteSlice("k")
        let found = try #require(keyspace.database(0).find(key, keyspace.hash(key)))
        return (fields(of: found), found.encodingName.description)
    }

    /// A string in RDB form, with a length in front.
    private func string(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8(0x40 | bytes.count >> 8), UInt8(bytes.count & 0xFF)] + bytes
    }

    private func string(_ text: String) -> [UInt8] { string([UInt8](text.utf8)) }

    /// A listpack of one-byte texts and small numbers.
    private func listpack(_ elements: [String]) -> [UInt8] {
        var body: [UInt8] = []
        for element in elements {
            if let number = UInt8(element), number < 128 {
                body += [number, 1]
            } else {
                let text = [UInt8](element.utf8)
                body += [0x80 | UInt8(text.count)] + text + [UInt8(text.count + 1)]
            }
        }
        return [UInt8(body.count + 7), 0, 0, 0, UInt8(elements.count), 0] + body + [0xFF]
    }

    @Test func plainHashesAreLoaded() throws {
        let plain = try load(4, [2, 1, 0x61, 0xC0, 5, 2, 0x30, 0x31, 0])
        #expect(plain.fields == ["a": "5", "01": ""] && plain.encoding == "listpack")
        var many: [UInt8] = [0x42, 0x58]
        for number in 0..<600 { many += string("\(number)") + string("v\(number)") }
        let table = try load(4, many)
        #expect(table.fields.count == 600 && table.encoding == "hashtable")
        #expect(table.fields["599"] == "v599")
        let long = try load(
            4, [2] + string("a") + string(String(repeating: "x", count: 65)) + [1, 0x62, 0])
        #expect(long.encoding == "hashtable" && long.fields["b"] == "")
    }

    @Test func theLimitsInForceDecideTheForm() throws {
        var limits = EncodingLimits()
        limits.hashPackedEntriesMax = 2
        let three: [UInt8] = [3, 1, 0x61, 0, 1, 0x62, 0, 1, 0x63, 0]
        #expect(try load(4, three, limits: limits).encoding == "hashtable")
        let packed = string(listpack(["a", "1", "b", "2", "c", "3"]))
        #expect(try load(16, packed, limits: limits).encoding == "hashtable")
        #expect(try load(16, packed).encoding == "listpack")
    }

    @Test func zipmapsAreLoaded() throws {
        let zipmap: [UInt8] =
            [2, 1, 0x61, 2, 1, 0x78, 0x79, 0x21, 254, 1, 0, 0, 0, 0x62, 1, 0, 0x37, 0xFF]
        let loaded = try load(9, string(zipmap))
        #expect(loaded.fields == ["a": "xy", "b": "7"] && loaded.encoding == "listpack")
    }

    @Test func ziplistsAreLoaded() throws {
        // a → 300 (int16), "bc" → -1 (int8), "d" → 7 (immediate), "e" → -70000 (int24)
        let entries: [[UInt8]] = [
            [1, 0x61], [0xC0, 0x2C, 0x01], [2, 0x62, 0x63], [0xFE, 0xFF], [1, 0x64], [0xF8],
            [1, 0x65], [0xF0, 0x90, 0xEE, 0xFE],
        ]
        var body: [UInt8] = []
        var previous = 0
        for entry in entries {
            body += [UInt8(previous)] + entry
            previous = entry.count + 1
        }
        let tail = UInt8(10 + body.count - previous)
        let ziplist =
            [UInt8(body.count + 11), 0, 0, 0, tail, 0, 0, 0, UInt8(entries.count), 0] + body
            + [0xFF]
        let loaded = try load(13, string(ziplist))
        #expect(loaded.fields == ["a": "300", "bc": "-1", "d": "7", "e": "-70000"])
    }

    @Test func listpacksAreLoaded() throws {
        let loaded = try load(16, string(listpack(["a", "9", "7", "bcd"])))
        #expect(loaded.fields == ["a": "9", "7": "bcd"] && loaded.encoding == "listpack")
    }

    @Test func hashesWithFieldExpiryAreLoadedWhenNoFieldExpires() throws {
        let never = [UInt8](repeating: 0xFF, count: 8)
        let soon: [UInt8] = [0, 0, 0, 0, 1, 0, 0, 0]
        let pair: [UInt8] = [1, 0x61, 1, 0x62]
        let valkey = try load(22, [1] + pair + never, magic: "VALKEY080")
        #expect(valkey.fields == ["a": "b"])
        #expect(try load(24, soon + [1, 0] + pair, magic: "REDIS0012").fields == ["a": "b"])
        let triple = string(listpack(["a", "b", "0"]))
        #expect(try load(25, soon + triple, magic: "REDIS0012").fields == ["a": "b"])
        let expiring: [(code: UInt8, value: [UInt8], magic: String)] = [
            (22, [1] + pair + soon, "VALKEY080"), (24, soon + [1, 5] + pair, "REDIS0012"),
            (25, soon + string(listpack(["a", "b", "99"])), "REDIS0012"),
        ]
        for file in expiring {
            let error = #expect(throws: RDBError.self) {
                _ = try loadFile([file.code, 1, 0x6B] + file.value, magic: file.magic)
            }
            #expect(error?.key == "k")
            #expect(error?.reason == .unsupportedType(name: "hash with fields that expire"))
        }
    }

    @Test func fieldsThatComeTwiceAreCorrupt() {
        let files: [(UInt8, [UInt8])] = [
            (4, [2, 1, 0x61, 0, 1, 0x61, 0]), (4, [2, 0xC0, 5, 0, 1, 0x35, 0]),
            (16, string(listpack(["5", "1", "5", "2"]))),
            (9, string([2, 1, 0x61, 0, 0, 1, 0x61, 0, 0, 0xFF])),
        ]
        for (code, value) in files {
            let error = #expect(throws: RDBError.self) { _ = try load(code, value) }
            #expect(error?.reason == .badStructure("hash with duplicate fields"))
        }
    }

    @Test func emptyHashesInAFileAreSkipped() throws {
        let loaded = try loadFile([4, 1, 0x65, 0, 4, 1, 0x66, 1, 1, 0x61, 0])
        #expect(loaded.facts.keysEmpty == 1 && loaded.facts.keysLoaded == 1)
        #expect(loaded.keyspace.count == 1)
    }

    /// Writes a snapshot of `keyspace`.
    private func write(_ keyspace: Keyspace) -> [UInt8] {
        let file = SnapshotFile()
        let encoder = SnapshotEncoder { file.append($0) }
        encoder.begin(
            SnapshotHead(
                serverVersion: "7.2.4", createdSeconds: 0, usedBytes: 0, position: nil,
                isLogBase: false, functions: []), counts: keyspace.beginSnapshot(encoder))
        while keyspace.advanceSnapshot(bucketBudget: 3) == .running {}
        encoder.finish()
        file.finish()
        return file.bytes
    }

    /// A keyspace of hashes in both forms, and what is in them.
    private func randomHashes(
        _ count: Int, seed: UInt64
    ) -> (keyspace: Keyspace, model: [String: [String: String]]) {
        let keyspace = makeKeyspace()
        var random = SeededRandom(seed: seed)
        var model: [String: [String: String]] = [:]
        for number in 0..<count {
            let name = "hash\(number)"
            var packed = ByteBuffer()
            var builder = HashBuilder(
                limits: EncodingLimits(), hasher: keyspace.hasher, packed: &packed)
            var fields: [String: String] = [:]
            for _ in 0...random.below(number * 20 + 1) {
                let field = "\(Int64(bitPattern: random.next()) >> Int64(random.below(64)))"
                let value = String(repeating: "v", count: random.below(30))
                fields[field] = value
                [UInt8](field.utf8).withByteSlice { field in
                    [UInt8](value.utf8).withByteSlice {
                        _ = builder.set(field, $0, packed: &packed)
                    }
                }
            }
            [UInt8](name.utf8).withByteSlice { key in
                let hash = keyspace.hash(key)
                if let object = builder.finish(packed: &packed) {
                    keyspace.database(0).set(key, hash, object: object, type: .hash)
                } else {
                    keyspace.database(0).set(key, hash, packed: packed.readable, type: .hash)
                }
            }
            model[name] = fields
        }
        return (keyspace, model)
    }

    /// What is written is read back, whatever the form.
    @Test func hashesSurviveAFile() throws {
        let (keyspace, model) = randomHashes(60, seed: 9)
        let copy = try loadAll(write(keyspace)).keyspace
        var found: [String: [String: String]] = [:]
        copy.database(0).forEach { found[$0.key.string] = fields(of: $0) }
        #expect(found == model)
    }

    /// A damaged file is refused or loaded as something; it never breaks the keyspace.
    @Test func damagedHashesNeverBreakTheKeyspace() {
        var random = SeededRandom(seed: 10)
        let listpack = string(listpack(["a", "9", "7", "bcd", "x", "1"]))
        let intact: [[UInt8]] = [
            [4, 1, 0x6B, 2, 1, 0x61, 0xC0, 5, 2, 0x30, 0x31, 0], [16, 1, 0x6B] + listpack,
            [9, 1, 0x6B] + string([2, 1, 0x61, 2, 1, 0x78, 0x79, 0x21, 1, 0x62, 1, 0, 0x37, 0xFF]),
        ]
        var loaded = 0
        for _ in 0..<4_000 {
            var file = intact[random.below(intact.count)]
            for _ in 0...random.below(3) {
                file[random.below(file.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            if (try? loadFile(file)) != nil { loaded += 1 }
        }
        #expect(loaded > 0)
    }

    @Test(arguments: Fixture.producers) func hashesOfRealServersAreLoaded(producer: String) throws {
        var visitor = HashesOnly()
        try read(Fixture.dump(producer), into: &visitor)
        let expected = try Fixture.keys(producer).filter { $0.type == "hash" }
        visitor.keyspace.checkInvariants()
        let hasExpiringFields = expected.contains { $0.key == "hash:fieldttl" }
        #expect(visitor.refused == (hasExpiringFields ? ["hash:fieldttl"] : []))
        #expect(visitor.keyspace.count == expected.count - visitor.refused.count)
        var forms: Set<String> = []
        visitor.keyspace.database(0).forEach { entry in
            forms.insert(entry.encodingName.description)
            #expect(fields(of: entry).count == HashView(entry).count)
        }
        #expect(forms == ["listpack", "hashtable"])
    }
}

/// The fields of a hash as text.
private func fields(of entry: Entry) -> [String: String] {
    var result: [String: String] = [:]
    HashView(entry).forEach { field, value in
        var text = ByteBuffer()
        field.append(to: &text)
        let name = text.readable.string
        text.removeAll()
        value.append(to: &text)
        result[name] = text.readable.string
    }
    return result
}

/// Loads the hashes of a file and passes over the rest.
private struct HashesOnly: RDBVisitor {
    let keyspace = makeKeyspace()
    var refused: [String] = []
    mutating func auxiliary(_ name: ByteSlice, _ value: ByteSlice) {}
    mutating func function(_ source: ByteSlice) {}
    mutating func moduleAuxiliary(_ item: ByteSlice) {}
    mutating func select(database: UInt64) {}
    mutating func resize(keys: UInt64, expires: UInt64) {}
    mutating func entry(
        _ key: RDBKey, codec: RDBValueCodec, value: ByteSlice, scratch: inout RDBScratch
    ) throws(RDBCorruption) {
        guard "\(codec.name)".hasPrefix("hash"), let load = codec.load else { return }
        var cursor = RDBCursor(value)
        let existed = try? load(
            &cursor, &scratch, key, keyspace.database(key.database), keyspace.hash(key.bytes))
        if existed == nil { refused.append(key.bytes.string) }
        guard existed != true else { throw .duplicateKey }
    }
}
