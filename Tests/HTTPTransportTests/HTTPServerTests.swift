import Bytes
import EventLoop
import HTTPWire
import Platform
import Testing

@testable import HTTPTransport

@Suite struct HTTPServerTests {
    static func get(_ path: String, _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: h\r\n\(fields)\r\n"
    }

    @Test func connectionIsKeptForTheNextRequest() throws {
        let world = try World()
        let client = try world.connect()
        client.send(Self.get("/a"))
        try world.until("first answer") { client.text.hasSuffix("/a") }
        #expect(client.text.hasPrefix("HTTP/1.1 200 OK\r\nDate: "))
        client.send(Self.get("/b"))
        try world.until("second answer") { client.text.hasSuffix("/b") }
        #expect(!client.isEnded && client.responseCount == 2)
        #expect(world.server.counters.accepted == 1)
    }

    @Test func pipelinedRequestsAreAnsweredInOrderAlsoWhenAnswersComeLate() throws {
        let world = try World { world, _, responder in world.responders.append(responder) }
        let client = try world.connect()
        client.send((0..<5).map { Self.get("/\($0)") }.joined())
        for index in 0..<5 {
            try world.until("request \(index)") { world.responders.count == index + 1 }
            // The next request is not handed over before this one has its answer.
            for _ in 0..<3 { world.loop.runTurn(waitMillisecondsMax: 1) }
            #expect(world.responders.count == index + 1)
            world.responders[index].respond(HTTPResponse(.ok, text: "<\(index)>"))
        }
        try world.until("answers") { client.text.contains("<4>") }
        let positions = try (0..<5).map {
            try #require(client.text.firstRange(of: "<\($0)>")).lowerBound
        }
        #expect(positions == positions.sorted())
    }

    @Test func aThousandPipelinedRequestsDoNotGrowTheQueueBeyondItsLimit() throws {
        var limits = HTTPServerLimits()
        limits.pipelineOutputBytesMax = 20_000
        let world = try World(limits: limits) { _, _, responder in
            responder.respond(HTTPResponse(.ok, body: [UInt8](repeating: 0x61, count: 4_000)))
        }
        let client = try world.connect()
        client.pauseReading()
        client.send(String(repeating: Self.get("/"), count: 2_000))
        try world.until("backpressure") { world.server.counters.requests > 10 }
        for _ in 0..<50 { world.loop.runTurn(waitMillisecondsMax: 1) }
        #expect(world.server.counters.requests < 2_000)
        client.resumeReading()
        try world.until("all answers") { world.server.counters.requests == 2_000 }
        try world.until("all bytes") { client.bytes.count > 2_000 * 4_000 }
    }

    @Test func headAnswersWithoutContent() throws {
        let world = try World()
        let client = try world.connect()
        client.send("HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\n" + Self.get("/z"))
        try world.until("both") { client.text.hasSuffix("/z") }
        #expect(client.text.contains("Content-Length: 4\r\n\r\nHTTP/1.1 200"))
    }

    @Test func expectationIsAnsweredBeforeTheContentComes() throws {
        let world = try World { _, request, responder in
            responder.respond(HTTPResponse(.ok, body: request.body))
        }
        let client = try world.connect()
        client.send(
            "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        try world.until("interim") { client.text == "HTTP/1.1 100 Continue\r\n\r\n" }
        client.send("hello")
        try world.until("answer") { client.text.hasSuffix("\r\n\r\nhello") }
    }

    @Test func closeIsHonoured() throws {
        let world = try World()
        let client = try world.connect()
        client.send(Self.get("/", "Connection: close\r\n"))
        try world.until("end") { client.isEnded }
        #expect(client.text.contains("Connection: close\r\n"))
        let old = try world.connect()
        old.send("GET / HTTP/1.0\r\n\r\n")
        try world.until("end of the old") { old.isEnded }
        #expect(old.text.hasSuffix("\r\n\r\n/"))
    }

    @Test func refusalIsAnsweredAndSurvivesInputThatFollows() throws {
        let world = try World()
        let client = try world.connect()
        client.send(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
                + String(repeating: "x", count: 200_000))
        try world.until("end") { client.isEnded }
        #expect(client.text.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        #expect(client.text.contains("RFC 9112 §6.1"))
        #expect(world.requests.isEmpty && world.server.counters.refused == 1)
    }

    @Test func connectionsOverTheLimitAreToldToComeBack() throws {
        var limits = HTTPServerLimits()
        limits.connectionsMax = 2
        let world = try World(limits: limits)
        let kept = try (0..<2).map { _ in try world.connect() }
        try world.until("two") { world.server.connectionCount == 2 }
        let third = try world.connect()
        try world.until("refusal") { third.isEnded }
        #expect(third.text.hasPrefix("HTTP/1.1 503 "))
        #expect(third.text.contains("Retry-After: 1\r\n"))
        #expect(world.server.counters.overLimit == 1)
        third.close()
        kept[0].close()
        try world.until("room") { world.server.connectionCount == 1 }
        let fourth = try world.connect()
        fourth.send(Self.get("/in"))
        try world.until("answer") { fourth.text.hasSuffix("/in") }
    }

    @Test func halfClosedPeerStillGetsItsAnswer() throws {
        let world = try World { world, _, responder in world.responders.append(responder) }
        let client = try world.connect()
        client.send(Self.get("/late"))
        try world.until("request") { world.responders.count == 1 }
        client.finishSending()
        for _ in 0..<5 { world.loop.runTurn(waitMillisecondsMax: 5) }
        world.responders[0].respond(HTTPResponse(.ok, text: "done"))
        try world.until("answer") { client.text.hasSuffix("done") && client.isEnded }
    }

    @Test func longWaitEndsWhenThePeerLeaves() throws {
        var left = false
        let world = try World { world, _, responder in
            responder.endsWithPeer = true
            responder.onClose = { left = true }
            world.responders.append(responder)
        }
        let client = try world.connect()
        client.send(Self.get("/"))
        try world.until("request") { world.responders.count == 1 }
        client.close()
        try world.until("leaving") { left }
        #expect(world.responders[0].isDone)
        // An answer to nobody is dropped.
        world.responders[0].respond(HTTPResponse(.ok))
    }
}
