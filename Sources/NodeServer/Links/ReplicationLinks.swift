// All replication links of a node, and the part it plays: whom it follows, who follows it, who
// waits for whom.
//
//   beforeCommit   PING and GETACK of a master go into the stream
//   (commit)
//   afterCommit    acknowledgements leave, replicas are fed, waits are settled
//   tick           each 100 ms: timeouts, heartbeats, retries, deadlines
//
// The node calls these hooks; everything happens on the engine thread.

import Bytes
import EventLoop
import Log
import Replication

/// The replication links of a node.
final class ReplicationLinks {
    /// Period of `tick`.
    static let tickMilliseconds: Int64 = 100

    let host: any LinksHost
    private(set) var upstream: UpstreamSession?
    /// Connections that sent a replication command, by client id.
    private(set) var sessions: [Int64: DownstreamSession] = [:]
    private(set) var failover = FailoverMachine()
    private(set) var waits = WaitBook()
    private var timer: TimerID?
    private var waitTimer: TimerID?
    private var pingedAt: Int64 = 0
    /// Since when a master has had no replica.
    private var aloneSince: Int64?
    private var wantsAcknowledgements = false
    /// A script is busy: acknowledgements are read, but what follows from them (answers to WAIT, a
    /// failover) is for the turn behind it.
    var isBusy = false
    private var busyTickAt: Int64 = 0
    private var hasNewAcknowledgements = false
    /// Whether enough replicas are good for `min-replicas-to-write`.
    private(set) var hasEnoughReplicas = true
    /// Counters for INFO.
    private(set) var counters = LinkCounters()

    /// Links of a node that follows nobody. Call `start` when its loop runs.
    init(host: any LinksHost) { self.host = host }

    /// Begins to tick.
    func start() {
        timer = host.loop.schedule(
            afterMilliseconds: Self.tickMilliseconds,
            repeatingMilliseconds: Self.tickMilliseconds
        ) { [unowned self] in tick() }
        checkReplicas()
    }

    /// Ends all links: the node shuts down. Replicas get what is committed, as far as their
    /// sockets take it.
    func stop() {
        if let timer = timer.take() { host.loop.cancel(timer) }
        if let timer = waitTimer.take() { host.loop.cancel(timer) }
        upstream?.stop()
    }

    private var now: Int64 { host.loop.nowMilliseconds }

    // MARK: Role

    /// Whether the node follows somebody.
    var isReplica: Bool { upstream != nil }
    /// Whether the stream of the upstream arrives.
    var isLinked: Bool { upstream?.link.isOnline ?? false }

    /// The part this node plays for those who ask for the stream.
    var servingRole: ServingRole {
        if failover.state != .none { return .handingOver }
        return upstream.map { .replica(isLinked: $0.link.isOnline) } ?? .master
    }

    /// Follows the node at an address; false when it does so already. `nodeID` must answer there
    /// if it is given.
    @discardableResult
    func follow(_ address: String, _ port: Int, nodeID: String? = nil) -> Bool {
        if let upstream, upstream.isFollowing(address, port) {
            if nodeID.map({ upstream.expect($0) }) ?? true { return false }
        }
        endFailover("the node was told to follow \(address):\(port)")
        follow(address, port, nodeID: nodeID, handover: false)
        return true
    }

    private func follow(_ address: String, _ port: Int, nodeID: String?, handover: Bool) {
        let wasMaster = upstream == nil
        if wasMaster {
            host.settleStream()
            // Replicas, the one that takes over by FAILOVER too, were told the present history.
            if replicaCount == 0 { host.returnToHistoryOfStart() }
        }
        let position = currentPosition
        let hasOwnData = upstream?.hasOwnData ?? true
        upstream?.stop()
        if wasMaster {
            for waiter in waits.giveUp() { host.abandonWait(of: waiter.client) }
        }
        let settings = UpstreamSettings(
            host: address, port: port, expectedNodeID: nodeID,
            announcedPort: host.linkSettings.announcedPort, identity: host.peerIdentity)
        let session = UpstreamSession(
            links: self, host: host, settings: settings, position: position,
            hasOwnData: hasOwnData)
        upstream = session
        host.linksChanged()
        historyChanged(wasMaster ? .demoted : .upstreamChanged)
        session.start(handover: handover)
    }

