// Server and clients in one loop on the test's thread: no threads, no sleeps; `until` runs turns
// until a condition holds or a deadline has passed.
import Bytes
import EventLoop
import HTTPWire
import Platform
import Testing

@testable import HTTPTransport

/// A client that sends bytes as they are and keeps what comes back.
final class WireClient: StreamConnection {
    var text: String { String(decoding: bytes, as: UTF8.self) }
    private(set) var bytes: [UInt8] = []
    private(set) var isEnded = false
    private(set) var end: CloseReason?

    override func received() {
        bytes += input.readable.array
        input.removeAll()
    }
    override func peerFinished() { isEnded = true }
    override func closed(_ reason: CloseReason) {
        isEnded = true
        end = reason
    }
    func send(_ text: String) { Array(text.utf8).withByteSlice { send($0) } }

    /// Number of responses that have begun.
    var responseCount: Int { text.components("HTTP/1.1 ") - 1 }
}

extension String {
    /// How many pieces the text has between occurrences of `separator`.
    func components(_ separator: String) -> Int {
        var count = 1
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}

/// A loop with a server; `handler` may be replaced by each test.
final class World {
    let loop: EventLoop
    var server: HTTPServer
    var requests: [HTTPRequest] = []
    var responders: [HTTPResponder] = []

    init(
        limits: HTTPServerLimits = HTTPServerLimits(),
        handler: @escaping (World, HTTPRequest, HTTPResponder) -> Void = { _, request, responder in
            responder.respond(HTTPResponse(.ok, text: request.pathText))
        }
    ) throws {
        loop = try EventLoop()
        final class Box { weak var world: World? }
        let box = Box()
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 0))
        server = try HTTPServer(loop: loop, address: address, limits: limits) {
            guard let world = box.world else { return }
            world.requests.append($0)
            handler(world, $0, $1)
        }
        box.world = self
    }

    deinit {
        responders.removeAll()
        loop.releaseAll()
    }

    func connect() throws -> WireClient {
        guard let address = server.address else { throw WorldError.notListening }
        return try WireClient(loop: loop, connectingTo: address, timeoutMilliseconds: 5_000)
    }

    /// Runs turns until `condition` holds.
    func until(_ what: String, seconds: Int64 = 10, _ condition: () -> Bool) throws {
        let deadline = Clock.monotonicMilliseconds() + seconds * 1_000
        while !condition() {
            guard Clock.monotonicMilliseconds() < deadline else { throw WorldError.late(what) }
            loop.runTurn(waitMillisecondsMax: 20)
        }
    }
}

enum WorldError: Error { case late(String), notListening }
