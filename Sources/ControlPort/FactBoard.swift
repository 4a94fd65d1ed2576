// What the engine thread tells the control thread, without either waiting for the other.
//
//   engine thread                                control thread
//   turn begins, ends ──► atomics ◄── each request
//   every 50 ms, and at each change of role or link ──► publish(facts) ◄── each request
//
// So a busy engine still has a true report: the atomics tell how long its turn has been running,
// and the ages in the published facts are extended by the time since they were published.
public import ControlModel
import Synchronization

/// What the engine last said about itself.
public struct NodeFacts: Sendable {
    /// The report of `GET /health`; its loop, offset and ages are refreshed when it is read.
    public var report: HealthReport
    /// Figures for `GET /metrics`.
    public var figures: NodeFigures

    /// Facts of these parts.
    public init(report: HealthReport, figures: NodeFigures) {
        self.report = report
        self.figures = figures
    }
}

/// Counters and gauges of the engine, for monitoring. Totals count since the start.
public struct NodeFigures: Sendable, Equatable {
    /// One figure: its name without prefix, what it is, and its value.
    public struct Figure: Sendable, Equatable {
        /// Name in Prometheus' form, unit last.
        public var name: String
        /// One sentence on it.
        public var help: String
        /// Whether it only grows.
        public var isTotal: Bool
        /// The value.
        public var value: Double

        /// A figure of these parts.
        public init(_ name: String, _ help: String, isTotal: Bool, _ value: Double) {
            self.name = name
            self.help = help
            self.isTotal = isTotal
            self.value = value
        }
    }

    /// All figures in a fixed order.
    public var figures: [Figure]

    /// Figures.
    public init(_ figures: [Figure] = []) { self.figures = figures }
}

/// The place where the engine leaves its facts. Written by the engine thread, read by any.
public final class FactBoard: Sendable {
    private let facts: Mutex<NodeFacts>
    private let ticks = Atomic<Int64>(0)
    // Monotonic microseconds at which the running turn began; 0 while the loop waits.
    private let turnStart = Atomic<Int64>(0)
    private let offset = Atomic<Int64>(0)

    /// A board with first facts.
    public init(_ facts: NodeFacts) {
        self.facts = Mutex(facts)
        offset.store(facts.report.offset, ordering: .relaxed)
    }

    /// Engine: a turn begins at `nowMicroseconds`.
    public func turnBegan(nowMicroseconds: Int64) {
        turnStart.store(nowMicroseconds, ordering: .relaxed)
    }

    /// Engine: the turn is over; the stream stands at `offset`.
    public func turnEnded(offset position: Int64) {
        offset.store(position, ordering: .relaxed)
        turnStart.store(0, ordering: .relaxed)
        ticks.store(ticks.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    /// Engine: in the middle of a turn the stream stands at `offset`.
    public func streamMoved(to position: Int64) { offset.store(position, ordering: .relaxed) }

    /// Engine: replaces the facts.
    public func publish(_ new: NodeFacts) { facts.withLock { $0 = new } }

    /// Any thread: the facts as of now.
    public func read(nowMicroseconds: Int64) -> NodeFacts {
        var facts = facts.withLock { $0 }
        let now = nowMicroseconds / 1_000
        let elapsed = max(0, now - facts.report.clockMilliseconds)
        let start = turnStart.load(ordering: .relaxed)
        facts.report.clockMilliseconds = now
        facts.report.offset = offset.load(ordering: .relaxed)
        facts.report.backlogLast = max(facts.report.backlogLast, facts.report.offset)
        facts.report.loop = HealthReport.Heartbeat(
            ticks: ticks.load(ordering: .relaxed),
            currentCommandAgeMilliseconds: start == 0 ? 0 : max(0, nowMicroseconds - start) / 1_000)
        if facts.report.lastByteAgeMilliseconds >= 0 {
            facts.report.lastByteAgeMilliseconds += elapsed
        }
        for index in facts.report.replicas.indices {
            facts.report.replicas[index].lastAckAgeMilliseconds += elapsed
        }
        return facts
    }
}
