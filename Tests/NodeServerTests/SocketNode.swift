// A node made of replication links alone, for tests over real sockets: its data set is the list
// of stream bytes it holds, its log keeps all of them, a snapshot is that list.

import Bytes
import EventLoop
import Log
import Platform
import RESP
import Replication
import TLS

@testable import NodeServer

/// The bytes of a snapshot: all of them, or as many as a test has written.
final class ListedSnapshot: LinkSnapshot {
    let position: ReplicationPosition
    let bytes: [UInt8]
    var readers = 1
    private var writtenCount: Int
    private var isFailed = false
    private var waiting: [() -> Void] = []
    var length: Int64? { writtenCount == bytes.count && !isFailed ? Int64(bytes.count) : nil }

    init(position: ReplicationPosition, bytes: [UInt8], isWritten: Bool) {
        self.position = position
        self.bytes = bytes
        writtenCount = isWritten ? bytes.count : 0
    }

    func write(_ count: Int) {
        writtenCount = min(writtenCount + count, bytes.count)
        wakeReaders()
    }

    func fail() {
        isFailed = true
        wakeReaders()
    }

    private func wakeReaders() {
        let ready = waiting
        waiting = []
        for body in ready { body() }
    }

    func read(at offset: Int64, maximum: Int, completion: @escaping ([UInt8]?) -> Void) {
        if isFailed { return completion(nil) }
        let end = min(writtenCount, Int(offset) + maximum)
        if end == Int(offset), length == nil {
            waiting.append { [unowned self] in
                read(at: offset, maximum: maximum, completion: completion)
            }
            return
        }
        completion(Array(bytes[Int(offset)..<end]))
    }

    func release() { readers -= 1 }
}

/// Gathers a snapshot.
final class ListedLoader: LinkLoader {
    unowned let node: SocketNode
    var bytes: [UInt8] = []
    var isAborted = false
    var isCongested: Bool { false }

    init(_ node: SocketNode) { self.node = node }

    func feed(_ slice: ByteSlice) -> String? {
        bytes += slice.array
        return bytes.count > 3 && bytes.starts(with: Array("BAD".utf8)) ? "bad magic" : nil
    }

    func finish(_ completion: @escaping (LinkLoadOutcome) -> Void) {
        let finish = { [self] in
            guard !isAborted else { return }
            node.data = bytes
            completion(.replaced(database: node.snapshotDatabase))
        }
        if node.loadsLater { node.loop.runNextTurn(finish) } else { finish() }
    }

    func abort() { isAborted = true }
}

/// A connection that serves replication commands only.
final class ServedConnection: StreamConnection, ReplicaConnection {
    unowned let node: SocketNode
    let clientID: Int64
    private var session: DownstreamSession?
    private var parser = RequestParser()
    private var arguments = ByteSliceList()

    init(node: SocketNode, id: Int64, _ descriptor: consuming Descriptor) throws(SystemError) {
        self.node = node
        clientID = id
        try super.init(loop: node.loop, accepted: descriptor)
    }

    var peerHost: String { peerAddress?.host ?? "" }

    func handOver(to session: DownstreamSession, noDelay: Bool) { self.session = session }

    func close(afterOutput: Bool) {
        if afterOutput { closeAfterFlush() } else { close() }
    }

    override func received() {
        while !input.isEmpty && !isClosed {
            if let session {
                let count = session.received(input.readable)
                if count == 0 { return }
                input.consume(count)
                continue
            }
            arguments.removeAll()
            guard
                case .command(let length, let count)? = try? parser.parse(
                    input.readable, from: 0, into: &arguments)
            else { return }
            let words = arguments.view(from: 0, count: count)
            if words[0].equalsIgnoringCase("ping") {
                withOutput { $0.append("+PONG\r\n") }
            } else if let problem = node.links.command(words, on: self) {
                withOutput { $0.append(text: "-\(problem)\r\n") }
            }
            if isClosed { return }
            input.consume(length)
        }
    }

    /// Tells the link that the kernel has all its output, as a session of a node does.
    func endTurn() {
        if outputCount == 0 { session?.outputSent() }
    }

    override func closed(_ reason: CloseReason) {
        session = nil
        node.connections[clientID] = nil
        node.links.clientClosed(clientID)
    }
}

/// The node.
final class SocketNode: LinksHost {
    let loop: EventLoop
    var linkSettings = LinkSettings()
    var linkSecurity: TLSContext?
    var peerIdentity: PeerIdentity
    var data: [UInt8] = []
    var database = 0
    var snapshotDatabase = 0
    var loadsLater = false
    /// Snapshots are written by the test, for who reads them meanwhile.
    var writesSlowly = false
    var snapshots: [ListedSnapshot] = []
    var historyID: ReplicationID
    var secondID = ReplicationID.none
    var secondOffset: Int64 = -1
    var committedOffset: Int64 = 0
    var keepsStream = false
    var firstOffset: Int64 = 1
    var produced = ByteBuffer()
    var messages: [String] = []
    var ended: [WaitBook.Outcome] = []
    var abandoned: [Int64] = []
    var writesArePaused = false
    var connections: [Int64: ServedConnection] = [:]
    var links: ReplicationLinks { stored.unsafelyUnwrappedForTests }
    private var stored = Optional<ReplicationLinks>.none
    private var listener: Listener?
    private(set) var port = 0
    private var nextID: Int64 = 1

