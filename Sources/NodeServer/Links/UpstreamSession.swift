// The session with the upstream: carries the effects of an `UpstreamLink` out.
//
//   socket ──► connection.input ──► link ──┬─ status lines
//                                          ├─ snapshot bytes ──► loader
//                                          └─ whole units ─────► engine and log
//   socket ◄── pending output ◄── link        released after the commit of the turn
//
// Nothing leaves before what it acknowledges is in the log.

import Bytes
import EventLoop
import Log
import Platform
import Replication

/// The socket to the upstream.
final class UpstreamConnection: StreamConnection {
    weak var session: UpstreamSession?

    override func connected() { session?.connected(self) }
    override func received() { session?.received(on: self) }
    override func closed(_ reason: CloseReason) { session?.closed(self, reason) }
}

/// The session with the upstream.
final class UpstreamSession {
    private unowned let links: ReplicationLinks
    private let host: any LinksHost
    private(set) var link: UpstreamLink
    private var connection: UpstreamConnection?
    private var loader: (any LinkLoader)?
    private var output = ByteBuffer()
    private var acknowledgementTimer: TimerID?
    /// Tells an answer of the resolver from that of an earlier attempt.
    private var attempt = 0
    private var isStopped = false
    private var isReceiving = false
    /// Reading rests until the loader's disk has caught up.
    private var isCongested = false
    /// What the node holds it has written itself as a master: no upstream has shown yet that it
    /// has it too.
    private(set) var hasOwnData: Bool
    /// Where that ended, while a snapshot is about to replace it.
    private var endangered: StreamHistory?

    init(
        links: ReplicationLinks, host: any LinksHost, settings: UpstreamSettings,
        position: ReplicationPosition?, hasOwnData: Bool
    ) {
        self.links = links
        self.host = host
        self.hasOwnData = hasOwnData
        link = UpstreamLink(
            settings: settings, position: position, seed: Random.word())
    }

    private var now: Int64 { host.loop.nowMilliseconds }

    /// Whether the upstream is the one at this address.
    func isFollowing(_ host: String, _ port: Int) -> Bool {
        link.settings.host == host && link.settings.port == port
    }

    func start(handover: Bool) {
        refreshSettings()
        step { $0.start(now: $1, handover: handover, effects: &$2) }
    }

    /// From now on the node with this name must answer; false when another one does.
    func expect(_ nodeID: String) -> Bool {
        link.settings.expectedNodeID = nodeID
        return link.peer.map { $0.nodeID == nodeID } ?? true
    }

    /// This node's own identity changed: an order carried a higher epoch.
    func identityChanged() { link.settings.identity = host.peerIdentity }

    /// Ends the session for good.
    func stop() {
        step { link, _, effects in link.stop(effects: &effects) }
        isStopped = true
        if let timer = acknowledgementTimer.take() { host.loop.cancel(timer) }
    }

    /// Directives may change while a link lives; the handshake uses those of its start.
    private func refreshSettings() {
        let settings = host.linkSettings
        link.settings.user = settings.user
        link.settings.password = settings.password
        link.settings.announcedPort = settings.announcedPort
        link.settings.announcedAddress = settings.announcedAddress
        link.settings.timeoutMilliseconds = settings.timeoutMilliseconds
        link.settings.identity = host.peerIdentity
        link.settings.holdsData = host.holdsData
        link.durableOffset = host.durableOffset
    }

    /// Closes the connection as if the upstream had; false when there is none.
    func breakConnection() -> Bool {
        guard let connection = connection.take() else { return false }
        connection.close()
        step { $0.disconnected(now: $1, effects: &$2) }
        return true
    }

    /// Runs one step of the machine and what it asks for.
    private func step(
        _ body: (inout UpstreamLink, Int64, inout [UpstreamEffect]) -> Void
    ) {
        guard !isStopped else { return }
        let state = link.state
        var effects: [UpstreamEffect] = []
        body(&link, now, &effects)
        perform(effects, input: ByteSlice())
        if link.state != state { links.linkChanged() }
    }

    // MARK: Socket

    func connected(_ connection: UpstreamConnection) {
        guard connection === self.connection else { return }
        step { $0.connected(now: $1, effects: &$2) }
    }

