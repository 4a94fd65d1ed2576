// A whole node and its clients in one loop on the test's thread, with real sockets and files.
import Bytes
import Diagnostics
import Directives
import EventLoop
import Logging
import Platform
import RESP
import Testing

@testable import NodeServer

/// A client that collects replies.
final class TestClient: StreamConnection {
    private(set) var replies: [Reply] = []
    private(set) var isEnded = false
    /// Bytes received in all.
    private(set) var receivedCount = 0
    private var parser = ReplyParser()

    override func received() {
        do throws(ProtocolError) {
            while let (reply, consumed) = try parser.parse(input.readable, from: 0) {
                replies.append(reply)
                input.consume(consumed)
                receivedCount += consumed
            }
        } catch {
            Issue.record("the node sent nonsense: \(error)")
            close()
        }
    }
    override func closed(_ reason: CloseReason) { isEnded = true }

    func send(raw text: String) { Array(text.utf8).withByteSlice { send($0) } }

    /// Sends one command as a RESP array.
    func send(_ words: String...) {
        var request = ByteBuffer()
        RequestWriter.command(words, into: &request)
        send(request.readable)
    }
}

/// A node in a folder of its own.
final class NodeWorld {
    let node: Node
    let folder: String
    /// The folder stays for another node.
    var keepsFolder = false
    private var clients: [TestClient] = []

    /// A node that listens on a port of the kernel's choice and has loaded its data.
    init(
        folder: String? = nil, file: String? = nil,
        _ change: (inout NodeSettings) -> Void = { _ in }
    ) throws {
        self.folder = try folder ?? NodeWorld.makeFolder()
        var settings = NodeSettings()
        settings.directory = self.folder
        settings.bind = ["127.0.0.1"]
        settings.savePoints = []
        change(&settings)
        let output = LogOutput(destination: .file(path: "\(self.folder)/log"), level: .debug)
        node = try Node(
            settings: settings, configurationFile: file, output: output,
            log: Logger(label: "node", output: output))
        try node.loadIdentity()
        node.listeners.replaceNetwork(
            try Listeners.open(["127.0.0.1"], port: 0, backlog: 16, node: node))
        if !settings.unixSocket.isEmpty {
            try node.listeners.openLocal(settings.unixSocket, permissions: 0, node: node)
        }
        try node.openData()
        node.startCron()
    }

    deinit {
        node.end()
        if !keepsFolder { try? NodeWorld.remove(folder) }
    }

    static func makeFolder() throws -> String {
        let path = "/tmp/headwater-node-test-\(Random.hexadecimal(byteCount: 8))"
        try FileSystem.makeDirectories(path)
        return path
    }

    private static func remove(_ path: String) throws {
        for name in try FileSystem.list(path) {
            let child = "\(path)/\(name)"
            if try FileSystem.facts(child)?.isDirectory == true {
                try remove(child)
            } else {
                try FileSystem.unlink(child)
            }
        }
        try FileSystem.removeDirectory(path)
    }

    var log: String {
        (try? FileSystem.read("\(folder)/log", bytesMax: 1 << 24)).map {
            String(decoding: $0, as: UTF8.self)
        } ?? ""
    }

    func connect(path: String? = nil) throws -> TestClient {
        let port = UInt16(node.listeners.port)
        let address = try #require(
            path.map { SocketAddress.local(path: $0) }
                ?? SocketAddress(numeric: "127.0.0.1", port: port))
        let client = try TestClient(
            loop: node.loop, connectingTo: address, timeoutMilliseconds: 5_000)
        clients.append(client)
        try until("connection") { client.isOpen || client.isEnded }
        return client
    }

    /// Runs turns until `condition` holds.
    func until(
        _ what: String, seconds: Int64 = 20, _ condition: () -> Bool
    ) throws {
        let deadline = Clock.monotonicMilliseconds() + seconds * 1_000
        while !condition() {
            try #require(Clock.monotonicMilliseconds() < deadline, "late: \(what)")
            node.loop.runTurn(waitMillisecondsMax: 50)
        }
    }

    /// Sends a command and returns its reply.
    func call(_ client: TestClient, _ words: String...) throws -> Reply {
        let count = client.replies.count
        var request = ByteBuffer()
        RequestWriter.command(words, into: &request)
        client.send(request.readable)
        try until("reply to \(words)") { client.replies.count > count || client.isEnded }
        return try #require(client.replies.last)
    }
}
