// What the coordinator counts, and its page for Prometheus.

import Bytes
import ControlModel
import Diagnostics
import Platform
import Topology

/// Counters since the start. Lives on the loop's thread.
struct CoordinatorMetrics {
    /// Content-Type of the page.
    static let contentType = PrometheusText.contentType

    private var commits = Histogram()
    private var promotions = Histogram()
    private var ordersSent: [String: Int64] = [:]
    private var ordersRefused: Int64 = 0
    private var requestsFailed: [ProbeFailure: Int64] = [:]
    private var operationsEnded: [String: Int64] = [:]
    private let startedAt = Clock.monotonicMilliseconds()

    /// Bounds of durations in microseconds.
    private static let commitBounds: [Int64] = [
        100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 1_000_000,
    ]
    /// Bounds of durations in milliseconds.
    private static let promotionBounds: [Int64] = [
        5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 30_000,
    ]

    mutating func noteCommit(microseconds: Int64) { commits.record(microseconds) }

    mutating func noteRequest(_ request: NodeRequest) {
        switch request.message {
        case .order(let order): ordersSent[order.kind.name, default: 0] += 1
        case .waitOffset: ordersSent["waitOffset", default: 0] += 1
        }
    }

    mutating func noteOutcome(_ outcome: RequestOutcome) {
        switch outcome {
        case .order(let answer): if !answer.accepted { ordersRefused += 1 }
        case .offset: break
        case .failed(let failure): requestsFailed[failure, default: 0] += 1
        }
    }

    mutating func noteEvent(_ event: Event, operation: Operation?) {
        if event.kind == "operation.ended", let kind = event.attributes["kind"],
            let state = event.attributes["state"]
        {
            operationsEnded["\(kind) \(state)", default: 0] += 1
        }
        if event.kind == "master.changed", let operation {
            promotions.record(event.time.milliseconds - operation.createdAt.milliseconds)
        }
    }

    /// The page.
    func render(
        clusters: [ClusterState], operationsRunning: Int, probes: Prober.Counters,
        eventLast: Int64
    ) -> [UInt8] {
        var text = PrometheusText()
        renderProcess(&text, operationsRunning: operationsRunning, eventLast: eventLast)
        renderProbes(&text, probes)
        renderOperations(&text)
        renderClusters(&text, clusters)
        return text.bytes.array
    }

    private func renderProcess(
        _ text: inout PrometheusText, operationsRunning: Int, eventLast: Int64
    ) {
        text.single(
            "headwater_coordinator_uptime_seconds", .gauge, help: "Time since the start.",
            Double(Clock.monotonicMilliseconds() - startedAt) / 1000)
        text.single(
            "headwater_coordinator_resident_bytes", .gauge, help: "Resident memory.",
            ProcessFacts.residentBytes())
        text.single(
            "headwater_event_sequence", .counter, help: "Sequence of the last event.", eventLast)
        text.single(
            "headwater_operations_running", .gauge, help: "Operations under way.",
            operationsRunning)
        text.metric(
            "headwater_store_commit_seconds", .histogram,
            help: "Time until a transaction is durable.")
        text.histogram(commits, bounds: Self.commitBounds, divisor: 1e6)
    }

    private func renderProbes(_ text: inout PrometheusText, _ probes: Prober.Counters) {
        text.single(
            "headwater_probes_total", .counter, help: "Health probes sent.", probes.probes)
        text.metric(
            "headwater_probe_failures_total", .counter, help: "Health probes without an answer.")
        for failure in ProbeFailure.allCases {
            text.sample(probes.failures[failure] ?? 0, [("reason", failure.rawValue)])
        }
    }

    private func renderOperations(_ text: inout PrometheusText) {
        text.metric("headwater_orders_total", .counter, help: "Orders sent to nodes.")
        for (kind, count) in ordersSent.sorted(by: { $0.key < $1.key }) {
            text.sample(count, [("kind", kind)])
        }
        text.single(
            "headwater_orders_refused_total", .counter, help: "Orders that a node refused.",
            ordersRefused)
        text.metric(
            "headwater_order_failures_total", .counter, help: "Orders without an answer.")
        for failure in ProbeFailure.allCases {
            text.sample(requestsFailed[failure] ?? 0, [("reason", failure.rawValue)])
        }
        text.metric("headwater_operations_ended_total", .counter, help: "Operations that ended.")
        for (key, count) in operationsEnded.sorted(by: { $0.key < $1.key }) {
            let parts = key.split(separator: " ").map(String.init)
            text.sample(count, [("kind", parts[0]), ("state", parts[1])])
        }
        text.metric(
            "headwater_promotion_seconds", .histogram,
            help: "Time from the decision to change a master to its promotion.")
        text.histogram(promotions, bounds: Self.promotionBounds, divisor: 1e3)
    }

    private func renderClusters(_ text: inout PrometheusText, _ clusters: [ClusterState]) {
        text.metric("headwater_cluster_epoch", .counter, help: "Epoch of the last decision.")
        for cluster in clusters { text.sample(cluster.epoch, [("cluster", cluster.spec.name)]) }
        text.metric(
            "headwater_cluster_converged", .gauge, help: "Whether all nodes are in place.")
        for cluster in clusters {
            text.sample(cluster.converged ? 1 : 0, [("cluster", cluster.spec.name)])
        }
        text.metric("headwater_findings", .gauge, help: "Open findings.")
        for cluster in clusters {
            for finding in cluster.findings {
                text.sample(
                    1,
                    [
                        ("cluster", cluster.spec.name), ("code", finding.code),
                        ("node", finding.node ?? ""),
                    ])
            }
        }
        text.metric("headwater_node_up", .gauge, help: "Whether the node answers and works.")
        for cluster in clusters {
            for node in cluster.nodes {
                text.sample(
                    node.verdict == .up ? 1 : 0,
                    [("cluster", cluster.spec.name), ("node", node.spec.node)])
            }
        }
        text.metric(
            "headwater_node_lag_bytes", .gauge, help: "Bytes of the stream behind the master.")
        for cluster in clusters {
            for node in cluster.nodes {
                guard let lag = node.lagBytes else { continue }
                text.sample(lag, [("cluster", cluster.spec.name), ("node", node.spec.node)])
            }
        }
    }
}
