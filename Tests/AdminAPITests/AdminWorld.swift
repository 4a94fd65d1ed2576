// The admin service, a fake coordinator and an HTTP client around one loop on the test's thread.
import APIContract
import Bytes
import ControlModel
import EventLoop
import Foundation
import HTTPClient
import HTTPTransport
import Logging
import Platform
import Testing

@testable import AdminAPI

/// An answer as a test looks at it.
struct Answer {
    var status: Int
    var headers: [String: String]
    var text: String

    var json: JSONValue {
        (try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))) ?? .null
    }
    var code: String? { json["code"]?.text }
}

final class AdminWorld {
    static let token = "hw_bootstrap_token_of_the_tests"

    let loop: EventLoop
    let coordinator: FakeCoordinator
    let service: AdminService
    private let client: HTTPClient
    private final class Inbox {
        var outcomes: [Int: Result<HTTPClient.Response, HTTPClientError>] = [:]
    }
    private let inbox: LoopBound<Inbox>
    private var submitted = 0

    init(change: (inout AdminSettings) -> Void = { _ in }) throws {
        loop = try EventLoop()
        coordinator = try FakeCoordinator(loop: loop)
        coordinator.state.clusters = [Sample.cluster()]
        coordinator.state.operations = [
            Sample.operation("op-2", .running), Sample.operation("op-1"),
        ]
        var settings = AdminSettings(
            coordinator: "http://127.0.0.1:\(coordinator.port)", secret: FakeCoordinator.secret)
        settings.bootstrapToken = Self.token
        change(&settings)
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        service = try AdminService(settings: settings, loop: loop, logger: logger)
        client = try HTTPClient()
        inbox = LoopBound(Inbox(), loop: loop)
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 0))
        try service.listen(at: address)
    }

    /// A world whose service is ready.
    static func ready(change: (inout AdminSettings) -> Void = { _ in }) throws -> AdminWorld {
        let world = try AdminWorld(change: change)
        try world.until("readiness") { world.service.obstacle == nil }
        return world
    }

    deinit {
        service.cache.stop()
        service.server?.close()
        coordinator.server?.close()
        service.client.close()
        client.close()
        // What the clients posted at their end.
        loop.runTurn(waitMillisecondsMax: 0)
        loop.releaseAll()
    }

    var origin: String { "http://127.0.0.1:\(service.server?.port ?? 0)" }

    func until(_ what: String, seconds: Int64 = 10, _ condition: () -> Bool) throws {
        let deadline = Clock.monotonicMilliseconds() + seconds * 1_000
        while !condition() {
            guard Clock.monotonicMilliseconds() < deadline else { throw WorldError.late(what) }
            loop.runTurn(waitMillisecondsMax: 20)
        }
    }

    /// Begins a request; its number is for `answer(_:)`.
    func submit(
        _ method: String, _ path: String, _ body: String? = nil, _ headers: [String: String] = [:],
        token: String? = AdminWorld.token
    ) -> Int {
        submitted += 1
        let number = submitted
        var fields = headers.map { HTTPClient.Header($0.key, $0.value) }
        if let token { fields.append(HTTPClient.Header("Authorization", "Bearer \(token)")) }
        if body != nil && headers["Content-Type"] == nil {
            fields.append(HTTPClient.Header("Content-Type", "application/json"))
        }
        let request = HTTPClient.Request(
            method: method, url: origin + path, headers: fields, body: body.map { Array($0.utf8) },
            timeoutMilliseconds: 20_000)
        let inbox = inbox
        client.submit(request) { outcome in inbox.post { $0.outcomes[number] = outcome } }
        return number
    }

    func isAnswered(_ number: Int) -> Bool { inbox.value.outcomes[number] != nil }

    func answer(_ number: Int) throws -> Answer {
        try until("answer \(number)") { isAnswered(number) }
        let response = try #require(inbox.value.outcomes[number]).get()
        let headers = response.headers.map { ($0.name.lowercased(), $0.value) }
        return Answer(
            status: response.status, headers: Dictionary(headers) { first, _ in first },
            text: response.text)
    }

    func call(
        _ method: String, _ path: String, _ body: String? = nil, _ headers: [String: String] = [:],
        token: String? = AdminWorld.token
    ) throws -> Answer {
        try answer(submit(method, path, body, headers, token: token))
    }

    func get(_ path: String, _ headers: [String: String] = [:]) throws -> Answer {
        try call("GET", path, nil, headers)
    }
}

enum WorldError: Error { case late(String) }
