// The coordinator: the decision core with its surroundings.
//
//   nodes ── probes, answers ──► Prober/NodeGateway ─┐
//   admin ── commands ─────────► InternalAPI ────────┤ inputs
//   loop  ── ticks ──────────────────────────────────┤
//                                                    ▼
//                                       Topology.step / .execute
//                                                    │ effects
//            1. StateStore.commit, durable  ◄────────┤
//            2. orders to nodes             ◄────────┤
//            3. waiting readers are told    ◄────────┘
//
// Everything lives on one loop's thread. If a commit fails nothing of that step leaves the
// process, and the process ends: at the next start it goes on from what is stored.

import ControlModel
import Diagnostics
import EventLoop
import Logging
import Platform
import Topology

/// Runs the decision core against real nodes and a real store. Lives on the loop's thread.
final class Coordinator {
    /// Operations in a snapshot.
    static let snapshotOperationsMax = 100

    let loop: EventLoop
    let store: any StateStore
    let logger: Logger
    let instance: String
    private(set) var topology: Topology
    private(set) var generation: Int64
    private(set) var tokens: [String: TokenRecord]
    private(set) var eventFirst: Int64
    private(set) var metrics = CoordinatorMetrics()
    let waiters: Waiters
    /// Ends the process when the store fails. Tests put something else here.
    var onStoreFailure: (StateStoreError) -> Void
    /// Runs between the commit and what follows it; false drops what follows, as a crash would.
    var afterCommit: (StateChanges) -> Bool = { _ in true }

    private let gateway: NodeGateway
    private var prober: Prober?
    private var auditLast: Int64
    private var ticks: TimerID?
    private var isStopped = false

    /// Reads the store and begins to watch its nodes.
    init(
        store: any StateStore, secret: String, loop: EventLoop, logger: Logger,
        onStoreFailure: @escaping (StateStoreError) -> Void
    ) throws {
        let stored = try store.load()
        let starts = stored.starts + 1
        self.store = store
        self.loop = loop
        self.logger = logger
        self.onStoreFailure = onStoreFailure
        instance = Random.hexadecimal(byteCount: 8)
        // Generations of a later start are above all of the former ones.
        generation = starts << 32
        tokens = Dictionary(stored.tokens.map { ($0.id, $0) }) { first, _ in first }
        eventFirst = stored.eventFirst
        auditLast = stored.auditLast
        waiters = Waiters(loop: loop)
        topology = Topology(
            records: stored.topology, startedAt: Coordinator.moment, seed: Random.word())
        gateway = try NodeGateway(secret: secret, loop: loop)
        prober = Prober(loop: loop, gateway: gateway) { [unowned self] probe in
            perform(topology.step(.probe(probe), now: Coordinator.moment))
        }
        var changes = StateChanges()
        changes.starts = starts
        perform(
            topology.announce(
                "coordinator.started",
                starts == 1
                    ? "the coordinator has started on a new state"
                    : "the coordinator has started; its state has seen \(starts) starts",
                attributes: ["instance": instance], now: Coordinator.moment), with: changes)
        prober?.update(topology.probeTargets)
        ticks = loop.schedule(
            afterMilliseconds: Limits.tickMilliseconds,
            repeatingMilliseconds: Limits.tickMilliseconds
        ) { [unowned self] in
            perform(topology.step(.tick, now: Coordinator.moment))
        }
    }

    static var moment: Moment {
        Moment(
            monotonicMilliseconds: Clock.monotonicMilliseconds(),
            wallMilliseconds: Clock.wallMilliseconds())
    }

    // MARK: - Effects

    /// Stores, sends and tells what a step wants, in this order. Returns false after a failure
    /// of the store.
    @discardableResult
    private func perform(_ effects: Effects, with given: StateChanges = StateChanges()) -> Bool {
        guard !isStopped else { return false }
        var changes = given
        changes.records += effects.records
        changes.events += effects.events
        guard commit(changes) else { return false }
        if changes.records.contains(where: Self.changesNodes) {
            prober?.update(topology.probeTargets)
        }
        for request in effects.requests { send(request) }
        for node in effects.probes { prober?.ask(node) }
        for event in effects.events { note(event) }
        if effects.stateChanged || !given.isEmpty {
            generation += 1
            waiters.wake()
        }
        return true
    }

