import Bytes
import EventLoop
import Platform
import RESP
import RESPClient
import Testing

/// A scripted server: answers the n-th command with the n-th reply and notes all commands.
private final class ScriptedServer {
    final class Session: StreamConnection {
        unowned var server: ScriptedServer
        var parser = RequestParser()
        var arguments = ByteSliceList(capacity: 8)

        init(loop: EventLoop, accepted: consuming Descriptor, server: ScriptedServer) throws {
            self.server = server
            try super.init(loop: loop, accepted: accepted)
        }

        override func received() {
            var used = 0
            while !isClosed, let consumed = next(at: used) { used += consumed }
            if !isClosed { input.consume(used) }
        }

        private func next(at start: Int) -> Int? {
            var list = ByteSliceList(capacity: 8)
            guard
                case .command(let consumed, let count)? = try? parser.parse(
                    input.readable, from: start, into: &list)
            else { return nil }
            let view = list.view(from: 0, count: count)
            server.commands.append((0..<count).map { view[$0].string }.joined(separator: " "))
            if server.replies.isEmpty { return consumed }
            let reply = server.replies.removeFirst()
            if reply == "close" {
                close()
            } else {
                Array(reply.utf8).withByteSlice { send($0) }
            }
            return consumed
        }
    }

    var commands: [String] = []
    var replies: [String]
    var sessions: [Session] = []
    private var listener: Listener?

    init(_ loop: EventLoop, replies: [String]) throws {
        self.replies = replies
        listener = try Listener(
            loop: loop, address: .version4(address: [127, 0, 0, 1], port: 0)
        ) { [unowned self] descriptor in
            guard let made = try? Session(loop: loop, accepted: descriptor, server: self) else {
                return
            }
            sessions.append(made)
        }
    }

    var address: SocketAddress { listener?.address ?? .local(path: "") }
}

