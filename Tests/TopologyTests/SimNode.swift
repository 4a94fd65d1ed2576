// A data node of the simulated world: just enough of replication to tell right from wrong. Its
// data are a list of numbered writes; the offset of the stream is ten times their count.

import ControlModel

final class SimNode {
    let id: String
    let endpoint: Endpoint
    let control: Endpoint

    // Durable: survives a crash.
    var clusterID: String?
    var nodeID: String?
    var epoch: Int64 = 0
    var role = NodeRole.master
    var upstream: Order.Upstream?
    var writes: [Int] = []
    var replicationID: String
    var secondReplicationID: String?
    var secondOffset: Int64 = -1

    // Of the running process.
    var isRunning = true
    var isStopped = false
    var boot = 1
    var loadingUntil: Int64 = .min
    var busySince: Int64?
    var pausedUntil: Int64 = .min
    var link = LinkState.none
    var linkReadyAt: Int64 = 0
    var lastByteAt: Int64?
    var backlogStart: Int64 = 1
    /// Replicas may not follow faster than this many writes in a step of the world.
    var writesPerStep = 1000
    var refusesPromotion = false
    var fullSyncs = 0
    var partialSyncs = 0
    /// See `HealthReport.Dataset.startedEmpty`.
    var startedEmpty = false

    init(id: String, number: Int) {
        self.id = id
        endpoint = Endpoint(host: "10.0.0.\(number)", port: 6379)
        control = Endpoint(host: "10.0.0.\(number)", port: 8001)
        replicationID = "\(id)-history-1"
    }

    var offset: Int64 { Int64(writes.count) * 10 }
    var spec: NodeSpec { NodeSpec(node: id, address: endpoint, control: control) }

    func isPaused(_ now: Int64) -> Bool { now < pausedUntil }

    func acceptsWrites(_ now: Int64) -> Bool {
        isRunning && !isStopped && busySince == nil && role == .master && !isPaused(now)
            && now >= loadingUntil
    }

    func crash() {
        isRunning = false
        isStopped = false
        busySince = nil
        pausedUntil = .min
        link = .none
        lastByteAt = nil
    }

    /// `wiped`: its disk was replaced; `withoutData`: the files of its data are gone, its identity
    /// is still there.
    func restart(
        now: Int64, loading: Int64 = 0, wiped: Bool = false, withoutData: Bool = false
    ) {
        guard !isRunning else { return }
        boot += 1
        isRunning = true
        loadingUntil = now + loading
        link = role == .replica ? .connecting : .none
        lastByteAt = nil
        if wiped {
            clusterID = nil
            nodeID = nil
            epoch = 0
            role = .master
            upstream = nil
            link = .none
        }
        startedEmpty = wiped || withoutData
        if startedEmpty {
            writes = []
            replicationID = "\(id)-history-\(boot)-empty"
            secondReplicationID = nil
        } else if role == .master {
            startHistory("boot")
        }
    }

    private func startHistory(_ cause: String) {
        secondReplicationID = replicationID
        secondOffset = offset
        replicationID = "\(id)-history-\(boot)-\(cause)-\(epoch)"
    }

    func report(now: Int64, ids: [String: String], replicas: [HealthReport.Replica]) -> HealthReport
    {
        HealthReport(
            nodeID: nodeID, clusterID: clusterID, bootID: "\(id)-\(boot)", role: role,
            epoch: epoch, replicationID: replicationID,
            secondReplicationID: secondReplicationID, offset: offset,
            backlogFirst: backlogStart, backlogLast: offset,
            upstream: upstream.map {
                .init(nodeID: link == .connected ? ids[$0.host] : nil, host: $0.host, port: $0.port)
            },
            linkState: role == .master ? .none : link,
            lastByteAgeMilliseconds: lastByteAt.map { now - $0 } ?? -1, replicas: replicas,
            loading: now < loadingUntil, syncing: link == .syncing,
            loop: .init(ticks: now, currentCommandAgeMilliseconds: busySince.map { now - $0 } ?? 0),
            dataset: .init(
                keys: Int64(writes.count), lastSave: 0, persistence: "aof",
                startedEmpty: startedEmpty ? true : nil),
            clockMilliseconds: now, usedMemory: 0, paused: isPaused(now))
    }

