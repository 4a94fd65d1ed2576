// A whole installation in virtual time: nodes, network, store and coordinator, from one seed.
// The coordinator is the real decision core; only its surroundings are simulated. Checks run
// all the while and are collected in `violations`.

import ControlModel
import Topology

final class SimWorld {
    private(set) var now: Int64 = 1000
    private var random: UInt64
    let seed: UInt64
    private var queue: [(at: Int64, order: Int, run: () -> Void)] = []
    private var queued = 0

    private(set) var nodes: [String: SimNode] = [:]
    let clusterName = "c"
    var topology: Topology?
    private var coordinatorLife = 0
    /// What is stored: the coordinator's only memory across its crashes.
    private(set) var clusterRecords: [String: ClusterRecord] = [:]
    private(set) var operationRecords: [String: OperationRecord] = [:]
    private var counters = TopologyCounters()
    private(set) var events: [Event] = []
    /// The coordinator crashes right after it stored for the n-th time, before it sends anything.
    var crashAfterStores: Int?
    private(set) var stores = 0

    /// Nodes that the coordinator cannot reach, and pairs of nodes that cannot reach each other.
    var cutFromCoordinator: Set<String> = []
    var cutPairs: Set<Set<String>> = []
    var lossPercent: UInt64 = 0
    var isWriting = true
    var writeEvery: Int64 = 5
    private var lastWrite = 0
    /// Writes that at least one direct replica had when the client was told so.
    private(set) var acknowledged: Set<Int> = []
    private(set) var firstWriteAt: [Int64: Int64] = [:]
    private var writerOfEpoch: [Int64: String] = [:]
    private var epochOfNode: [String: Int64] = [:]
    private(set) var violations: [String] = []

    init(nodes ids: [String], seed: UInt64 = 1) {
        self.seed = seed
        random = seed
        for (index, id) in ids.enumerated() {
            nodes[id] = SimNode(id: id, number: index + 1)
        }
        startCoordinator()
        schedule(after: 0) { [unowned self] in stepNodes() }
    }

    // MARK: - Time and chance

    func draw(_ bound: Int) -> Int {
        random &+= 0x9E37_79B9_7F4A_7C15
        var value = random
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((value ^ (value >> 31)) % UInt64(bound))
    }

    /// Bodies do not hold the world, which holds them.
    func schedule(after delay: Int64, _ body: @escaping () -> Void) {
        queued += 1
        let entry = (at: now + delay, order: queued, run: body)
        let place = queue.firstIndex { $0.at > entry.at } ?? queue.endIndex
        queue.insert(entry, at: place)
    }

    func run(_ milliseconds: Int64) {
        let end = now + milliseconds
        while let next = queue.first, next.at <= end {
            queue.removeFirst()
            now = next.at
            next.run()
        }
        now = end
    }

    /// Runs until the condition holds; returns how long it took, or nil after the limit.
    @discardableResult
    func run(until condition: () -> Bool, limit: Int64 = 20_000) -> Int64? {
        let start = now
        while now - start < limit {
            if condition() { return now - start }
            run(5)
        }
        return condition() ? now - start : nil
    }

    var moment: Moment {
        Moment(monotonicMilliseconds: now, wallMilliseconds: 1_790_000_000_000 + now)
    }

    // MARK: - Nodes

    func node(_ id: String) -> SimNode {
        guard let node = nodes[id] else { preconditionFailure("no node \(id)") }
        return node
    }

    private func isCut(_ left: String, _ right: String) -> Bool {
        cutPairs.contains([left, right])
    }

    private func upstream(of node: SimNode) -> SimNode? {
        guard let wanted = node.upstream,
            let above = nodes.values.first(where: { $0.endpoint.host == wanted.host }),
            !isCut(above.id, node.id)
        else { return nil }
        return above
    }

