import Bytes
import Commands
import RESP
import TestKit
import Testing

@Suite struct TrackingTests {
    private func next(_ target: EngineTarget, _ connection: Int) throws -> String {
        try target.receive(connection: connection)?.rendered ?? "(none)"
    }

    @Test func messagesGoToWhomTheyAreRedirected() throws {
        let target = EngineTarget()
        _ = try target.run("SUBSCRIBE", "__redis__:invalidate", connection: 3)
        #expect(try target.run("CLIENT", "TRACKING", "ON", "REDIRECT", "3") == "+OK")
        #expect(try target.run("CLIENT", "GETREDIR") == ":3")
        _ = try target.run("GET", "k")
        #expect(try target.run("SET", "k", "v", connection: 2) == "+OK")
        #expect(
            try next(target, 3) == "[$\"message\" $\"__redis__:invalidate\" [$\"k\"]]")
        _ = try target.run("FLUSHALL", connection: 2)
        #expect(try next(target, 3) == "[$\"message\" $\"__redis__:invalidate\" _]")
        #expect(!target.hasUnreadReply(connection: 1))
    }

    @Test func aRedirectionThatBrokeIsTold() throws {
        let target = EngineTarget()
        _ = try target.run("HELLO", "3")
        _ = try target.run("PING", connection: 3)
        #expect(try target.run("CLIENT", "TRACKING", "ON", "REDIRECT", "3") == "+OK")
        _ = try target.run("GET", "k")
        _ = try target.run("CLIENT", "KILL", "ID", "3", connection: 2)
        _ = try target.run("SET", "k", "v", connection: 2)
        #expect(try next(target, 1) == ">[$\"tracking-redir-broken\" :3]")
        let facts = try target.run("CLIENT", "TRACKINGINFO")
        #expect(facts.hasPrefix("{$\"flags\" ~[$\"on\" $\"broken_redirect\"]"))
        #expect(try target.run("CLIENT", "INFO").contains("flags=tR"))
    }

    @Test func aClientOfTheOldProtocolGetsNothingInBetween() throws {
        let target = EngineTarget()
        _ = try target.run("CLIENT", "TRACKING", "ON")
        _ = try target.run("GET", "k")
        _ = try target.run("SET", "k", "v", connection: 2)
        #expect(!target.hasUnreadReply(connection: 1))
        #expect(target.engine.trackingCounts == (1, 0, 0, 0))
    }

    @Test func whoeverWasWokenHearsOfItsOwnChangeBehindItsReply() throws {
        let target = EngineTarget()
        _ = try target.run("RPUSH", "to", "a", connection: 2)
        _ = try target.run("HELLO", "3")
        _ = try target.run("CLIENT", "TRACKING", "ON")
        _ = try target.run("LRANGE", "to", "0", "-1")
        _ = try target.run("BLMOVE", "from", "to", "LEFT", "LEFT", "0")
        _ = try target.run("RPUSH", "from", "x", connection: 2)
        #expect(try next(target, 1) == "$\"x\"")
        #expect(try next(target, 1) == ">[$\"invalidate\" [$\"to\"]]")
    }

    @Test func theTableHasALimit() throws {
        var settings = EngineSettings()
        settings.trackedKeysMax = 10
        let target = EngineTarget(settings: settings)
        _ = try target.run("HELLO", "3")
        _ = try target.run("CLIENT", "TRACKING", "ON")
        for number in 0..<10 { _ = try target.run("GET", "k\(number)") }
        #expect(!target.hasUnreadReply(connection: 1))
        #expect(target.engine.trackingCounts.keys == 10)
        #expect(try target.run("GET", "one more") == "_")
        #expect(try next(target, 1).hasPrefix(">[$\"invalidate\" [$\""))
        #expect(target.engine.trackingCounts.keys == 10)
        target.engine.settings.trackedKeysMax = 0
        _ = try target.run("GET", "another")
        #expect(target.engine.trackingCounts == (1, 11, 11, 0))
        // A lower limit holds at once.
        target.engine.settings.trackedKeysMax = 5
        #expect(target.engine.trackingCounts.keys == 5)
        #expect(try next(target, 1).hasPrefix(">[$\"invalidate\" [$\""))
    }

    @Test func nothingIsKeptForClientsThatAreGone() throws {
        let target = EngineTarget()
        for (connection, words) in [(1, ["BCAST", "PREFIX", "a"]), (2, ["NOLOOP"])] {
            var request = ByteBuffer()
            RequestWriter.command(["CLIENT", "TRACKING", "ON"] + words, into: &request)
            target.send(request.readable.array, connection: connection)
            #expect(try next(target, connection) == "+OK")
        }
        _ = try target.run("GET", "k", connection: 2)
        #expect(target.engine.trackingCounts == (2, 1, 1, 1))
        target.engine.forget(target.connection(1).client)
        #expect(target.engine.trackingCounts == (1, 1, 1, 0))
        target.engine.forget(target.connection(2).client)
        #expect(target.engine.trackingCounts == (0, 0, 0, 0))
    }

    @Test func activeExpiryAndNewDataAreTold() throws {
        let target = EngineTarget()
        _ = try target.run("HELLO", "3")
        _ = try target.run("CLIENT", "TRACKING", "ON")
        _ = try target.run("SET", "k", "v", "PX", "10", connection: 2)
        _ = try target.run("GET", "k")
        target.advance(milliseconds: 20)
        while !target.engine.expireKeys(bucketBudget: 1_000) {}
        #expect(try next(target, 1) == ">[$\"invalidate\" [$\"k\"]]")
        target.engine.dataWereReplaced()
        #expect(try next(target, 1) == ">[$\"invalidate\" _]")
    }

    @Test func silentClientsStillHearOfChanges() throws {
        let target = EngineTarget()
        _ = try target.run("HELLO", "3")
        _ = try target.run("CLIENT", "TRACKING", "ON")
        _ = try target.run("CLIENT", "REPLY", "OFF")
        _ = try target.run("GET", "k")
        #expect(!target.hasUnreadReply(connection: 1))
        // The one message there is comes in place of the reply.
        #expect(try target.run("SET", "k", "v") == ">[$\"invalidate\" [$\"k\"]]")
        #expect(!target.hasUnreadReply(connection: 1))
    }
}
