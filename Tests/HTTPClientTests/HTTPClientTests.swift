import HTTPClient
import Platform
import Synchronization
import Testing

@Suite struct HTTPClientTests {
    let server: TestServer
    let client: HTTPClient

    init() throws {
        server = try TestServer()
        client = try HTTPClient()
    }

    @Test func requestsAndResponsesAreCarriedWhole() throws {
        let response = try client.send(
            .init(
                method: "PUT", url: server.url("/echo?a=b"),
                headers: [.init("X-One", "1"), .init("X-Empty", "")],
                body: Array("payload".utf8)))
        #expect(response.status == 200)
        #expect(response.text.hasPrefix("PUT /echo?a=b\n"))
        #expect(response.text.contains("\nX-One: 1\n"))
        #expect(response.text.contains("\nX-Empty:\n"))
        #expect(!response.text.contains("Expect"))
        #expect(response.text.hasSuffix("\n\npayload"))
        #expect(response.header("x-padded") == "two words")
        #expect(response.header("X-Blank") == "")
        #expect(response.header("X-None") == nil)
        #expect(response.durationMicroseconds > 0)
    }

    @Test(arguments: ["GET", "DELETE", "POST", "PATCH"])
    func methodsGoOutAsTheyAre(method: String) throws {
        let body: [UInt8]? = method == "POST" ? [] : nil
        let response = try client.send(
            .init(method: method, url: server.url("/echo"), body: body))
        #expect(response.text.hasPrefix("\(method) /echo\n"))
        #expect(response.text.contains("Content-Length: 0") == (method == "POST"))
    }

    @Test func headHasNoBody() throws {
        let response = try client.send(.init(method: "HEAD", url: server.url("/echo")))
        #expect(response.status == 200)
        #expect(response.body.isEmpty)
        #expect(Int(response.header("Content-Length") ?? "") ?? 0 > 0)
    }

    @Test func connectionsAreKeptAndReused() throws {
        let ports = try (0..<5).map { _ in
            try client.send(.init(url: server.url("/echo"))).localPort
        }
        #expect(ports[0] != 0)
        #expect(Set(ports).count == 1)
    }

    @Test func aConnectionThatTheServerClosedIsReplaced() throws {
        let first = try client.send(.init(url: server.url("/once")))
        let second = try client.send(.init(url: server.url("/echo")))
        #expect(first.text == "last")
        #expect(second.status == 200)
    }

