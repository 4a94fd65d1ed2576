// Counters of this process in the text format of Prometheus. Labels are templates of paths, never
// paths, so their number is bounded by the route table.

import ControlModel
import HTTPTransport

struct AdminMetrics {
    private struct Answer: Hashable {
        var route: String
        var method: String
        var status: Int
    }

    /// Upper bounds of the buckets in microseconds; long-polls end up in the last.
    private static let bounds: [Int64] = [
        500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000,
        30_000_000,
    ]

    private var answers: [Answer: Int64] = [:]
    private var buckets = [Int64](repeating: 0, count: bounds.count + 1)
    private var microsecondsSum: Int64 = 0

    mutating func answered(_ route: String, method: String, status: Int, microseconds: Int64) {
        answers[Answer(route: route, method: method, status: status), default: 0] += 1
        let index = Self.bounds.firstIndex { microseconds <= $0 } ?? Self.bounds.count
        buckets[index] += 1
        microsecondsSum += microseconds
    }

    /// All metrics of the process.
    func text(
        server: HTTPServer.Counters, connections: Int, readers: Int, failures: Int64,
        snapshot: StateSnapshot?, isLive: Bool
    ) -> String {
        var text = MetricsText()
        text.family("headwater_admin_build_info", "gauge", "The running program.")
        text.sample(1, labels: [("version", ServiceVersion.program)])
        text.family("headwater_admin_http_requests_total", "counter", "Requests answered.")
        let ordered = answers.sorted {
            ($0.key.route, $0.key.method, $0.key.status)
                < ($1.key.route, $1.key.method, $1.key.status)
        }
        for (answer, count) in ordered {
            text.sample(
                count,
                labels: [
                    ("route", answer.route), ("method", answer.method),
                    ("code", String(answer.status)),
                ])
        }
        histogram(&text)
        text.single(
            "headwater_admin_http_connections", "gauge", "Open connections.", Int64(connections))
        text.single(
            "headwater_admin_http_over_limit_total", "counter",
            "Connections refused because of the limit.", Int64(server.overLimit))
        text.single(
            "headwater_admin_http_slow_consumers_total", "counter",
            "Streams cut because their reader was too slow.", Int64(server.slowConsumers))
        text.single(
            "headwater_admin_event_readers", "gauge", "Readers of events now.", Int64(readers))
        text.single(
            "headwater_admin_authentication_failures_total", "counter",
            "Requests without a valid token.", failures)
        text.single(
            "headwater_admin_coordinator_up", "gauge", "Whether the coordinator answers.",
            isLive ? 1 : 0)
        if let snapshot { state(snapshot, &text) }
        return text.text
    }

    private func histogram(_ text: inout MetricsText) {
        let name = "headwater_admin_http_request_duration_seconds"
        text.family(name, "histogram", "Time from the end of a request to its answer.")
        var sum: Int64 = 0
        for (index, count) in buckets.enumerated() {
            sum += count
            let bound = index < Self.bounds.count ? Self.seconds(Self.bounds[index]) : "+Inf"
            text.sample(sum, suffix: "_bucket", labels: [("le", bound)])
        }
        text.line("\(name)_sum \(Self.seconds(microsecondsSum))")
        text.line("\(name)_count \(sum)")
    }

    private static func seconds(_ microseconds: Int64) -> String {
        (Double(microseconds) / 1_000_000).description
    }

    private func state(_ snapshot: StateSnapshot, _ text: inout MetricsText) {
        text.single(
            "headwater_admin_event_sequence", "gauge", "Newest event.",
            snapshot.latestEventSequence)
        text.single(
            "headwater_admin_operations_running", "gauge", "Operations that run.",
            Int64(snapshot.operations.count { !$0.hasEnded }))
        text.family("headwater_admin_cluster_converged", "gauge", "Whether the tree stands.")
        for cluster in snapshot.clusters {
            text.sample(cluster.converged ? 1 : 0, labels: [("cluster", cluster.spec.name)])
        }
        text.family("headwater_admin_cluster_epoch", "gauge", "Epoch of the last decision.")
        for cluster in snapshot.clusters {
            text.sample(cluster.epoch, labels: [("cluster", cluster.spec.name)])
        }
    }
}

/// Writes the text format (version 0.0.4).
struct MetricsText {
    private(set) var text = ""
    private var name = ""

    mutating func line(_ line: String) { text += line + "\n" }

    /// Begins a family of samples.
    mutating func family(_ name: String, _ type: String, _ summary: String) {
        self.name = name
        line("# HELP \(name) \(summary)")
        line("# TYPE \(name) \(type)")
    }

    /// Adds a sample to the family.
    mutating func sample(_ value: Int64, suffix: String = "", labels: [(String, String)] = []) {
        let pairs = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        line("\(name)\(suffix)" + (pairs.isEmpty ? "" : "{\(pairs)}") + " \(value)")
    }

    /// A family of one sample.
    mutating func single(_ name: String, _ type: String, _ summary: String, _ value: Int64) {
        family(name, type, summary)
        sample(value)
    }

    private static func escaped(_ text: String) -> String {
        text.map { character in
            switch character {
            case "\\": "\\\\"
            case "\"": "\\\""
            case "\n": "\\n"
            default: String(character)
            }
        }.joined()
    }
}