    init(_ name: String, loop: EventLoop, cluster: String? = nil) throws {
        self.loop = loop
        peerIdentity = PeerIdentity(
            clusterID: cluster, nodeID: name, epoch: 0, lineageIsEmpty: false)
        var random = SystemRandomNumberGenerator()
        historyID = ReplicationID(using: &random)
        stored = ReplicationLinks(host: self)
        listener = try Listener(
            loop: loop, address: .version4(address: [127, 0, 0, 1], port: 0)
        ) { [unowned self] descriptor in
            let id = nextID
            nextID += 1
            connections[id] = try? ServedConnection(node: self, id: id, descriptor)
        }
        port = Int(listener?.address.port ?? 0)
        linkSettings.announcedPort = port
        links.start()
    }

    /// Ends everything, as the death of the process would.
    func die() {
        guard listener != nil else { return }
        links.stop()
        listener?.close()
        listener = nil
        for connection in connections.values { connection.close() }
    }

    /// Lets go of the links, which refer to their host.
    func end() {
        die()
        stored = nil
    }

    /// What a node does at the end of a turn.
    func endTurn() {
        links.beforeCommit()
        data += produced.readable.array
        produced.removeAll()
        committedOffset = Int64(data.count)
        links.afterCommit()
        for connection in Array(connections.values) { connection.endTurn() }
    }

    func write(_ words: String...) {
        RequestWriter.command(words, into: &produced)
        keepsStream = true
    }

    // MARK: LinksHost

    var holdsData: Bool { !data.isEmpty }
    var history: StreamHistory {
        StreamHistory(
            id: historyID, secondID: secondID, secondOffset: secondOffset,
            offset: Int64(data.count), firstOffset: keepsStream ? firstOffset : nil)
    }
    var streamDatabase: Int { database }
    var durableOffset: Int64? { committedOffset }

    func rememberEpoch(_ epoch: Int64) { peerIdentity.epoch = epoch }
    func countUpstreamBytes(_ count: Int) {}

    func readerBegan(at offset: Int64) {}

    func readStream(
        from offset: Int64, maximum: Int, into buffer: inout ByteBuffer,
        onReady: @escaping () -> Void
    ) -> LinkRead {
        if offset < firstOffset { return .gone }
        if offset > committedOffset { return .upToDate }
        let end = min(Int(committedOffset), Int(offset) - 1 + maximum)
        buffer.append(Array(data[(Int(offset) - 1)..<end]))
        return .bytes(end - Int(offset) + 1)
    }

    func appendToStream(_ command: ByteSlice) { produced.append(command) }
    func openBacklog() { keepsStream = true }
    func closeBacklog() { keepsStream = false }
    func settleStream() {}

    func returnToHistoryOfStart() {}

    func startNewHistory() {
        var random = SystemRandomNumberGenerator()
        continueHistory(as: ReplicationID(using: &random), database: database)
    }

    func continueHistory(as id: ReplicationID, database: Int) {
        secondID = historyID
        secondOffset = Int64(data.count) + 1
        historyID = id
        self.database = database
    }

    func adoptHistory(_ position: ReplicationPosition) {
        historyID = position.id
        secondID = .none
        database = position.database
        firstOffset = position.offset + 1
        keepsStream = true
        committedOffset = position.offset
    }

    func requestSnapshot(
        for options: ReplicaOptions, acceptsGrowing: Bool, fresh: Bool,
        _ completion: @escaping ((any LinkSnapshot)?) -> Void
    ) {
        let position = ReplicationPosition(
            id: historyID, offset: Int64(data.count), database: database)
        let snapshot = ListedSnapshot(
            position: position, bytes: data, isWritten: !(writesSlowly && acceptsGrowing))
        snapshots.append(snapshot)
        loop.runNextTurn { completion(snapshot) }
    }

    func beginLoad(id: ReplicationID, offset: Int64) -> Result<any LinkLoader, LinkProblem> {
        .success(ListedLoader(self))
    }

    func apply(_ units: ByteSlice, database: Int) {
        data += units.array
        self.database = database
    }

    func linksChanged() {}
    func pauseWrites(_ isPaused: Bool) { writesArePaused = isPaused }
    func endWait(_ outcome: WaitBook.Outcome) { ended.append(outcome) }
    func abandonWait(of client: Int64) { abandoned.append(client) }
    func logLink(_ message: String, isWarning: Bool) { messages.append(message) }
}

extension Optional {
    /// The value of something that `init` has set.
    var unsafelyUnwrappedForTests: Wrapped {
        guard let value = self else { preconditionFailure("set by init") }
        return value
    }
}
