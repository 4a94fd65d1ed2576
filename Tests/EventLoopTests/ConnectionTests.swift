import Bytes
import EventLoop
import Platform
import Testing

/// Notes what happens; sends back what it receives when `echoes`.
private final class Recorder: StreamConnection {
    var isConnected = false
    var text: [UInt8] = []
    var drains = 0
    var echoes = false
    var reason: CloseReason?
    var closings = 0

    override func connected() { isConnected = true }
    override func received() {
        if echoes { send(input.readable) } else { text += input.readable.array }
        input.consume(input.count)
    }
    override func drained() { drains += 1 }
    override func closed(_ reason: CloseReason) {
        self.reason = reason
        closings += 1
    }
    func say(_ bytes: [UInt8]) { bytes.withByteSlice { send($0) } }
}

private final class Server {
    var connections: [Recorder] = []
    private(set) var listener: Listener?

    init(_ loop: EventLoop, _ limits: StreamConnection.Limits = .init()) throws {
        listener = try Listener(
            loop: loop, address: .version4(address: [127, 0, 0, 1], port: 0)
        ) { [unowned self] descriptor in
            guard let made = try? Recorder(loop: loop, accepted: descriptor, limits: limits) else {
                return
            }
            made.echoes = true
            connections.append(made)
        }
    }

    var address: SocketAddress { listener?.address ?? .local(path: "") }
}

