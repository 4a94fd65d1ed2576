// Counters of this process. Labels are templates of paths, never paths, so their number is bounded
// by the route table.

import Bytes
import ControlModel
import Diagnostics
import HTTPTransport

struct AdminMetrics {
    private struct Answer: Hashable {
        var route: String
        var method: String
        var status: Int
    }

    /// What is looked up when the metrics are asked for.
    struct Present {
        var server: HTTPServer.Counters
        var connections: Int
        var readers: Int
        var authenticationFailures: Int64
        var snapshot: StateSnapshot?
        var isLive: Bool
    }

    /// Upper bounds of the buckets in microseconds; long-polls end up in the last.
    private static let bounds: [Int64] = [
        500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000,
        30_000_000,
    ]

    private var answers: [Answer: Int64] = [:]
    private var durations = Histogram()

    mutating func answered(_ route: String, method: String, status: Int, microseconds: Int64) {
        answers[Answer(route: route, method: method, status: status), default: 0] += 1
        durations.record(microseconds)
    }

    /// All metrics of the process.
    func text(_ present: Present) -> String {
        var page = PrometheusText()
        page.metric("headwater_admin_build_info", .gauge, help: "The running program.")
        page.sample(1, [("version", ServiceVersion.program)])
        requests(&page)
        page.single(
            "headwater_admin_http_connections", .gauge, help: "Open connections.",
            present.connections)
        page.single(
            "headwater_admin_http_over_limit_total", .counter,
            help: "Connections refused because of the limit.", present.server.overLimit)
        page.single(
            "headwater_admin_http_slow_consumers_total", .counter,
            help: "Streams cut because their reader was too slow.", present.server.slowConsumers)
        page.single(
            "headwater_admin_event_readers", .gauge, help: "Readers of events now.",
            present.readers)
        page.single(
            "headwater_admin_authentication_failures_total", .counter,
            help: "Requests without a valid token.", present.authenticationFailures)
        page.single(
            "headwater_admin_coordinator_up", .gauge, help: "Whether the coordinator answers.",
            present.isLive ? 1 : 0)
        if let snapshot = present.snapshot { state(snapshot, &page) }
        return page.bytes.string
    }

    private func requests(_ page: inout PrometheusText) {
        page.metric("headwater_admin_http_requests_total", .counter, help: "Requests answered.")
        let ordered = answers.sorted {
            ($0.key.route, $0.key.method, $0.key.status)
                < ($1.key.route, $1.key.method, $1.key.status)
        }
        for (answer, count) in ordered {
            page.sample(
                count,
                [
                    ("route", answer.route), ("method", answer.method),
                    ("code", String(answer.status)),
                ])
        }
        page.metric(
            "headwater_admin_http_request_duration_seconds", .histogram,
            help: "Time from the end of a request to its answer.")
        page.histogram(durations, bounds: Self.bounds, divisor: 1e6)
    }

    private func state(_ snapshot: StateSnapshot, _ page: inout PrometheusText) {
        page.single(
            "headwater_admin_event_sequence", .gauge, help: "Newest event.",
            snapshot.latestEventSequence)
        page.single(
            "headwater_admin_operations_running", .gauge, help: "Operations that run.",
            snapshot.operations.count { !$0.hasEnded })
        page.metric("headwater_admin_cluster_converged", .gauge, help: "Whether the tree stands.")
        for cluster in snapshot.clusters {
            page.sample(cluster.converged ? 1 : 0, [("cluster", cluster.spec.name)])
        }
        page.metric("headwater_admin_cluster_epoch", .gauge, help: "Epoch of the last decision.")
        for cluster in snapshot.clusters {
            page.sample(cluster.epoch, [("cluster", cluster.spec.name)])
        }
    }
}
