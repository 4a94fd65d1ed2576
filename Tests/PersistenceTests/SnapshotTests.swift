// Store → RDB → store: every form of a string, all databases, and snapshots under mutation.
import Bytes
import Foundation
import Log
import Persistence
import Store
import Testing

/// What a keyspace holds, for comparisons.
struct Content: Equatable {
    struct Value: Equatable {
        var bytes: [UInt8]
        var expiresAt: Int64
    }
    var databases: [[[UInt8]: Value]]

    init(databaseCount: Int) { databases = Array(repeating: [:], count: databaseCount) }

    init(_ keyspace: Keyspace) {
        self.init(databaseCount: keyspace.databaseCount)
        for index in 0..<keyspace.databaseCount {
            var found: [[UInt8]: Value] = [:]
            keyspace.database(index).forEach { entry in
                let bytes =
                    switch entry.stringValue {
                    case .integer(let value): [UInt8](String(value).utf8)
                    case .bytes(let bytes): bytes.array
                    }
                found[entry.key.array] = Value(bytes: bytes, expiresAt: entry.expiresAt)
            }
            databases[index] = found
        }
    }
}

/// Collects a snapshot's file.
final class SnapshotFile {
    private var formatter: SnapshotFormatter
    private var output = ByteBuffer()
    private(set) var bytes: [UInt8] = []
    private(set) var chunkCount = 0
    /// What came between the pieces of a big value.
    private var waiting: [SnapshotChunk] = []
    private var isValueOpen = false
    /// Bytes of the largest chunk.
    private(set) var chunkBytesMax = 0

    init(compresses: Bool = true) {
        formatter = SnapshotFormatter(compresses: compresses, checksums: true)
    }

    func append(_ chunk: SnapshotChunk) {
        switch chunk.part {
        case .first:
            #expect(!isValueOpen)
            isValueOpen = true
            write(chunk)
        case .middle, .last:
            #expect(isValueOpen)
            isValueOpen = chunk.part == .middle
            write(chunk)
        case .whole:
            if isValueOpen { waiting.append(chunk) } else { write(chunk) }
        }
        guard !isValueOpen else { return }
        for chunk in waiting { write(chunk) }
        waiting = []
    }

    private func write(_ chunk: SnapshotChunk) {
        chunkBytesMax = max(chunkBytesMax, chunk.memoryBytes)
        formatter.append(chunk, to: &output)
        bytes += output.readable.array
        output.removeAll()
        chunkCount += 1
    }

    func finish() {
        formatter.appendChecksum(to: &output)
        bytes += output.readable.array
        #expect(formatter.fileBytes == Int64(bytes.count))
    }
}

func makeKeyspace() -> Keyspace {
    Keyspace(databaseCount: 16, secret: SipKey(low: 0x0706_0504, high: 0x0F0E_0D0C))
}

func set(
    _ keyspace: Keyspace, _ database: Int, _ key: [UInt8], _ value: [UInt8],
    expiresAt: Int64 = Entry.never
) {
    key.withByteSlice { key in
        value.withByteSlice { value in
            _ = keyspace.database(database).set(
                key, keyspace.hash(key), value, expiresAt: expiresAt)
        }
    }
}

@Suite struct SnapshotTests {
    private static let position = ReplicationPosition(
        id: ReplicationID(String(repeating: "c0ffee00", count: 5)) ?? .none, offset: 123_456,
        database: 3)

    private func head(isLogBase: Bool = false) -> SnapshotHead {
        SnapshotHead(
            serverVersion: "7.2.4", createdSeconds: 1_700_000_000, usedBytes: 1 << 20,
            position: SnapshotTests.position, isLogBase: isLogBase,
            functions: [[UInt8]("#!lua name=f\nreturn 1".utf8)])
    }

    /// Writes a whole snapshot, with `between` called between its slices.
    private func snapshot(
        _ keyspace: Keyspace, compresses: Bool = true, bucketBudget: Int = 16,
        between: () -> Void = {}
    ) -> SnapshotFile {
        let file = SnapshotFile(compresses: compresses)
        let encoder = SnapshotEncoder { file.append($0) }
        encoder.begin(head(), counts: keyspace.beginSnapshot(encoder))
        while keyspace.advanceSnapshot(bucketBudget: bucketBudget) == .running { between() }
        encoder.finish()
        file.finish()
        return file
    }

    private func load(
        _ bytes: [UInt8], expired: RDBLoader.Expired = .kept
    ) throws(RDBError) -> (keyspace: Keyspace, facts: RDBFacts) {
        let keyspace = makeKeyspace()
        var loader = RDBLoader(keyspace: keyspace, expired: expired)
        var reader = RDBReader()
        var buffer = ByteBuffer()
        bytes.withByteSlice { buffer.append($0) }
        guard try reader.receive(&buffer, patient: false, visitor: &loader) == .finished else {
            throw reader.truncation
        }
        let rest = buffer.count
        #expect(rest == 0)
        return (keyspace, loader.facts)
    }

