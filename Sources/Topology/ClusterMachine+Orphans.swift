// New upstreams for the replicas of a dead intermediate node.
//
//        n1              n1                n1              n1
//       /  \            /  \              /  \            / | \
//     [n2]  n3    →   [n2]  n3          n4    n3        n4 [n2] n3
//     /  \                 /  \         |
//   n4    n5             n4    n5      n5
//                       sibling         bestOrphan       grandparent
//
// The choices are tried in the order of the policy, twice: first only upstreams whose backlog
// still has what the orphan lacks, then any. The dead node keeps its place and is put back
// there, without its replicas, when it returns.

internal import ControlModel

extension ClusterMachine {
    /// Finds orphans and changes the intended tree for them.
    mutating func adoptOrphans(_ noted: inout Notes, turn: inout Turn) {
        guard record.master != nil, mayAdopt else { return }
        let dead = members.filter { node in
            guard node != record.master, let verdict = views[node]?.verdict else { return false }
            return verdict == .down || verdict == .foreign
        }
        for node in dead { adoptOrphans(of: node, noted: &noted, turn: &turn) }
    }

    private var mayAdopt: Bool {
        switch operation?.phase {
        case .converging, .prechecking, nil: true
        case .assigning, .pausing, .catchingUp, .promoting, .resuming, .releasing: false
        }
    }

    private mutating func adoptOrphans(of dead: String, noted: inout Notes, turn: inout Turn) {
        let below = record.edges.filter { $0.value == dead }.keys.sorted()
        var moves: [(node: String, to: String, why: String)] = []
        let orphans = below.filter { isOrphan($0, of: dead, turn) }
        guard !orphans.isEmpty else { return }
        // The most advanced first: it may become the upstream of the others.
        let ordered = orphans.sorted { left, right in
            let offsets = (views[left]?.report?.offset ?? 0, views[right]?.report?.offset ?? 0)
            return offsets.0 != offsets.1 ? offsets.0 > offsets.1 : left < right
        }
        for orphan in ordered {
            guard let move = upstream(for: orphan, of: dead, best: moves.first?.node) else {
                noted.add(
                    "OrphanWithoutUpstream", .critical, node: orphan,
                    detail: "\(dead), its upstream, is down, and no other node can take it")
                continue
            }
            record.edges[orphan] = move.to
            moves.append((orphan, move.to, move.why))
        }
        guard !moves.isEmpty else { return }
        let evidence = "\(dead): \(views[dead]?.reason(now: turn.monotonic) ?? "down")"
        let goal = OperationRecord.Goal(master: record.master, edges: record.edges)
        if operation == nil {
            begin(
                .reparent, steps: ["collectEvidence", "chooseUpstream", "reparent", "verify"],
                goal: goal, phase: .converging, request: .automatic(reason: evidence),
                turn: &turn)
        }
        operation?.goal.edges = record.edges
        finish("collectEvidence", evidence, turn: turn)
        let choices = moves.map { "\($0.node) below \($0.to): \($0.why)" }
        finish("chooseUpstream", choices.joined(separator: "; "), turn: turn)
        start("reparent", turn: turn)
        turn.store(.cluster(record))
        storeOperation(&turn)
        for move in moves {
            turn.emit(
                "edge.moving", cluster: name, node: move.node,
                operation: operation?.operation.id, epoch: record.epoch,
                "\(move.node) moves from \(dead) below \(move.to): \(move.why)",
                attributes: ["from": dead, "to": move.to])
        }
    }

    /// Whether a replica of a dead node has surely lost it. One that still receives the stream
    /// shows that only the coordinator cannot reach the node.
    private func isOrphan(_ node: String, of dead: String, _ turn: Turn) -> Bool {
        guard let view = views[node], view.verdict == .up, let report = view.report,
            let silent = views[dead]
        else { return false }
        let since = max(silent.failingSince ?? evidenceSince, evidenceSince)
        guard view.reportSentAt >= since else { return false }
        guard isAttached(node, report, to: dead) else { return true }
        if view.isReceiving(within: deadline) { return false }
        let wasSeen = silent.lastGoodAt != nil || report.lastByteAgeMilliseconds >= 0
        let grace = policy.detection.startupGrace.milliseconds
        return wasSeen || turn.monotonic - turn.startedAt >= grace
    }

    /// Chooses an upstream for an orphan; `best`: the orphan that was moved first.
    private func upstream(
        for orphan: String, of dead: String, best: String?
    ) -> (to: String, why: String)? {
        // Where it is already, if that is a sound place: nothing has to move.
        if let present = observedUpstream(of: orphan), present != dead,
            isSound(present, for: orphan), views[orphan]?.isReceiving(within: deadline) == true
        {
            return (present, "it follows that node already")
        }
        var options: [(to: String, why: String)] = []
        for choice in policy.reparent.order {
            switch choice {
            case .sibling:
                options += siblings(of: dead, for: orphan).map { ($0, "sibling of \(dead)") }
            case .bestOrphan:
                if let best, isSound(best, for: orphan, mayMove: true) {
                    options.append((best, "most advanced of the orphans"))
                } else if best == nil, let ancestor = livingAncestor(of: dead, for: orphan) {
                    options.append((ancestor, "takes the place of \(dead)"))
                }
            case .grandparent:
                if let ancestor = livingAncestor(of: dead, for: orphan) {
                    options.append((ancestor, "nearest living ancestor"))
                }
            }
        }
        if let cheap = options.first(where: { canContinue(orphan, from: $0.to) }) {
            return (cheap.to, cheap.why + ", partial resynchronisation")
        }
        return options.first.map { ($0.to, $0.why + ", full synchronisation") }
    }

    private func siblings(of dead: String, for orphan: String) -> [String] {
        let zone = label("zone", of: orphan)
        let fanOut = CascadePlan.fanOut(record.edges)
        let found = record.edges.keys.filter { node in
            node != dead && record.edges[node] == record.edges[dead]
                && isSound(node, for: orphan)
        }
        return found.sorted { left, right in
            if let zone {
                let near = (label("zone", of: left) == zone, label("zone", of: right) == zone)
                if near.0 != near.1 { return near.0 }
            }
            let children = (fanOut[left] ?? 0, fanOut[right] ?? 0)
            return children.0 != children.1 ? children.0 < children.1 : left < right
        }
    }

    private func livingAncestor(of dead: String, for orphan: String) -> String? {
        CascadePlan.ancestors(of: dead, in: record.edges).first { isSound($0, for: orphan) }
    }

    /// Whether a node can feed the orphan: alive, in place, not below it, with room for one more.
    private func isSound(_ node: String, for orphan: String, mayMove: Bool = false) -> Bool {
        guard node != orphan, let view = views[node], view.verdict == .up,
            !CascadePlan.ancestors(of: node, in: record.edges).contains(orphan)
        else { return false }
        let count = CascadePlan.fanOut(record.edges)[node] ?? 0
        let counted = record.edges[orphan] == node ? count - 1 : count
        guard counted < policy.reparent.maxFanOut || node == record.master else { return false }
        if mayMove { return record.edges[node] != nil }
        if node == record.master { return view.report?.role == .master }
        return isPlaced(node) && view.report?.linkState == .connected
    }

    /// Whether the upstream's backlog has everything that the node lacks.
    func canContinue(_ node: String, from upstream: String) -> Bool {
        guard let below = views[node]?.report, let above = views[upstream]?.report,
            above.replicationID == below.replicationID
                || above.secondReplicationID == below.replicationID,
            above.backlogFirst > 0
        else { return false }
        let next = below.offset + 1
        return above.backlogFirst <= next && next <= above.backlogLast + 1
    }
}