    @Test func silenceIsATimeoutAndTakesNoLonger() throws {
        let start = Clock.monotonicMilliseconds()
        #expect(throws: HTTPClientError.timeout) {
            try client.send(.init(url: server.url("/silent"), timeoutMilliseconds: 100))
        }
        let took = Clock.monotonicMilliseconds() - start
        #expect(took >= 99 && took < 5_000)
    }

    @Test func aTimeoutDoesNotDisturbOtherRequests() throws {
        let failures = Atomic(0)
        client.submit(.init(url: server.url("/silent"), timeoutMilliseconds: 50)) { result in
            if case .failure(.timeout) = result { failures.add(1, ordering: .relaxed) }
        }
        for _ in 0..<20 {
            #expect(try client.send(.init(url: server.url("/echo"))).status == 200)
        }
        try waitUntil { failures.load(ordering: .relaxed) == 1 }
    }

    @Test func aPortWithoutListenerRefuses() throws {
        let listener = try Socket.listen(on: .version4(address: [127, 0, 0, 1], port: 0))
        let port = try Socket.localAddress(of: listener).port
        _ = consume listener
        let error = #expect(throws: HTTPClientError.self) {
            try client.send(.init(url: "http://127.0.0.1:\(port)/"))
        }
        #expect(error == .refused)
        #expect(error?.isBeforeConnection == true)
    }

    @Test(arguments: [
        ("/reset", HTTPClientError.reset), ("/close", .closed), ("/partial", .closed),
    ])
    func brokenConnectionsAreToldApart(path: String, expected: HTTPClientError) throws {
        #expect(throws: expected) { try client.send(.init(url: server.url(path))) }
    }

    @Test func whatIsNotHTTPIsRefused() throws {
        #expect(throws: HTTPClientError.malformedResponse) {
            try client.send(.init(url: server.url("/garbage")))
        }
    }

    @Test func largeBodiesArriveAndTooLargeOnesAreNamed() throws {
        let response = try client.send(.init(url: server.url("/big/8000000")))
        #expect(response.body.count == 8_000_000)
        #expect(response.body.allSatisfy { $0 == 0x78 })
        #expect(throws: HTTPClientError.responseTooLarge(bytesMax: 1_000)) {
            try client.send(.init(url: server.url("/big/1001"), responseBytesMax: 1_000))
        }
        let exact = try client.send(.init(url: server.url("/big/1000"), responseBytesMax: 1_000))
        #expect(exact.body.count == 1_000)
    }

    @Test func largeRequestBodiesAreSent() throws {
        let body = [UInt8](repeating: 0x79, count: 1_000_000)
        let response = try client.send(
            .init(method: "POST", url: server.url("/echo"), body: body))
        #expect(response.body.suffix(1_000_000).elementsEqual(body))
    }

    @Test func aHundredRequestsAtOnceAllSucceed() throws {
        let statuses = Mutex<[Int]>([])
        for _ in 0..<100 {
            client.submit(.init(url: server.url("/big/10000"))) { result in
                let status = (try? result.get()).map { $0.body.count == 10_000 ? $0.status : -1 }
                statuses.withLock { $0.append(status ?? 0) }
            }
        }
        try waitUntil { statuses.withLock { $0.count } == 100 }
        #expect(statuses.withLock { $0 } == [Int](repeating: 200, count: 100))
    }

    @Test(arguments: ["http://example.com/", "http://node-1:7101/health"])
    func namesAreRefusedUnlessAllowed(url: String) throws {
        let error = #expect(throws: HTTPClientError.self) { try client.send(.init(url: url)) }
        guard case .nameNotAllowed = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(arguments: ["", "::", "ftp://127.0.0.1/", "file:///etc/passwd", "http://"])
    func otherURLsAreInvalid(url: String) throws {
        #expect(throws: HTTPClientError.invalidURL(url)) { try client.send(.init(url: url)) }
    }

    @Test func headersCannotSmuggleLines() throws {
        #expect(throws: HTTPClientError.self) {
            try client.send(
                .init(url: server.url("/echo"), headers: [.init("X", "1\r\nInjected: 2")]))
        }
    }

    @Test func cancelAndCloseCompleteWhatRuns() throws {
        let results = Mutex<[HTTPClientError?]>([])
        @Sendable func note(_ result: Result<HTTPClient.Response, HTTPClientError>) {
            results.withLock { $0.append(result.failure) }
        }
        let id = client.submit(.init(url: server.url("/silent")), completion: note)
        client.cancel(id)
        try waitUntil { results.withLock { $0.count } == 1 }
        client.submit(.init(url: server.url("/silent")), completion: note)
        client.close()
        client.submit(.init(url: server.url("/echo")), completion: note)
        #expect(results.withLock { $0 } == [.cancelled, .clientClosed, .clientClosed])
    }

    @Test func theNumberOfRequestsIsBounded() throws {
        var limits = HTTPClient.Limits()
        limits.requestsMax = 2
        let small = try HTTPClient(limits: limits)
        for _ in 0..<2 { small.submit(.init(url: server.url("/silent"))) { _ in } }
        #expect(throws: HTTPClientError.tooManyRequests) {
            try small.send(.init(url: server.url("/echo")))
        }
    }
}

extension Result {
    var failure: Failure? {
        if case .failure(let error) = self { return error }
        return nil
    }
}

/// Repeats `condition` until it holds; an error after ten seconds.
func waitUntil(_ condition: () throws -> Bool) throws {
    let deadline = Clock.monotonicMilliseconds() + 10_000
    while try !condition() {
        try #require(Clock.monotonicMilliseconds() < deadline, "nothing happened")
    }
}
