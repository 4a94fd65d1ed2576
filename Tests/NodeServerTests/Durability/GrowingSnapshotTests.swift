// Full syncs from a file that is still being written.

import Bytes
import EventLoop
import Foundation
import Log
import Persistence
import Store
import Testing

@testable import NodeServer

@Suite struct GrowingSnapshotTests {
    /// A master whose snapshots take several chunks, and whose log is too long to be sent instead.
    private func master(appendOnly: Bool) throws -> DurableNode {
        let node = try DurableNode(TemporaryFolder(), appendOnly: appendOnly) {
            $0.backlogBytes = 10_000
        }
        if !appendOnly { node.log.activateBacklogWithNewHistory() }
        for index in 0..<6_000 {
            let word = UInt64(index + 1).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
            let text = (0..<12).map { String(word.low &* UInt64($0 * 2 + 1), radix: 36) }
            try node.set("key:\(index)", text.joined(), database: index % 3)
        }
        return node
    }

    /// Keeps a thread busy until the gate is opened: the writer's writes nothing then, without the
    /// spiller's no file comes to its end.
    private func hold(_ thread: Worker) -> DispatchSemaphore {
        let gate = DispatchSemaphore(value: 0)
        thread.post { gate.wait() }
        return gate
    }

    /// Asks as a replica that takes a file of unknown length, or not.
    private func ask(
        _ node: DurableNode, version: Int = RDBVersion.written, acceptsGrowing: Bool = true
    ) -> Answer {
        let answer = Answer()
        node.snapshots.fullSyncSource(version: version, acceptsGrowing: acceptsGrowing) {
            switch $0 {
            case .success(let source): answer.source = source
            case .failure(let failure): answer.failure = failure
            }
        }
        return answer
    }

    /// What came of a request.
    private final class Answer {
        var source: FullSyncSource?
        var failure: SnapshotFailure?
    }

    private func temporaryNames(_ node: DurableNode) -> [String] {
        node.folder.names("").filter { $0.hasPrefix("temp-") }
    }

    /// Checks that `bytes` and the stream make a replica of `node`.
    private func checkReplica(
        of node: DurableNode, _ source: FullSyncSource, _ bytes: [UInt8]
    ) throws {
        let replica = try DurableNode(TemporaryFolder(), isReplica: true)
        try replica.set("old", "data")
        try replica.sync(with: node, source.position, bytes)
        #expect(replica.model() == node.model())
    }

    @Test(arguments: [true, false])
    func aFileIsReadWhileItIsWritten(appendOnly: Bool) throws {
        let node = try master(appendOnly: appendOnly)
        let start = hold(node.snapshots.writer)
        let end = hold(node.snapshots.spiller)
        let answer = ask(node)
        try node.run(until: { answer.source != nil })
        let source = try #require(answer.source)
        let cut = node.log.offset
        #expect(source.length == nil && source.position.offset == cut)
        let reader = SourceReader(source)
        reader.read()
        // The walk ends; not a byte is in the file, and its reader waits.
        try node.run(until: { !node.keyspace.isSnapshotRunning })
        #expect(reader.bytes.isEmpty && !reader.isOver)
        // Pieces come before the file is whole.
        start.signal()
        try node.run(until: { reader.bytes.count > 300_000 }) { reader.read() }
        #expect(source.length == nil)
        try node.set("after the cut", "in the stream")
        end.signal()
        try node.run(until: { reader.isOver }) { reader.read() }
        #expect(reader.failure == nil && source.length == Int64(reader.bytes.count))
        try checkReplica(of: node, source, reader.bytes)
        source.release()
        try node.run(until: { temporaryNames(node).isEmpty })
        #expect(node.log.mode == (appendOnly ? .file : .ring))
    }

    @Test(arguments: [true, false])
    func whoComesLaterReadsTheSameFileFromItsStart(appendOnly: Bool) throws {
        let node = try master(appendOnly: appendOnly)
        let gate = hold(node.snapshots.spiller)
        let first = ask(node)
        // Before the cut, behind it, and after the walk.
        let second = ask(node)
        try node.run(until: { first.source != nil && second.source != nil })
        try node.set("behind", "the cut")
        let third = ask(node)
        #expect(third.source != nil)
        let patient = ask(node, acceptsGrowing: false)
        try node.run(until: { !node.keyspace.isSnapshotRunning })
        let fourth = ask(node)
        #expect(fourth.source != nil && patient.source == nil)
        gate.signal()
        try node.run(until: { patient.source != nil })
        let sources = try [first, second, third, fourth, patient].map {
            try #require($0.source)
        }
        let bytes = try node.file(of: sources[0])
        for source in sources {
            #expect(source.position == sources[0].position)
            #expect(try node.file(of: source) == bytes)
        }
        try checkReplica(of: node, sources[4], bytes)
        for source in sources.dropLast() { source.release() }
        // The last one keeps the file, and the stream behind it.
        #expect(try node.file(of: sources[4]) == bytes)
        #expect(node.log.mode == (appendOnly ? .file : .spool))
        sources[4].release()
        try node.run(until: { temporaryNames(node).isEmpty })
        #expect(node.log.mode == (appendOnly ? .file : .ring))
    }