    /// Where this node's stream ends; nil when nobody could continue it.
    private var currentPosition: ReplicationPosition? {
        if let upstream { return upstream.link.position }
        let history = host.history
        guard history.firstOffset != nil, history.offset > 0 else { return nil }
        return ReplicationPosition(
            id: history.id, offset: history.offset, database: host.streamDatabase)
    }

    /// Follows the upstream of the configuration or of the state on disk, going on at `position`.
    func startFollowing(
        _ address: String, _ port: Int, nodeID: String? = nil, position: ReplicationPosition?
    ) {
        precondition(upstream == nil, "the node follows somebody already")
        let settings = UpstreamSettings(
            host: address, port: port, expectedNodeID: nodeID,
            announcedPort: host.linkSettings.announcedPort, identity: host.peerIdentity)
        let session = UpstreamSession(
            links: self, host: host, settings: settings, position: position, hasOwnData: false)
        upstream = session
        host.linksChanged()
        session.start(handover: false)
    }

    /// Breaks the connection with the upstream at `address`, or wherever it is; it is made again.
    /// False when there is none.
    func breakUpstream(at address: String?) -> Bool {
        guard let upstream else { return false }
        let settings = upstream.link.settings
        guard address == nil || address == "\(settings.host):\(settings.port)" else { return false }
        return upstream.breakConnection()
    }

    /// This node's own identity changed.
    func identityChanged() { upstream?.identityChanged() }

    /// Becomes the master; false when it is.
    @discardableResult
    func promote() -> Bool {
        guard let upstream else { return false }
        upstream.stop()
        self.upstream = nil
        host.startNewHistory()
        host.linksChanged()
        historyChanged(.promoted)
        checkReplicas()
        return true
    }

    /// The state of the upstream link changed.
    func linkChanged() { host.linksChanged() }

    /// Something happened to the history: drops the replicas that have to ask again.
    func historyChanged(_ event: HistoryEvent) {
        guard Cascade.disconnectsReplicas(on: event) else { return }
        for session in sessions.values where session.link.isReplica {
            session.fail(.historyChanged)
        }
    }

    // MARK: Replicas

    /// The session of a connection that sent a replication command.
    func session(of connection: any ReplicaConnection) -> DownstreamSession {
        if let session = sessions[connection.clientID] { return session }
        let session = DownstreamSession(links: self, host: host, connection: connection)
        sessions[connection.clientID] = session
        return session
    }

    /// A client's connection is over.
    func clientClosed(_ id: Int64) {
        waits.remove(client: id)
        sessions[id]?.sessionClosed()
    }

    func remove(_ session: DownstreamSession) {
        guard sessions.removeValue(forKey: session.clientID) != nil else { return }
        if session.link.isReplica { replicasChanged() }
    }

    /// Attached replicas in order of their client ids.
    var replicas: [DownstreamSession] {
        sessions.values.filter { $0.link.isReplica }.sorted { $0.clientID < $1.clientID }
    }

    /// Number of attached replicas.
    var replicaCount: Int {
        var count = 0
        for session in sessions.values where session.link.isReplica { count += 1 }
        return count
    }

    /// REPLCONF, PSYNC or SYNC of a client, the name at index 0.
    func command(_ arguments: ByteSliceView, on connection: any ReplicaConnection) -> String? {
        let name = arguments[0]
        if name.equalsIgnoringCase("replconf") {
            session(of: connection).configure(arguments)
            return nil
        }
        var request: ResyncRequest?
        if name.equalsIgnoringCase("psync") {
            guard let parsed = ResyncRequest(arguments) else {
                return "ERR value is not an integer or out of range"
            }
            request = parsed
        }
        guard connection.outputCount == 0 else {
            return "ERR SYNC and PSYNC are invalid with pending output"
        }
        if !isReplica { host.openBacklog() }
        count(request)
        session(of: connection).attach(request)
        return nil
    }

    /// As Redis counts: who is sent away for now is not counted. SYNC asks for a snapshot.
    private func count(_ request: ResyncRequest?) {
        let request = request ?? ResyncRequest(id: nil, offset: -1)
        switch ResyncDecision.decide(request, history: host.history, role: servingRole) {
        case .resume: counters.partialSyncs += 1
        case .fullSync:
            counters.fullSyncs += 1
            if !request.asksForSnapshot { counters.refusedPartialSyncs += 1 }
        case .refuse: break
        }
    }

