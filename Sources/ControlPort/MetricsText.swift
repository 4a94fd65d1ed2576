// The figures of the node as its page of metrics.

import Bytes
import ControlModel
import Diagnostics

enum MetricsText {
    /// All figures of `facts`.
    static func render(_ facts: NodeFacts, version: String) -> [UInt8] {
        var page = PrometheusText()
        let report = facts.report
        page.metric("headwater_build_info", .gauge, help: "Version of the node.")
        page.sample(1, [("version", version)])
        page.metric("headwater_role", .gauge, help: "1 for the role the node has.")
        page.sample(1, [("role", report.role.rawValue)])
        for figure in gauges(of: report) + facts.figures.figures {
            page.single(
                "headwater_\(figure.name)", figure.isTotal ? .counter : .gauge, help: figure.help,
                figure.value)
        }
        guard !report.replicas.isEmpty else { return page.bytes.array }
        page.metric(
            "headwater_replica_acknowledged_offset_bytes", .gauge,
            help: "Last stream offset a replica acknowledged.")
        for replica in report.replicas { page.sample(replica.ackedOffset, labels(of: replica)) }
        page.metric(
            "headwater_replica_acknowledgement_age_seconds", .gauge,
            help: "Time since a replica acknowledged.")
        for replica in report.replicas {
            page.sample(Double(replica.lastAckAgeMilliseconds) / 1_000, labels(of: replica))
        }
        return page.bytes.array
    }

    private static func gauges(of report: HealthReport) -> [NodeFigures.Figure] {
        typealias Figure = NodeFigures.Figure
        let age = Double(report.loop.currentCommandAgeMilliseconds) / 1_000
        var figures = [
            Figure(
                "stream_offset_bytes", "Last byte of the stream.", isTotal: true,
                Double(report.offset)),
            Figure(
                "stream_first_offset_bytes", "First byte a replica can still get.",
                isTotal: false, Double(report.backlogFirst)),
            Figure("epoch", "Highest epoch accepted.", isTotal: false, Double(report.epoch)),
            Figure("keys", "Keys over all databases.", isTotal: false, Double(report.dataset.keys)),
            Figure(
                "used_memory_bytes", "Memory of the data.", isTotal: false,
                Double(report.usedMemory)),
            Figure("loading", "1 while data are loaded.", isTotal: false, report.loading ? 1 : 0),
            Figure("paused", "1 while writes are paused.", isTotal: false, report.paused ? 1 : 0),
            Figure("replicas", "Attached replicas.", isTotal: false, Double(report.replicas.count)),
            Figure(
                "loop_turns_total", "Turns of the engine's loop.", isTotal: true,
                Double(report.loop.ticks)),
            Figure("loop_turn_age_seconds", "Age of the running turn.", isTotal: false, age),
        ]
        if report.role == .replica {
            figures.append(
                Figure(
                    "link_up", "1 while the stream is followed.", isTotal: false,
                    report.linkState == .connected ? 1 : 0))
            figures.append(
                Figure(
                    "link_last_byte_age_seconds", "Time since the upstream sent something.",
                    isTotal: false, Double(report.lastByteAgeMilliseconds) / 1_000))
        }
        return figures
    }

    private static func labels(of replica: HealthReport.Replica) -> [PrometheusText.Label] {
        [("node", replica.nodeID ?? ""), ("address", "\(replica.address):\(replica.port)")]
    }
}