    func closed(_ connection: UpstreamConnection, _ reason: CloseReason) {
        guard connection === self.connection else { return }
        self.connection = nil
        if case .failed(let error) = reason {
            host.logLink("Connection with the upstream lost: \(error)", isWarning: false)
        }
        step { $0.disconnected(now: $1, effects: &$2) }
    }

    func received(on connection: UpstreamConnection) {
        let state = link.state
        var effects: [UpstreamEffect] = []
        var taken = 0
        isReceiving = true
        while connection === self.connection && !isStopped {
            let input = connection.input.readable
            effects.removeAll(keepingCapacity: true)
            let count = link.receive(input, now: now, effects: &effects)
            perform(effects, input: input)
            taken += count
            guard connection === self.connection, count > 0 else { break }
            connection.input.consume(count)
        }
        isReceiving = false
        host.countUpstreamBytes(taken)
        if link.state != state { links.linkChanged() }
        planAcknowledgement()
    }

    private func planAcknowledgement() {
        guard acknowledgementTimer == nil, let deadline = link.nextDeadline else { return }
        let delay = max(0, deadline - now)
        acknowledgementTimer = host.loop.schedule(afterMilliseconds: delay) { [weak self] in
            self?.acknowledgementTimer = nil
            self?.tick()
        }
    }

    /// Time passed.
    func tick() {
        link.durableOffset = host.durableOffset
        if isCongested, loader.map({ !$0.isCongested }) ?? true {
            isCongested = false
            connection?.resumeReading()
        }
        step { $0.tick(now: $1, effects: &$2) }
    }

    /// Time passed while a script was busy: nothing is read, because nothing may be applied.
    func tickWhileBusy() { step { $0.tickUnread(now: $1, effects: &$2) } }

    /// The turn's bytes are in the log: acknowledgements may leave.
    func committed() {
        guard !output.isEmpty, let connection else { return }
        connection.send(output.readable)
        output.removeAll()
        connection.flush()
    }

    // MARK: Effects

    private func perform(_ effects: [UpstreamEffect], input: ByteSlice) {
        for effect in effects {
            switch effect {
            case .connect: connect()
            case .send(let bytes): output.append(bytes)
            case .close(let reason): close(reason)
            case .beginSnapshot(let id, let offset, let length):
                beginLoad(id, offset, length)
            case .snapshot(let range):
                load(input.slice(from: range.lowerBound, count: range.count))
            case .endSnapshot: endLoad()
            case .abortSnapshot:
                loader?.abort()
                loader = nil
            case .resumed(let position, let isNewHistory): resumed(position, isNewHistory)
            case .stream(let range, let database):
                host.apply(
                    input.slice(from: range.lowerBound, count: range.count),
                    database: database)
            case .learnedEpoch(let epoch): host.rememberEpoch(epoch)
            case .handover(let accepted, let text):
                // The owner may replace this session, which must not happen inside its own step.
                host.loop.runNextTurn { [weak links] in
                    links?.handoverAnswered(accepted: accepted, text)
                }
            }
        }
    }

    private func close(_ reason: UpstreamFailure) {
        if reason != .stopped {
            host.logLink(
                "Upstream \(link.settings.host):\(link.settings.port): \(reason.text)",
                isWarning: true)
        }
        output.removeAll()
        attempt += 1
        let connection = connection.take()
        connection?.close()
    }

    private func resumed(_ position: ReplicationPosition, _ isNewHistory: Bool) {
        hasOwnData = false
        host.logLink(
            "Successful partial resynchronization with master after offset \(position.offset)",
            isWarning: false)
        if isNewHistory {
            host.continueHistory(as: position.id, database: position.database)
        }
        host.openBacklog()
        links.historyChanged(.resumed(isNewHistory: isNewHistory))
    }

    // MARK: Connecting

    private func connect() {
        refreshSettings()
        attempt += 1
        let settings = link.settings
        guard let port = UInt16(exactly: settings.port) else {
            disconnectedLater()
            return
        }
        if let address = SocketAddress(numeric: settings.host, port: port) {
            open(address)
            return
        }
        // A name: the resolver may take seconds, so it gets a thread of its own.
        let number = attempt
        let name = settings.host
        let bound = LoopBound(self, loop: host.loop)
        do throws(SystemError) {
            _ = try SystemThread.start(name: "resolver") {
                let address = (try? SocketAddress.resolve(name, port: port))?.first
                bound.post { $0.resolved(address, attempt: number) }
            }
        } catch {
            disconnectedLater()
        }
    }

