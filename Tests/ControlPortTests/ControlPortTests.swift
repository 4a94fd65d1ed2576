import Bytes
import ControlModel
import EventLoop
import Platform
import Testing

@testable import ControlPort

/// Sends one request and keeps what comes back until the server closes.
final class OneRequest: StreamConnection {
    private(set) var text = ""
    private(set) var isEnded = false

    override func received() {
        text += input.readable.string
        input.removeAll()
    }
    override func closed(_ reason: CloseReason) { isEnded = true }
}

/// A control port on a thread of its own, and a loop for its clients.
final class World {
    let board: FactBoard
    let loop: EventLoop
    let port: UInt16
    private let control: ControlPort

    init(secret: String = "secret", handlers: ControlHandlers = World.refusing) throws {
        board = FactBoard(NodeFacts(report: masterReport(), figures: World.figures))
        loop = try EventLoop()
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 0))
        control = try ControlPort(
            ControlPort.Configuration(addresses: [address], secret: secret, version: "1.2.3"),
            board: board, handlers: handlers)
        port = try #require(control.ports.first)
    }

    deinit {
        control.stop()
        loop.releaseAll()
    }

    /// Ends the port; its thread is gone when this returns.
    func stop() { control.stop() }

    static let figures = NodeFigures([
        NodeFigures.Figure("commands_total", "Commands.", isTotal: true, 12)
    ])

    static let refusing = ControlHandlers(
        perform: { order, answer in
            answer(
                OrderAnswer(
                    accepted: order.epoch >= 3, epoch: max(3, order.epoch), replicationID: "id",
                    offset: 1_000,
                    problem: order.epoch >= 3
                        ? nil
                        : Problem(
                            status: 409, code: "STALE_EPOCH", title: "Stale epoch",
                            detail: "the node has accepted epoch 3")))
        },
        waitForOffset: { wait, answer in
            answer(
                OffsetAnswer(
                    reached: wait.offset <= 1_000, replicationID: wait.replicationID,
                    offset: 1_000))
        })

    func request(_ line: String, fields: String = "", body: String = "") throws -> String {
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: port))
        let client = try OneRequest(loop: loop, connectingTo: address, timeoutMilliseconds: 5_000)
        let text =
            "\(line) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\(fields)"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        Array(text.utf8).withByteSlice { client.send($0) }
        let deadline = Clock.monotonicMilliseconds() + 10_000
        while !client.isEnded {
            try #require(Clock.monotonicMilliseconds() < deadline, "no answer to \(line)")
            loop.runTurn(waitMillisecondsMax: 100)
        }
        return client.text
    }
}

@Suite(.serialized) struct ControlPortTests {
    @Test func healthIsTheReportWithAFreshClock() throws {
        let world = try World()
        let answer = try world.request("GET /health")
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
        let body = try #require(answer.split(separator: "\r\n\r\n").last)
        let report = try ControlJSON.decode(HealthReport.self, from: body.utf8)
        #expect(body.hasSuffix("}\n"), "a terminal shows it with its prompt on a line of its own")
        #expect(report.nodeID == "n1")
        #expect(report.epoch == 3)
        #expect(report.clockMilliseconds > 500)
    }

    @Test func balancersGetTheirAnswers() throws {
        let world = try World()
        for (path, status) in [
            ("/livez", 200), ("/readyz", 200), ("/master", 200), ("/primary", 200),
            ("/replica", 503), ("/replica?maxLag=1s", 503), ("/replica?maxLag=x", 400),
            ("/nothing", 404), ("/", 404),
        ] {
            #expect(try world.request("GET \(path)").hasPrefix("HTTP/1.1 \(status) "), "\(path)")
        }
        world.board.publish(NodeFacts(report: replicaReport(), figures: World.figures))
        #expect(try world.request("HEAD /master").hasPrefix("HTTP/1.1 503 "))
        #expect(try world.request("HEAD /replica").hasPrefix("HTTP/1.1 200 "))
        #expect(try world.request("OPTIONS /master").contains("Allow: GET, HEAD, OPTIONS\r\n"))
        #expect(try world.request("POST /health").hasPrefix("HTTP/1.1 405 "))
    }