@Suite struct RESPClientTests {
    @Test func repliesReachTheirCommandsInOrder() throws {
        let loop = try EventLoop()
        let server = try ScriptedServer(
            loop,
            replies: ["+OK\r\n", "$-1\r\n", ":42\r\n", "*2\r\n$1\r\na\r\n:1\r\n", "-ERR no\r\n"])
        let client = try RESPClient(loop: loop, address: server.address)
        var replies: [Reply] = []
        for command in ["SET k v", "GET k", "INCR n", "X", "Y"] {
            client.send(command.split(separator: " ").map(String.init)) {
                if case .success(let reply) = $0 { replies.append(reply) }
            }
        }
        #expect(client.commandCount == 5)
        run(loop, until: { replies.count == 5 })
        #expect(
            replies == [
                .simpleString("OK"), .null, .integer(42), .array([.bulk([0x61]), .integer(1)]),
                .error("ERR no"),
            ])
        #expect(server.commands == ["SET k v", "GET k", "INCR n", "X", "Y"])
        #expect(client.isReady && client.commandCount == 0)
        client.close()
        loop.releaseAll()
    }

    @Test func theHandshakeComesFirst() throws {
        let loop = try EventLoop()
        let server = try ScriptedServer(
            loop, replies: ["%1\r\n+server\r\n+x\r\n", "+OK\r\n", "+OK\r\n", "+PONG\r\n"])
        var options = RESPClient.Options()
        options.protocolVersion = 3
        options.password = "secret"
        options.name = "tester"
        options.database = 4
        let client = try RESPClient(loop: loop, address: server.address, options: options)
        var reply: Reply?
        var wasReadyFirst = false
        client.becameReady = { wasReadyFirst = reply == nil }
        client.send([Array("PING".utf8)]) { reply = try? $0.get() }
        run(loop, until: { reply != nil })
        #expect(reply == .simpleString("PONG") && wasReadyFirst)
        #expect(
            server.commands == [
                "HELLO 3 AUTH default secret", "CLIENT SETNAME tester", "SELECT 4", "PING",
            ])
        client.close()
        loop.releaseAll()
    }

    @Test func aRefusedHandshakeSendsNoCommand() throws {
        let loop = try EventLoop()
        let server = try ScriptedServer(loop, replies: ["-WRONGPASS invalid\r\n", "+OK\r\n"])
        var options = RESPClient.Options()
        options.user = "u"
        options.password = "p"
        let client = try RESPClient(loop: loop, address: server.address, options: options)
        var outcome: Result<Reply, RESPClientError>?
        var closed: RESPClientError?
        client.becameClosed = { closed = $0 }
        client.send(["FLUSHALL"]) { outcome = $0 }
        run(loop, until: { closed != nil })
        #expect(outcome == .failure(.handshakeRefused("WRONGPASS invalid")))
        #expect(closed == .handshakeRefused("WRONGPASS invalid"))
        #expect(server.commands == ["AUTH u p"])
        loop.releaseAll()
    }

    @Test func silenceIsATimeoutForAllThatWait() throws {
        let loop = try EventLoop()
        let server = try ScriptedServer(loop, replies: [])
        var options = RESPClient.Options()
        options.replyTimeoutMilliseconds = 50
        let client = try RESPClient(loop: loop, address: server.address, options: options)
        var errors: [RESPClientError] = []
        run(loop, until: { client.isReady })
        for _ in 0..<2 {
            client.send(["GET", "k"]) { if case .failure(let error) = $0 { errors.append(error) } }
        }
        run(loop, until: { errors.count == 2 })
        #expect(errors == [.timeout, .timeout])
        #expect(client.isClosed)
        loop.releaseAll()
    }

    @Test(arguments: [
        ("close", RESPClientError.closed(.end)),
        ("?what\r\n", .malformedReply(.unknownReplyType(0x3F))),
    ])
    func theEndReachesEveryCommand(reply: String, expected: RESPClientError) throws {
        let loop = try EventLoop()
        let server = try ScriptedServer(loop, replies: [reply])
        let client = try RESPClient(loop: loop, address: server.address)
        var errors: [RESPClientError] = []
        for _ in 0..<3 {
            client.send(["GET", "k"]) { if case .failure(let error) = $0 { errors.append(error) } }
        }
        run(loop, until: { errors.count == 3 })
        #expect(errors == [expected, expected, expected])
        client.send(["GET", "k"]) { if case .failure(let error) = $0 { errors.append(error) } }
        run(loop, until: { errors.count == 4 })
        #expect(errors.last == .closed(.local))
        loop.releaseAll()
    }

    @Test func aReplyThatNobodyAskedForEndsTheConnection() throws {
        let loop = try EventLoop()
        let server = try ScriptedServer(loop, replies: ["+OK\r\n+TWICE\r\n"])
        let client = try RESPClient(loop: loop, address: server.address)
        var reply: Reply?
        var closed: RESPClientError?
        client.becameClosed = { closed = $0 }
        client.send(["GET", "k"]) { reply = try? $0.get() }
        run(loop, until: { closed != nil })
        #expect(reply == .simpleString("OK"))
        #expect(closed == .unexpectedReply)
        loop.releaseAll()
    }

    @Test func pushesAnswerNoCommand() throws {
        let loop = try EventLoop()
        let server = try ScriptedServer(
            loop, replies: [">2\r\n+message\r\n+hello\r\n$2\r\nok\r\n"])
        let client = try RESPClient(loop: loop, address: server.address)
        var pushes: [Reply] = []
        var reply: Reply?
        client.received = { pushes.append($0) }
        client.send(["GET", "k"]) { reply = try? $0.get() }
        run(loop, until: { reply != nil })
        #expect(pushes == [.push([.simpleString("message"), .simpleString("hello")])])
        #expect(reply == .bulk(Array("ok".utf8)))
        client.close()
        loop.releaseAll()
    }

    @Test func theNumberOfCommandsIsBounded() throws {
        let loop = try EventLoop()
        let server = try ScriptedServer(loop, replies: [])
        var options = RESPClient.Options()
        options.commandsMax = 2
        let client = try RESPClient(loop: loop, address: server.address, options: options)
        var errors: [RESPClientError] = []
        for _ in 0..<3 {
            client.send(["X"]) { if case .failure(let error) = $0 { errors.append(error) } }
        }
        run(loop, until: { !errors.isEmpty })
        #expect(errors == [.tooManyCommands])
        client.close()
        run(loop, until: { errors.count == 3 })
        #expect(errors.suffix(2) == [.closed(.local), .closed(.local)])
        loop.releaseAll()
    }

    @Test func aClosedClientIsFreed() throws {
        let loop = try EventLoop()
        let server = try ScriptedServer(loop, replies: [])
        weak var forgotten: RESPClient?
        do {
            let client = try RESPClient(loop: loop, address: server.address)
            forgotten = client
            client.send(["X"]) { _ in }
            run(loop, until: { client.isReady })
            client.close()
        }
        run(loop, until: { forgotten == nil })
        loop.releaseAll()
    }
}

/// Runs turns until `condition` holds; fails after ten seconds.
private func run(
    _ loop: EventLoop, until condition: () -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let deadline = Clock.monotonicMilliseconds() + 10_000
    while !condition() {
        guard Clock.monotonicMilliseconds() < deadline else {
            Issue.record("nothing happened within ten seconds", sourceLocation: sourceLocation)
            return
        }
        loop.runTurn(waitMillisecondsMax: 20)
    }
}
