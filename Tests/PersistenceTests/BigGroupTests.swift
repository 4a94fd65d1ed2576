// A stream whose groups have far more pending entries than a step may take.
import Bytes
import Persistence
import Store
import Testing

@Suite struct BigGroupTests {
    private static let count = 40_000

    private static func parts(_ stream: StreamObject) -> [String] {
        var found: [String] = []
        stream.forEachPart { part in
            switch part {
            case .pending(let entry):
                found.append("\(entry.id) \(entry.deliveredAt) \(entry.deliveryCount)")
            case .consumer(let name, let seen, _, let count):
                found.append("\(name) \(seen) \(count)")
            case .owned(let id): found.append("\(id)")
            case .group(let name, let lastID, let read, let count):
                found.append("\(name) \(lastID) \(read) \(count)")
            case .node, .counters, .consumerCount: break
            }
        }
        return found
    }

    private func makeStream() throws -> (StreamObject, StreamGroup, [StreamConsumer]) {
        let stream = StreamObject()
        stream.lastID = StreamID(UInt64(BigGroupTests.count), 0)
        let group = try #require(
            stream.addGroup(ByteSlice("group"), lastID: stream.lastID, entriesRead: 7))
        var consumers: [StreamConsumer] = []
        for name: StaticString in ["anna", "bernd", "carla"] {
            consumers.append(try #require(group.addConsumer(ByteSlice(name), seenAt: 5)))
        }
        for number in 0..<BigGroupTests.count {
            group.assign(
                StreamID(UInt64(number), 0), to: consumers[number % 3],
                deliveredAt: Int64(number), deliveryCount: 1)
        }
        return (stream, group, consumers)
    }

    @Test(arguments: [false, true])
    func pendingEntriesAreSavedInSteps(changesFirst: Bool) throws {
        let keyspace = makeKeyspace()
        let (stream, group, consumers) = try makeStream()
        let key = ByteSlice("stream")
        let database = keyspace.database(0)
        let hash = keyspace.hash(key)
        let entry = database.set(key, hash, object: stream, type: .stream)
        let expected = BigGroupTests.parts(stream)

        let file = SnapshotFile()
        let encoder = SnapshotEncoder { file.append($0) }
        encoder.begin(
            SnapshotHead(
                serverVersion: "7.2.4", createdSeconds: 0, usedBytes: 0, position: nil,
                isLogBase: false), counts: keyspace.beginSnapshot(encoder))
        var random = SeededRandom(seed: 4)
        func acknowledgeAndClaim() {
            database.willModify(entry, hash)
            for _ in 0..<20 {
                let id = StreamID(UInt64(random.below(BigGroupTests.count)), 0)
                if random.below(2) == 0 {
                    _ = group.removePending(id)
                } else {
                    group.assign(id, to: consumers[0], deliveredAt: 9, deliveryCount: 9)
                }
            }
        }
        if changesFirst { acknowledgeAndClaim() }
        var steps = 0
        var largest = 0
        while keyspace.advanceSnapshot(bucketBudget: 1) == .running || encoder.hasObjects {
            let before = file.bytes.count
            encoder.advanceObjects(bucketBudget: 64)
            largest = max(largest, file.bytes.count - before)
            steps += 1
            acknowledgeAndClaim()
        }
        encoder.finish()
        file.finish()
        // 41 bytes for each pending entry; 512 of them in a step.
        #expect(steps > 2 * BigGroupTests.count / 1_024)
        // Pieces leave while the value is written, each when it has 64 KB.
        #expect(largest < 2 * SnapshotEncoder.chunkBytes)
        #expect(file.chunkBytesMax < SnapshotEncoder.chunkBytes + 4_096)
        stream.checkInvariants()

        let loaded = makeKeyspace()
        var loader = RDBLoader(keyspace: loaded, expired: .kept)
        var reader = RDBReader()
        var input = ByteBuffer()
        file.bytes.withByteSlice { input.append($0) }
        #expect(try reader.receive(&input, patient: false, visitor: &loader) == .finished)
        let found = try #require(
            loaded.database(0).find(key, loaded.hash(key))?.object as? StreamObject)
        #expect(BigGroupTests.parts(found) == expected)
    }
}