    private func resolved(_ address: SocketAddress?, attempt number: Int) {
        guard number == attempt, !isStopped else { return }
        if let address {
            open(address)
        } else {
            host.logLink("Unable to resolve \(link.settings.host)", isWarning: true)
            disconnectedLater()
        }
    }

    private func open(_ address: SocketAddress) {
        var limits = StreamConnection.Limits()
        limits.readBytes = 64 << 10
        // A transaction is held until its EXEC, and no value of an upstream is refused.
        limits.inputBytesMax = .max
        limits.keptBytesMax = 1 << 20
        let source = host.linkSettings.sourceAddress.flatMap {
            SocketAddress(numeric: $0, port: 0)
        }
        do throws(SystemError) {
            let connection = try UpstreamConnection(
                loop: host.loop, connectingTo: address, from: source,
                timeoutMilliseconds: ReplicationLimits.connectTimeoutMilliseconds,
                limits: limits, security: host.linkSecurity)
            connection.session = self
            self.connection = connection
        } catch {
            disconnectedLater()
        }
    }

    /// The attempt failed at once; the machine is told outside its own step.
    private func disconnectedLater() {
        let number = attempt
        host.loop.runNextTurn { [weak self] in
            guard let self, number == attempt else { return }
            step { $0.disconnected(now: $1, effects: &$2) }
        }
    }

    // MARK: Loading

    private func beginLoad(_ id: ReplicationID, _ offset: Int64, _ length: Int64?) {
        host.logLink(
            "MASTER <-> REPLICA sync: Loading DB in memory, offset \(offset), "
                + (length.map { "\($0) bytes" } ?? "unknown length"), isWarning: false)
        endangered = hasOwnData && host.holdsData ? host.history : nil
        switch host.beginLoad(id: id, offset: offset) {
        case .success(let loader): self.loader = loader
        case .failure(let problem): loadFailed(problem.text)
        }
        links.linkChanged()
    }

    private func load(_ bytes: ByteSlice) {
        guard let loader else { return }
        if let problem = loader.feed(bytes) {
            loadFailed(problem)
        } else if loader.isCongested {
            connection?.pauseReading()
            isCongested = true
        }
    }

    private func loadFailed(_ text: String) {
        step { $0.loadFailed(text, now: $1, effects: &$2) }
    }

    private func endLoad() {
        guard let loader else { return }
        connection?.pauseReading()
        let number = attempt
        loader.finish { [weak self] outcome in
            guard let self, number == attempt, !isStopped else { return }
            loaded(outcome)
        }
    }

    private func loaded(_ outcome: LinkLoadOutcome) {
        loader = nil
        switch outcome {
        case .failed(let text): loadFailed(text)
        case .replaced(let database):
            step { $0.loaded(database: database, now: $1, effects: &$2) }
            tellLoss()
            // In the same breath as the data: no turn may end between the two.
            if let position = link.position { host.adoptHistory(position) }
            host.openBacklog()
            links.historyChanged(.replaced)
            links.linkChanged()
            host.logLink("MASTER <-> REPLICA sync: Finished with success", isWarning: false)
            connection?.resumeReading()
            // Inside `received` the input is looked at again anyway.
            if !isReceiving, let connection { received(on: connection) }
        }
    }

    /// The snapshot has replaced what this node wrote as a master. Which of it the upstream has
    /// not had, only the upstream could tell: the two ends say how far to look.
    private func tellLoss() {
        defer {
            hasOwnData = false
            endangered = nil
        }
        guard let old = endangered, let new = link.position else { return }
        let end =
            old.firstOffset == nil
            ? "its history was not kept" : "its history \(old.id) ended at offset \(old.offset)"
        host.logLink(
            "A full resynchronization replaced what this node held as master; writes that only it "
                + "had are gone: \(end), that of \(link.settings.host):\(link.settings.port) is "
                + "\(new.id) at offset \(new.offset)", isWarning: true)
    }
}