    private func fill(_ keyspace: Keyspace) {
        let values: [[UInt8]] =
            [
                [], [0x30], [UInt8]("-0".utf8), [UInt8]("007".utf8), [UInt8]("127".utf8),
                [UInt8]("-128".utf8), [UInt8]("128".utf8), [UInt8]("-32769".utf8),
                [UInt8]("2147483647".utf8), [UInt8]("-2147483648".utf8),
                [UInt8]("2147483648".utf8), [UInt8]("9223372036854775807".utf8),
                [UInt8]("3.0".utf8), (0...255).map { UInt8($0) },
                [UInt8](repeating: 0x61, count: 21), [UInt8](repeating: 0, count: 63),
                [UInt8](repeating: 0, count: 64), [UInt8](repeating: 7, count: 16_383),
                [UInt8](repeating: 7, count: 16_384), [UInt8](repeating: 9, count: 100_000),
                (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) },
            ]
        for database in [0, 3, 15] {
            for (index, value) in values.enumerated() {
                set(
                    keyspace, database, [UInt8]("key:\(index)".utf8), value,
                    expiresAt: index % 3 == 0 ? Int64(index + 1) * 1_000 : Entry.never)
            }
            set(keyspace, database, [], [UInt8]("empty key".utf8))
            set(keyspace, database, [UInt8]("42".utf8), [UInt8]("number as key".utf8))
            set(keyspace, database, [UInt8](repeating: 0x6B, count: 20_000), [1])
        }
    }

    @Test(arguments: [true, false])
    func everyValueSurvivesTheRoundTrip(compresses: Bool) throws {
        let keyspace = makeKeyspace()
        fill(keyspace)
        let file = snapshot(keyspace, compresses: compresses)
        let loaded = try load(file.bytes)
        #expect(Content(loaded.keyspace) == Content(keyspace))
        #expect(loaded.facts.position == SnapshotTests.position)
        #expect(loaded.facts.keysLoaded == keyspace.count)
        #expect(loaded.facts.functions == head().functions)
        #expect(loaded.facts.auxiliaries["redis-ver"] == "7.2.4")
        #expect(!loaded.facts.isLogBase)
        #expect(file.bytes.prefix(9) == ArraySlice("REDIS0010".utf8))
        // 21 repeated bytes and more are compressed; the 200,000 noisy ones are not.
        #expect(compresses ? file.bytes.count < 700_000 : file.bytes.count > 900_000)
    }

    @Test func aSnapshotUnderMutationEqualsTheCut() throws {
        let keyspace = makeKeyspace()
        var random = SeededRandom(seed: 99)
        func mutate() {
            for _ in 0..<20 {
                let database = Int(random.next(upperBound: UInt64(3)))
                let key = [UInt8]("key:\(random.next(upperBound: UInt64(4_000)))".utf8)
                switch random.next(upperBound: UInt64(12)) {
                case 0:
                    _ = keyspace.takeAll(database)
                case 1:
                    keyspace.swap(database, Int(random.next(upperBound: UInt64(3))))
                case 2, 3:
                    key.withByteSlice { key in
                        _ = keyspace.database(database).remove(key, keyspace.hash(key))
                    }
                default:
                    let count =
                        random.next(upperBound: UInt64(50)) == 0
                        ? 5_000 : Int(random.next(upperBound: UInt64(40)))
                    set(
                        keyspace, database, key,
                        [UInt8](repeating: UInt8(count & 0xFF), count: count),
                        expiresAt: count % 2 == 0 ? Int64(count) : Entry.never)
                }
            }
        }
        for round in 0..<6 {
            for index in 0..<3_000 {
                set(
                    keyspace, index % 3, [UInt8]("key:\(index)".utf8),
                    [UInt8]("value of round \(round) \(index)".utf8))
            }
            let cut = Content(keyspace)
            let file = snapshot(keyspace, bucketBudget: 3, between: mutate)
            #expect(Content(try load(file.bytes).keyspace) == cut)
            #expect(Content(keyspace) != cut)
        }
    }

    @Test func aChunkIsHandedOnBeforeItGrowsLarge() {
        let keyspace = makeKeyspace()
        for index in 0..<5_000 {
            set(keyspace, 0, [UInt8]("key:\(index)".utf8), [UInt8](repeating: 1, count: 100))
        }
        var sizes: [Int] = []
        let encoder = SnapshotEncoder { sizes.append($0.memoryBytes) }
        encoder.begin(head(), counts: keyspace.beginSnapshot(encoder))
        while keyspace.advanceSnapshot(bucketBudget: 100) == .running {}
        encoder.finish()
        #expect(encoder.keyCount == 5_000)
        #expect(sizes.count > 5 && sizes.allSatisfy { $0 < SnapshotEncoder.chunkBytes + 200 })
    }

    @Test func expiredKeysAreDroppedOnlyByAMasterWithoutAPosition() throws {
        let keyspace = makeKeyspace()
        set(keyspace, 0, [1], [1], expiresAt: 1_000)
        set(keyspace, 0, [2], [2], expiresAt: 3_000)
        func file(_ position: ReplicationPosition?) -> [UInt8] {
            let file = SnapshotFile()
            let encoder = SnapshotEncoder { file.append($0) }
            var head = head()
            head.position = position
            encoder.begin(head, counts: keyspace.beginSnapshot(encoder))
            while keyspace.advanceSnapshot(bucketBudget: 100) == .running {}
            encoder.finish()
            file.finish()
            return file.bytes
        }
        let dropped = try load(file(nil), expired: .droppedBefore(2_000))
        #expect(dropped.facts.keysLoaded == 1 && dropped.facts.keysExpired == 1)
        let positioned = try load(file(SnapshotTests.position), expired: .droppedBefore(2_000))
        #expect(positioned.facts.keysLoaded == 2 && positioned.facts.keysExpired == 0)
        #expect(try load(file(nil)).facts.keysLoaded == 2)
    }

    @Test func aKeyThatComesTwiceIsRefused() {
        var encoder = RDBEncoder()
        encoder.header()
        for value in ["1", "text"] {
            encoder.key(ByteSlice("twice"), typeCode: 0, expiresAt: -1)
            [UInt8](value.utf8).withByteSlice { encoder.string($0) }
        }
        encoder.end()
        encoder.output.append(littleEndian: UInt64(0))
        #expect(throws: RDBError.self) { try load(encoder.output.readable.array) }
    }

    @Test(arguments: Fixture.producers.filter { $0 != "valkey-9.1.2" })
    func everyKeyOfRealServersIsLoaded(producer: String) throws {
        let loaded = try load(Fixture.dump(producer))
        let expected = try Fixture.keys(producer)
        #expect(loaded.facts.keysLoaded == expected.count && loaded.facts.keysEmpty == 0)
        loaded.keyspace.checkInvariants()
        for key in expected {
            let database = loaded.keyspace.database(key.database)
            let found = [UInt8](key.key.utf8).withByteSlice {
                database.find($0, loaded.keyspace.hash($0))
            }
            #expect(found.map { "\($0.type.name)" } == key.type, "\(key.key)")
            #expect(found?.expiresAt == key.expiresAt)
        }
    }

    @Test func aHashWithAFieldThatExpiresIsNamedWithItsKey() throws {
        let dump = try Fixture.dump("valkey-9.1.2")
        let error = #expect(throws: RDBError.self) { _ = try load(dump) }
        #expect(error?.reason == .unsupportedType(name: "hash with fields that expire"))
        #expect(error?.key == "hash:fieldttl")
        #expect(error?.description.contains("not supported yet") == true)
    }

    @Test(arguments: Fixture.producers)
    func stringsOfRealServersAreLoaded(producer: String) throws {
        var visitor = StringsOnly()
        try read(Fixture.dump(producer), into: &visitor)
        let content = Content(visitor.keyspace)
        let expected = try Fixture.keys(producer).filter { $0.type == "string" }
        #expect(visitor.keyspace.count == expected.count)
        for key in expected {
            let value = content.databases[key.database][[UInt8](key.key.utf8)]
            #expect(value?.expiresAt == key.expiresAt)
            #expect(value.map { Data($0.bytes).base64EncodedString() } == key.value)
        }
    }
}

/// Loads the strings of a file and passes over the rest.
private struct StringsOnly: RDBVisitor {
    let keyspace = makeKeyspace()
    mutating func auxiliary(_ name: ByteSlice, _ value: ByteSlice) {}
    mutating func function(_ source: ByteSlice) {}
    mutating func moduleAuxiliary(_ item: ByteSlice) {}
    mutating func select(database: UInt64) {}
    mutating func resize(keys: UInt64, expires: UInt64) {}
    mutating func entry(
        _ key: RDBKey, codec: RDBValueCodec, value: ByteSlice, scratch: inout RDBScratch
    ) throws(RDBCorruption) {
        guard codec.typeCode == 0, let load = codec.load else { return }
        var cursor = RDBCursor(value)
        let existed = try? load(
            &cursor, &scratch, key, keyspace.database(key.database), keyspace.hash(key.bytes))
        guard existed == false else { throw .duplicateKey }
    }
}