    private static func changesNodes(_ change: RecordChange) -> Bool {
        switch change {
        case .cluster, .clusterRemoved: true
        case .operation, .counters: false
        }
    }

    private func commit(_ changes: StateChanges) -> Bool {
        guard !changes.isEmpty else { return true }
        let start = Clock.monotonicMicroseconds()
        do {
            try store.commit(changes)
        } catch {
            stop()
            onStoreFailure(error)
            return false
        }
        metrics.noteCommit(microseconds: Clock.monotonicMicroseconds() - start)
        if let first = changes.events.first, eventFirst == 0 { eventFirst = first.sequence }
        guard afterCommit(changes) else {
            stop()
            return false
        }
        return true
    }

    private func send(_ request: NodeRequest) {
        metrics.noteRequest(request)
        gateway.send(request) { [weak self] outcome in
            guard let self else { return }
            metrics.noteOutcome(outcome)
            let input = TopologyInput.request(
                id: request.id, node: request.node, outcome: outcome)
            perform(topology.step(input, now: Coordinator.moment))
        }
    }

    private func note(_ event: Event) {
        metrics.noteEvent(event, operation: event.operation.flatMap { topology.operation($0) })
        var metadata: Logger.Metadata = ["event": "\(event.kind)"]
        if let cluster = event.cluster { metadata["cluster"] = "\(cluster)" }
        if let node = event.node { metadata["node"] = "\(node)" }
        if let operation = event.operation { metadata["operation"] = "\(operation)" }
        if let epoch = event.epoch { metadata["epoch"] = "\(epoch)" }
        let isWeighty =
            ["master.changed", "finding.opened", "operation.started", "operation.ended"]
            .contains(event.kind)
        logger.log(level: isWeighty ? .notice : .info, "\(event.detail)", metadata: metadata)
    }

    /// Stops deciding: no probe, no order, no commit any more. The store is closed, and readers
    /// that still wait are forgotten; drain the API before to answer them.
    func stop() {
        guard !isStopped else { return }
        isStopped = true
        if let ticks { loop.cancel(ticks) }
        prober?.stop()
        waiters.stop()
        gateway.close()
        store.close()
    }

    // MARK: - Commands

    /// Carries out a command; what it changes is durable when this returns.
    func execute(_ command: InternalCommand) throws(Problem) -> CommandAnswer {
        if let stored = try replay(command) { return stored }
        var changes = StateChanges()
        var effects = Effects()
        let answer: CommandAnswer
        do throws(Problem) {
            answer = try carryOut(command, &changes, &effects)
        } catch {
            if !command.dryRun {
                audit(command, result: error.code, operation: nil, &changes)
                perform(Effects(), with: changes)
            }
            throw error
        }
        guard !command.dryRun else { return answer }
        audit(command, result: "accepted", operation: answer.operation?.id, &changes)
        if let key = command.idempotency {
            let now = Timestamp(milliseconds: Clock.wallMilliseconds())
            changes.idempotency = IdempotencyRecord(
                actor: command.actor, key: key.key, fingerprint: key.fingerprint,
                expiresAt: now.adding(milliseconds: StoreLimits.idempotencyMilliseconds),
                answer: answer)
        }
        guard perform(effects, with: changes) else { throw Self.storeFailed }
        return answer
    }

    private func carryOut(
        _ command: InternalCommand, _ changes: inout StateChanges, _ effects: inout Effects
    ) throws(Problem) -> CommandAnswer {
        switch command.action {
        case .createToken(let token):
            try checkToken(token)
            guard !command.dryRun else { return CommandAnswer(token: token) }
            tokens[token.id] = token
            changes.tokensStored.append(token)
            effects = announceToken("token \(token.name) was created by \(command.actor)", token)
            return CommandAnswer(token: token)
        case .deleteToken(let id):
            guard let token = tokens[id] else {
                throw Problem.notFound("the token \(id)")
            }
            guard !command.dryRun else { return CommandAnswer(token: token) }
            tokens[id] = nil
            changes.tokensDeleted.append(id)
            effects = announceToken("token \(token.name) was deleted by \(command.actor)", token)
            return CommandAnswer(token: token)
        default:
            return try topology.execute(command, now: Coordinator.moment, effects: &effects)
        }
    }

