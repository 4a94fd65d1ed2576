// Snapshots, bases and full syncs while the data set changes.

import Bytes
import EventLoop
import Foundation
import Log
import Persistence
import Platform
import Store
import Testing

@testable import NodeServer

@Suite struct SnapshotsTests {
    private func fill(_ node: DurableNode, _ range: Range<Int>, size: Int = 30) throws {
        for index in range {
            try node.set(
                "key:\(index % 3_000)", String(repeating: "v\(index)", count: size / 4 + 1),
                database: index / 1_000 % 3)
        }
    }

    /// The data set of an RDB file.
    private func model(ofFile path: String) throws -> Model {
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: path, toPath: "\(folder.path)/dump.rdb")
        return try DurableNode(folder, appendOnly: false).model()
    }

    /// Asks for a snapshot and changes the data until it is done; returns the data at the cut.
    private func snapshot(
        _ node: DurableNode, _ purpose: SnapshotPurpose
    ) throws -> (cut: Model, result: Result<Void, SnapshotFailure>) {
        var result: Result<Void, SnapshotFailure>?
        var cut: Model?
        var round = 0
        node.snapshots.request(purpose) { result = $0 }
        try node.run(until: { result != nil }) {
            round += 1
            for index in 0..<20 {
                try node.set(
                    "key:\(round * 31 % 3_000 + index)", "changed \(round)",
                    database: round % 3, commits: false)
            }
            try node.log.commit()
            if cut == nil {
                let before = node.model()
                node.snapshots.endOfTurn()
                if node.keyspace.isSnapshotRunning || result != nil { cut = before }
            }
        }
        return (try #require(cut), try #require(result))
    }

    @Test(arguments: [true, false])
    func aDumpIsTheDataSetAtTheCut(appendOnly: Bool) throws {
        let node = try DurableNode(TemporaryFolder(), appendOnly: appendOnly)
        try fill(node, 0..<9_000)
        let taken = try snapshot(node, .dump)
        guard case .success = taken.result else {
            Issue.record("\(taken.result)")
            return
        }
        #expect(try model(ofFile: "\(node.folder.path)/dump.rdb") == taken.cut)
        #expect(node.model() != taken.cut)
        #expect(node.snapshots.statistics.saveCount == 1)
        #expect(node.snapshots.changesSinceSave > 0)
        #expect(node.snapshots.statistics.longestSliceMicroseconds > 0)
        #expect(node.folder.names("").filter { $0.hasPrefix("temp-") } == [])
    }

    @Test func aRewriteShortensTheLogAndKeepsTheBacklog() throws {
        let node = try DurableNode(TemporaryFolder(), isReplica: true) { $0.backlogBytes = 4_096 }
        try fill(node, 0..<12_000)
        let before = node.log.currentBytes
        let stream = try node.stream(from: 1, maximum: 100_000)
        let taken = try snapshot(node, .base)
        guard case .success = taken.result else {
            Issue.record("\(taken.result)")
            return
        }
        #expect(node.log.currentBytes < before)
        #expect(node.log.manifest.increments.count == 1 && node.log.manifest.baseSequence == 2)
        #expect(try model(ofFile: node.log.base?.path ?? "") == taken.cut)
        // What the manifest lists is enough, and what it does not list is still readable.
        let again = try DurableNode(node.folder.copy(), isReplica: true)
        #expect(again.model() == node.model() && again.log.position == node.log.position)
        for log in [node.log, again.log] { #expect(log.firstOffset == 1) }
        #expect(
            try again.stream(from: 1, maximum: 100_000).prefix(stream.count) == stream[...])
        // Retention deletes it.
        again.log.settings.retention = LogRetention(millisecondsMax: 0, bytesMax: .max)
        again.log.retiredAtMilliseconds = .min / 2
        again.log.tick()
        #expect(again.log.firstOffset > 1)
        let listed = try #require(again.log.manifest.increments.first).name
        try again.run(until: {
            again.folder.names().filter { $0.hasSuffix(".incr.aof") }.first == listed
        })
    }

    @Test func theLogBeginsAtRunTime() throws {
        let node = try DurableNode(TemporaryFolder(), appendOnly: false)
        var started = false
        node.snapshots.streamCut = { started = true }
        try fill(node, 0..<2_000)
        node.log.settings.isEnabled = true
        let taken = try snapshot(node, .base)
        #expect((try? taken.result.get()) != nil)
        #expect(started && node.log.mode == .file)
        try node.set("after", "the start", database: 4)
        #expect(try DurableNode(node.folder.copy()).model() == node.model())
        try node.log.close()
        #expect(node.log.mode == .ring)
    }

    @Test func aFailedDumpLeavesNothingAndTheNextOneWorks() throws {
        let node = try DurableNode(TemporaryFolder(), appendOnly: false)
        try fill(node, 0..<500)
        node.snapshots.settings.dumpFile = "missing/dump.rdb"
        let failed = try snapshot(node, .dump)
        #expect((try? failed.result.get()) == nil)
        #expect(!node.snapshots.statistics.lastSaveSucceeded)
        #expect(!node.keyspace.isSnapshotRunning)
        try node.run(until: { node.folder.names("").isEmpty })
        node.snapshots.settings.dumpFile = "dump.rdb"
        let taken = try snapshot(node, .dump)
        #expect((try? taken.result.get()) != nil)
        #expect(node.snapshots.statistics.lastSaveSucceeded)
        try node.snapshots.saveNow()
        #expect(try model(ofFile: "\(node.folder.path)/dump.rdb") == node.model())
    }

    @Test func aDumpWithAPositionIsResumedFrom() throws {
        let node = try DurableNode(TemporaryFolder(), appendOnly: false)
        node.log.activateBacklogWithNewHistory()
        try fill(node, 0..<100)
        try node.snapshots.saveNow()
        let replica = try DurableNode(
            node.folder.copy(), appendOnly: false, isReplica: true)
        #expect(replica.log.position == node.log.position && replica.log.isActive)
        let master = try DurableNode(node.folder.copy(), appendOnly: false)
        #expect(master.log.secondReplicationID == node.log.replicationID)
        #expect(master.log.canContinue(node.log.replicationID, from: node.log.offset + 1))
    }

    @Test func damagedDumpsStopTheStart() throws {
        let node = try DurableNode(TemporaryFolder(), appendOnly: false)
        try fill(node, 0..<100)
        try node.snapshots.saveNow()
        let dump = URL(fileURLWithPath: "\(node.folder.path)/dump.rdb")
        let good = try Data(contentsOf: dump)
        var wrong = good
        wrong[wrong.count - 3] ^= 1
        for (bytes, word) in [
            (wrong, "CRC error"), (good.prefix(200), "Short read"),
            (Data("REDIS9999".utf8), "Can't handle RDB format version 9999"),
        ] {
            try bytes.write(to: dump)
            do {
                _ = try DurableNode(node.folder, appendOnly: false)
                Issue.record("started")
            } catch let failure as StartupFailure {
                #expect(failure.lines.last?.contains("Fatal error loading") == true)
                #expect(failure.lines.last?.contains(word) == true)
            }
        }
    }

    // MARK: Full sync

    private func file(_ source: FullSyncSource, of node: DurableNode) throws -> [UInt8] {
        try node.file(of: source)
    }

    private func source(
        of node: DurableNode, version: Int = RDBVersion.written
    ) throws -> FullSyncSource {
        var source: FullSyncSource?
        node.snapshots.fullSyncSource(version: version) { source = try? $0.get() }
        var round = 0
        try node.run(until: { source != nil }) {
            round += 1
            try node.set("during:\(round % 50)", "sync \(round)", database: round % 3)
        }
        return try #require(source)
    }

    private func sync(
        _ replica: DurableNode, with node: DurableNode, _ source: FullSyncSource
    ) throws {
        try replica.sync(with: node, source.position, try file(source, of: node))
    }

    /// A file of the newer version is for those who proved that they read it.
    @Test func aFileIsOfAVersionThatAllItsReadersRead() throws {
        func version(_ source: FullSyncSource, of node: DurableNode) throws -> String {
            String(decoding: try file(source, of: node).prefix(9), as: UTF8.self)
        }
        let node = try DurableNode(TemporaryFolder(), appendOnly: false)
        node.log.activateBacklogWithNewHistory()
        try fill(node, 0..<500)
        let newer = try source(of: node, version: RDBVersion.writtenToProven)
        let sibling = try source(of: node, version: RDBVersion.writtenToProven)
        #expect(newer.position == sibling.position)
        #expect(try version(newer, of: node) == "REDIS0011")
        let older = try source(of: node)
        #expect(try version(older, of: node) == "REDIS0010")
        let late = try source(of: node, version: RDBVersion.writtenToProven)
        #expect(late.position == older.position)
        // Who waits together gets what all of them read.
        for source in [newer, sibling, older, late] { source.release() }
        var found: [FullSyncSource] = []
        for version in [RDBVersion.writtenToProven, RDBVersion.written] {
            node.snapshots.fullSyncSource(version: version) {
                if let source = try? $0.get() { found.append(source) }
            }
        }
        try node.run(until: { found.count == 2 })
        #expect(found[0].position == found[1].position)
        #expect(try version(found[0], of: node) == "REDIS0010")
        for source in found { source.release() }
        try node.run(until: {
            node.folder.names("").filter { $0.hasPrefix("temp-") }.isEmpty
        })

        let logged = try DurableNode(TemporaryFolder())
        let base = try source(of: logged, version: RDBVersion.writtenToProven)
        #expect(try version(base, of: logged) == "REDIS0010")
    }

    @Test(arguments: [true, false], [true, false])
    func anyNumberOfReplicasShareASource(masterLogs: Bool, replicaLogs: Bool) throws {
        let node = try DurableNode(TemporaryFolder(), appendOnly: masterLogs) {
            $0.backlogBytes = 10_000
        }
        if !masterLogs { node.log.activateBacklogWithNewHistory() }
        try fill(node, 0..<6_000)
        let first = try source(of: node)
        try fill(node, 6_000..<7_000)
        let second = try source(of: node)
        #expect(first.position == second.position && first.length == second.length)
        for source in [first, second] {
            let replica = try DurableNode(
                TemporaryFolder(), appendOnly: replicaLogs, isReplica: true)
            if replicaLogs { try replica.set("old", "data") }
            let old = try replica.folder.copy()
            try sync(replica, with: node, source)
            #expect(replica.model() == node.model())
            guard replicaLogs else { continue }
            // Until the received file is the base, a crash finds the old data whole.
            #expect(try DurableNode(old, isReplica: true).model()[0] == ["old": "data"])
            try replica.run(until: { replica.log.base?.position != nil })
            let again = try DurableNode(replica.folder.copy(), isReplica: true)
            #expect(again.model() == replica.model())
            #expect(again.log.position == replica.log.position)
            #expect(again.log.base?.isPortable == true)
        }
        first.release()
        #expect(node.log.mode == (masterLogs ? .file : .spool))
        second.release()
        try node.run(until: {
            node.folder.names("").filter { $0.hasPrefix("temp-") }.isEmpty
        })
        #expect(node.log.mode == (masterLogs ? .file : .ring))
    }

    @Test func aNewBaseIsTakenWhenTheLogIsLongerThanTheData() throws {
        let node = try DurableNode(TemporaryFolder())
        try fill(node, 0..<1_000)
        let first = try source(of: node)
        #expect(first.position.offset == 0)
        let value = String(repeating: "x", count: 100_000)
        for _ in 0..<15 { try node.set("one key", value) }
        let second = try source(of: node)
        #expect(second.position.offset > first.position.offset)
        // The old base has lost its name, and is still read.
        #expect(try file(first, of: node).count == first.length.map { Int($0) })
        let replica = try DurableNode(TemporaryFolder(), isReplica: true)
        try sync(replica, with: node, second)
        #expect(replica.model() == node.model())
    }

    @Test func aRewriteWaitsUntilTheReceivedBaseIsInPlace() throws {
        let node = try DurableNode(TemporaryFolder())
        try fill(node, 0..<500)
        let source = try source(of: node)
        let replica = try DurableNode(TemporaryFolder(), isReplica: true)
        try replica.set("old", "data")
        for _ in 0..<2 {
            // The second load ends while the file of the first is on its way to be the base.
            try sync(replica, with: node, source)
        }
        var isRewritten = false
        replica.snapshots.request(.base) { result in
            if case .success = result { isRewritten = true }
        }
        #expect(replica.snapshots.runningPurpose == nil)
        try replica.run(until: { isRewritten })
        let again = try DurableNode(replica.folder.copy(), isReplica: true)
        #expect(again.model() == node.model())
        #expect(again.log.position == replica.log.position)
        #expect(replica.log.manifest.increments.count == 1)
    }

    @Test func aBrokenTransferLeavesTheOldData() throws {
        let node = try DurableNode(TemporaryFolder())
        try fill(node, 0..<300)
        let source = try source(of: node)
        let bytes = try file(source, of: node)
        let replica = try DurableNode(TemporaryFolder(), isReplica: true)
        try replica.set("old", "data")
        let position = replica.log.position
        for variant in 0..<3 {
            var damaged = bytes
            if variant == 0 { damaged.removeLast(20) }
            if variant == 1 { damaged[damaged.count / 2] ^= 4 }
            let load = replica.snapshots.beginLoad(id: source.position.id, offset: 5)
            if variant == 2 { load.abort() }
            if variant < 2 {
                #expect(throws: SnapshotLoadFailure.self) {
                    try damaged.withByteSlice { try load.receive($0) }
                    try load.finish()
                }
                load.abort()
            }
            #expect(replica.model()[0] == ["old": "data"] && replica.log.position == position)
        }
        try replica.set("still", "writable")
        #expect(try DurableNode(replica.folder.copy(), isReplica: true).model() == replica.model())
    }

    @Test func whatPilesUpSpillsToDiskAndIsInTheFile() throws {
        let folder = try TemporaryFolder()
        let writer = try Worker(name: "test-writer")
        let spiller = try Worker(name: "test-spiller")
        let gate = DispatchSemaphore(value: 0)
        let target = SnapshotWriter(
            temporaryPath: "\(folder.path)/temp.rdb", spillPath: "\(folder.path)/temp-spill.rdb",
            compresses: true, checksums: true, writer: writer, spiller: spiller)
        writer.post { gate.wait() }
        let keyspace = Keyspace(databaseCount: 16, secret: SipKey(low: 1, high: 2))
        let value = [UInt8](repeating: 7, count: 500_000)
        for index in 0..<200 {
            [UInt8]("key:\(index)".utf8).withByteSlice { key in
                value.withByteSlice {
                    _ = keyspace.database(index % 3).set(key, keyspace.hash(key), $0)
                }
            }
        }
        let encoder = SnapshotEncoder { target.append($0) }
        let head = SnapshotHead(
            serverVersion: "7.2.4", createdSeconds: 0, usedBytes: 0, position: nil,
            isLogBase: false)
        encoder.begin(head, counts: keyspace.beginSnapshot(encoder))
        while keyspace.advanceSnapshot(bucketBudget: 100) == .running {}
        #expect(target.queuedBytes > SnapshotWriter.queueBytesMax)
        let done = DispatchSemaphore(value: 0)
        target.finish(encoder.takeLast(), target: .rename("\(folder.path)/dump.rdb")) { result in
            #expect((try? result.get()) != nil)
            done.signal()
        }
        let deadline = Date().addingTimeInterval(20)
        while !folder.names("").contains("temp-spill.rdb"), Date() < deadline { usleep(1_000) }
        #expect(folder.names("").contains("temp-spill.rdb"))
        gate.signal()
        #expect(done.wait(timeout: .now() + 120) == .success)
        writer.stop()
        spiller.stop()
        #expect(folder.names("") == ["dump.rdb"])
        #expect(try DurableNode(folder, appendOnly: false).keyspace.count == 200)
    }

    @Test func nothingComesBetweenThePiecesOfABigValue() throws {
        let folder = try TemporaryFolder()
        let writer = try Worker(name: "test-writer")
        let spiller = try Worker(name: "test-spiller")
        let target = SnapshotWriter(
            temporaryPath: "\(folder.path)/temp.rdb", spillPath: "\(folder.path)/temp-spill.rdb",
            compresses: true, checksums: true, writer: writer, spiller: spiller)
        func append(_ text: String, _ part: SnapshotChunk.Part) {
            target.append(
                SnapshotChunk(bytes: [UInt8](text.utf8), spans: [], block: nil, part: part))
        }
        append("head ", .whole)
        append("a1 ", .first)
        append("one ", .whole)
        append("a2 ", .middle)
        append("two ", .whole)
        append("a3 ", .last)
        append("b1 ", .first)
        append("b2 ", .last)
        append("b3 ", .whole)
        let done = DispatchSemaphore(value: 0)
        let last = SnapshotChunk(bytes: [UInt8]("end".utf8), spans: [], block: nil)
        target.finish(last, target: .rename("\(folder.path)/dump.rdb")) { result in
            #expect((try? result.get()) != nil)
            done.signal()
        }
        #expect(done.wait(timeout: .now() + 30) == .success)
        writer.stop()
        spiller.stop()
        #expect(folder.names("") == ["dump.rdb"])
        let file = try Data(contentsOf: URL(filePath: "\(folder.path)/dump.rdb"))
        #expect(
            String(decoding: file.dropLast(8), as: UTF8.self)
                == "head a1 a2 a3 b1 b2 b3 one two end")
    }

    @Test func savePointsAndGrowthStartSnapshotsByThemselves() throws {
        let node = try DurableNode(TemporaryFolder())
        var settings = NodeSettings()
        settings.savePoints = []
        settings.rewriteBytesMin = 50_000
        node.snapshots.startWhatIsDue(settings)
        #expect(node.snapshots.runningPurpose == nil)
        try fill(node, 0..<3_000)
        node.snapshots.startWhatIsDue(settings)
        #expect(node.snapshots.runningPurpose == .base)
        try node.run(until: { node.snapshots.runningPurpose == nil })
        #expect(node.snapshots.statistics.sizeAfterRewrite > 0)
        node.snapshots.startWhatIsDue(settings)
        #expect(node.snapshots.runningPurpose == nil)
        settings.savePoints = [SavePoint(seconds: 1, changes: 10)]
        node.snapshots.statistics.lastSaveSeconds -= 5
        node.snapshots.startWhatIsDue(settings)
        #expect(node.snapshots.runningPurpose == .dump)
        node.snapshots.abortAll()
        #expect(node.snapshots.runningPurpose == nil && !node.keyspace.isSnapshotRunning)
    }
}
