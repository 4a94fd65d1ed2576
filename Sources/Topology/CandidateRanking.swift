// Who becomes master. First who may, then in this order:
//
//   1. the newest history, then the largest offset in it: data before everything else, because
//      a write that was acknowledged by a replica must be on the node that is promoted
//   2. the promotion rule: prefer, neutral, preferNot
//   3. the zone of the old master
//   4. most nodes already in place, so that the fewest have to be moved
//   5. the name, so that equal cases are decided equally

internal import ControlModel

extension ClusterMachine {
    /// A node that may become master.
    struct Candidate: Equatable {
        var node: String
        var report: HealthReport
    }

    /// The candidates, best first, and why each other node is none.
    struct Ranking {
        var candidates: [Candidate] = []
        var refusals: [Refusal] = []

        var refusalText: String { refusals.map(\.description).joined(separator: "; ") }
    }

    /// A node that may not become master.
    struct Refusal: Equatable, CustomStringConvertible {
        var node: String
        var reason: String
        var description: String { "\(node) \(reason)" }
    }

    /// Ranks the nodes of the tree. `freshSince`: only reports asked for after this count.
    func rankCandidates(
        excluding excluded: [String], freshSince: Int64, now: Moment
    ) -> Ranking {
        var ranking = Ranking()
        for node in members where !excluded.contains(node) {
            if let refusal = refusal(of: node, freshSince: freshSince, now: now) {
                ranking.refusals.append(Refusal(node: node, reason: refusal))
            } else if let report = views[node]?.report {
                ranking.candidates.append(Candidate(node: node, report: report))
            }
        }
        let zone = record.master.flatMap { label("zone", of: $0) }
        let fanOut = CascadePlan.fanOut(record.edges)
        ranking.candidates.sort { left, right in
            isBetter(left, than: right, zone: zone, fanOut: fanOut)
        }
        return ranking
    }

    private func isBetter(
        _ left: Candidate, than right: Candidate, zone: String?, fanOut: [String: Int]
    ) -> Bool {
        let ages = (historyAge(left.report), historyAge(right.report))
        if ages.0 != ages.1 { return ages.0 < ages.1 }
        if left.report.offset != right.report.offset {
            return left.report.offset > right.report.offset
        }
        let rules = (rank(promotionRule(of: left.node)), rank(promotionRule(of: right.node)))
        if rules.0 != rules.1 { return rules.0 < rules.1 }
        if let zone {
            let near = (label("zone", of: left.node) == zone, label("zone", of: right.node) == zone)
            if near.0 != near.1 { return near.0 }
        }
        let children = (fanOut[left.node] ?? 0, fanOut[right.node] ?? 0)
        if children.0 != children.1 { return children.0 > children.1 }
        return left.node < right.node
    }

    private func rank(_ rule: PromotionRule) -> Int {
        PromotionRule.allCases.firstIndex(of: rule) ?? PromotionRule.allCases.count
    }

    /// How many histories ago the data were current: 0 for the newest.
    private func historyAge(_ report: HealthReport) -> Int {
        guard let index = record.lineage.lastIndex(of: report.replicationID) else {
            return record.lineage.count
        }
        return record.lineage.count - 1 - index
    }

    /// Why a node may not become master; nil: it may.
    func refusal(of node: String, freshSince: Int64, now: Moment) -> String? {
        guard let view = views[node] else { return "is not registered" }
        guard view.verdict == .up, let report = view.report else {
            return "is \(view.verdict.rawValue)"
        }
        if report.syncing || report.linkState == .syncing { return "has not finished its copy" }
        if promotionRule(of: node) == .never { return "has promotion \"never\"" }
        if isInMaintenance(node, now: now) { return "is in maintenance" }
        guard report.clusterID == record.clusterID else { return "was never part of the cluster" }
        guard isOurs(report) else { return "does not hold data of this cluster's history" }
        if view.reportSentAt < freshSince { return "has not reported since the master fell silent" }
        return nil
    }

    /// Bytes that the master was last known to have and the candidate has not; nil: the two
    /// offsets are of different histories.
    func lag(of report: HealthReport) -> Int64? {
        guard let master = record.master, let known = views[master]?.report,
            known.replicationID == report.replicationID
        else { return nil }
        return max(0, known.offset - report.offset)
    }
}