    /// A replica attached, went online or away.
    func replicasChanged() {
        checkReplicas()
        host.linksChanged()
    }

    /// A replica acknowledged: what depends on it is looked at once, at the end of the turn.
    func acknowledged() { hasNewAcknowledgements = true }

    private func checkReplicas() {
        let settings = host.linkSettings
        var good = 0
        for session in sessions.values where session.link.isOnline {
            if now - session.link.acknowledgedAt <= settings.replicaLagMillisecondsMax {
                good += 1
            }
        }
        let enough = settings.replicasToWriteMin == 0 || good >= settings.replicasToWriteMin
        guard enough != hasEnoughReplicas else { return }
        hasEnoughReplicas = enough
        host.linksChanged()
    }

    /// The first byte that some replica lacks, of those that lack none before `floor`; `.max`
    /// without replicas.
    func slowestFeed(from floor: Int64) -> Int64 {
        var slowest = Int64.max
        for session in sessions.values {
            if let offset = session.feedOffset, offset >= floor { slowest = min(slowest, offset) }
        }
        return slowest
    }

    /// Number of replicas in the stream that have not acknowledged everything. One in the middle of
    /// a full sync is none: it cannot be in step before a dying master's time is over.
    var laggingReplicaCount: Int {
        let offset = host.history.offset
        return sessions.values.count {
            $0.link.isOnline && $0.link.acknowledgedOffset < offset
        }
    }

    /// Number of replicas in the stream that have acknowledged everything.
    var inStepReplicaCount: Int {
        sessions.values.count { $0.link.isOnline } - laggingReplicaCount
    }

    /// Number of replicas that acknowledged lately.
    var goodReplicaCount: Int {
        let lag = host.linkSettings.replicaLagMillisecondsMax
        return sessions.values.count {
            $0.link.isOnline && now - $0.link.acknowledgedAt <= lag
        }
    }

    // MARK: The turn

    /// Before the stream of the turn is drained.
    func beforeCommit() {
        guard wantsAcknowledgements, !isReplica, !host.writesArePaused else { return }
        wantsAcknowledgements = false
        guard replicaCount > 0 else { return }
        host.appendToStream(ByteSlice("*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"))
    }

    /// After the stream of the turn is in the log, before output is flushed.
    func afterCommit() {
        upstream?.committed()
        if hasNewAcknowledgements && !isBusy {
            hasNewAcknowledgements = false
            settleWaits()
            checkFailover()
            checkReplicas()
        }
        for session in sessions.values { session.pump() }
    }

    // MARK: Time

    private func tick() {
        upstream?.tick()
        ping()
        for session in Array(sessions.values) { session.tick() }
        dropUnusedBacklog()
        if host.linkSettings.replicasToWriteMin > 0 || !hasEnoughReplicas { checkReplicas() }
        settleWaits()
        checkFailover()
    }

    /// What keeps links alive while a script is busy, before the commit. Nothing is applied, nobody
    /// is judged, and PING goes into the stream only when `mayAppend`: not inside of a unit.
    func tickWhileBusy(mayAppend: Bool) {
        guard now - busyTickAt >= Self.tickMilliseconds else { return }
        busyTickAt = now
        upstream?.tickWhileBusy()
        if mayAppend { ping() }
        for session in sessions.values { session.beat() }
    }

    /// Gives the memory of the backlog back when a master has had no replica for long.
    private func dropUnusedBacklog() {
        let keepMilliseconds = host.linkSettings.backlogKeepMilliseconds
        guard !isReplica, replicaCount == 0, keepMilliseconds > 0 else {
            aloneSince = nil
            return
        }
        let since = aloneSince ?? now
        aloneSince = since
        guard now - since >= keepMilliseconds else { return }
        aloneSince = nil
        host.closeBacklog()
    }

    private func ping() {
        guard !isReplica, replicaCount > 0, !host.writesArePaused,
            now - pingedAt >= host.linkSettings.pingPeriodMilliseconds
        else { return }
        pingedAt = now
        host.appendToStream(ByteSlice("*1\r\n$4\r\nPING\r\n"))
    }

