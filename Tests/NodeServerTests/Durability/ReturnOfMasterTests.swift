// A master that was killed and finds another one in its place: it goes on under the history that
// both know, but only with exactly the data of that history.

import Foundation
import Log
import Platform
import Store
import Testing

@testable import NodeServer

@Suite struct ReturnOfMasterTests {
    private func crashed() throws -> (before: DurableNode, folder: TemporaryFolder) {
        let folder = try TemporaryFolder()
        let node = try DurableNode(folder)
        for index in 0..<50 { try node.set("key:\(index)", "value", database: index / 40) }
        return (node, try folder.copy())
    }

    @Test func aMasterThatWroteNothingGoesBackToTheHistoryBeforeItsRestart() throws {
        let (before, folder) = try crashed()
        let again = try DurableNode(folder)
        #expect(again.log.replicationID != before.log.replicationID)
        #expect(again.log.returnToHistoryOfStart())
        #expect(again.log.position == before.log.position)
        #expect(again.log.secondReplicationID == .none && again.log.secondOffset == -1)
        #expect(again.log.canContinue(before.log.replicationID, from: before.log.offset + 1))
        try again.endTurn()
        // The files say so too.
        let third = try DurableNode(folder.copy(), isReplica: true)
        #expect(third.log.position == before.log.position)
        #expect(third.model() == before.model())
    }

    @Test func severalRestartsWithoutWritesChangeNothing() throws {
        let (before, folder) = try crashed()
        let third = try DurableNode(DurableNode(folder).folder.copy())
        #expect(third.log.returnToHistoryOfStart())
        #expect(third.log.position == before.log.position)
        #expect(!third.log.returnToHistoryOfStart(), "it is there already")
    }

    @Test func aMasterThatWroteStaysInItsOwnHistory() throws {
        let again = try DurableNode(crashed().folder)
        let id = again.log.replicationID
        try again.set("new", "history")
        #expect(!again.log.returnToHistoryOfStart())
        #expect(again.log.replicationID == id)
    }

    /// The units behind the last good record are in no history that others know.
    @Test func aMasterThatKeptATornEndStaysInItsOwnHistory() throws {
        let (before, folder) = try crashed()
        let name = try #require(folder.names().last { $0.hasSuffix(".incr.aof") })
        let log = try #require(
            FileHandle(forWritingAtPath: "\(folder.path)/appendonlydir/\(name)"))
        try log.seekToEnd()
        try log.write(contentsOf: Data(command("SET", "unsent", "1")))
        try log.close()
        let again = try DurableNode(folder)
        #expect(again.log.offset > before.log.offset)
        #expect(again.model()[1]["unsent"] == "1")
        #expect(!again.log.returnToHistoryOfStart())
    }

    /// Keys over their age too: a later deadline may follow in the stream.
    @Test func aDumpWithAPositionIsAPlaceToGoOnFrom() throws {
        let world = try NodeWorld { $0.appendOnly = true }
        world.keepsFolder = true
        let client = try world.connect()
        _ = try world.call(client, "SET", "stays", "1")
        let now = Clock.wallMilliseconds()
        _ = try world.call(client, "SET", "goes", "1", "PXAT", "\(now + 300)")
        _ = try world.call(client, "SAVE")
        let position = world.node.stream.position
        try world.until("the deadline") { Clock.wallMilliseconds() > now + 310 }
        let again = try NodeWorld(folder: world.folder)
        #expect(again.node.keyspace.count == 2)
        #expect(again.node.stream.returnToHistoryOfStart())
        #expect(again.node.stream.position == position)
    }

    @Test func dataThatWereLoadedAgainAreNotThoseOfTheHistory() throws {
        let world = try NodeWorld { $0.appendOnly = true }
        world.keepsFolder = true
        _ = try world.call(try world.connect(), "SET", "k", "1")
        let again = try NodeWorld(folder: world.folder) {
            $0.appendOnly = true
            $0.debugCommand = .yes
        }
        #expect(again.node.stream.positionAtStart != nil)
        _ = try again.call(try again.connect(), "DEBUG", "RELOAD")
        #expect(!again.node.stream.returnToHistoryOfStart())
    }
}
