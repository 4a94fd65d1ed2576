import APIContract
import Bytes
import ControlModel
import EventLoop
import Foundation
import HTTPTransport
import HTTPWire
import Logging
import Platform
import Testing

@testable import AdminAPI

/// A client that keeps a stream of events open.
private final class StreamClient: StreamConnection {
    private(set) var text = ""
    private(set) var isEnded = false

    override func received() {
        text += input.readable.string
        input.removeAll()
    }
    override func closed(_ reason: CloseReason) { isEnded = true }
}

@Suite struct RecordTests {
    static let stream = ["Accept": "text/event-stream"]

    private func open(
        _ world: AdminWorld, _ path: String, _ fields: String = ""
    ) throws -> StreamClient {
        let address = try #require(world.service.server?.address)
        let client = try StreamClient(
            loop: world.loop, connectingTo: address, timeoutMilliseconds: 1_000)
        let request =
            "GET \(path) HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n"
            + "Authorization: Bearer \(AdminWorld.token)\r\n\(fields)\r\n"
        Array(request.utf8).withByteSlice { client.send($0) }
        return client
    }

    @Test func eventsComeInPages() throws {
        let world = try AdminWorld.ready()
        for sequence in 1...5 { world.coordinator.add(Sample.event(Int64(sequence))) }
        let page = try world.get("/v1/events?limit=2")
        #expect(
            Schemas.catalogue["EventList"].violations(of: page.json, in: Schemas.catalogue) == [])
        #expect(page.json["nextCursor"] == "2")
        #expect(page.headers["link"] == "</v1/events?limit=2&after=2>; rel=\"next\"")
        let last = try world.get("/v1/events?after=4")
        #expect(last.text.contains("\"sequence\":5") && last.json["nextCursor"] == nil)
    }

    @Test func longPollWaitsForTheNextMatchingEvent() throws {
        let world = try AdminWorld.ready()
        world.coordinator.add(Sample.event(1))
        let number = world.submit("GET", "/v1/events?after=1&wait=30s&kind=master.")
        try world.until("the reader") { world.service.hub.readerCount == 1 }
        world.coordinator.add(Sample.event(2))
        for _ in 0..<5 { world.loop.runTurn(waitMillisecondsMax: 5) }
        #expect(!world.isAnswered(number))
        world.coordinator.add(Sample.event(3, kind: "master.changed"))
        let answer = try world.answer(number)
        #expect(answer.text.contains("master.changed") && !answer.text.contains("node.up"))
        #expect(world.service.hub.readerCount == 0)
        let empty = try world.get("/v1/events?after=3&wait=30ms")
        #expect(empty.status == 200 && empty.json["items"] == [])
    }

    @Test func streamSendsWhatWasAndWhatComes() throws {
        let world = try AdminWorld.ready()
        for sequence in 1...3 { world.coordinator.add(Sample.event(Int64(sequence))) }
        let client = try open(world, "/v1/events", "Last-Event-ID: 1\r\n")
        try world.until("the past") { client.text.contains("id: 3\n") }
        #expect(client.text.contains("Content-Type: text/event-stream"))
        #expect(client.text.contains("retry: 1000\n\n") && !client.text.contains("id: 1\n"))
        #expect(client.text.contains("id: 2\nevent: node.up\ndata: {"))
        world.coordinator.add(Sample.event(4, kind: "master.changed"))
        try world.until("the present") { client.text.contains("id: 4\nevent: master.changed\n") }
        client.close()
        try world.until("the end") { world.service.hub.readerCount == 0 }
    }

    @Test func streamWithoutPositionBeginsNow() throws {
        let world = try AdminWorld.ready()
        world.coordinator.add(Sample.event(1))
        let client = try open(world, "/v1/events?cluster=demo")
        try world.until("the stream") { client.text.contains("retry:") }
        world.coordinator.add(Sample.event(2, cluster: "other"))
        world.coordinator.add(Sample.event(3))
        try world.until("the event") { client.text.contains("id: 3\n") }
        #expect(!client.text.contains("id: 1\n") && !client.text.contains("id: 2\n"))
    }

    @Test func manyReadersCostOneLongPoll() throws {
        let world = try AdminWorld.ready()
        world.coordinator.add(Sample.event(1))
        let clients = try (0..<10).map { _ in try open(world, "/v1/events?after=1") }
        try world.until("readers") { world.service.hub.readerCount == 10 }
        try world.until("quiet") { clients.allSatisfy { $0.text.contains("retry:") } }
        for _ in 0..<10 { world.loop.runTurn(waitMillisecondsMax: 5) }
        let before = world.coordinator.requestCount
        world.coordinator.add(Sample.event(2))
        try world.until("all") { clients.allSatisfy { $0.text.contains("id: 2\n") } }
        for _ in 0..<10 { world.loop.runTurn(waitMillisecondsMax: 5) }
        // Event poll and state poll, each released and asked anew.
        #expect(world.coordinator.requestCount - before <= 6)
    }

    @Test func streamFromTheBeginningBeginsWithWhatIsKept() throws {
        let world = try AdminWorld.ready()
        world.coordinator.add(Sample.event(9))
        world.coordinator.oldestSequence = 9
        let client = try open(world, "/v1/events", "Last-Event-ID: 0\r\n")
        try world.until("the first that is kept") { client.text.contains("id: 9\n") }
        world.coordinator.add(Sample.event(10))
        try world.until("the present") { client.text.contains("id: 10\n") }
        #expect(!client.isEnded)
        client.close()
    }

    @Test func expiredPositionIsGone() throws {
        let world = try AdminWorld.ready()
        world.coordinator.add(Sample.event(9))
        world.coordinator.oldestSequence = 9
        let page = try world.get("/v1/events?after=3")
        #expect(page.status == 410 && page.code == "EVENTS_EXPIRED")
        #expect(try world.get("/v1/events?after=3", Self.stream).status == 410)
        #expect(try world.get("/v1/events?after=x").status == 400)
        let odd = try world.get(
            "/v1/events", Self.stream.merging(["Last-Event-ID": "x"]) { $1 })
        #expect(odd.status == 400)
    }

    @Test func auditIsForAdmins() throws {
        let world = try AdminWorld.ready()
        world.coordinator.audit = [
            AuditRecord(
                sequence: 1, time: Sample.time, actor: "a", source: nil, requestID: "r",
                action: "switchover", target: "demo", result: "accepted", operation: nil)
        ]
        let page = try world.get("/v1/audit")
        #expect(page.text.contains("switchover") && page.json["nextCursor"] == nil)
    }
}

