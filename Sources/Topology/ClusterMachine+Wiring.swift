// Makes the observed tree like the intended one, one order per node at a time.
//
// A node is moved only below an upstream that stands in its own place already, from the top
// down: so there is never a ring, not even for a moment, and nobody copies from a node that is
// about to copy itself. A node that keeps its upstream gets the order for its epoch only.

internal import ControlModel

extension ClusterMachine {
    /// Sends the orders that are due.
    mutating func wire(_ noted: inout Notes, turn: inout Turn) {
        guard let master = record.master, mayWire else { return }
        switch judgeMaster(turn) {
        case .unfit, .noAction(code: Self.lostDataCode, detail: _): return
        case .healthy, .waiting, .noAction, .dead: break
        }
        let tree = members
        let spares = record.nodes.map(\.node).filter { !tree.contains($0) }.sorted()
        for node in tree + spares {
            guard let view = views[node], view.verdict == .up, let report = view.report else {
                continue
            }
            guard let kind = dueOrder(for: node, report, master: master, noted: &noted),
                view.wiringRequest == nil, turn.monotonic >= view.nextOrderAt,
                view.reportSentAt > view.orderSettledAt
            else { continue }
            tellDivergence(of: node, report, turn: &turn)
            let id = send(kind, to: node, for: .wire, turn: &turn)
            views[node]?.wiringRequest = id
        }
    }

    /// Orders would disturb a promotion or end a pause.
    private var mayWire: Bool {
        switch operation?.phase {
        case .promoting, .pausing, .catchingUp, .resuming, .assigning: false
        case .releasing(_, let removesCluster): !removesCluster
        case .prechecking, .converging, nil: true
        }
    }

    /// The order that a node needs now; nil: none, or not yet.
    private func dueOrder(
        for node: String, _ report: HealthReport, master: String, noted: inout Notes
    ) -> Order.Kind? {
        let isCurrent = report.epoch == record.epoch && report.clusterID == record.clusterID
        if node == master {
            // One that started empty is refused by replicas with data until this says that it may.
            let isConfirmed = isCurrent && report.dataset.startedEmpty != true
            return report.role == .master && isConfirmed ? nil : .master
        }
        let intended: String
        if let upstream = record.edges[node] {
            intended = upstream
        } else {
            // A spare node keeps what it does, but it must not stay a second master.
            guard report.role == .master, report.clusterID == record.clusterID,
                report.epoch < record.epoch
            else { return nil }
            intended = master
        }
        guard let target = record.nodeSpec(intended) else { return nil }
        let order = Order.Kind.replica(
            of: .init(nodeID: intended, host: target.address.host, port: target.address.port))
        if isAttached(node, report, to: intended) { return isCurrent ? nil : order }
        if report.clusterID == nil, report.dataset.keys > 0, !isOurs(report),
            !sharesHistory(report, views[master]?.report)
        {
            noted.add(
                "ForeignData", .critical, node: node,
                detail: "\(node) holds \(report.dataset.keys) keys of another history; it is not "
                    + "attached, because that would replace them. Empty it to let it join")
            return nil
        }
        guard isPlaced(intended), !observedAncestors(of: intended).contains(node) else {
            return nil
        }
        return order
    }

    func isAttached(_ node: String, _ report: HealthReport, to upstream: String) -> Bool {
        report.role == .replica && observedUpstream(of: node) == upstream
    }

    /// Whether a node stands where it is intended, so that others may be put below it.
    func isPlaced(_ node: String) -> Bool {
        guard let view = views[node], view.verdict == .up, let report = view.report,
            report.epoch == record.epoch
        else { return false }
        if node == record.master { return report.role == .master }
        guard let upstream = record.edges[node] else { return false }
        return isAttached(node, report, to: upstream)
    }

    func observedAncestors(of node: String) -> [String] {
        var result: [String] = []
        var next = observedUpstream(of: node)
        while let upstream = next, !result.contains(upstream) {
            result.append(upstream)
            next = observedUpstream(of: upstream)
        }
        return result
    }

    func sharesHistory(_ left: HealthReport, _ right: HealthReport?) -> Bool {
        guard let right else { return false }
        let ids = [left.replicationID, left.secondReplicationID].compactMap { $0 }
        return ids.contains { $0 == right.replicationID || $0 == right.secondReplicationID }
    }

    /// A former master comes back: says what it had that the new history has not.
    private func tellDivergence(of node: String, _ report: HealthReport, turn: inout Turn) {
        guard node != record.master, report.role == .master, report.epoch < record.epoch,
            let promoted = record.promotedOffset, isOurs(report),
            views[node]?.orderFailures == 0, report.offset > promoted
        else { return }
        let lost = report.offset - promoted
        turn.emit(
            "recovery.diverged", cluster: name, node: node, epoch: record.epoch,
            "\(node) returns as replica; \(lost) bytes of its stream are not in the new history",
            attributes: [
                "lostBytes": String(lost), "promotedOffset": String(promoted),
                "returnedOffset": String(report.offset),
            ])
    }

    /// The end of a wiring order.
    mutating func settleWiring(
        _ node: String, id: Int64, _ outcome: RequestOutcome, turn: inout Turn
    ) {
        guard var view = views[node], view.wiringRequest == id else { return }
        defer { views[node] = view }
        view.wiringRequest = nil
        if case .order(let answer) = outcome, answer.accepted {
            view.orderSettledAt = turn.monotonic
            view.orderFailures = 0
            view.orderProblem = nil
            let upstream = record.edges[node]
            turn.emit(
                "edge.changed", cluster: name, node: node, operation: operation?.operation.id,
                epoch: answer.epoch,
                upstream.map { "\(node) follows \($0)" } ?? "\(node) is master",
                attributes: upstream.map { ["to": $0] } ?? [:])
            turn.effects.probes.append(NodeKey(cluster: name, node: node))
            return
        }
        let delay = min(
            Limits.orderRetryMillisecondsMin << Int64(min(view.orderFailures, 10)),
            Limits.orderRetryMillisecondsMax)
        view.orderFailures += 1
        view.nextOrderAt = turn.monotonic + delay
        if case .order(let answer) = outcome {
            view.orderProblem = "an order was refused: \(answer.problem?.detail ?? "no reason")"
        } else if case .failed(let failure) = outcome {
            view.orderProblem = "an order failed: \(failure.rawValue)"
        }
    }
}
