// Whether the master is dead. Its silence alone is not enough: the network between it and us
// may be what failed. Its direct replicas are asked too, by what their last report says:
//
//   our probes    its replicas          judgement
//   fail          all lost it           dead
//   fail          one still receives    MasterUnreachableByCoordinator, no action
//   fail          none answers          DeadMasterNoReplicas unless it surely is not running
//   answer        –                     healthy, or unfit: data lost, history behind, stalled
//
// A replica's report counts only if it was asked for after the master's first failure.

internal import ControlModel

extension ClusterMachine {
    /// What is thought of the master.
    enum MasterJudgement: Equatable {
        /// Works.
        case healthy
        /// Not enough is known yet.
        case waiting(String)
        /// Something is wrong, and nothing is to be done about it automatically.
        case noAction(code: String, detail: String)
        /// Dead: to be replaced.
        case dead(String)
        /// Answers, but must not stay master.
        case unfit(code: String, detail: String)
    }

    /// Judges the assigned master.
    func judgeMaster(_ turn: Turn) -> MasterJudgement {
        guard let master = record.master, let view = views[master] else { return .healthy }
        switch view.verdict {
        case .up: return judgeAnsweringMaster(master, view)
        case .loading: return .noAction(code: "MasterLoading", detail: "\(master) loads its data")
        case .busy:
            let age = turn.monotonic - (view.busySince ?? turn.monotonic)
            let tolerance = policy.detection.busyTolerance
            let detail =
                "one command of \(master) has been running for \(age) ms; "
                + "up to \(tolerance.text) is tolerated"
            return age < tolerance.milliseconds
                ? .noAction(code: "MasterBusy", detail: detail)
                : .unfit(code: "MasterBusyTooLong", detail: detail)
        case .suspect, .unknown:
            return .waiting("\(master) has not been silent for long enough")
        case .down, .foreign:
            return judgeSilentMaster(master, view, turn)
        }
    }

    /// A master that answers may have restarted without its data, or with older data than its
    /// replicas have.
    private func judgeAnsweringMaster(_ master: String, _ view: NodeView) -> MasterJudgement {
        guard let report = view.report, !record.lineage.isEmpty,
            report.replicationID != record.lineage.last
        else { return .healthy }
        let others = members.compactMap { node -> (node: String, report: HealthReport)? in
            guard node != master, let other = views[node], other.verdict == .up,
                let known = other.report, isOurs(known)
            else { return nil }
            return (node, known)
        }
        if !isOurs(report) { return judgeForeignMaster(master, view, report) }
        let ahead = others.first {
            $0.report.replicationID == report.secondReplicationID
                && $0.report.offset > report.offset
        }
        guard let ahead else { return .healthy }
        return .unfit(
            code: "MasterRegressed",
            detail: "\(master) restarted at offset \(report.offset), \(ahead.node) has "
                + "\(ahead.report.offset) of the same history")
    }

    /// The master has no history of ours: it was emptied, or its disk was replaced.
    private func judgeForeignMaster(
        _ master: String, _ view: NodeView, _ report: HealthReport
    ) -> MasterJudgement {
        let isEmptied =
            report.dataset.keys == 0 && (view.formerBootID != nil || report.clusterID == nil)
        // Also when the coordinator did not see the restart, and clients have written since.
        guard isEmptied || report.dataset.startedEmpty == true else { return .healthy }
        var unknown: [String] = []
        for node in members where node != master {
            guard let other = views[node], other.verdict == .up, let known = other.report else {
                unknown.append(node)
                continue
            }
            guard known.dataset.keys > 0 else { continue }
            return .unfit(
                code: Self.lostDataCode,
                detail: "\(master) restarted empty and without its history, while \(node) holds "
                    + "\(known.dataset.keys) keys")
        }
        guard !unknown.isEmpty else { return .healthy }
        return .noAction(
            code: Self.lostDataCode,
            detail: "\(master) restarted empty and without its history; it is not made master "
                + "while \(unknown.joined(separator: ", ")) may hold data. Bring them back, or "
                + "take them out of the topology")
    }

    static let lostDataCode = "MasterLostData"

    private func judgeSilentMaster(
        _ master: String, _ view: NodeView, _ turn: Turn
    ) -> MasterJudgement {
        let since = max(view.failingSince ?? evidenceSince, evidenceSince)
        var witnesses: [String] = []
        var hadLink = view.lastGoodAt != nil
        var isHardDown = view.hardFailures >= 2
        for node in record.nodes.map(\.node).sorted() where node != master {
            guard follows(node, master), let witness = views[node] else { continue }
            switch witness.verdict {
            case .suspect, .unknown: return .waiting("\(node) does not answer yet")
            case .down: isHardDown = isHardDown && witness.hardFailures >= 2
            case .foreign: continue
            case .loading, .busy, .up:
                guard witness.reportSentAt >= since, let report = witness.report else {
                    return .waiting("no report of \(node) since \(master) fell silent")
                }
                if witness.isReceiving(within: deadline) {
                    return .noAction(
                        code: "MasterUnreachableByCoordinator",
                        detail: "probes of \(master) fail, but \(node) still receives its stream")
                }
                hadLink = hadLink || report.lastByteAgeMilliseconds >= 0
                witnesses.append("\(node): link \(report.linkState.rawValue)")
            }
        }
        let probes = view.reason(now: turn.monotonic) ?? "probes fail"
        if witnesses.isEmpty && !isHardDown {
            return .noAction(
                code: "DeadMasterNoReplicas",
                detail: "\(master): \(probes); no direct replica answers")
        }
        let grace = policy.detection.startupGrace
        if !hadLink, turn.monotonic - turn.startedAt < grace.milliseconds {
            return .noAction(
                code: "MasterNotSeenYet",
                detail: "neither the coordinator nor a replica has seen \(master) since they "
                    + "started; it is waited for up to \(grace.text)")
        }
        return .dead((["\(master): \(probes)"] + witnesses).joined(separator: "; "))
    }

    /// Whether a node follows the master: by its own account, or by ours if it never spoke.
    private func follows(_ node: String, _ upstream: String) -> Bool {
        guard let report = views[node]?.report else { return record.edges[node] == upstream }
        guard report.role == .replica else { return false }
        return observedUpstream(of: node) == upstream
    }

    /// Whether the data belong to this cluster's history.
    func isOurs(_ report: HealthReport) -> Bool {
        record.lineage.contains(report.replicationID)
            || report.secondReplicationID.map(record.lineage.contains) ?? false
    }

    /// Remembers the replication id of a master that stands as assigned.
    mutating func learnLineage(_ turn: inout Turn) {
        guard let master = record.master, let view = views[master], view.verdict == .up,
            let report = view.report, report.role == .master, report.epoch == record.epoch,
            report.replicationID != record.lineage.last,
            judgeAnsweringMaster(master, view) == .healthy
        else { return }
        addToLineage(report.replicationID)
        turn.store(.cluster(record))
    }

    mutating func addToLineage(_ replicationID: String) {
        guard !replicationID.isEmpty, record.lineage.last != replicationID else { return }
        record.lineage.removeAll { $0 == replicationID }
        record.lineage.append(replicationID)
        if record.lineage.count > Limits.lineageMax {
            record.lineage.removeFirst(record.lineage.count - Limits.lineageMax)
        }
    }
}