    private func checkToken(_ token: TokenRecord) throws(Problem) {
        let isTaken = tokens.values.contains { $0.id == token.id || $0.name == token.name }
        guard !isTaken else {
            throw Problem(
                status: 409, code: "NAME_TAKEN", title: "Name taken",
                detail: "a token with this name exists; delete it first, or choose another name")
        }
    }

    private func announceToken(_ detail: String, _ token: TokenRecord) -> Effects {
        topology.announce(
            "token.changed", detail, attributes: ["token": token.id], now: Coordinator.moment)
    }

    private static let storeFailed = Problem(
        status: 503, code: "STORE_FAILED", title: "The state could not be stored",
        detail: "the coordinator cannot write its store and restarts; look at its log",
        retryable: true)

    /// The answer that the same command got before, if it has a key and came before.
    private func replay(_ command: InternalCommand) throws(Problem) -> CommandAnswer? {
        guard !command.dryRun, let key = command.idempotency else { return nil }
        let record: IdempotencyRecord?
        do {
            record = try store.idempotency(
                actor: command.actor, key: key.key,
                now: Timestamp(milliseconds: Clock.wallMilliseconds()))
        } catch {
            logger.error("\(error)")
            throw Self.storeFailed
        }
        guard let record else { return nil }
        guard record.fingerprint == key.fingerprint else {
            throw Problem(
                status: 422, code: "IDEMPOTENCY_KEY_REUSED",
                title: "The key was used for another request",
                detail: "this Idempotency-Key belongs to another request; use a new key")
        }
        var answer = record.answer
        answer.replayed = true
        return answer
    }

    private func audit(
        _ command: InternalCommand, result: String, operation: String?,
        _ changes: inout StateChanges
    ) {
        auditLast += 1
        changes.audit.append(
            AuditRecord(
                sequence: auditLast, time: Timestamp(milliseconds: Clock.wallMilliseconds()),
                actor: command.actor, source: command.source, requestID: command.requestID,
                action: command.action.kind.rawValue, target: command.action.target,
                result: result, operation: operation))
    }

    // MARK: - Reading

    /// Everything, as of now.
    func snapshot() -> StateSnapshot {
        StateSnapshot(
            generation: generation, instance: instance,
            now: Timestamp(milliseconds: Clock.wallMilliseconds()),
            clusters: topology.clusterStates(now: Coordinator.moment),
            operations: Array(topology.operations.prefix(Self.snapshotOperationsMax)),
            tokens: tokens.values.sorted { $0.id < $1.id },
            latestEventSequence: topology.lastEventSequence)
    }

    /// Events after a position.
    func events(after: Int64, limit: Int) throws(StateStoreError) -> EventPage {
        let latest = topology.lastEventSequence
        let oldest = max(eventFirst, latest - StoreLimits.eventsMax + 1)
        let events = after >= latest ? [] : try store.events(after: after, limit: limit)
        return EventPage(
            events: events.filter { $0.sequence >= oldest }, oldestSequence: oldest,
            latestSequence: latest)
    }

    /// Audit records after a position.
    func auditRecords(after: Int64, limit: Int) throws(StateStoreError) -> AuditPage {
        let records = after >= auditLast ? [] : try store.audit(after: after, limit: limit)
        return AuditPage(records: records, latestSequence: auditLast)
    }

    /// The metrics page.
    func metricsText() -> [UInt8] {
        metrics.render(
            clusters: topology.clusterStates(now: Coordinator.moment),
            operationsRunning: topology.operations.count { !$0.hasEnded },
            probes: prober?.counters ?? Prober.Counters(),
            eventLast: topology.lastEventSequence)
    }
}
