// Findings and the events of nodes: what people see of the judgements.

internal import ControlModel

/// The findings of one evaluation, before they are compared with those shown so far.
struct Notes {
    struct Note {
        var code: String
        var severity: Finding.Severity
        var node: String?
        var detail: String
        var until: Timestamp?
    }
    var notes: [Note] = []

    mutating func add(
        _ code: String, _ severity: Finding.Severity, node: String? = nil, detail: String,
        until: Timestamp? = nil
    ) {
        guard !notes.contains(where: { $0.code == code && $0.node == node }) else { return }
        notes.append(
            Note(code: code, severity: severity, node: node, detail: detail, until: until))
    }
}

extension ClusterMachine {
    /// Shows changed verdicts and links as events.
    mutating func announceNodes(_ turn: inout Turn) {
        for node in views.keys.sorted() {
            guard let view = views[node] else { continue }
            let verdict = view.verdict
            if verdict != view.announced, verdict != .suspect, verdict != .unknown {
                views[node]?.announced = verdict
                turn.emit(
                    "node.\(verdict.rawValue)", cluster: name, node: node,
                    view.reason(now: turn.monotonic) ?? "answers its probes",
                    attributes: ["from": view.announced.rawValue])
            }
            guard verdict == .up, let report = view.report, report.linkState != view.announcedLink
            else { continue }
            views[node]?.announcedLink = report.linkState
            let wasConnected = view.announcedLink == .connected
            guard report.role == .replica, wasConnected || report.linkState == .connected
            else { continue }
            let upstream =
                observedUpstream(of: node) ?? report.upstream.map { "\($0.host):\($0.port)" }
            turn.emit(
                wasConnected ? "edge.broken" : "edge.restored", cluster: name, node: node,
                "the link to \(upstream ?? "its upstream") is \(report.linkState.rawValue)",
                attributes: upstream.map { ["upstream": $0] } ?? [:])
        }
    }

    /// Findings that follow from the verdict of single nodes.
    func noteNodes(_ noted: inout Notes, turn: Turn) {
        for node in views.keys.sorted() where !isInMaintenance(node, now: turn.now) {
            guard let view = views[node] else { continue }
            let reason = view.reason(now: turn.monotonic) ?? ""
            switch view.verdict {
            case .foreign:
                noted.add("IdentityMismatch", .critical, node: node, detail: reason)
            case .down where node != record.master:
                noted.add("NodeDown", .warning, node: node, detail: reason)
            case .busy where node != record.master:
                noted.add("NodeBusy", .info, node: node, detail: reason)
            case .up where view.orderProblem != nil:
                noted.add("OrderNotCarriedOut", .warning, node: node, detail: reason)
            case .up, .down, .busy, .unknown, .loading, .suspect: break
            }
            noteRecovery(of: node, view, &noted, turn: turn)
        }
    }

    /// Keeps the finding of a node that was down until it has answered for a while.
    private func noteRecovery(
        of node: String, _ view: NodeView, _ noted: inout Notes, turn: Turn
    ) {
        guard node != record.master, view.verdict != .down, view.verdict != .foreign,
            findings.contains(where: { $0.code == "NodeDown" && $0.node == node })
        else { return }
        let age = view.failures > 0 ? 0 : turn.monotonic - (view.answersSince ?? .min / 2)
        guard age < Limits.recoveryMilliseconds else { return }
        noted.add(
            "NodeDown", .warning, node: node,
            detail: "was down and has answered for \(age) ms; closes after "
                + "\(Limits.recoveryMilliseconds) ms")
    }

    /// Replaces the findings shown so far; new and vanished ones become events.
    mutating func publish(_ noted: Notes, turn: inout Turn) {
        let old = findings
        findings = noted.notes.map { note in
            let known = old.first { $0.code == note.code && $0.node == note.node }
            return Finding(
                code: note.code, severity: note.severity, node: note.node, detail: note.detail,
                since: known?.since ?? turn.now.wall, until: note.until)
        }
        for finding in findings
        where !old.contains(where: { $0.code == finding.code && $0.node == finding.node }) {
            turn.emit(
                "finding.opened", cluster: name, node: finding.node, finding.detail,
                attributes: ["code": finding.code, "severity": finding.severity.rawValue])
        }
        for finding in old
        where !findings.contains(where: { $0.code == finding.code && $0.node == finding.node }) {
            turn.emit(
                "finding.closed", cluster: name, node: finding.node,
                "\(finding.code) no longer holds", attributes: ["code": finding.code])
        }
    }
}
