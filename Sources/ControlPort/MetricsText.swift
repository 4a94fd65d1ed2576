// The figures of the node in Prometheus' text format, version 0.0.4.
//
//   # HELP name text
//   # TYPE name counter|gauge
//   name{label="value"} number

import ControlModel

enum MetricsText {
    /// All figures of `facts`.
    static func render(_ facts: NodeFacts, version: String) -> String {
        var text = ""
        let report = facts.report
        add(
            "build_info", "Version of the node.", isTotal: false,
            [("version=\"\(escaped(version))\"", 1)], to: &text)
        let role = report.role.rawValue
        add(
            "role", "1 for the role the node has.", isTotal: false, [("role=\"\(role)\"", 1)],
            to: &text)
        for figure in gauges(of: report) + facts.figures.figures {
            add(figure.name, figure.help, isTotal: figure.isTotal, [("", figure.value)], to: &text)
        }
        if !report.replicas.isEmpty {
            add(
                "replica_acknowledged_offset_bytes", "Last stream offset a replica acknowledged.",
                isTotal: false,
                report.replicas.map { (labels(of: $0), Double($0.ackedOffset)) }, to: &text)
            add(
                "replica_acknowledgement_age_seconds", "Time since a replica acknowledged.",
                isTotal: false,
                report.replicas.map {
                    (labels(of: $0), Double($0.lastAckAgeMilliseconds) / 1_000)
                }, to: &text)
        }
        return text
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

    private static func labels(of replica: HealthReport.Replica) -> String {
        let name = replica.nodeID ?? ""
        return "node=\"\(escaped(name))\",address=\"\(escaped(replica.address)):\(replica.port)\""
    }

    private static func add(
        _ name: String, _ help: String, isTotal: Bool, _ samples: [(labels: String, value: Double)],
        to text: inout String
    ) {
        text += "# HELP headwater_\(name) \(help)\n"
        text += "# TYPE headwater_\(name) \(isTotal ? "counter" : "gauge")\n"
        for sample in samples {
            let labels = sample.labels.isEmpty ? "" : "{\(sample.labels)}"
            text += "headwater_\(name)\(labels) \(number(sample.value))\n"
        }
    }

    private static func number(_ value: Double) -> String {
        guard value.isFinite else { return "NaN" }
        let rounded = value.rounded()
        return rounded == value && abs(value) < 9e15 ? String(Int64(value)) : String(value)
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}
