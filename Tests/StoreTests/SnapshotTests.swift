// Snapshots are exact: what the sink gets is what was there at the cut, each key once, whatever
// happens while the walk goes on.
import Bytes
import Testing

@testable import Store

/// Keeps what it is given; large values by reference, to see that they do not change.
final class RecordingSink: SnapshotSink {
    struct Key: Hashable {
        let database: Int
        let key: [UInt8]
    }
    var saved: [Key: ModelValue] = [:]
    var blocks: [(block: SharedBlock, bytes: [UInt8])] = []
    var duplicates = 0

    func save(_ entry: Entry, database: Int) {
        let key = Key(database: database, key: entry.key.array)
        if saved[key] != nil { duplicates += 1 }
        let bytes = entry.object.map { _ in [UInt8]("object".utf8) } ?? entry.array
        saved[key] = ModelValue(bytes: bytes, expiresAt: entry.expiresAt)
        if let block = entry.sharedBlock { blocks.append((block, bytes)) }
    }
}

@Suite struct SnapshotTests {
    static let databases = 4

    static func contents(_ keyspace: Keyspace) -> [RecordingSink.Key: ModelValue] {
        var result: [RecordingSink.Key: ModelValue] = [:]
        for index in 0..<databases {
            for (key, value) in StoreTests.contents(of: keyspace.database(index)) {
                result[RecordingSink.Key(database: index, key: key)] = value
            }
        }
        return result
    }

    /// A random change of whole databases or of one key.
    static func disturb(_ keyspace: Keyspace, _ random: inout SeededRandom) {
        let index = random.below(databases)
        let database = keyspace.database(index)
        let key = KeyShape.numbered.key(random.below(3000))
        switch random.below(2000) {
        case 0: _ = keyspace.takeAll(index)
        case 1, 2: keyspace.swap(index, random.below(databases))
        case 3:
            let sibling = keyspace.makeSibling()
            for number in 0..<200 {
                sibling.database(index).put(KeyShape.numbered.key(number), [1, 2, 3])
            }
            _ = keyspace.adopt(sibling)
        case 4..<20:
            _ = keyspace.removeExpired(
                now: Int64(random.below(1_000_000)), bucketBudget: 40
            ) { _, _ in }
        case 20..<300:
            guard let entry = database.entry(key) else { return }
            let target = keyspace.database(random.below(databases))
            let newKey = KeyShape.numbered.key(random.below(3000))
            let hash = keyspace.hash(entry.key)
            newKey.withByteSlice {
                if random.below(2) == 0 {
                    _ = database.move(entry, hash, to: target, key: $0, keyspace.hash($0))
                } else {
                    _ = database.copy(entry, to: target, key: $0, keyspace.hash($0))
                }
            }
        default:
            var ignored: [[UInt8]: ModelValue] = StoreTests.contentsOfKey(database, key)
            DatabaseTests.step(database, &ignored, key, &random)
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func theSinkGetsExactlyTheCut(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let keyspace = makeKeyspace(databases: Self.databases, seed: seed)
        let empty = keyspace.usedBytes
        var released = 0
        keyspace.onDisposal { _ in released += 1 }
        for _ in 0..<4000 { Self.disturb(keyspace, &random) }
        for round in 0..<12 {
            let expected = Self.contents(keyspace)
            let sink = RecordingSink()
            let counts = keyspace.beginSnapshot(sink)
            #expect(counts.reduce(0) { $0 + $1.count } == expected.count)
            let isAborted = random.below(3) == 0
            var progress = SnapshotProgress.running
            while progress == .running {
                for _ in 0..<random.below(200) { Self.disturb(keyspace, &random) }
                progress = keyspace.advanceSnapshot(bucketBudget: 1 + random.below(30))
                if isAborted && random.below(12) == 0 { break }
            }
            if progress == .running { keyspace.abortSnapshot() }
            #expect(!keyspace.isSnapshotRunning)
            #expect(sink.duplicates == 0)
            if progress == .finished {
                #expect(sink.saved == expected, "seed \(seed) round \(round)")
            } else {
                for (key, value) in sink.saved { #expect(expected[key] == value) }
            }
            for (block, bytes) in sink.blocks { #expect(block.bytes.array == bytes) }
            keyspace.checkInvariants()
        }
        for index in 0..<Self.databases { _ = keyspace.takeAll(index) }
        #expect(keyspace.usedBytes == empty)
    }

    @Test func manyAbortedSnapshotsDoNotConfuseTheNext() {
        let keyspace = makeKeyspace(databases: Self.databases)
        let database = keyspace.database(0)
        for number in 0..<500 { database.put(KeyShape.numbered.key(number), [0]) }
        for round in 0..<40 {
            let sink = RecordingSink()
            _ = keyspace.beginSnapshot(sink)
            // These get the stamp of this snapshot and keep it.
            for number in 0..<50 {
                database.put(KeyShape.numbered.key((number * 7 + round) % 500), [UInt8(round)])
            }
            keyspace.abortSnapshot()
        }
        let expected = Self.contents(keyspace)
        let sink = RecordingSink()
        _ = keyspace.beginSnapshot(sink)
        while keyspace.advanceSnapshot(bucketBudget: 10) == .running {}
        #expect(sink.saved == expected)
    }

    @Test func aFlushedTableIsWalkedAndThenDisposedOf() {
        let keyspace = makeKeyspace(databases: 2)
        for number in 0..<1000 { keyspace.database(1).put(KeyShape.numbered.key(number), [9]) }
        var disposed: [Int] = []
        keyspace.onDisposal { disposed.append($0.count) }
        let sink = RecordingSink()
        #expect(
            keyspace.beginSnapshot(sink) == [
                SnapshotCount(database: 1, count: 1000, expiringCount: 0)
            ])
        #expect(keyspace.takeAll(1) == nil, "the snapshot keeps the table")
        #expect(keyspace.database(1).count == 0)
        let used = keyspace.usedBytes
        keyspace.database(1).put([1], [2])
        #expect(disposed.isEmpty && keyspace.usedBytes > used)
        while keyspace.advanceSnapshot(bucketBudget: 16) == .running {}
        #expect(disposed == [1000] && sink.saved.count == 1000 && sink.duplicates == 0)
        #expect(keyspace.advanceSnapshot(bucketBudget: 16) == .idle)
    }

    @Test func anOverwrittenLargeValueIsHandedOverNotCopied() throws {
        let keyspace = makeKeyspace()
        let database = keyspace.database(0)
        let key = KeyShape.numbered.key(1)
        database.put(key, [UInt8](repeating: 7, count: 100_000))
        let block = try #require(database.entry(key)?.sharedBlock)
        let sink = RecordingSink()
        _ = keyspace.beginSnapshot(sink)
        let entry = try #require(database.entry(key))
        _ = database.with(key) { _, hash in
            [1].withByteSlice { database.setRange(entry, hash, offset: 5, $0) }
        }
        #expect(sink.blocks.count == 1 && sink.blocks[0].block === block)
        #expect(block.bytes.array == [UInt8](repeating: 7, count: 100_000))
        #expect(database.entry(key)?.array[5] == 1)
        keyspace.abortSnapshot()
    }
}

/// The part of a model that concerns one key.
func contentsOfKey(_ database: Database, _ key: [UInt8]) -> [[UInt8]: ModelValue] {
    guard let entry = database.entry(key) else { return [:] }
    return [key: ModelValue(bytes: entry.array, expiresAt: entry.expiresAt)]
}