    private func stepNodes() {
        for id in nodes.keys.sorted() {
            let node = node(id)
            node.replicate(from: upstream(of: node), now: now)
            if node.epoch < epochOfNode[id, default: 0] && node.nodeID != nil {
                violations.append("the epoch of \(id) fell to \(node.epoch)")
            }
            epochOfNode[id] = node.nodeID == nil ? 0 : node.epoch
        }
        if isWriting && now % writeEvery == 0 { write() }
        schedule(after: 5) { [unowned self] in stepNodes() }
    }

    /// A client writes to every node that would take it.
    private func write() {
        for id in nodes.keys.sorted() where node(id).acceptsWrites(now) && node(id).nodeID != nil {
            let node = node(id)
            lastWrite += 1
            node.writes.append(lastWrite)
            if firstWriteAt[node.epoch] == nil { firstWriteAt[node.epoch] = now }
            if let other = writerOfEpoch[node.epoch], other != id {
                violations.append("\(other) and \(id) both wrote in epoch \(node.epoch)")
            }
            writerOfEpoch[node.epoch] = id
        }
        // Clients that waited learn of writes that a replica has taken over.
        for node in nodes.values where node.role == .replica && node.link == .connected {
            if let last = node.writes.last { acknowledged.insert(last) }
        }
    }

    // MARK: - Coordinator

    func startCoordinator() {
        coordinatorLife += 1
        topology = Topology(
            records: TopologyRecords(
                clusters: Array(clusterRecords.values),
                operations: Array(operationRecords.values), counters: counters),
            startedAt: moment, seed: seed &+ UInt64(coordinatorLife))
        let life = coordinatorLife
        tick(life)
        for id in nodes.keys.sorted() {
            schedule(after: Int64(draw(100))) { [unowned self] in probe(id, life) }
        }
    }

    func crashCoordinator() {
        topology = nil
        coordinatorLife += 1
    }

    private func tick(_ life: Int) {
        guard life == coordinatorLife else { return }
        deliver(.tick, life)
        schedule(after: Limits.tickMilliseconds) { [unowned self] in tick(life) }
    }

    private func deliver(_ input: TopologyInput, _ life: Int) {
        guard life == coordinatorLife, let effects = topology?.step(input, now: moment) else {
            return
        }
        perform(effects)
    }

    private func perform(_ effects: Effects) {
        if !effects.records.isEmpty || !effects.events.isEmpty {
            for record in effects.records { store(record) }
            events += effects.events
            stores += 1
            if let limit = crashAfterStores, stores >= limit {
                crashAfterStores = nil
                return crashCoordinator()
            }
        }
        let life = coordinatorLife
        for request in effects.requests { send(request, life) }
        for key in effects.probes {
            schedule(after: 1) { [unowned self] in probeOnce(key.node, life) }
        }
    }

    private func store(_ change: RecordChange) {
        switch change {
        case .cluster(let record):
            if let old = clusterRecords[record.spec.name], old.epoch > record.epoch {
                violations.append("the stored epoch fell from \(old.epoch) to \(record.epoch)")
            }
            clusterRecords[record.spec.name] = record
        case .clusterRemoved(let name): clusterRecords[name] = nil
        case .operation(let record): operationRecords[record.operation.id] = record
        case .counters(let new): counters = new
        }
    }

    @discardableResult
    func execute(_ action: CommandAction, dryRun: Bool = false) throws(Problem) -> CommandAnswer {
        guard topology != nil else { preconditionFailure("the coordinator is down") }
        var effects = Effects()
        let command = InternalCommand(
            actor: "test", requestID: "r", dryRun: dryRun, action: action)
        guard let answer = try topology?.execute(command, now: moment, effects: &effects) else {
            preconditionFailure("the coordinator is down")
        }
        perform(effects)
        return answer
    }

    // MARK: - Network

    private enum Reach { case answers, refused, silent }

