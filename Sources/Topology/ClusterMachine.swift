// The machine of one cluster. Each evaluation goes through the same steps:
//
//   1. judge each node                       NodeView
//   2. judge the master                      +Evidence
//   3. begin a failover if it is due         +Failover
//   4. drive the running operation           +Assignment, +Switchover, +Failover, +Convergence
//   5. give orphans a new upstream           +Orphans
//   6. put nodes in their intended place     +Wiring
//   7. restore the wanted tree if asked to   +Convergence
//   8. show findings                         +Findings
//
// There are three trees: the wanted one (spec), the intended one (record.edges, what the last
// decision made of the wanted one) and the observed one. Decisions change the intended tree and
// are stored first; wiring makes the observed tree like it and needs no memory of its own, so
// that a lost order, a restarted node and a restarted coordinator are all the same case.

internal import ControlModel

/// Decisions about one cluster.
struct ClusterMachine: Sendable {
    var record: ClusterRecord
    var views: [String: NodeView] = [:]
    /// The operation that is running; at most one.
    var operation: OperationRecord?
    var drive = Drive()
    var findings: [Finding] = []
    /// Requests without outcome.
    var pending: [Int64: PendingRequest] = [:]
    /// Failures before this prove nothing.
    var evidenceSince: Int64
    /// Since when everything has been in its intended place; nil: it is not.
    var quietSince: Int64?
    /// Nothing is going on, and only an input can change that: time alone decides nothing.
    private(set) var isQuiet = false
    /// The cluster was taken out; its records go with this step.
    var isRemoved = false

    /// A request under way, and what it is for.
    struct PendingRequest: Sendable {
        enum Purpose: Sendable, Equatable {
            case promote, pause, catchUp, resume, wire, release
        }
        var node: String
        var purpose: Purpose
        /// Operation that asked; an outcome for another one is ignored.
        var operation: String?
    }

    /// The part of an operation that need not survive a restart.
    struct Drive: Sendable {
        var startedAt: Int64 = 0
        var request: Int64?
        var nextTryAt: Int64 = .min
        var attempts = 0
        var pausedAt: Int64?
        var progressAt: Int64 = 0
        var released: Set<String> = []
        /// The master before the promotion; it names the step that demotes it.
        var formerMaster: String?
    }

    init(record: ClusterRecord, now: Int64) {
        self.record = record
        evidenceSince = now
        for node in record.nodes { views[node.node] = NodeView() }
    }

    var name: String { record.name }
    var policy: ClusterPolicy { record.spec.policy }
    var deadline: Int64 { policy.detection.deadline.milliseconds }

    /// Nodes of the intended tree, the master first.
    var members: [String] {
        guard let master = record.master else { return record.edges.keys.sorted() }
        return CascadePlan.topDown(record.edges, master: master)
    }

    // MARK: - Inputs

    /// Takes in the end of a probe. Returns whether an evaluation is due at once.
    mutating func receive(_ probe: ProbeResult, now: Moment) -> Bool {
        let node = probe.node.node
        guard var view = views[node] else { return false }
        defer { views[node] = view }
        switch probe.outcome {
        case .report(let report):
            if let foreign = foreignIdentity(of: report, at: node) {
                view.receiveForeign(foreign, sentAt: probe.sentAtMilliseconds)
                return view.verdict != .foreign
            }
            return view.receive(report, sentAt: probe.sentAtMilliseconds, now: now)
        case .failed(let failure):
            // A request that was under way while the coordinator slept is no evidence.
            guard probe.sentAtMilliseconds >= evidenceSince else { return false }
            view.receive(failure, sentAt: probe.sentAtMilliseconds)
            return true
        }
    }

    /// Who answers, if it is not the node that is registered at this address.
    private func foreignIdentity(of report: HealthReport, at node: String) -> String? {
        if let cluster = report.clusterID, cluster != record.clusterID {
            return "a node of cluster identity \(cluster) answers at this address"
        }
        if let identity = report.nodeID, identity != node {
            return "node \(identity) answers at this address"
        }
        return nil
    }

