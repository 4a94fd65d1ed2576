import EventLoop
import HTTPWire
import Platform
import Testing

@testable import HTTPTransport

@Suite struct StreamAndDrainTests {
    final class Source {
        var stream: HTTPStream?
        var ended = false
    }

    func world(_ source: Source, _ limits: HTTPServerLimits = HTTPServerLimits()) throws -> World {
        try World(limits: limits) { _, request, responder in
            if request.pathText != "/events" {
                return responder.respond(HTTPResponse(.ok, text: "plain"))
            }
            source.stream = responder.openStream(
                .ok, fields: HTTPFields([("Content-Type", "text/event-stream")]))
            source.stream?.onClose = { source.ended = true }
        }
    }

    @Test func piecesArriveAsChunksAndTheConnectionGoesOn() throws {
        let source = Source()
        let world = try world(source)
        let client = try world.connect()
        client.send(HTTPServerTests.get("/events") + HTTPServerTests.get("/next"))
        try world.until("stream") { source.stream != nil }
        #expect(source.stream?.send(Array("data: 1\n\n".utf8)) == true)
        try world.until("piece") { client.text.hasSuffix("9\r\ndata: 1\n\n\r\n") }
        #expect(world.server.counters.requests == 1)
        source.stream?.finish()
        try world.until("end and next") { client.text.hasSuffix("plain") }
        #expect(client.text.contains("\r\n0\r\n\r\nHTTP/1.1 200 OK"))
        #expect(source.ended && source.stream?.send([1]) == false)
    }

    @Test func oldVersionReadsTheStreamUntilTheEnd() throws {
        let source = Source()
        let world = try world(source)
        let client = try world.connect()
        client.send("GET /events HTTP/1.0\r\n\r\n")
        try world.until("stream") { source.stream != nil }
        source.stream?.send(Array("abc".utf8))
        source.stream?.finish()
        try world.until("end") { client.isEnded }
        #expect(client.text.hasSuffix("\r\n\r\nabc"))
    }

    @Test func headOfAStreamHasNoContent() throws {
        let source = Source()
        let world = try world(source)
        let client = try world.connect()
        client.send("HEAD /events HTTP/1.1\r\nHost: h\r\n\r\n" + HTTPServerTests.get("/next"))
        try world.until("next") { client.text.hasSuffix("plain") }
        #expect(source.stream == nil)
    }

    @Test func slowConsumerIsCutAtTheLimit() throws {
        var limits = HTTPServerLimits()
        limits.streamOutputBytesMax = 100_000
        let source = Source()
        let world = try world(source, limits)
        let client = try world.connect()
        client.send(HTTPServerTests.get("/events"))
        try world.until("stream") { source.stream != nil }
        client.pauseReading()
        let piece = [UInt8](repeating: 0x61, count: 10_000)
        var sent = 0
        while source.stream?.send(piece) == true, sent < 10_000 {
            sent += 1
            world.loop.runTurn(waitMillisecondsMax: 0)
        }
        #expect(sent < 10_000)
        #expect(source.ended && world.server.counters.slowConsumers == 1)
        try world.until("closed") { world.server.connectionCount == 0 }
    }

    @Test func leavingPeerEndsTheStream() throws {
        let source = Source()
        let world = try world(source)
        let client = try world.connect()
        client.send(HTTPServerTests.get("/events"))
        try world.until("stream") { source.stream != nil }
        client.close()
        try world.until("end") { source.ended }
    }

    @Test func drainAnswersWhatIsUnderWayAndEndsTheRest() throws {
        let source = Source()
        var waiting: HTTPResponder?
        let world = try World { _, request, responder in
            switch request.pathText {
            case "/events":
                source.stream = responder.openStream(.ok, fields: HTTPFields())
            case "/wait":
                waiting = responder
                responder.onDrain = {
                    responder.respond(HTTPResponse(.serviceUnavailable, text: "draining"))
                }
            default: waiting = responder
            }
        }
        let address = try #require(world.server.address)
        let idle = try world.connect()
        let events = try world.connect()
        let waits = try world.connect()
        let busy = try world.connect()
        events.send(HTTPServerTests.get("/events"))
        waits.send(HTTPServerTests.get("/wait"))
        try world.until("two") { source.stream != nil && waiting != nil }
        busy.send(HTTPServerTests.get("/busy"))
        try world.until("three") {
            world.server.counters.requests == 3 && world.server.connectionCount == 4
        }
        var isDrained = false
        world.server.drain(deadlineMilliseconds: 5_000) { isDrained = true }
        try world.until("three ends") { idle.isEnded && events.isEnded && waits.isEnded }
        #expect(idle.bytes.isEmpty)
        #expect(events.text.hasSuffix("0\r\n\r\n"))
        #expect(waits.text.hasSuffix("draining"))
        #expect(!isDrained && !busy.isEnded)
        waiting?.respond(HTTPResponse(.ok, text: "finished"))
        try world.until("drained") { isDrained && busy.isEnded }
        #expect(busy.text.contains("Connection: close") && busy.text.hasSuffix("finished"))
        let late = try? WireClient(
            loop: world.loop, connectingTo: address, timeoutMilliseconds: 1_000)
        try world.until("refused") { late?.isClosed ?? true }
    }

    @Test func waitThatBeginsDuringADrainEndsAtOnce() throws {
        let world = try World { world, _, responder in world.responders.append(responder) }
        let client = try world.connect()
        client.send(HTTPServerTests.get("/"))
        try world.until("request") { world.responders.count == 1 }
        world.server.drain(deadlineMilliseconds: 60_000) {}
        let responder = world.responders[0]
        responder.onDrain = { responder.respond(HTTPResponse(.ok, text: "at once")) }
        try world.until("answer") { client.text.hasSuffix("at once") }
    }

    @Test func drainClosesWhatDoesNotEndInTime() throws {
        let world = try World { world, _, responder in world.responders.append(responder) }
        let client = try world.connect()
        client.send(HTTPServerTests.get("/"))
        try world.until("request") { world.responders.count == 1 }
        var isDrained = false
        world.server.drain(deadlineMilliseconds: 30) { isDrained = true }
        try world.until("drained") { isDrained && client.isEnded }
        #expect(client.bytes.isEmpty)
    }
}
