// What clients see while the log cannot be written. The disk is full for one file only: its
// descriptor is exchanged for one of /dev/full, and back when the disk has room again.

import Commands
import EventLoop
import Foundation
import Platform
import RESP
import Testing

@testable import NodeServer

@Suite struct LogBehindTests {
    /// The disk under the log of a node.
    private final class Disk {
        private let number: Int32
        private let kept: Int32

        init(under world: NodeWorld) throws {
            let path = try #require(world.node.stream.segment?.path)
            let folder = "/proc/self/fd"
            let name = try #require(
                FileManager.default.contentsOfDirectory(atPath: folder).first {
                    let target = try? FileManager.default.destinationOfSymbolicLink(
                        atPath: "\(folder)/\($0)")
                    return target?.hasSuffix(path) == true
                })
            number = try #require(Int32(name))
            kept = dup(number)
            try #require(kept >= 0)
        }

        deinit { close(kept) }

        func fill() throws {
            let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
            #expect(dup2(full.fileDescriptor, number) == number)
        }

        func empty() { #expect(dup2(kept, number) == number) }
    }

    @Test func nobodySeesWhatTheLogLacksUntilItHasIt() throws {
        let world = try NodeWorld { $0.appendOnly = true }
        world.node.logWaitMilliseconds = 1_000_000
        let writer = try world.connect()
        let reader = try world.connect()
        let subscriber = try world.connect()
        guard case .integer(let readerID) = try world.call(reader, "CLIENT", "ID") else {
            Issue.record("no id")
            return
        }
        #expect(try world.call(writer, "SET", "k", "old") == .simpleString("OK"))
        _ = try world.call(subscriber, "SUBSCRIBE", "news")
        let disk = try Disk(under: world)
        try disk.fill()
        let committed = world.node.stream.committedOffset
        writer.send("SET", "k", "new")
        writer.send("PUBLISH", "news", "written")
        writer.flush()
        try world.until("the failure") { world.node.stream.failure != nil }
        #expect(world.node.stream.failure?.isDiskFull == true)
        let reading = try #require(world.node.clients.all.first { $0.client.id == readerID })
        reader.send("GET", "k")
        reader.flush()
        try world.until("the reply to be held") { reading.outputCount > 0 }
        for _ in 0..<5 { world.node.loop.runTurn(waitMillisecondsMax: 5) }
        #expect(writer.replies.count == 1)
        #expect(reader.replies.count == 1)
        #expect(subscriber.replies.count == 1)
        #expect(world.node.releasedOffset == committed)
        disk.empty()
        try world.until("everything") {
            writer.replies.count == 3 && reader.replies.count == 2 && subscriber.replies.count == 2
        }
        #expect(reader.replies[1] == .bulk(Array("new".utf8)))
        #expect(writer.replies[1] == .simpleString("OK"))
        #expect(world.node.stream.failure == nil)
        #expect(world.node.releasedOffset == world.node.engine.streamOffset)
    }

    @Test func aLogThatStaysBehindTakesWritesAwayAndNothingElse() throws {
        let world = try NodeWorld { $0.appendOnly = true }
        world.node.logWaitMilliseconds = 50
        let writer = try world.connect()
        let reader = try world.connect()
        #expect(try world.call(writer, "SET", "k", "old") == .simpleString("OK"))
        let disk = try Disk(under: world)
        try disk.fill()
        let committed = world.node.stream.committedOffset
        writer.send("SET", "k", "new")
        writer.flush()
        try world.until("the failure") { world.node.stream.failure != nil }
        // Held at first, then served from memory.
        #expect(try world.call(reader, "GET", "k") == .bulk(Array("new".utf8)))
        let refused = try world.call(reader, "SET", "k", "third")
        #expect(refused.text?.hasPrefix("MISCONF Errors writing to the AOF file") == true)
        let information = try world.call(reader, "INFO", "persistence")
        #expect(information.text?.contains("aof_last_write_status:err") == true)
        var told: Int64?
        world.node.afterCommit { [unowned world] in told = world.node.releasedOffset }
        try world.until("what waits for the turn") { told != nil }
        #expect(told == committed)
        #expect(writer.replies.count == 1)
        disk.empty()
        try world.until("the acknowledgement") { writer.replies.count == 2 }
        #expect(try world.call(reader, "SET", "k", "fourth") == .simpleString("OK"))
    }

    @Test func aShortFailureDelaysTheNextOneAsLong() throws {
        let world = try NodeWorld { $0.appendOnly = true }
        world.node.logWaitMilliseconds = 20
        let writer = try world.connect()
        let reader = try world.connect()
        _ = try world.call(writer, "SET", "k", "0")
        let disk = try Disk(under: world)
        try disk.fill()
        writer.send("SET", "k", "1")
        writer.flush()
        try world.until("the failure") { world.node.stream.failure != nil }
        #expect(try world.call(reader, "GET", "k") == .bulk(Array("1".utf8)))
        disk.empty()
        try world.until("the end") { writer.replies.count == 2 }
        world.node.logWaitMilliseconds = 1_000_000
        try disk.fill()
        writer.send("SET", "k", "2")
        writer.flush()
        try world.until("the failure") { world.node.stream.failure != nil }
        reader.send("GET", "k")
        reader.flush()
        for _ in 0..<5 { world.node.loop.runTurn(waitMillisecondsMax: 5) }
        #expect(reader.replies.count == 1)
        disk.empty()
        try world.until("the end") { reader.replies.count == 2 }
        #expect(reader.replies[1] == .bulk(Array("2".utf8)))
    }
}