    /// The file alone has to do: neither the last one nor the one that is being written will.
    @Test(arguments: [true, false])
    func whoTakesNoStreamGetsWhatWasWrittenBefore(appendOnly: Bool) throws {
        let node = try DurableNode(TemporaryFolder(), appendOnly: appendOnly)
        if !appendOnly { node.log.activateBacklogWithNewHistory() }
        func take(_ source: FullSyncSource?) throws -> Bool {
            let source = try #require(source)
            let replica = try DurableNode(TemporaryFolder(), isReplica: true)
            try replica.load(source.position, try node.file(of: source))
            return replica.model() == node.model()
        }
        func fresh() -> Answer {
            let answer = Answer()
            node.snapshots.freshSource { answer.source = try? $0.get() }
            return answer
        }
        try node.set("first", "1")
        let shared = ask(node, acceptsGrowing: false)
        try node.run(until: { shared.source != nil })
        try node.set("second", "2")
        let first = fresh()
        try node.run(until: { first.source != nil })
        #expect(try take(first.source))
        #expect(first.source?.position == node.log.position)
        // Not even with a stream that says nothing is new.
        let again = fresh()
        #expect(again.source == nil)
        try node.run(until: { again.source != nil })
        #expect(try take(again.source))
        // A cut that was made does not do, one that is to come is shared.
        let gate = hold(node.snapshots.spiller)
        let running = fresh()
        let together = fresh()
        try node.run(until: { node.snapshots.running?.writer != nil })
        try node.set("third", "3")
        let late = fresh()
        gate.signal()
        try node.run(until: { late.source != nil })
        #expect(running.source?.position == together.source?.position)
        #expect(try !take(running.source))
        #expect(try take(late.source))
        for answer in [shared, first, again, running, together, late] {
            answer.source?.release()
        }
        try node.run(until: { temporaryNames(node).isEmpty })
        #expect(node.log.mode == (appendOnly ? .file : .ring))
    }

    @Test func aFileOfANewerVersionIsNotForEverybody() throws {
        let node = try master(appendOnly: false)
        let gate = hold(node.snapshots.spiller)
        let newer = ask(node, version: RDBVersion.writtenToProven)
        try node.run(until: { newer.source != nil })
        let older = ask(node)
        #expect(older.source == nil)
        gate.signal()
        try node.run(until: { older.source != nil })
        for (answer, magic) in [(newer, "REDIS0011"), (older, "REDIS0010")] {
            let source = try #require(answer.source)
            let bytes = try node.file(of: source)
            #expect(String(decoding: bytes.prefix(9), as: UTF8.self) == magic)
            // The first to go leaves the other its stream.
            try checkReplica(of: node, source, bytes)
            source.release()
        }
        try node.run(until: { temporaryNames(node).isEmpty })
        #expect(node.log.mode == .ring)
    }

    @Test(arguments: [true, false])
    func aSnapshotThatIsEndedFailsItsReaders(appendOnly: Bool) throws {
        let node = try master(appendOnly: appendOnly)
        let gate = hold(node.snapshots.spiller)
        let answer = ask(node)
        try node.run(until: { answer.source != nil })
        let reader = SourceReader(try #require(answer.source))
        try node.run(until: { reader.bytes.count > 300_000 }) { reader.read() }
        node.snapshots.abortAll()
        try node.run(until: { reader.isOver }) { reader.read() }
        #expect(reader.failure == .aborted)
        answer.source?.release()
        gate.signal()
        #expect(node.log.mode == (appendOnly ? .file : .ring))
        // The next one works.
        let again = ask(node)
        try node.run(until: { again.source != nil })
        let source = try #require(again.source)
        try checkReplica(of: node, source, try node.file(of: source))
        source.release()
        try node.run(until: { temporaryNames(node).isEmpty })
    }

    @Test func aFileThatCannotBeWrittenFailsItsReaders() throws {
        let node = try master(appendOnly: false)
        node.snapshots.settings.directory = "\(node.folder.path)/missing"
        let answer = ask(node)
        try node.run(until: { answer.source != nil })
        let reader = SourceReader(try #require(answer.source))
        try node.run(until: { reader.isOver }) { reader.read() }
        guard case .system? = reader.failure else {
            Issue.record("\(String(describing: reader.failure))")
            return
        }
        #expect(reader.bytes.isEmpty)
        answer.source?.release()
        #expect(node.log.mode == .ring)
    }
}