    /// The rules of `Order`: identity, then epoch, then the order.
    func carryOut(_ order: Order, now: Int64) -> OrderAnswer {
        func answer(_ code: String?) -> OrderAnswer {
            OrderAnswer(
                accepted: code == nil, epoch: epoch, replicationID: replicationID, offset: offset,
                problem: code.map { Problem(status: 409, code: $0, title: $0, detail: $0) })
        }
        if (clusterID != nil && clusterID != order.clusterID)
            || (nodeID != nil && nodeID != order.nodeID) || order.nodeID != id
        {
            return answer("IDENTITY_MISMATCH")
        }
        guard order.epoch >= epoch else { return answer("STALE_EPOCH") }
        if order.kind == .master && refusesPromotion { return answer("CANNOT") }
        clusterID = order.clusterID
        nodeID = order.nodeID
        epoch = order.epoch
        switch order.kind {
        case .master:
            pausedUntil = .min
            startedEmpty = false
            if role == .replica {
                role = .master
                upstream = nil
                link = .none
                startHistory("promotion")
            }
        case .replica(let of):
            pausedUntil = .min
            if role == .master || upstream?.host != of.host || upstream?.port != of.port {
                link = .connecting
                lastByteAt = nil
            }
            role = .replica
            upstream = of
        case .pause(let limit): pausedUntil = now + limit
        case .resume: pausedUntil = .min
        case .release:
            clusterID = nil
            nodeID = nil
            epoch = 0
        }
        return answer(nil)
    }

    /// One step of replication from `above`; nil: the upstream cannot be reached.
    func replicate(from above: SimNode?, now: Int64) {
        guard role == .replica, isRunning, !isStopped, busySince == nil, now >= loadingUntil else {
            return
        }
        guard let above, above.isRunning, !above.isStopped, now >= above.loadingUntil,
            above.role == .master || above.link == .connected
        else {
            // A stopped upstream or a cut network leaves the connection open until it times out.
            let isSilent = above.map { $0.isRunning && $0.isStopped } ?? true
            if link == .connected && isSilent && now - (lastByteAt ?? now) < 2000 { return }
            if link != .none { link = .connecting }
            return
        }
        guard above.busySince == nil else { return }
        // The handshake carries cluster and epoch: nobody follows a stranger or an older order.
        guard clusterID == nil || (above.clusterID == clusterID && above.epoch >= epoch) else {
            link = .connecting
            return
        }
        lastByteAt = now
        switch link {
        case .none, .connecting, .handshake:
            if canContinue(from: above) {
                partialSyncs += 1
                adoptHistory(of: above)
                link = .connected
            } else {
                guard !above.startedEmpty || writes.isEmpty else {
                    link = .connecting
                    return
                }
                fullSyncs += 1
                link = .syncing
                linkReadyAt = now + 60
            }
        case .syncing:
            guard now >= linkReadyAt else { return }
            writes = above.writes
            startedEmpty = false
            adoptHistory(of: above)
            link = .connected
        case .connected:
            if replicationID != above.replicationID {
                // Promotion above us: the link was cut and continues under the new history.
                link = .connecting
                return
            }
            let missing = above.writes.dropFirst(writes.count).prefix(writesPerStep)
            writes.append(contentsOf: missing)
        }
    }

    private func canContinue(from above: SimNode) -> Bool {
        let next = offset + 1
        guard offset <= above.offset, above.backlogStart <= next else { return false }
        if replicationID == above.replicationID { return true }
        return replicationID == above.secondReplicationID && offset <= above.secondOffset
    }

    private func adoptHistory(of above: SimNode) {
        replicationID = above.replicationID
        secondReplicationID = above.secondReplicationID
        secondOffset = above.secondOffset
    }
}