    /// Takes in the end of a request.
    mutating func receive(_ outcome: RequestOutcome, id: Int64, turn: inout Turn) {
        guard let request = pending.removeValue(forKey: id) else { return }
        if request.purpose == .wire {
            settleWiring(request.node, id: id, outcome, turn: &turn)
            return
        }
        guard let running = operation, running.operation.id == request.operation,
            drive.request == id || request.purpose == .release
        else { return }
        drive.request = nil
        switch request.purpose {
        case .promote: settlePromotion(outcome, turn: &turn)
        case .pause: settlePause(outcome, turn: &turn)
        case .catchUp: settleCatchUp(outcome, turn: &turn)
        case .resume: settleResume(outcome, turn: &turn)
        case .release: settleRelease(request.node, outcome, turn: &turn)
        case .wire: break
        }
    }

    /// The coordinator stood still: everything that rests on missing answers starts anew.
    mutating func discardEvidence(now: Int64) {
        evidenceSince = now
        for node in Array(views.keys) { views[node]?.discardEvidence(now: now) }
    }

    // MARK: - Evaluation

    /// Judges the nodes only: what the check of the coordinator's own isolation needs.
    mutating func judge(now: Int64) {
        let detection = policy.detection
        let since = evidenceSince
        for node in Array(views.keys) {
            views[node]?.judge(detection, now: now, evidenceSince: since)
        }
    }

    /// Goes through the steps listed at the top of the file.
    mutating func evaluate(_ turn: inout Turn) {
        judge(now: turn.monotonic)
        announceNodes(&turn)
        expireMaintenance(&turn)
        var noted = Notes()
        noteNodes(&noted, turn: turn)
        if let isolation = turn.isolation {
            noted.add("CoordinatorIsolated", .critical, detail: isolation)
        } else if record.maintenance != nil {
            noted.add("Maintenance", .info, detail: "automation is paused by an operator")
            driveOperation(&turn)
        } else if !followHigherEpoch(&turn) {
            noted.add(
                "NewerDecisionUnknown", .critical,
                detail: "nodes know a newer epoch than the store; its master is looked for")
        } else {
            learnLineage(&turn)
            recoverMaster(&noted, turn: &turn)
            driveOperation(&turn)
            adoptOrphans(&noted, turn: &turn)
            wire(&noted, turn: &turn)
            settleShape(&noted, turn: &turn)
        }
        publish(noted, turn: &turn)
        // A drifted tree that is to stay as it is waits for nothing.
        let isWatched = findings.contains { finding in
            finding.code != "TopologyDrifted" || policy.afterFailover == .restore
        }
        isQuiet =
            operation == nil && !isWatched && record.maintenance == nil
            && views.values.allSatisfy { $0.verdict == .up } && isConverged
    }

    private mutating func expireMaintenance(_ turn: inout Turn) {
        guard let until = record.maintenance?.until, turn.now.wall >= until else { return }
        record.maintenance = nil
        turn.store(.cluster(record))
        turn.emit("maintenance.changed", cluster: name, "maintenance ended at its time")
    }

    private mutating func driveOperation(_ turn: inout Turn) {
        guard let running = operation else { return }
        switch running.phase {
        case .assigning: driveAssignment(&turn)
        case .prechecking(let change): drivePrecheck(change, turn: &turn)
        case .pausing(let change): drivePause(change, turn: &turn)
        case .catchingUp(let change, let offset):
            driveCatchUp(change, offset: offset, turn: &turn)
        case .promoting(let promotion): drivePromotion(promotion, turn: &turn)
        case .resuming(let change, let problem):
            driveResume(change, problem: problem, turn: &turn)
        case .converging: driveConvergence(&turn)
        case .releasing(let nodes, _): driveRelease(nodes, turn: &turn)
        }
    }

