// The stream log: what is readable when, what is in the files, what a restart finds.

import Bytes
import EventLoop
import Foundation
import Log
import Logging
import Platform
import Testing

@testable import NodeServer

@Suite struct StreamLogTests {
    private func fill(_ node: DurableNode, _ range: Range<Int>) throws {
        for index in range {
            try node.set("key:\(index % 200)", "value \(index)", database: index / 100 % 3)
        }
    }

    @Test func uncommittedBytesAreReadByNobody() throws {
        let node = try DurableNode(TemporaryFolder())
        try node.write(command("SELECT", "0"), commits: false)
        var output = ByteBuffer()
        #expect(node.log.offset == 23 && node.log.committedOffset == 0)
        #expect(node.log.read(from: 1, maximum: 99, into: &output, onReady: {}) == .upToDate)
        try node.endTurn()
        #expect(node.log.read(from: 1, maximum: 10, into: &output, onReady: {}) == .bytes(10))
        #expect(node.log.read(from: 24, maximum: 10, into: &output, onReady: {}) == .upToDate)
        #expect(node.log.read(from: 25, maximum: 10, into: &output, onReady: {}) == .gone)
    }

    /// A log in memory with a reader that has read up to `reader`.
    private final class MemoryLog {
        let folder: TemporaryFolder
        let log: StreamLog
        var reader: Int64 = 1
        var expected: [UInt8] = []

        init(_ limit: OutputBufferLimit) throws {
            folder = try TemporaryFolder()
            var settings = LogSettings(directory: folder.path)
            settings.backlogBytes = 1_000
            settings.readerLimit = limit
            log = try StreamLog(
                settings: settings, loop: EventLoop(), logger: Logger(label: "test"))
            log.activateBacklog()
            log.slowestReader = { [unowned self] in reader >= $0 ? reader : .max }
            log.readerBegan(at: 1)
        }