    // MARK: Waiting

    private var progress: WaitBook.Progress {
        var progress = WaitBook.Progress(acknowledged: [], local: host.durableOffset)
        for session in sessions.values where session.link.isOnline {
            progress.acknowledged.append(session.link.acknowledgedOffset)
            progress.durable.append(session.link.durableOffset)
        }
        return progress
    }

    /// Judges `waiter`; nil when it has to wait, and then it does.
    func wait(_ waiter: WaitBook.Waiter) -> WaitBook.Outcome? {
        let (outcome, isSatisfied) = WaitBook.judge(waiter, progress)
        if isSatisfied { return outcome }
        waits.add(waiter)
        wantsAcknowledgements = true
        planWaitTimer()
        return nil
    }

    /// Ends a client's wait without a word: CLIENT UNBLOCK.
    func cancelWait(of client: Int64) -> WaitBook.Outcome? {
        guard let waiter = waits.waiters.first(where: { $0.client == client }) else {
            return nil
        }
        waits.remove(client: client)
        return WaitBook.judge(waiter, progress).outcome
    }

    private func settleWaits() {
        guard !waits.waiters.isEmpty else { return }
        for outcome in waits.settle(progress, now: now) { host.endWait(outcome) }
        planWaitTimer()
    }

    private func planWaitTimer() {
        if let timer = waitTimer.take() { host.loop.cancel(timer) }
        guard let deadline = waits.nextDeadline else { return }
        waitTimer = host.loop.schedule(afterMilliseconds: deadline.left(at: now)) {
            [unowned self] in
            waitTimer = nil
            settleWaits()
        }
    }

    // MARK: Failover

    private var candidates: [FailoverCandidate] {
        replicas.filter { $0.link.isOnline }.map {
            FailoverCandidate(
                host: $0.shownHost, port: $0.link.options.listeningPort,
                offset: $0.link.acknowledgedOffset)
        }
    }

    /// FAILOVER; returns the error reply when it cannot be.
    func startFailover(_ order: FailoverMachine.Order) -> String? {
        var effects: [FailoverEffect] = []
        let problem = failover.start(
            order, candidates: candidates, isMaster: !isReplica, now: now, effects: &effects)
        perform(effects)
        checkFailover()
        return problem
    }

    /// FAILOVER ABORT; returns the error reply when nothing runs.
    func abortFailover() -> String? {
        var effects: [FailoverEffect] = []
        let problem = failover.abort(effects: &effects)
        perform(effects)
        return problem
    }

    private func endFailover(_ reason: String) {
        guard failover.state == .waitingForReplica else { return }
        var effects: [FailoverEffect] = []
        _ = failover.abort(effects: &effects)
        perform(effects)
    }

    private func checkFailover() {
        guard failover.state == .waitingForReplica else { return }
        var effects: [FailoverEffect] = []
        failover.check(
            offset: host.history.offset, candidates: candidates, now: now, effects: &effects)
        perform(effects)
    }

    func handoverAnswered(accepted: Bool, _ text: String) {
        var effects: [FailoverEffect] = []
        failover.answered(accepted: accepted, text, effects: &effects)
        perform(effects)
    }

    private func perform(_ effects: [FailoverEffect]) {
        for effect in effects {
            switch effect {
            case .pauseWrites: host.pauseWrites(true)
            case .resumeWrites: host.pauseWrites(false)
            case .timedOut:
                host.logLink("Failover time out exceeded, failing over.", isWarning: false)
            case .handOver(let address, let port):
                host.logLink("Failing over to \(address):\(port).", isWarning: false)
                follow(address, port, nodeID: nil, handover: true)
            case .restoreRole:
                // The history was not changed: whoever followed it goes on.
                upstream?.stop()
                upstream = nil
                host.linksChanged()
            case .ended(let text): host.logLink(text, isWarning: false)
            }
        }
    }
}

/// What links count.
struct LinkCounters: Equatable {
    /// `sync_full`.
    var fullSyncs: Int64 = 0
    /// `sync_partial_ok`.
    var partialSyncs: Int64 = 0
    /// `sync_partial_err`.
    var refusedPartialSyncs: Int64 = 0
}