    /// A node that knows a higher epoch was ordered by a coordinator whose store we do not
    /// have (an older copy was restored). Its decision is newer than ours.
    ///
    /// - Returns: false while it is not known who the newer decision made master: then nothing
    ///   may be decided. Nodes that are down are not waited for.
    private mutating func followHigherEpoch(_ turn: inout Turn) -> Bool {
        var highest = record.epoch
        var claimant: (node: String, epoch: Int64)?
        var isComplete = true
        for node in record.nodes.map(\.node).sorted() {
            guard let view = views[node] else { continue }
            if view.verdict == .unknown || view.verdict == .suspect { isComplete = false }
            guard view.failures == 0, view.foreignIdentity == nil, let report = view.report,
                report.clusterID == record.clusterID, report.epoch > record.epoch
            else { continue }
            highest = max(highest, report.epoch)
            if report.role == .master, report.epoch > claimant?.epoch ?? 0 {
                claimant = (node, report.epoch)
            }
        }
        guard highest > record.epoch else { return true }
        guard isComplete || claimant != nil else { return false }
        let before = record.epoch
        record.epoch = highest + 1
        if let claimant, claimant.node != record.master, record.master != nil {
            record.edges = CascadePlan.rerooted(
                record.edges, from: record.master, to: claimant.node)
            record.master = claimant.node
            if let id = views[claimant.node]?.report?.replicationID { addToLineage(id) }
            abandonOperation(
                problem: Problems.superseded("\(claimant.node) is master at a newer epoch"),
                turn: &turn)
        }
        turn.store(.cluster(record))
        turn.emit(
            "cluster.epoch-adopted", cluster: name, node: claimant?.node, epoch: record.epoch,
            "nodes know epoch \(highest), the store only \(before): newer decisions win")
        return true
    }

    // MARK: - Requests

    /// Sends an order at the present epoch. Whatever it rests on must be stored by now.
    @discardableResult
    mutating func send(
        _ kind: Order.Kind, to node: String, for purpose: PendingRequest.Purpose,
        spec given: NodeSpec? = nil, turn: inout Turn
    ) -> Int64? {
        guard let spec = given ?? record.nodeSpec(node) else { return nil }
        let order = Order(
            clusterID: record.clusterID, nodeID: node, epoch: record.epoch, kind: kind)
        return request(
            .order(order), of: spec, for: purpose, limit: Limits.orderMilliseconds, turn: &turn)
    }

    @discardableResult
    mutating func request(
        _ message: NodeRequest.Message, of spec: NodeSpec, for purpose: PendingRequest.Purpose,
        limit: Int64, turn: inout Turn
    ) -> Int64 {
        let id = turn.nextRequestID()
        pending[id] = PendingRequest(
            node: spec.node, purpose: purpose, operation: operation?.operation.id)
        turn.effects.requests.append(
            NodeRequest(
                id: id, node: NodeKey(cluster: name, node: spec.node), control: spec.control,
                message: message, deadlineMilliseconds: limit))
        return id
    }

    /// The registered node that a node follows or tries to follow by its own account.
    func observedUpstream(of node: String) -> String? {
        guard let upstream = views[node]?.report?.upstream else { return nil }
        if let id = upstream.nodeID, record.nodeSpec(id) != nil { return id }
        return record.nodes.first {
            $0.address.port == upstream.port && $0.address.host == upstream.host
        }?.node
    }

    /// Labels of a node: those of the tree over those of the registration.
    func label(_ name: String, of node: String) -> String? {
        let inTree = record.spec.topology?.flattened.first { $0.spec.node == node }?.spec
        return inTree?.labels[name] ?? record.nodeSpec(node)?.labels[name]
    }

    /// Promotion rule of a node: that of the tree over that of the registration.
    func promotionRule(of node: String) -> PromotionRule {
        let inTree = record.spec.topology?.flattened.first { $0.spec.node == node }?.spec
        return inTree?.promotion ?? record.nodeSpec(node)?.promotion ?? .neutral
    }

    func isInMaintenance(_ node: String, now: Moment) -> Bool {
        guard let until = record.nodeSpec(node)?.maintenanceUntil else { return false }
        return now.wall < until
    }
}