    private func reach(_ id: String) -> Reach {
        if cutFromCoordinator.contains(id) || UInt64(draw(100)) < lossPercent { return .silent }
        let node = node(id)
        if !node.isRunning { return .refused }
        return node.isStopped ? .silent : .answers
    }

    private func delay() -> Int64 { 1 + Int64(draw(3)) }

    private func probe(_ id: String, _ life: Int) {
        guard life == coordinatorLife else { return }
        probeOnce(id, life) { [unowned self] in
            schedule(after: 100) { [unowned self] in probe(id, life) }
        }
    }

    private func probeOnce(_ id: String, _ life: Int, then: @escaping () -> Void = {}) {
        guard life == coordinatorLife else { return }
        let sent = now
        let key = NodeKey(cluster: clusterName, node: id)
        let end: (ProbeResult.Outcome) -> Void = { [unowned self] outcome in
            deliver(
                .probe(ProbeResult(node: key, sentAtMilliseconds: sent, outcome: outcome)), life)
            then()
        }
        schedule(after: delay()) { [unowned self] in
            switch reach(id) {
            case .silent: schedule(after: 300) { end(.failed(.timeout)) }
            case .refused: schedule(after: 1) { end(.failed(.refused)) }
            case .answers:
                let report = report(of: id)
                schedule(after: delay()) { end(.report(report)) }
            }
        }
    }

    func report(of id: String) -> HealthReport {
        let ids = Dictionary(
            uniqueKeysWithValues: nodes.values.map { ($0.endpoint.host, $0.id) })
        return node(id).report(now: now, ids: ids, replicas: [])
    }

    private func send(_ request: NodeRequest, _ life: Int) {
        let id = request.node.node
        let end: (RequestOutcome) -> Void = { [unowned self] outcome in
            deliver(.request(id: request.id, node: request.node, outcome: outcome), life)
        }
        schedule(after: delay()) { [unowned self] in
            switch reach(id) {
            case .silent: schedule(after: request.deadlineMilliseconds) { end(.failed(.timeout)) }
            case .refused: schedule(after: 1) { end(.failed(.refused)) }
            case .answers: arrive(request, life, end)
            }
        }
    }

    private func arrive(
        _ request: NodeRequest, _ life: Int, _ end: @escaping (RequestOutcome) -> Void
    ) {
        let node = node(request.node.node)
        switch request.message {
        case .order(let order):
            if order.kind == .master { checkPromotion(node, order) }
            let answer = node.carryOut(order, now: now)
            // The answer may be lost although the order was carried out.
            if UInt64(draw(100)) < lossPercent {
                schedule(after: request.deadlineMilliseconds) { end(.failed(.timeout)) }
            } else {
                schedule(after: delay()) { end(.order(answer)) }
            }
        case .waitOffset(let id, let offset, let timeout):
            waitOffset(node, id, offset, until: now + timeout, end)
        }
    }

    private func waitOffset(
        _ node: SimNode, _ id: String, _ offset: Int64, until end: Int64,
        _ done: @escaping (RequestOutcome) -> Void
    ) {
        let isReached = node.isRunning && node.replicationID == id && node.offset >= offset
        if isReached || now >= end {
            let answer = OffsetAnswer(
                reached: isReached, replicationID: node.replicationID, offset: node.offset)
            return schedule(after: delay()) { done(.offset(answer)) }
        }
        schedule(after: 5) { [unowned self] in waitOffset(node, id, offset, until: end, done) }
    }

    /// An empty node must not become master while a node with data could be reached.
    private func checkPromotion(_ node: SimNode, _ order: Order) {
        guard node.writes.isEmpty, node.role == .replica || node.epoch < order.epoch else { return }
        let holder = nodes.values.first { other in
            other.id != node.id && other.isRunning && !other.isStopped && !other.writes.isEmpty
                && other.clusterID == order.clusterID && !cutFromCoordinator.contains(other.id)
        }
        if let holder {
            violations.append("empty \(node.id) was promoted although \(holder.id) has data")
        }
    }
}
