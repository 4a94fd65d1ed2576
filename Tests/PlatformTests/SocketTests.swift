import Bytes
import Platform
import Testing

@Suite struct SocketTests {
    @Test(arguments: ["127.0.0.1", "::1"])
    func connectionsCarryBytesBothWays(host: String) throws {
        let address = try #require(SocketAddress(numeric: host, port: 0))
        let listener = try Socket.listen(on: address)
        let bound = try Socket.localAddress(of: listener)
        #expect(bound.port != 0 && bound.isLoopback && bound.host == host)
        let client = try Socket.connect(to: bound)
        var accepted: Descriptor?
        try waitUntil {
            accepted = try Socket.accept(listener)
            return accepted != nil
        }
        guard let server = accepted.take() else { return }
        #expect(Socket.connectError(client) == nil)
        #expect(try Socket.peerAddress(of: client) == bound)
        #expect(try Socket.peerAddress(of: server) == Socket.localAddress(of: client))
        try Socket.setNoDelay(client)
        try Socket.setKeepAlive(client, idleSeconds: 300)
        try Socket.setUnacknowledgedTimeout(client, milliseconds: 1_000)
        #expect(try Socket.send(ByteSlice("ping"), to: client) == 4)
        var buffer = ByteBuffer()
        try waitUntil {
            try Socket.receive(from: server, into: &buffer, minimum: 64) == .bytes(4)
        }
        #expect(buffer.readable == "ping")
        #expect(try Socket.receive(from: server, into: &buffer, minimum: 64) == .wouldBlock)
        Socket.finishSending(client)
        try waitUntil { try Socket.receive(from: server, into: &buffer, minimum: 64) == .end }
    }

    @Test func localSocketsWork() throws {
        let directory = try TemporaryDirectory()
        let address = SocketAddress.local(path: directory.file("s"))
        let listener = try Socket.listen(on: address)
        let client = try Socket.connect(to: address)
        try Socket.setNoDelay(client)
        var isAccepted = false
        try waitUntil {
            isAccepted = try Socket.accept(listener) != nil
            return isAccepted
        }
        #expect(try Socket.peerAddress(of: client) == address)
    }

    @Test func aTakenPortIsAnError() throws {
        let listener = try Socket.listen(on: .version4(address: [127, 0, 0, 1], port: 0))
        let bound = try Socket.localAddress(of: listener)
        let error = #expect(throws: SystemError.self) {
            _ = try Socket.listen(on: bound).isOpen
        }
        #expect(error?.isAddressInUse == true)
        #expect(error?.subject == bound.description)
    }

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1:7"), ("::1", "[::1]:7"), ("fe80::1:2", "[fe80::1:2]:7"),
        ("255.254.0.1", "255.254.0.1:7"),
    ])
    func addressesPrintAsTheyAreRead(host: String, text: String) {
        #expect(SocketAddress(numeric: host, port: 7)?.description == text)
    }

    @Test(arguments: ["", "localhost", "1.2.3", "1.2.3.4.5", "::g", "127.0.0.1 "])
    func namesAreNoNumericAddresses(host: String) {
        #expect(SocketAddress(numeric: host, port: 7) == nil)
    }

    @Test func namesResolve() throws {
        let addresses = try SocketAddress.resolve("localhost", port: 9)
        #expect(!addresses.isEmpty)
        #expect(addresses.allSatisfy { $0.isLoopback && $0.port == 9 })
    }
}

/// Repeats `condition` until it holds; an error after ten seconds.
func waitUntil(_ condition: () throws -> Bool) throws {
    let deadline = Clock.monotonicMilliseconds() + 10_000
    while try !condition() {
        try #require(Clock.monotonicMilliseconds() < deadline, "nothing happened")
    }
}