    @Test func metricsAreInPrometheusForm() throws {
        let answer = try World().request("GET /metrics")
        #expect(answer.contains("# TYPE headwater_commands_total counter\n"))
        #expect(answer.contains("\nheadwater_commands_total 12\n"))
        #expect(answer.contains("\nheadwater_role{role=\"master\"} 1\n"))
        #expect(answer.contains("\nheadwater_build_info{version=\"1.2.3\"} 1\n"))
        #expect(
            answer.contains(
                "\nheadwater_replica_acknowledged_offset_bytes"
                    + "{node=\"n2\",address=\"10.0.0.2:7002\"} 990\n"))
    }

    private let order =
        #"{"clusterID":"demo","nodeID":"n1","epoch":4,"kind":"master"}"#

    @Test func ordersNeedTheSecret() throws {
        let world = try World()
        let refused = try world.request("POST /orders", body: order)
        #expect(refused.hasPrefix("HTTP/1.1 401 "))
        #expect(refused.contains("WWW-Authenticate: Bearer\r\n"))
        let wrong = "Authorization: Bearer secreT\r\n"
        #expect(try world.request("POST /orders", fields: wrong, body: order).contains(" 401 "))
        let right = "Authorization: bearer secret\r\n"
        let done = try world.request("POST /orders", fields: right, body: order)
        #expect(done.hasPrefix("HTTP/1.1 200 "))
        #expect(done.contains(#""accepted":true"#))
    }

    @Test func ordersAreRefusedWithoutAConfiguredSecret() throws {
        let world = try World(secret: "")
        let fields = "Authorization: Bearer \r\n"
        #expect(try world.request("POST /orders", fields: fields, body: order).contains(" 403 "))
    }

    @Test func refusedOrdersCarryTheProblemsStatus() throws {
        let world = try World()
        let stale = #"{"clusterID":"demo","nodeID":"n1","epoch":2,"kind":"resume"}"#
        let fields = "Authorization: Bearer secret\r\n"
        let answer = try world.request("POST /orders", fields: fields, body: stale)
        #expect(answer.hasPrefix("HTTP/1.1 409 "))
        #expect(answer.contains("STALE_EPOCH"))
        let bad = try world.request("POST /orders", fields: fields, body: #"{"epoch":1}"#)
        #expect(bad.hasPrefix("HTTP/1.1 400 "))
        #expect(try world.request("GET /orders", fields: fields).hasPrefix("HTTP/1.1 405 "))
    }

    @Test func offsetsCanBeWaitedFor() throws {
        let world = try World()
        let path = "/wait-offset?replicationID=x&timeoutMilliseconds=10"
        #expect(try world.request("GET \(path)&offset=1000").contains(#""reached":true"#))
        #expect(try world.request("GET \(path)&offset=1001").contains(#""reached":false"#))
        #expect(try world.request("GET \(path)").hasPrefix("HTTP/1.1 400 "))
    }

    @Test func nobodyListensAfterTheEnd() throws {
        let world = try World()
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: world.port))
        let taken = try? ControlPort(
            ControlPort.Configuration(addresses: [address], secret: "", version: "1.2.3"),
            board: world.board, handlers: World.refusing)
        #expect(taken == nil, "the port is taken")
        #expect(try world.request("GET /livez").hasPrefix("HTTP/1.1 200 "))
        world.stop()
        #expect(try world.request("GET /livez").isEmpty)
    }

    @Test func secretsAreComparedAsAWhole() {
        #expect(ControlRoutes.isSame("abc", "abc"))
        for other in ["abd", "ab", "abcd", ""] { #expect(!ControlRoutes.isSame("abc", other)) }
    }
}