        func write(_ count: Int) throws {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: (expected.count + $0) &* 31) }
            expected += bytes
            bytes.withByteSlice { log.append($0, database: 0) }
            try log.commit()
        }

        var overflowBytes: Int { log.overflow.count }

        func read(_ count: Int) -> [UInt8] {
            var output = ByteBuffer()
            while output.count < count {
                guard
                    case .bytes(let got) = log.read(
                        from: reader, maximum: count - output.count, into: &output, onReady: {})
                else { break }
                reader += Int64(got)
            }
            return output.readable.array
        }

        deinit { log.stop() }
    }

    @Test func whatAReplicaLacksOutlivesTheRing() throws {
        let memory = try MemoryLog(OutputBufferLimit(hardBytes: 0, softBytes: 0, softSeconds: 0))
        for count in [10, 980, 20, 1, 5_000, 999, 1_000, 1_001, 700_000] { try memory.write(count) }
        #expect(memory.log.firstOffset == 1)
        #expect(memory.read(300_000) == Array(memory.expected[..<300_000]))
        try memory.write(5)
        #expect(memory.log.firstOffset > 1)
        #expect(memory.read(.max - 1) == Array(memory.expected[300_000...]))
        memory.log.tickOverflow()
        #expect(memory.overflowBytes == 0)
        // A smaller backlog takes nothing from him either.
        try memory.write(800)
        memory.log.resizeBacklog(to: 100)
        #expect(memory.read(.max - 1) == Array(memory.expected.suffix(800)))
    }

    @Test func whatNobodyLacksIsNotKept() throws {
        let memory = try MemoryLog(OutputBufferLimit(hardBytes: 0, softBytes: 0, softSeconds: 0))
        for _ in 0..<100 {
            try memory.write(990)
            _ = memory.read(990)
            #expect(memory.overflowBytes <= 1_000)
        }
        #expect(memory.log.firstOffset > 97_000)
    }

    @Test func aReplicaBeyondItsLimitLosesItsPlace() throws {
        let hard = try MemoryLog(OutputBufferLimit(hardBytes: 5_000, softBytes: 0, softSeconds: 0))
        for _ in 0..<6 { try hard.write(1_000) }
        #expect(hard.log.firstOffset == 1)
        try hard.write(1_000)
        #expect(hard.overflowBytes == 0 && hard.log.firstOffset == 6_001)
        #expect(hard.read(1) == [])
        try hard.write(1_000)
        #expect(hard.overflowBytes == 0)

        let soft = try MemoryLog(OutputBufferLimit(hardBytes: 0, softBytes: 500, softSeconds: -1))
        for _ in 0..<2 { try soft.write(1_000) }
        #expect(soft.overflowBytes > 0)
        soft.log.tickOverflow()
        #expect(soft.overflowBytes == 0 && soft.log.firstOffset == 1_001)
    }

    @Test func oldBytesAreReadFromTheFileAndEqualTheNewOnes() throws {
        let node = try DurableNode(TemporaryFolder()) { $0.backlogBytes = 500 }
        var expected: [UInt8] = command("SELECT", "0")
        try node.write(expected)
        for index in 0..<300 {
            let bytes = command("SET", "key", "value \(index)")
            expected += bytes
            try node.write(bytes)
        }
        #expect(node.log.firstOffset == 1)
        #expect(try node.stream(from: 1) == expected)
        #expect(try node.stream(from: 5_000, maximum: 7) == Array(expected[4_999...]))
    }

    @Test func aReplicaResumesWhereItsLogEnds() throws {
        let folder = try TemporaryFolder()
        let node = try DurableNode(folder, isReplica: true)
        try fill(node, 0..<500)
        let crashed = try folder.copy()
        let again = try DurableNode(crashed, isReplica: true)
        #expect(again.model() == node.model())
        #expect(again.log.position == node.log.position)
        #expect(again.log.database == 1)
        #expect(again.log.firstOffset == 1)
        // The new file begins in database 1 without moving the stream.
        try fill(again, 500..<550)
        let third = try DurableNode(crashed.copy(), isReplica: true)
        #expect(third.model() == again.model() && third.log.position == again.log.position)
        #expect(try third.stream(from: 1) == again.stream(from: 1))
    }

    @Test func aRestartedMasterGoesOnUnderANewID() throws {
        let folder = try TemporaryFolder()
        let node = try DurableNode(folder)
        try fill(node, 0..<300)
        let again = try DurableNode(folder.copy())
        #expect(again.log.replicationID != node.log.replicationID)
        #expect(again.log.secondReplicationID == node.log.replicationID)
        #expect(again.log.secondOffset == node.log.offset)
        #expect(again.log.offset == node.log.offset && again.log.database == -1)
        #expect(again.log.canContinue(node.log.replicationID, from: node.log.offset + 1))
        #expect(again.log.canContinue(node.log.replicationID, from: 1))
        try again.set("new", "history", database: 2)
        #expect(!again.log.canContinue(node.log.replicationID, from: node.log.offset + 2))
        #expect(again.log.canContinue(again.log.replicationID, from: again.log.offset + 1))
        #expect(try DurableNode(again.folder.copy()).model() == again.model())
    }

    @Test func restartsWithoutWritesKeepTheSecondHistory() throws {
        let folder = try TemporaryFolder()
        let node = try DurableNode(folder)
        try fill(node, 0..<50)
        let twice = try DurableNode(DurableNode(folder.copy()).folder.copy())
        #expect(twice.log.secondReplicationID == node.log.replicationID)
        #expect(twice.log.canContinue(node.log.replicationID, from: node.log.offset + 1))
        // Empty increments do not pile up.
        #expect(twice.log.manifest.increments.count == 2)
    }

    /// The last file of `folder` with a log in it.
    private func lastLog(_ folder: TemporaryFolder) throws -> URL {
        let name = try #require(folder.names().last { $0.hasSuffix(".incr.aof") })
        return URL(fileURLWithPath: "\(folder.path)/appendonlydir/\(name)")
    }

    @Test func aTornTailIsCutAtTheLastGoodRecord() throws {
        let folder = try TemporaryFolder()
        let node = try DurableNode(folder, isReplica: true)
        for round in 0..<6 {
            try fill(node, round * 20..<round * 20 + 20)
            // Records are written each 100 ms at most.
            let start = Clock.wallMilliseconds()
            try node.run(until: { Clock.wallMilliseconds() - start > 110 })
        }
        let whole = try Data(contentsOf: lastLog(folder))
        var ends = Set<Int64>()
        for cut in stride(from: 1, to: whole.count, by: 97) {
            let torn = try folder.copy()
            try whole.prefix(cut).write(to: lastLog(torn))
            let again = try DurableNode(torn, isReplica: true)
            #expect(again.log.offset <= Int64(cut))
            ends.insert(again.log.offset)
            #expect(
                try again.log.offset == 0
                    || again.stream(from: 1) == Array(whole.prefix(Int(again.log.offset))))
            // What was cut is appended again and the log goes on as if nothing had been.
            try [UInt8](whole.dropFirst(Int(again.log.offset))).withByteSlice {
                again.log.append($0, database: node.log.database)
                try again.log.commit()
            }
            let third = try DurableNode(torn.copy(), isReplica: true)
            #expect(third.model() == node.model() && third.log.position == node.log.position)
        }
        #expect(ends.count > 3)
    }

    /// Ends of the units in `bytes`.
    private func unitEnds(_ bytes: Data) throws -> [Int] {
        var scanner = UnitScanner()
        var commands: [UnitScanner.Command] = []
        var arguments = ByteSliceList()
        var ends = [0]
        try [UInt8](bytes).withByteSlice { slice in
            while case .unit(let length) = try scanner.next(
                slice.dropFirst(ends[ends.count - 1]), commands: &commands, arguments: &arguments)
            {
                ends.append(ends[ends.count - 1] + length)
            }
        }
        return ends
    }

    @Test func aMasterCutsATornEndAndKeepsItAside() throws {
        let folder = try TemporaryFolder()
        let node = try DurableNode(folder) { $0.fsync = .no }
        try fill(node, 0..<30)
        let start = Clock.wallMilliseconds()
        try node.run(until: { Clock.wallMilliseconds() - start > 110 })
        try fill(node, 30..<60)
        let transaction =
            command("MULTI") + command("SET", "a", "1") + command("SET", "b", "2")
            + command("EXEC")
        try node.write(transaction)
        let whole = try Data(contentsOf: lastLog(folder))
        let ends = try unitEnds(whole)
        let tails: [[UInt8]] = [
            [], [UInt8](repeating: 0, count: 5_000), [UInt8]("garbage".utf8),
            command("NOSUCH", "command"), command("MULTI") + command("SET", "c", "3") + [0, 0],
        ]
        for cut in stride(from: whole.count - 1, to: 0, by: -41) {
            let torn = try folder.copy()
            let end = try #require(ends.last { $0 <= cut })
            // Garbage follows a whole unit; a cut falls anywhere.
            let tail = tails[cut % tails.count]
            let damaged = tail.isEmpty ? whole.prefix(cut) : whole.prefix(end) + tail
            let log = try lastLog(torn)
            try damaged.write(to: log)
            let master = try DurableNode(torn)
            let good = Int(master.log.offset)
            #expect(good <= end && ends.contains(good))
            // Nothing contradicts what a short file has.
            if damaged.count < whole.count { #expect(good == end) }
            #expect(master.log.secondOffset <= Int64(good))
            if good < damaged.count {
                let aside = URL(fileURLWithPath: "\(log.path).cut-\(good)")
                #expect(try Data(contentsOf: aside) == damaged.dropFirst(good))
                #expect(master.logged.contains { $0.contains("whole commands; they are kept in") })
            }
            if good > 0 {
                #expect(try Data(contentsOf: log) == whole.prefix(good))
                #expect(try master.stream(from: 1) == [UInt8](whole.prefix(good)))
            }
            // What is left is there after the next starts, too.
            try master.set("after", "the crash", commits: true)
            for isReplica in [false, true] {
                let again = try DurableNode(torn.copy(), isReplica: isReplica)
                #expect(again.model() == master.model())
                #expect(again.log.offset == master.log.offset)
                if isReplica { #expect(again.log.position == master.log.position) }
            }
        }
    }

    @Test func damagedBytesAreNeverLoaded() throws {
        var random = SeededRandom(seed: 7)
        let folder = try TemporaryFolder()
        let node = try DurableNode(folder) { $0.fsync = .no }
        try fill(node, 0..<100)
        let whole = try Data(contentsOf: lastLog(folder))
        let ends = try unitEnds(whole)
        for _ in 0..<40 {
            let torn = try folder.copy()
            var bytes = whole
            let place = random.below(whole.count)
            for index in place..<min(place + 64, whole.count) { bytes[index] = 0 }
            try bytes.write(to: lastLog(torn))
            let master = try DurableNode(torn)
            #expect(ends.contains(Int(master.log.offset)))
            #expect(master.log.offset <= Int64(place))
            let replica = try DurableNode(torn.copy(), isReplica: true)
            #expect(replica.log.offset == master.log.offset)
        }
    }

    @Test func aRepairedLogLoadsWhenTornOnesMustNot() throws {
        let folder = try TemporaryFolder()
        let node = try DurableNode(folder)
        try fill(node, 0..<100)
        for isReplica in [false, true] {
            let repaired = try folder.copy()
            let log = try lastLog(repaired)
            let bytes = try Data(contentsOf: log)
            let ends = try unitEnds(bytes)
            try bytes.prefix(ends[ends.count - 2]).write(to: log)
            let again = try DurableNode(repaired, isReplica: isReplica) {
                $0.loadsTruncated = false
            }
            #expect(isReplica || again.log.offset == Int64(ends[ends.count - 2]))
            #expect(again.log.offset <= Int64(ends[ends.count - 2]))
        }
    }

    @Test func emptyLinesOfAMastersStreamAreReplayedAsNothing() throws {
        let folder = try TemporaryFolder()
        let node = try DurableNode(folder, isReplica: true)
        try node.set("key", "value")
        node.applyStream([0x0A, 0x0D, 0x0A] + command("SET", "b", "c") + [0x0A], database: 0)
        try node.endTurn()
        for isReplica in [false, true] {
            let again = try DurableNode(folder.copy(), isReplica: isReplica)
            #expect(again.model() == node.model())
            #expect(again.log.offset == node.log.offset)
        }
    }

    @Test func aTornTailStopsTheStartWhenToldSo() throws {
        let folder = try TemporaryFolder()
        let node = try DurableNode(folder)
        try fill(node, 0..<100)
        let torn = try folder.copy()
        let log = try lastLog(torn)
        try Data(contentsOf: log).dropLast(5).write(to: log)
        do {
            _ = try DurableNode(torn) { $0.loadsTruncated = false }
            Issue.record("started")
        } catch let failure as StartupFailure {
            #expect(
                failure.lines.last?.hasPrefix(
                    "Unexpected end of file reading the append only file") == true)
        }
    }

    @Test func bytesBehindTheIndexBeginAMastersNewHistory() throws {
        let folder = try TemporaryFolder()
        let node = try DurableNode(folder)
        try fill(node, 0..<50)
        let copy = try folder.copy()
        let handle = try FileHandle(forWritingTo: lastLog(copy))
        let extra = command("SELECT", "7") + command("SET", "foreign", "write")
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(extra))
        // Cut off in the middle of a command, too.
        try handle.write(contentsOf: Data([UInt8]("*3\r\n$3\r\nSET".utf8)))
        try handle.close()
        let master = try DurableNode(copy.copy())
        #expect(master.model()[7] == ["foreign": "write"])
        #expect(master.log.offset == node.log.offset + Int64(extra.count))
        #expect(master.log.secondOffset == node.log.offset)
        #expect(master.log.secondReplicationID == node.log.replicationID)
        #expect(try master.stream(from: node.log.offset + 1) == extra)
        // A replica asks its master for what it has no position for.
        let replica = try DurableNode(copy, isReplica: true)
        #expect(replica.model() == node.model())
        #expect(replica.log.position == node.log.position)
    }

    @Test func annotationsOfAnotherServerEndThePosition() throws {
        let folder = try TemporaryFolder()
        let node = try DurableNode(folder)
        try fill(node, 0..<50)
        let copy = try folder.copy()
        let handle = try FileHandle(forWritingTo: lastLog(copy))
        try handle.seekToEnd()
        try handle.write(
            contentsOf: Data([UInt8]("#TS:1700000000\r\n".utf8) + command("SET", "a", "b")))
        try handle.close()
        let again = try DurableNode(copy)
        #expect(again.model()[0]["a"] == "b")
        #expect(!again.log.canContinue(node.log.replicationID, from: node.log.offset + 1))
        #expect(again.log.secondReplicationID == .none)
    }

    @Test func damageInFrontOfTheDiskIsNoTornTail() throws {
        let folder = try TemporaryFolder()
        let node = try DurableNode(folder) { $0.fsync = .always }
        try fill(node, 0..<100)
        #expect(node.log.syncedOffset == node.log.offset)
        let log = try lastLog(folder)
        var bytes = try Data(contentsOf: log)
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: log)
        do {
            _ = try DurableNode(folder.copy())
            Issue.record("started")
        } catch let failure as StartupFailure {
            #expect(
                failure.lines.last?.hasPrefix(
                    "Bad file format reading the append only file") == true)
        }
    }

    @Test func anEverySecondLogReachesTheDiskByItself() throws {
        let node = try DurableNode(TemporaryFolder())
        try fill(node, 0..<10)
        let end = node.log.offset
        #expect(node.log.syncedOffset < end)
        try node.run(until: { node.log.syncedOffset >= end })
    }

    @Test func aFullDiskRefusesWritesAndLosesNothing() throws {
        let folder = try TemporaryFolder()
        let node = try DurableNode(folder)
        try fill(node, 0..<50)
        let next = node.log.sequenceLast + 1
        try FileManager.default.createSymbolicLink(
            atPath: node.log.settings.folder.increment(next), withDestinationPath: "/dev/full")
        var isReady = false
        node.log.prepareRotation { _ in isReady = true }
        try node.run(until: { isReady })
        try node.log.rotate()
        let committed = node.log.committedOffset
        #expect(throws: SystemError.self) { try node.set("lost", "never") }
        #expect(node.log.failure?.isDiskFull == true)
        #expect(node.log.committedOffset == committed && node.log.offset > committed)
        #expect(node.logged.contains { $0.hasPrefix("Error writing to the AOF file: No space") })
        var output = ByteBuffer()
        #expect(
            node.log.read(from: committed + 1, maximum: 9, into: &output, onReady: {}) == .upToDate)
    }

    /// A copy of the node's folder with more bytes behind its log.
    private func copy(_ node: DurableNode, appending bytes: [UInt8]) throws -> TemporaryFolder {
        let copy = try node.folder.copy()
        let handle = try FileHandle(forWritingTo: lastLog(copy))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(bytes))
        try handle.close()
        return copy
    }

    @Test func anUnknownCommandBehindTheIndexStopsTheStart() throws {
        let node = try DurableNode(TemporaryFolder())
        try fill(node, 0..<3)
        do {
            _ = try DurableNode(copy(node, appending: command("bla", "x")))
            Issue.record("started")
        } catch let failure as StartupFailure {
            #expect(
                failure.lines.last?.hasPrefix(
                    "Unknown command 'bla' reading the append only file") == true)
        }
    }

    @Test func junkBehindTheIndexIsCutAndKeptAside() throws {
        let node = try DurableNode(TemporaryFolder())
        try fill(node, 0..<3)
        for junk in [[UInt8]("!!!\r\n".utf8), [UInt8](repeating: 0, count: 4_096)] {
            let again = try DurableNode(copy(node, appending: junk))
            #expect(again.model() == node.model() && again.log.offset == node.log.offset)
            #expect(again.logged.contains { $0.hasPrefix("\(junk.count) bytes were cut") })
        }
    }

    @Test func missingFilesAndBadManifestsStopTheStart() throws {
        let folder = try TemporaryFolder()
        let node = try DurableNode(folder)
        try fill(node, 0..<3)
        let missing = try folder.copy()
        try FileManager.default.removeItem(at: lastLog(missing))
        let empty = try folder.copy()
        try Data().write(
            to: URL(fileURLWithPath: "\(empty.path)/appendonlydir/appendonly.aof.manifest"))
        for (copy, word) in [
            (missing, "No such file or directory"), (empty, "Found an empty AOF manifest"),
        ] {
            do {
                _ = try DurableNode(copy)
                Issue.record("started")
            } catch let failure as StartupFailure {
                #expect(failure.lines.last?.contains(word) == true)
            }
        }
    }

    @Test func theSingleFileOfOldServersBecomesTheBase() throws {
        let folder = try TemporaryFolder()
        try Data(command("SELECT", "2") + command("SET", "old", "times")).write(
            to: URL(fileURLWithPath: "\(folder.path)/appendonly.aof"))
        let node = try DurableNode(folder)
        #expect(node.model()[2] == ["old": "times"])
        #expect(node.log.manifest.base?.name == "appendonly.aof")
        try node.set("new", "times")
        #expect(try DurableNode(folder.copy()).model() == node.model())
    }

    @Test func aMemoryBacklogBeginsANewHistory() throws {
        let node = try DurableNode(TemporaryFolder(), appendOnly: false)
        let before = node.log.replicationID
        #expect(!node.log.isActive && !node.log.covers(from: 1))
        node.log.activateBacklogWithNewHistory()
        #expect(node.log.replicationID != before && node.log.covers(from: 1))
        try node.set("a", "b")
        let bytes = command("SELECT", "0") + command("SET", "a", "b")
        #expect(try node.stream(from: 1) == bytes)
        node.log.startNewHistory()
        #expect(node.log.canContinue(node.log.secondReplicationID, from: node.log.offset + 1))
        node.log.dropBacklog()
        #expect(!node.log.isActive)
    }
}
