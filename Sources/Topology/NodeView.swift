// What is known about one node from its answers and silences. Nothing here is stored: after a
// restart of the coordinator all of it is collected anew.

internal import ControlModel

/// The observations of one node and the verdict that follows from them.
struct NodeView: Sendable {
    /// Last report with the right identity.
    var report: HealthReport?
    /// When the probe that brought it was sent: the report is not older than this.
    var reportSentAt: Int64 = .min
    /// When a report last arrived; nil: never since the start.
    var lastGoodAt: Int64?
    var lastSeen: Timestamp?
    /// Failures since the last report, and how many of the latest ones were hard.
    var failures = 0
    var hardFailures = 0
    var lastFailure: ProbeFailure?
    /// When the probe that failed first after the last report was sent.
    var failingSince: Int64?
    /// Since when it has been answering without a failure.
    var answersSince: Int64?
    /// Since when its engine has been standing still.
    var busySince: Int64?
    /// What answers here in its place, if it is another node.
    var foreignIdentity: String?
    /// Process that was seen before the present one; tells a restart.
    var formerBootID: String?
    var verdict = NodeVerdict.unknown
    /// Verdict that was last shown as an event.
    var announced = NodeVerdict.unknown
    var announcedLink: LinkState?

    /// Order under way to put it in its place.
    var wiringRequest: Int64?
    /// No order before this time, after refusals.
    var nextOrderAt: Int64 = .min
    var orderFailures = 0
    /// Only a report that was asked for after this shows the effect of the last order.
    var orderSettledAt: Int64 = .min
    /// Why the last order was refused or was not sent.
    var orderProblem: String?

    /// Takes in a report. Returns whether it changes what could be decided.
    mutating func receive(_ new: HealthReport, sentAt: Int64, now: Moment) -> Bool {
        let old = report
        let wasSilent = failures > 0 || old == nil || foreignIdentity != nil
        if let old, old.bootID != new.bootID { formerBootID = old.bootID }
        report = new
        reportSentAt = sentAt
        lastGoodAt = now.monotonicMilliseconds
        lastSeen = now.wall
        if wasSilent { answersSince = now.monotonicMilliseconds }
        forgetFailures()
        foreignIdentity = nil
        let wasBusy = busySince != nil
        let isBusy = new.loop.currentCommandAgeMilliseconds >= Limits.busyMilliseconds
        if !isBusy {
            busySince = nil
        } else if busySince == nil {
            busySince = now.monotonicMilliseconds - new.loop.currentCommandAgeMilliseconds
        }
        guard !wasSilent, wasBusy == isBusy, let old else { return true }
        return old.bootID != new.bootID || old.role != new.role || old.epoch != new.epoch
            || old.linkState != new.linkState || old.upstream != new.upstream
            || old.replicationID != new.replicationID || old.loading != new.loading
            || old.syncing != new.syncing || old.paused != new.paused
    }

    /// Takes in what the answer to a promotion says about the node.
    mutating func notePromotion(_ answer: OrderAnswer, sentAt: Int64) {
        guard var new = report else { return }
        new.role = .master
        new.epoch = answer.epoch
        if new.replicationID != answer.replicationID {
            new.secondReplicationID = new.replicationID
            new.replicationID = answer.replicationID
        }
        new.offset = answer.offset
        new.upstream = nil
        new.linkState = .none
        new.paused = false
        report = new
        orderSettledAt = sentAt
        forgetFailures()
        if verdict == .suspect { verdict = .up }
    }

    /// Takes in a failure.
    mutating func receive(_ failure: ProbeFailure, sentAt: Int64) {
        failures += 1
        hardFailures = failure.isHard ? hardFailures + 1 : 0
        lastFailure = failure
        if failingSince == nil { failingSince = sentAt }
    }

    /// Another node answered at its address.
    mutating func receiveForeign(_ identity: String, sentAt: Int64) {
        foreignIdentity = identity
        if failingSince == nil { failingSince = sentAt }
    }

    /// The coordinator itself stood still: failures so far prove nothing, and have to be seen
    /// again for a whole deadline.
    mutating func discardEvidence(now: Int64) {
        guard failures > 0 else { return }
        failures = 1
        hardFailures = min(hardFailures, 1)
        failingSince = now
        if verdict == .down { verdict = .suspect }
    }

    /// Forgets failures.
    private mutating func forgetFailures() {
        failures = 0
        hardFailures = 0
        lastFailure = nil
        failingSince = nil
    }

    /// Judges the node. A refused or reset connection, twice, counts after the deadline;
    /// silence without a refusal has to last twice as long, because a busy host is silent too.
    mutating func judge(_ detection: ClusterPolicy.Detection, now: Int64, evidenceSince: Int64) {
        if foreignIdentity != nil {
            verdict = .foreign
        } else if failures > 0 {
            let start = max(lastGoodAt ?? failingSince ?? now, evidenceSince)
            let silence = now - start
            let deadline = detection.deadline.milliseconds
            let isDown =
                failures >= 2
                && (hardFailures >= 2 ? silence >= deadline : silence >= 2 * deadline)
            verdict = isDown || (verdict == .down) ? .down : .suspect
        } else if let report {
            verdict = report.loading ? .loading : busySince != nil ? .busy : .up
        } else {
            verdict = .unknown
        }
    }

    /// Why it is judged as it is, in words.
    func reason(now: Int64) -> String? {
        switch verdict {
        case .foreign: return foreignIdentity
        case .suspect, .down:
            let name = lastFailure?.rawValue ?? "no answer"
            let silence = now - (lastGoodAt ?? failingSince ?? now)
            let seen = lastGoodAt == nil ? ", never seen since the coordinator started" : ""
            return "\(failures) probes failed (\(name)), silent for \(silence) ms\(seen)"
        case .busy:
            let age = busySince.map { now - $0 } ?? 0
            return "answers, but one command has been running for \(age) ms"
        case .loading: return "loads its data"
        case .up: return orderProblem
        case .unknown: return nil
        }
    }

    /// Whether its stream is flowing: connected or synchronising, and not silent.
    func isReceiving(within deadlineMilliseconds: Int64) -> Bool {
        guard let report, report.role == .replica else { return false }
        guard report.linkState == .connected || report.linkState == .syncing else { return false }
        return report.lastByteAgeMilliseconds >= 0
            && report.lastByteAgeMilliseconds < deadlineMilliseconds
    }
}
