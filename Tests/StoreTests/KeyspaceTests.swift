// Expiry, moves between names and databases, objects, and tables that are freed elsewhere.
import Bytes
import Foundation
import Testing

@testable import Store

/// An aggregate as a later type would bring it; counts its living instances.
final class ProbeObject: StoredObject {
    final class Counter { var living = 0 }
    let counter: Counter
    var size: Int

    init(_ counter: Counter, size: Int) {
        self.counter = counter
        self.size = size
        counter.living += 1
        super.init()
    }
    deinit { counter.living -= 1 }
    override var memoryUsage: Int { size }
    override var encodingName: StaticString { "probe" }
    override func copy() -> StoredObject { ProbeObject(counter, size: size) }
}

@Suite struct KeyspaceTests {
    @Test func exactlyWhatExpiredIsRemoved() {
        let keyspace = makeKeyspace(databases: 3)
        var random = SeededRandom(seed: 9)
        var model: [[UInt8]: Int64] = [:]
        for number in 0..<9000 {
            let time = number % 3 == 0 ? -1 : Int64(random.below(1000))
            let key = KeyShape.numbered.key(number)
            keyspace.database(number % 2 * 2).put(key, [1], expiresAt: time)
            if time >= 0 { model[key] = time }
        }
        for now in stride(from: Int64(0), through: 1000, by: 50) {
            var gone: Set<[UInt8]> = []
            while true {
                let sweep = keyspace.removeExpired(now: now, bucketBudget: 500) { index, entry in
                    #expect(index != 1 && entry.isExpired(at: now))
                    gone.insert(entry.key.array)
                }
                if sweep.isComplete && sweep.removed == 0 { break }
            }
            #expect(gone == Set(model.filter { $0.value <= now }.keys))
            model = model.filter { $0.value > now }
            #expect(keyspace.expiringCount == model.count)
            keyspace.checkInvariants()
        }
        #expect(keyspace.count == 3000 && keyspace.expiringCount == 0)
    }

    @Test func aSweepSkipsWhatIsNotDue() {
        let keyspace = makeKeyspace()
        for number in 0..<50_000 {
            keyspace.database(0).put(KeyShape.numbered.key(number), [1], expiresAt: 1_000_000)
        }
        // About 60 segments of 150 buckets: looking at each header is enough.
        let sweep = keyspace.removeExpired(now: 999_999, bucketBudget: 200) { _, _ in }
        #expect(sweep == ExpirySweep(removed: 0, isComplete: true))
    }

    @Test func theExpiryOfAnEntryComesAndGoes() throws {
        let keyspace = makeKeyspace()
        let database = keyspace.database(0)
        let key = KeyShape.long.key(1)
        database.put(key, [1, 2])
        let hash = key.withByteSlice { keyspace.hash($0) }
        var entry = try #require(database.entry(key))
        #expect(entry.expiresAt == -1 && !entry.isExpired(at: .max))
        // The time of the last use follows a change; a counter of uses stays.
        entry.accessClock = 0xABCDEF
        keyspace.accessClock.countsAccesses = true
        entry = database.setExpiry(entry, hash, expiresAt: 50)
        #expect(entry.accessClock == 0xABCDEF && entry.type == .string)
        keyspace.accessClock.countsAccesses = false
        keyspace.accessClock.setTime(milliseconds: 7_000)
        entry = database.setExpiry(entry, hash, expiresAt: 50)
        #expect(entry.accessClock == 7)
        #expect(entry.expiresAt == 50 && entry.isExpired(at: 50) && !entry.isExpired(at: 49))
        #expect(database.expiringCount == 1)
        entry = database.setExpiry(entry, hash, expiresAt: 0)
        #expect(entry.expiresAt == 0 && entry.isExpired(at: 0))
        entry = database.setExpiry(entry, hash, expiresAt: -1)
        #expect(!entry.hasExpiry && database.expiringCount == 0 && entry.array == [1, 2])
        keyspace.checkInvariants()
    }

    @Test func encodingsAreNamedAsRedisNamesThem() {
        let keyspace = makeKeyspace()
        let database = keyspace.database(0)
        database.with([1]) { _ = database.set($0, $1, integer: -5) }
        database.put([2], [UInt8](repeating: 0, count: 44))
        database.put([3], [UInt8](repeating: 0, count: 45))
        database.put([4], [UInt8](repeating: 0, count: 4500))
        let names = [[1], [2], [3], [4]].map { database.entry($0)?.encodingName.description }
        #expect(names == ["int", "embstr", "raw", "raw"])
    }

