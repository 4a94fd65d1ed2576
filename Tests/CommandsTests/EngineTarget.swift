import Bytes
import Commands
import RESP
import Scripting
import Store
import TestKit

/// How requests reach the engine.
enum Split: CaseIterable, Sendable { case whole, halves, bytes }

/// The engine with connections that are arrays of bytes.
final class EngineTarget: TranscriptTarget {
    final class Connection {
        let client: ClientState
        var parser = RequestParser()
        var input: [UInt8] = []
        var replies = ReplyParser()
        var isClosed = false
        init(_ client: ClientState) { self.client = client }
    }

    let host = TestHost()
    let keyspace: Keyspace
    let engine: CommandEngine
    let scripts: LuaScripts
    private let split: Split
    private var connections: [Int: Connection] = [:]
    private var batch: RequestBatch
    let peer: TranscriptPeer? = nil

    init(
        split: Split = .whole, settings: EngineSettings = EngineSettings(),
        scriptBytesMax: Int = LuaScripts.stateBytesMaxDefault, table: CommandTable = CommandTable()
    ) {
        self.split = split
        keyspace = Keyspace(databaseCount: 16, secret: SipKey(low: 1, high: 2))
        engine = CommandEngine(
            keyspace: keyspace, table: table, settings: settings, host: host)
        scripts = LuaScripts(engine: engine, stateBytesMax: scriptBytesMax)
        engine.scripts = scripts
        batch = RequestBatch(keyspace: keyspace)
        host.engine = engine
        engine.nowMilliseconds = host.milliseconds
        engine.propagates = true
    }

    /// As a server does when a connection ends: a client that waits and what it waits for refer to
    /// each other.
    deinit {
        for connection in connections.values { engine.forget(connection.client) }
    }

    func connection(_ number: Int) -> Connection {
        if let known = connections[number] { return known }
        let client = ClientState(id: Int64(number))
        client.addressText = "127.0.0.1:\(10_000 + number)"
        client.localAddressText = "127.0.0.1:6379"
        client.connectedAtMilliseconds = host.milliseconds
        client.lastInteractionMilliseconds = host.milliseconds
        engine.welcome(client)
        host.clients[client.id] = client
        let made = Connection(client)
        connections[number] = made
        return made
    }

    func send(_ request: [UInt8], connection number: Int) {
        let target = connection(number)
        switch split {
        case .whole: feed(request[...], target)
        case .halves:
            feed(request[..<(request.count / 2)], target)
            feed(request[(request.count / 2)...], target)
        case .bytes:
            for index in request.indices { feed(request[index...index], target) }
        }
        // The end of a turn.
        _ = engine.takeClientsWithOutput()
        // Others may have been resumed.
        for other in connections.values where !other.input.isEmpty { feed([], other) }
    }

    private func feed(_ bytes: ArraySlice<UInt8>, _ connection: Connection) {
        if connection.isClosed || connection.client.blocked != nil {
            connection.input += bytes
            return
        }
        connection.input += bytes
        var goesOn = true
        while goesOn && !connection.input.isEmpty {
            let input = connection.input
            let consumed: Int = input.withByteSlice { slice in
                batch.fill(from: slice, parser: &connection.parser)
                let outcome = engine.execute(&batch, client: connection.client)
                goesOn = outcome.end == .finished && outcome.consumed > 0
                if outcome.end == .closing { connection.isClosed = true }
                if outcome.end == .paused || outcome.end == .blocked { connection.parser.reset() }
                return outcome.consumed
            }
            connection.input.removeFirst(consumed)
        }
    }

    func receive(connection number: Int) throws -> Reply? {
        let target = connection(number)
        let readable = target.client.output.buffer.readable
        guard let (reply, consumed) = try target.replies.parse(readable, from: 0) else {
            return nil
        }
        target.client.output.buffer.consume(consumed)
        return reply
    }

    func hasUnreadReply(connection number: Int) -> Bool {
        !connection(number).client.output.buffer.isEmpty
    }

    func advance(milliseconds: Int) {
        host.milliseconds += Int64(milliseconds)
        host.nanoseconds += Int64(milliseconds) * 1_000_000
        engine.nowMilliseconds = host.milliseconds
        engine.endTimedOutWaits(nowMilliseconds: host.nanoseconds / 1_000_000)
        for other in connections.values where !other.input.isEmpty { feed([], other) }
    }

    func takeEffects() throws -> [[String]]? {
        var commands: [[String]] = []
        try engine.drainStream { bytes in
            var parser = RequestParser()
            var list = ByteSliceList()
            var position = 0
            while position < bytes.count {
                list.removeAll()
                guard
                    case .command(let consumed, let count) = try parser.parse(
                        bytes, from: position, into: &list)
                else { break }
                let view = list.view(from: 0, count: count)
                commands.append(
                    (0..<count).map { index in
                        view[index].array.map { String(UnicodeScalar($0)) }.joined()
                    })
                position += consumed
            }
        }
        return commands
    }

    /// Runs one command and returns its reply on one line.
    func run(_ words: String..., connection number: Int = 1) throws -> String {
        var request = ByteBuffer()
        RequestWriter.command(words, into: &request)
        send(request.readable.array, connection: number)
        return try receive(connection: number)?.rendered ?? "(none)"
    }
}