@Suite struct ConnectionTests {
    @Test func largeOutputGoesOutInPartsAndComesBackWhole() throws {
        let loop = try EventLoop()
        let server = try Server(loop)
        let client = try Recorder(
            loop: loop, connectingTo: server.address, timeoutMilliseconds: 5_000)
        // Queued before the connection is established.
        let period = (0..<100_003).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 11) }
        let bytes = Array(repeatElement(period, count: 80).joined())
        client.say(bytes)
        run(loop, until: { client.text.count == bytes.count })
        #expect(client.isConnected)
        #expect(client.text == bytes)
        #expect(client.drains > 0, "the kernel takes 8 MB only in parts")
        #expect(client.outputCount == 0)
        #expect(client.peerAddress == server.address)
        #expect(server.connections[0].peerAddress == client.localAddress)
        client.close()
        run(loop, until: { server.connections[0].isClosed })
        #expect(client.reason == .local && server.connections[0].reason == .end)
        #expect(client.closings == 1)
        client.close()
        #expect(client.closings == 1)
        loop.releaseAll()
    }

    @Test func closeAfterFlushSendsEverythingFirst() throws {
        let loop = try EventLoop()
        let server = try Server(loop)
        let client = try Recorder(
            loop: loop, connectingTo: server.address, timeoutMilliseconds: 5_000)
        run(loop, until: { server.connections.count == 1 && client.isConnected })
        let bytes = [UInt8](repeating: 7, count: 5_000_000)
        server.connections[0].say(bytes)
        server.connections[0].closeAfterFlush()
        #expect(!server.connections[0].isOpen)
        run(loop, until: { client.isClosed })
        #expect(client.text.count == bytes.count)
        #expect(client.reason == .end)
        #expect(server.connections[0].reason == .local)
        loop.releaseAll()
    }

    @Test func aPeerThatDoesNotReadMeetsTheOutputLimit() throws {
        let loop = try EventLoop()
        var limits = StreamConnection.Limits()
        limits.outputBytesMax = 1_000_000
        let server = try Server(loop, limits)
        let client = try Recorder(
            loop: loop, connectingTo: server.address, timeoutMilliseconds: 5_000)
        run(loop, until: { server.connections.count == 1 && client.isConnected })
        client.pauseReading()
        let piece = [UInt8](repeating: 1, count: 100_000)
        run(
            loop,
            until: {
                server.connections[0].say(piece)
                return server.connections[0].isClosed
            })
        #expect(server.connections[0].reason == .outputLimit)
        loop.releaseAll()
    }

    @Test func unconsumedInputMeetsTheInputLimit() throws {
        final class Hoarder: StreamConnection {
            var reason: CloseReason?
            override func received() {}
            override func closed(_ reason: CloseReason) { self.reason = reason }
        }
        let loop = try EventLoop()
        var limits = StreamConnection.Limits()
        limits.inputBytesMax = 100_000
        var hoarder: Hoarder?
        let listener = try Listener(
            loop: loop, address: .version4(address: [127, 0, 0, 1], port: 0)
        ) { hoarder = try? Hoarder(loop: loop, accepted: $0, limits: limits) }
        let client = try Recorder(
            loop: loop, connectingTo: listener.address, timeoutMilliseconds: 5_000)
        client.say([UInt8](repeating: 1, count: 300_000))
        run(loop, until: { hoarder?.isClosed == true })
        #expect(hoarder?.reason == .inputLimit)
        loop.releaseAll()
    }

    @Test func aRefusedConnectionIsReportedOnce() throws {
        let loop = try EventLoop()
        let listening = try Socket.listen(on: .version4(address: [127, 0, 0, 1], port: 0))
        let address = try Socket.localAddress(of: listening)
        _ = consume listening
        let client = try Recorder(loop: loop, connectingTo: address, timeoutMilliseconds: 5_000)
        run(loop, until: { client.isClosed })
        guard case .failed(let error) = client.reason else {
            Issue.record("\(String(describing: client.reason))")
            return
        }
        #expect(error.isRefused)
        #expect(client.closings == 1 && !client.isConnected)
    }

    @Test func aConnectionAttemptTimesOut() throws {
        // A listener with a backlog of one whose queue is full ignores further attempts.
        let loop = try EventLoop()
        let listening = try Socket.listen(
            on: .version4(address: [127, 0, 0, 1], port: 0), backlog: 0)
        let address = try Socket.localAddress(of: listening)
        let attempts = try (0..<8).map { _ in
            try Recorder(loop: loop, connectingTo: address, timeoutMilliseconds: 100)
        }
        run(loop, until: { attempts.contains { $0.isClosed } })
        #expect(attempts.first { $0.isClosed }?.reason == .connectTimeout)
        _ = consume listening
        loop.releaseAll()
    }

    @Test func aResetIsAnErrorAndNotAnEnd() throws {
        let loop = try EventLoop()
        let server = try Server(loop)
        let client = try Recorder(
            loop: loop, connectingTo: server.address, timeoutMilliseconds: 5_000)
        run(loop, until: { server.connections.count == 1 && client.isConnected })
        server.connections[0].reset()
        run(loop, until: { client.isClosed })
        guard case .failed(let error) = client.reason else {
            Issue.record("\(String(describing: client.reason))")
            return
        }
        #expect(error.isReset)
        loop.releaseAll()
    }

    @Test func pausedInputStaysWithThePeerUntilReadingGoesOn() throws {
        let loop = try EventLoop()
        let server = try Server(loop)
        let client = try Recorder(
            loop: loop, connectingTo: server.address, timeoutMilliseconds: 5_000)
        run(loop, until: { server.connections.count == 1 && client.isConnected })
        client.pauseReading()
        server.connections[0].say(Array("hello".utf8))
        for _ in 0..<5 { loop.runTurn(waitMillisecondsMax: 2) }
        #expect(client.text.isEmpty)
        client.resumeReading()
        run(loop, until: { client.text == Array("hello".utf8) })
        loop.releaseAll()
    }

    @Test func localSocketsServeToo() throws {
        let loop = try EventLoop()
        let path = "/tmp/headwater-loop-\(Random.hexadecimal(byteCount: 8))"
        defer { try? FileSystem.unlink(path) }
        var accepted: Recorder?
        let listener = try Listener(loop: loop, address: .local(path: path)) {
            accepted = try? Recorder(loop: loop, accepted: $0)
        }
        let client = try Recorder(
            loop: loop, connectingTo: listener.address, timeoutMilliseconds: 5_000)
        client.say([1, 2, 3])
        run(loop, until: { accepted?.text == [1, 2, 3] })
        #expect(client.peerAddress == .local(path: path))
        loop.releaseAll()
    }

    @Test func releaseAllClosesWhatTheLoopHeld() throws {
        let loop = try EventLoop()
        let server = try Server(loop)
        let address = server.address
        server.listener?.close()
        weak var forgotten: Recorder?
        do {
            let listening = try Socket.listen(on: .version4(address: [127, 0, 0, 1], port: 0))
            let target = try Socket.localAddress(of: listening)
            let connection = try Recorder(
                loop: loop, connectingTo: target, timeoutMilliseconds: 5_000)
            forgotten = connection
            run(loop, until: { connection.isConnected })
        }
        #expect(forgotten != nil && address.port != 0)
        loop.releaseAll()
        #expect(forgotten == nil)
        #expect(loop.channelCount == 0)
    }
}