    @Test func movingAndCopyingKeepValueAndExpiry() throws {
        let keyspace = makeKeyspace(databases: 2)
        let source = keyspace.database(0)
        let target = keyspace.database(1)
        let empty = keyspace.usedBytes
        let values: [[UInt8]] = [[], [1], .init(repeating: 3, count: 5000)]
        for value in values {
            source.put([1], value, expiresAt: 77)
            target.put([2], [9, 9])
            source.put([2], [8, 8])
            let newKey: [UInt8] = [2]
            let entry = try #require(source.entry([1]))
            let hash = keyspace.hash(entry.key)
            newKey.withByteSlice {
                _ = source.copy(entry, to: target, key: $0, keyspace.hash($0))
                _ = source.move(entry, hash, to: source, key: $0, keyspace.hash($0))
            }
            #expect(source.entry([1]) == nil && source.count == 1 && target.count == 1)
            for database in [source, target] {
                #expect(database.entry([2])?.array == value)
                #expect(database.entry([2])?.expiresAt == 77)
            }
            // The copy shares the block until one side changes.
            let copy = try #require(target.entry([2]))
            _ = target.with(newKey) { _, hash in
                [5].withByteSlice { target.append(copy, hash, $0) }
            }
            #expect(target.entry([2])?.array == value + [5])
            #expect(source.entry([2])?.array == value)
            keyspace.checkInvariants()
            source.delete([2])
            target.delete([2])
        }
        #expect(keyspace.usedBytes == empty)
    }

    @Test func objectsAreOwnedCountedAndFreed() throws {
        let counter = ProbeObject.Counter()
        do {
            let keyspace = makeKeyspace(databases: 2)
            let database = keyspace.database(0)
            let empty = keyspace.usedBytes
            for number in 0..<300 {
                database.with(KeyShape.numbered.key(number)) {
                    _ = database.set(
                        $0, $1, object: ProbeObject(counter, size: 1000), type: .hash)
                }
            }
            #expect(counter.living == 300 && keyspace.usedBytes > empty + 300_000)
            let key = KeyShape.numbered.key(5)
            let entry = try #require(database.entry(key))
            #expect(entry.type == .hash && entry.encodingName.description == "probe")
            let address = try Self.enlarge(entry, by: 50)
            database.noteMemoryChange(50)
            keyspace.checkInvariants()
            let moved = database.setExpiry(entry, keyspace.hash(entry.key), expiresAt: 10)
            #expect(moved.object.map(ObjectIdentifier.init) == address && moved.type == .hash)
            _ = database.copy(
                moved, to: keyspace.database(1), key: moved.key, keyspace.hash(moved.key))
            #expect(counter.living == 301)
            database.put(KeyShape.numbered.key(6), [1])
            database.delete(KeyShape.numbered.key(7))
            #expect(counter.living == 299)
            keyspace.checkInvariants()
            #expect(keyspace.takeAll(0)?.count == 299)
            #expect(counter.living == 1)
            keyspace.database(1).delete(key)
            #expect(counter.living == 0 && keyspace.usedBytes == empty)
            database.with(key) {
                _ = database.set($0, $1, object: ProbeObject(counter, size: 1), type: .list)
            }
        }
        #expect(counter.living == 0, "a keyspace frees what it holds")
    }

    /// Changes an object in place and forgets it again.
    static func enlarge(_ entry: Entry, by bytes: Int) throws -> ObjectIdentifier {
        let probe = try #require(entry.object as? ProbeObject)
        probe.size += bytes
        return ObjectIdentifier(probe)
    }

    @Test func aDetachedTableIsFreedOnAnotherThread() {
        let keyspace = makeKeyspace()
        let database = keyspace.database(0)
        let empty = keyspace.usedBytes
        for number in 0..<20_000 {
            database.put(
                KeyShape.numbered.key(number), [UInt8](repeating: 1, count: number % 2000))
        }
        guard let detached = keyspace.takeAll(0) else {
            Issue.record("nothing was taken")
            return
        }
        #expect(detached.count == 20_000 && keyspace.usedBytes == empty)
        let done = DispatchSemaphore(value: 0)
        let box = Transfer(detached)
        Thread {
            box.table = nil
            done.signal()
        }.start()
        for number in 0..<20_000 { database.put(KeyShape.numbered.key(number), [2]) }
        #expect(done.wait(timeout: .now() + 20) == .success)
        keyspace.checkInvariants()
    }

    @Test func layoutsHaveTheSizesOfTheirDrawings() {
        #expect(MemoryLayout<Entry>.size == 8 && MemoryLayout<Slot>.size == 8)
        #expect(MemoryLayout<Database>.size == 8 && MemoryLayout<Segment>.size == 8)
        #expect(Bucket.byteCount == 64 && Segment.bytes(bucketCount: 255) == 16_384)
        for count in 0...1664 {
            let size = Segment.fitting(count: count)
            #expect(count < Segment.countMax(bucketCount: size), "\(count) do not fit")
            #expect(size <= Segment.bucketCountSplit + 64)
        }
    }
}

/// Carries the only reference to a table to another thread.
final class Transfer: @unchecked Sendable {
    var table: DetachedTable?
    init(_ table: DetachedTable) { self.table = table }
}

@Suite struct MisuseTests {
    @Test func aSecondSnapshotAtTheSameTimeStopsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            let keyspace = makeKeyspace()
            keyspace.database(0).put([1], [2])
            _ = keyspace.beginSnapshot(RecordingSink())
            _ = keyspace.beginSnapshot(RecordingSink())
        }
    }

    @Test func aDatabaseThatDoesNotExistStopsTheProcess() async {
        await #expect(processExitsWith: .failure) { _ = makeKeyspace().database(1) }
    }
}