@Suite struct TokenTests {
    @Test func newTokenWorksAtOnceAndShowsItsSecretOnce() throws {
        let world = try AdminWorld.ready()
        let made = try world.call("POST", "/v1/tokens", #"{"name":"ci","role":"viewer"}"#)
        #expect(made.status == 201)
        let secret = try #require(made.json["secret"]?.text)
        let id = try #require(made.json["id"]?.text)
        #expect(made.headers["location"] == "/v1/tokens/\(id)")
        #expect(try world.call("GET", "/v1/clusters", token: secret).status == 200)
        for path in ["/v1/tokens", "/v1/tokens/\(id)"] {
            let shown = try world.get(path)
            #expect(shown.status == 200 && !shown.text.contains(secret))
            #expect(!shown.text.contains("secretHash"))
        }
        let command = try #require(world.coordinator.commands.last)
        #expect(!String(decoding: ControlJSON.encode(command), as: UTF8.self).contains(secret))
        #expect(try world.call("DELETE", "/v1/tokens/\(id)").status == 204)
        #expect(try world.call("GET", "/v1/clusters", token: secret).status == 401)
        #expect(try world.call("DELETE", "/v1/tokens/\(id)").status == 404)
    }

    @Test func repeatedCreationGivesTheSameTokenAndSecret() throws {
        let world = try AdminWorld.ready()
        let body = #"{"name":"ci","role":"operator","expiresIn":"1h"}"#
        let key = ["Idempotency-Key": "key-1"]
        let first = try world.call("POST", "/v1/tokens", body, key)
        let again = try world.call("POST", "/v1/tokens", body, key)
        #expect(first.status == 201 && again.status == 201)
        #expect(first.json == again.json)
        #expect(again.headers["idempotency-replayed"] == "true")
        let secret = try #require(again.json["secret"]?.text)
        #expect(try world.call("GET", "/v1/clusters", token: secret).status == 200)
        let end = try #require(first.json["expiresAt"]?.text.flatMap { Timestamp($0) })
        let left = end.milliseconds - Clock.wallMilliseconds()
        #expect(left > 3_500_000 && left <= 3_600_000)
    }

    @Test func bearerIsReadWithoutCaseAndNothingElseIs() {
        #expect(Authentication.bearer("Bearer abc") == "abc")
        #expect(Authentication.bearer("bEARER  abc") == "abc")
        for field in [nil, "", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "abc"] {
            #expect(Authentication.bearer(field) == nil)
        }
    }

    @Test func bootstrapTokenIsStoredOnceUnderItsDigest() throws {
        let world = try AdminWorld.ready()
        let digest = SHA256.hexadecimal(Array(AdminWorld.token.utf8))
        #expect(world.coordinator.state.tokens.map(\.secretHash) == [digest])
        #expect(world.coordinator.state.tokens[0].role == .admin)
        let other = try AdminWorld()
        other.coordinator.state.tokens = world.coordinator.state.tokens
        try other.until("readiness") { other.service.obstacle == nil }
        #expect(other.coordinator.commands.isEmpty, "it was there already")
    }

    @Test func tokenFileIsMadeForItsOwnerOnlyAndReadBack() throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "headwater-\(Random.hexadecimal(byteCount: 8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "admin.token").path
        let made = try BootstrapToken.secret(at: path)
        #expect(made.hasPrefix("hw_") && made.count == 67)
        #expect(try FileSystem.facts(path)?.permissions == 0o600)
        #expect(try BootstrapToken.secret(at: path) == made)
    }
}
