// Streams in files: big ones are written in steps while they change.
import Bytes
import Persistence
import Store
import Testing

@Suite struct RDBStreamTests {
    private func id(_ number: Int) -> StreamID { StreamID(UInt64(number), 0) }

    private func append(_ stream: StreamObject, _ numbers: ClosedRange<Int>) {
        for number in numbers {
            var list = ByteSliceList()
            let value = [UInt8]("value \(number)".utf8)
            value.withByteSlice { value in
                list.append(ByteSlice("field"))
                list.append(value)
                stream.append(
                    id(number), list.view(from: 0, count: 2), limits: StreamNodeLimits())
            }
        }
    }

    private func entries(_ stream: StreamObject) -> [StreamID] {
        var found: [StreamID] = []
        var entries = StreamEntries(stream)
        while entries.next() { found.append(entries.id) }
        return found
    }

    private func load(_ bytes: [UInt8]) throws -> StreamObject? {
        let keyspace = makeKeyspace()
        var loader = RDBLoader(keyspace: keyspace, expired: .kept)
        var reader = RDBReader()
        var buffer = ByteBuffer()
        bytes.withByteSlice { buffer.append($0) }
        #expect(try reader.receive(&buffer, patient: false, visitor: &loader) == .finished)
        keyspace.checkInvariants()
        let key = ByteSlice("big")
        #expect(keyspace.database(3).find(key, keyspace.hash(key))?.expiresAt == 1 << 50)
        #expect(keyspace.count == 3)
        return keyspace.database(3).find(key, keyspace.hash(key))?.object as? StreamObject
    }

    @Test(arguments: [10, 20_000]) func streamsAreWrittenAsTheyWereAtTheCut(count: Int) throws {
        let keyspace = makeKeyspace()
        let database = keyspace.database(3)
        let stream = StreamObject()
        append(stream, 1...count)
        let group = try #require(
            stream.addGroup(ByteSlice("g"), lastID: id(5), entriesRead: 5))
        let consumer = try #require(group.addConsumer(ByteSlice("c"), seenAt: 77))
        group.assign(id(4), to: consumer, deliveredAt: 99, deliveryCount: 3)
        let hash = keyspace.hash(ByteSlice("big"))
        let entry = database.set(
            ByteSlice("big"), hash, object: stream, type: .stream, expiresAt: 1 << 50)
        _ = database.set(ByteSlice("x"), keyspace.hash(ByteSlice("x")), ByteSlice("1"))
        _ = keyspace.database(0).set(
            ByteSlice("y"), keyspace.hash(ByteSlice("y")), ByteSlice("2"))
        let expected = entries(stream)

        let file = SnapshotFile()
        let encoder = SnapshotEncoder { file.append($0) }
        encoder.begin(
            SnapshotHead(
                serverVersion: "7.2.4", createdSeconds: 0, usedBytes: 0, position: nil,
                isLogBase: false, functions: []), counts: keyspace.beginSnapshot(encoder))
        var next = count + 1
        /// A change as commands make it.
        func change(_ body: () -> Void) {
            database.willModify(entry, hash)
            let before = stream.memoryUsage
            body()
            database.noteMemoryChange(stream.memoryUsage - before)
        }
        var steps = 0
        while keyspace.advanceSnapshot(bucketBudget: 1) == .running || encoder.hasObjects {
            if encoder.hasObjects {
                encoder.advanceObjects(bucketBudget: 40)
                steps += 1
            }
            change {
                append(stream, next...next + 3)
                _ = stream.delete(id(next / 2))
                _ = stream.trim(.length(max(5, count - next % 900)), isApproximate: false, limit: 0)
                _ = group.removePending(id(4))
            }
            next += 4
        }
        encoder.finish()
        file.finish()
        stream.checkInvariants()
        keyspace.checkInvariants()
        #expect(count < 100 || steps > 20)

        let loaded = try #require(try load(file.bytes))
        loaded.checkInvariants()
        #expect(entries(loaded) == expected)
        #expect(loaded.lastID == id(count) && loaded.entriesAdded == UInt64(count))
        let loadedGroup = try #require(loaded.group(ByteSlice("g")))
        #expect(loadedGroup.lastID == id(5) && loadedGroup.entriesRead == 5)
        let pending = try #require(loadedGroup.pendingEntry(id(4)))
        #expect(pending.deliveredAt == 99 && pending.deliveryCount == 3)
        #expect(loadedGroup.consumer(of: pending).seenAt == 77)
    }

    @Test(arguments: [RDBVersion.written, RDBVersion.writtenToProven], [1, 20_000])
    func activityIsKeptFromVersion11On(version: Int, count: Int) throws {
        let keyspace = makeKeyspace()
        let stream = StreamObject()
        append(stream, 1...count)
        let group = try #require(
            stream.addGroup(ByteSlice("g"), lastID: id(5), entriesRead: 5))
        try #require(group.addConsumer(ByteSlice("active"), seenAt: 77)).activeAt = 66
        _ = try #require(group.addConsumer(ByteSlice("idle"), seenAt: 88))
        let key = ByteSlice("key")
        _ = keyspace.database(0).set(key, keyspace.hash(key), object: stream, type: .stream)
        let file = SnapshotFile()
        let encoder = SnapshotEncoder(version: version) { file.append($0) }
        encoder.begin(
            SnapshotHead(
                serverVersion: "7.2.4", createdSeconds: 0, usedBytes: 0, position: nil,
                isLogBase: false), counts: keyspace.beginSnapshot(encoder))
        while keyspace.advanceSnapshot(bucketBudget: 64) == .running {}
        encoder.finish()
        file.finish()
        #expect(String(decoding: file.bytes.prefix(9), as: UTF8.self) == "REDIS00\(version)")

        let loaded = makeKeyspace()
        var loader = RDBLoader(keyspace: loaded, expired: .kept)
        var reader = RDBReader()
        var buffer = ByteBuffer()
        file.bytes.withByteSlice { buffer.append($0) }
        #expect(try reader.receive(&buffer, patient: false, visitor: &loader) == .finished)
        let entry = try #require(loaded.database(0).find(key, loaded.hash(key)))
        let found = try #require((entry.object as? StreamObject)?.group(ByteSlice("g")))
        #expect(found.consumers.map(\.seenAt) == [77, 88])
        let keeps = version == RDBVersion.writtenToProven
        #expect(found.consumers.map(\.activeAt) == (keeps ? [66, -1] : [77, 88]))
    }
}
