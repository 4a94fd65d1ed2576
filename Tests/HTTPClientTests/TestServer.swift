// A tiny HTTP server for the tests, on a loop thread. The path says how it behaves:
//
//   /echo       answers with method, path, fields and body of the request
//   /big/N      answers with N bytes
//   /silent     never answers
//   /reset      resets the connection
//   /close      closes without an answer
//   /partial    promises 100 bytes, sends 10 and closes
//   /garbage    answers with something that is not HTTP
//   /once       answers and closes without saying so
import Bytes
import EventLoop
import Platform

final class TestServer: Sendable {
    let port: UInt16
    private let thread: LoopThread

    init() throws {
        let (thread, port) = try LoopThread.start(name: "test-server") {
            (loop: EventLoop) throws(SystemError) -> UInt16 in
            let listener = try Listener(
                loop: loop, address: .version4(address: [127, 0, 0, 1], port: 0)
            ) { descriptor in
                _ = try? TestConnection(loop: loop, accepted: descriptor)
            }
            return listener.address.port
        }
        self.thread = thread
        self.port = port
    }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    deinit { thread.stop() }
}

private final class TestConnection: StreamConnection {
    override func received() {
        while let request = takeRequest() { answer(request) }
    }

    private struct Request {
        var method: String
        var path: String
        var fields: String
        var body: [UInt8]
    }

    private func takeRequest() -> Request? {
        let text = input.readable.string
        guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
        let head = text[..<end.lowerBound].split(
            separator: "\r\n", omittingEmptySubsequences: false)
        let length =
            head.lazy.compactMap { line -> Int? in
                let parts = line.split(separator: ":")
                guard parts.count == 2, parts[0].lowercased() == "content-length" else {
                    return nil
                }
                return Int(parts[1].drop { $0 == " " })
            }.first ?? 0
        let headBytes = text[..<end.upperBound].utf8.count
        guard input.count >= headBytes + length else { return nil }
        let words = head[0].split(separator: " ")
        let request = Request(
            method: String(words[0]), path: String(words[1]),
            fields: head.dropFirst().joined(separator: "\n"),
            body: input.readable.slice(from: headBytes, count: length).array)
        input.consume(headBytes + length)
        return request
    }

    private func answer(_ request: Request) {
        switch request.path {
        case "/silent": break
        case "/reset": reset()
        case "/close": close()
        case "/partial":
            say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")
            closeAfterFlush()
        case "/garbage":
            say("220 mail.example.com ESMTP\r\n\r\n")
            closeAfterFlush()
        case "/once":
            reply(Array("last".utf8), isHead: false)
            closeAfterFlush()
        case let path where path.hasPrefix("/big/"):
            reply(
                [UInt8](repeating: 0x78, count: Int(path.dropFirst(5)) ?? 0), isHead: false)
        default:
            let text = "\(request.method) \(request.path)\n\(request.fields)\n\n"
            reply(Array(text.utf8) + request.body, isHead: request.method == "HEAD")
        }
    }

    private func reply(_ body: [UInt8], isHead: Bool) {
        say(
            "HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n"
                + "X-Blank:\r\nX-Padded:  two words \r\n\r\n")
        if !isHead { body.withByteSlice { send($0) } }
    }

    private func say(_ text: String) {
        Array(text.utf8).withByteSlice { send($0) }
    }
}
