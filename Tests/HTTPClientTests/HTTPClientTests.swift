// The client against a small server of the test's own, which answers, stays silent, closes or
// floods as the path says.
import Bytes
import EventLoop
import HTTPClient
import Platform
import Synchronization
import Testing

/// Answers by path: `/echo` gives the request's bytes back, `/silent` nothing, `/close` ends the
/// connection, `/large` sends a megabyte.
private final class Answering: StreamConnection {
    static let largeBytes = 1_048_576

    override func received() {
        let text = input.readable.string
        guard text.contains("\r\n\r\n"), !isShort(text) else { return }
        input.removeAll()
        if text.contains("/silent") { return }
        if text.contains("/close") { return close() }
        let body =
            text.contains("/large") ? String(repeating: "x", count: Answering.largeBytes) : text
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\nX-Kind: test \r\n\r\n\(body)"
        Array(answer.utf8).withByteSlice { send($0) }
    }

    /// Whether the content that the head announces has not arrived whole.
    private func isShort(_ text: String) -> Bool {
        guard let field = text.firstRange(of: "Content-Length: "),
            let head = text.firstRange(of: "\r\n\r\n")
        else { return false }
        let length = Int(text[field.upperBound...].prefix { $0.isNumber }) ?? 0
        return text[head.upperBound...].utf8.count < length
    }
}

/// A server on a thread of its own until the value goes away.
private final class Server: Sendable {
    let port: UInt16
    private let thread: SystemThread
    private let loop: LoopBound<EventLoop>

    init() throws {
        let started = try Handoff<(UInt16, LoopBound<EventLoop>)>()
        thread = try SystemThread.start(name: "test-server") {
            do {
                let loop = try EventLoop()
                var connections: [Answering] = []
                let listener = try Listener(
                    loop: loop, address: .version4(address: [127, 0, 0, 1], port: 0)
                ) {
                    if let connection = try? Answering(loop: loop, accepted: $0) {
                        connections.append(connection)
                    }
                }
                started.give((listener.address.port, LoopBound(loop, loop: loop)))
                loop.run()
                listener.close()
                for connection in connections { connection.close() }
            } catch {
                Issue.record(error)
            }
        }
        (port, loop) = started.take()
    }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    deinit {
        loop.post { $0.stop() }
        thread.join()
    }
}

@Suite struct HTTPClientTests {
    @Test func connectionsAreKeptAlive() throws {
        let server = try Server()
        let client = try HTTPClient()
        let first = try client.send(.init(url: server.url("/echo")))
        let second = try client.send(.init(url: server.url("/echo")))
        #expect(first.status == 200 && first.header("x-kind") == "test")
        #expect(first.localPort == second.localPort, "the connection was not reused")
    }

    @Test func methodHeadersAndBodyArrive() throws {
        let server = try Server()
        let client = try HTTPClient()
        let answer = try client.send(
            .init(
                method: "PUT", url: server.url("/echo?a=b"),
                headers: [.init("Authorization", "Bearer x"), .init("X-Empty", "")],
                body: Array("{\"a\":1}".utf8)))
        #expect(answer.text.hasPrefix("PUT /echo?a=b HTTP/1.1\r\n"))
        #expect(answer.text.contains("Authorization: Bearer x\r\n"))
        #expect(answer.text.contains("X-Empty:\r\n"))
        #expect(answer.text.hasSuffix("\r\n\r\n{\"a\":1}"))
        #expect(!answer.text.contains("Expect:"))
    }

    @Test func failuresAreToldApart() throws {
        let server = try Server()
        let client = try HTTPClient()
        #expect(throws: HTTPClientError.timeout) {
            try client.send(.init(url: server.url("/silent"), timeoutMilliseconds: 50))
        }
        #expect(throws: HTTPClientError.closed) {
            try client.send(.init(url: server.url("/close")))
        }
        let listening = try Socket.listen(on: .version4(address: [127, 0, 0, 1], port: 0))
        let address = try Socket.localAddress(of: listening)
        _ = consume listening
        #expect(throws: HTTPClientError.refused) {
            try client.send(.init(url: "http://127.0.0.1:\(address.port)/"))
        }
        #expect(throws: HTTPClientError.nameNotAllowed("example.org")) {
            try client.send(.init(url: "http://example.org/"))
        }
        #expect(throws: (any Error).self) {
            try client.send(.init(url: server.url("/"), headers: [.init("A", "b\r\nC: d")]))
        }
    }

    @Test func largeResponsesAreBounded() throws {
        let server = try Server()
        let client = try HTTPClient()
        #expect(
            try client.send(.init(url: server.url("/large"))).body.count == Answering.largeBytes)
        #expect(throws: HTTPClientError.responseTooLarge(bytesMax: 1_000)) {
            try client.send(.init(url: server.url("/large"), responseBytesMax: 1_000))
        }
    }

    @Test func aHundredRequestsRunAtOnce() throws {
        let server = try Server()
        let client = try HTTPClient()
        let open = Mutex(100)
        let allDone = try Handoff<Bool>()
        for number in 0..<100 {
            client.submit(.init(url: server.url("/echo/\(number)"))) { result in
                let isRight = (try? result.get())?.text.contains("/echo/\(number) ") == true
                #expect(isRight)
                if open.withLock({
                    $0 -= 1; return $0 == 0
                }) {
                    allDone.give(true)
                }
            }
        }
        #expect(allDone.take())
    }

    @Test func cancelledAndClosedRequestsComplete() throws {
        let server = try Server()
        let client = try HTTPClient()
        let cancelled = try Handoff<HTTPClientError?>()
        let id = client.submit(.init(url: server.url("/silent"))) { result in
            if case .failure(let error) = result {
                cancelled.give(error)
            } else {
                cancelled.give(nil)
            }
        }
        client.cancel(id)
        #expect(cancelled.take() == .cancelled)
        let closed = try Handoff<HTTPClientError?>()
        client.submit(.init(url: server.url("/silent"))) { result in
            if case .failure(let error) = result { closed.give(error) } else { closed.give(nil) }
        }
        client.close()
        #expect(closed.take() == .clientClosed)
        #expect(throws: HTTPClientError.clientClosed) {
            try client.send(.init(url: server.url("/echo")))
        }
    }
}
