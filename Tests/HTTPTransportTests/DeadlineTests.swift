import EventLoop
import HTTPWire
import Platform
import Testing

@testable import HTTPTransport

@Suite struct DeadlineTests {
    func limits(_ change: (inout HTTPServerLimits) -> Void) -> HTTPServerLimits {
        var limits = HTTPServerLimits()
        change(&limits)
        return limits
    }

    @Test func idleConnectionIsClosedWithoutAWord() throws {
        let world = try World(limits: limits { $0.idleMilliseconds = 40 })
        let client = try world.connect()
        try world.until("end") { client.isEnded }
        #expect(client.bytes.isEmpty)
    }

    @Test func tricklingHeadIsCutAtItsDeadline() throws {
        let world = try World(limits: limits { $0.headMilliseconds = 60 })
        let client = try world.connect()
        let start = Clock.monotonicMilliseconds()
        var sent = 0
        // A byte every few milliseconds must not move the deadline.
        let trickle = world.loop.schedule(afterMilliseconds: 0, repeatingMilliseconds: 5) {
            sent += 1
            client.send(sent == 1 ? "GET / HTTP/1.1\r\nX" : "a")
        }
        try world.until("end") { client.isEnded }
        world.loop.cancel(trickle)
        #expect(client.text.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
        #expect(client.text.contains("Connection: close\r\n"))
        #expect(Clock.monotonicMilliseconds() - start >= 50)
        #expect(sent > 2)
    }

    @Test func tricklingContentIsCutAtItsDeadline() throws {
        let world = try World(
            limits: limits {
                $0.headMilliseconds = 10_000
                $0.bodyMilliseconds = 40
            })
        let client = try world.connect()
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nx")
        try world.until("end") { client.isEnded }
        #expect(client.text.hasPrefix("HTTP/1.1 408 "))
    }

    @Test func handlerThatNeverAnswersIsAnsweredFor() throws {
        let world = try World(limits: limits { $0.answerMilliseconds = 40 }) {
            world, _, responder in
            world.responders.append(responder)
        }
        let client = try world.connect()
        client.send(HTTPServerTests.get("/"))
        try world.until("answer") { client.text.hasPrefix("HTTP/1.1 504 ") }
    }

    @Test func lingeringEndsThoughThePeerKeepsSending() throws {
        let world = try World(limits: limits { $0.lingerMilliseconds = 40 })
        let client = try world.connect()
        client.send("nonsense\r\n\r\n")
        let flood = world.loop.schedule(afterMilliseconds: 0, repeatingMilliseconds: 3) {
            client.send("more")
        }
        try world.until("close") {
            client.responseCount == 1 && world.server.connectionCount == 0
        }
        world.loop.cancel(flood)
    }

    @Test func readerThatStopsIsCut() throws {
        let world = try World(limits: limits { $0.writeMilliseconds = 60 }) { _, _, responder in
            responder.respond(HTTPResponse(.ok, body: [UInt8](repeating: 1, count: 16 << 20)))
        }
        let client = try world.connect()
        client.pauseReading()
        client.send(HTTPServerTests.get("/"))
        try world.until("request") { world.server.counters.requests == 1 }
        try world.until("cut") { world.server.connectionCount == 0 }
    }
}
