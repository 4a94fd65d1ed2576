// The decision core of the coordinator: desired and observed trees in, orders out.
//
//   step(input, now)       an answer of a node, or time   → effects
//   execute(command, now)  a command of an operator       → answer or problem, and effects
//
// It does no I/O, has no clock and draws no random number but from the seed it is given; so
// production, unit tests, dry runs and the simulator run the same code. A dry run *is* the
// command on a copy of the machine.

public import ControlModel

/// The decision core over all clusters.
public struct Topology: Sendable {
    var clusters: [String: ClusterMachine] = [:]
    /// Ended operations, oldest first.
    var ended: [OperationRecord]
    var counters: TopologyCounters
    var lastRequest: Int64 = 0
    let startedAt: Int64
    private var lastStepAt: Int64
    private var random: UInt64
    private var isolation: String?

    /// Goes on from what was stored. Running operations are taken up at the first step.
    public init(records: TopologyRecords, startedAt: Moment, seed: UInt64) {
        self.startedAt = startedAt.monotonicMilliseconds
        lastStepAt = startedAt.monotonicMilliseconds
        random = seed
        counters = records.counters
        ended = records.operations.filter { $0.operation.hasEnded }
        ended.sort { $0.operation.createdAt < $1.operation.createdAt }
        for record in records.clusters {
            clusters[record.name] = ClusterMachine(record: record, now: self.startedAt)
        }
        for running in records.operations where !running.operation.hasEnded {
            clusters[running.operation.cluster]?.takeUp(running, now: self.startedAt)
        }
    }

    // MARK: - Steps

    /// Takes in one input and says what is to be done.
    public mutating func step(_ input: TopologyInput, now: Moment) -> Effects {
        var turn = beginTurn(now)
        switch input {
        case .tick:
            for name in clusters.keys.sorted() where clusters[name]?.isQuiet != true {
                evaluate(name, &turn)
            }
        case .probe(let probe):
            let name = probe.node.cluster
            if clusters[name]?.receive(probe, now: now) == true {
                turn.effects.stateChanged = true
                evaluate(name, &turn)
            }
        case .request(let id, let node, let outcome):
            clusters[node.cluster]?.receive(outcome, id: id, turn: &turn)
            evaluate(node.cluster, &turn)
        }
        return endTurn(turn)
    }

    mutating func beginTurn(_ now: Moment) -> Turn {
        discardEvidenceAfterStall(now.monotonicMilliseconds)
        return Turn(
            now: now, startedAt: startedAt, counters: counters, lastRequest: lastRequest)
    }

    mutating func endTurn(_ given: Turn) -> Effects {
        var turn = given
        lastRequest = turn.lastRequest
        if turn.counters != counters {
            counters = turn.counters
            turn.store(.counters(counters))
        }
        ended += turn.ended
        if ended.count > Limits.operationsMax {
            ended.removeFirst(ended.count - Limits.operationsMax)
        }
        return turn.effects
    }

    mutating func evaluate(_ name: String, _ turn: inout Turn) {
        guard clusters[name] != nil else { return }
        clusters[name]?.judge(now: turn.monotonic)
        updateIsolation(&turn)
        clusters[name]?.evaluate(&turn)
        if clusters[name]?.isRemoved == true {
            clusters[name] = nil
            turn.store(.clusterRemoved(name: name))
        }
    }

    /// A jump of the clock between two steps means that this process did not run. Answers that
    /// were missed meanwhile say nothing about the nodes.
    private mutating func discardEvidenceAfterStall(_ now: Int64) {
        let interval = clusters.values.map { $0.policy.detection.probeInterval.milliseconds }.min()
        let limit = max(
            Limits.stallProbeIntervals * (interval ?? 0), Limits.stallMillisecondsMin)
        if now - lastStepAt > limit {
            for name in Array(clusters.keys) { clusters[name]?.discardEvidence(now: now) }
        }
        lastStepAt = now
    }

    /// If fewer than half of all nodes can be reached, the coordinator is the one that is cut
    /// off. A refused connection counts as reached: the host answered.
    private mutating func updateIsolation(_ turn: inout Turn) {
        var total = 0
        var reached = 0
        for cluster in clusters.values {
            for view in cluster.views.values where view.verdict != .unknown {
                total += 1
                let answers = [.up, .loading, .busy, .foreign].contains(view.verdict)
                if answers || view.hardFailures > 0 { reached += 1 }
            }
        }
        let isIsolated = reached * 2 < total
        if isolation != nil && !isIsolated {
            // What was missed while cut off says nothing about the nodes.
            for name in Array(clusters.keys) {
                clusters[name]?.discardEvidence(now: turn.monotonic)
            }
        }
        isolation =
            isIsolated
            ? "only \(reached) of \(total) nodes can be reached: the coordinator itself is cut off"
            : nil
        turn.isolation = isolation
    }

    /// Draws sixteen hexadecimal digits (SplitMix64).
    mutating func drawIdentity() -> String {
        random &+= 0x9E37_79B9_7F4A_7C15
        var value = random
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        value ^= value >> 31
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    // MARK: - What others see

    /// A node that has to be probed.
    public struct ProbeTarget: Hashable, Sendable {
        /// The node.
        public var node: NodeKey
        /// Its control port.
        public var control: Endpoint
        /// Distance of probes.
        public var intervalMilliseconds: Int64
        /// Time after which a probe counts as failed by `timeout`.
        public var deadlineMilliseconds: Int64
    }

    /// All nodes that have to be probed.
    public var probeTargets: [ProbeTarget] {
        clusters.values.flatMap { cluster in
            cluster.record.nodes.map { node in
                ProbeTarget(
                    node: NodeKey(cluster: cluster.name, node: node.node), control: node.control,
                    intervalMilliseconds: cluster.policy.detection.probeInterval.milliseconds,
                    deadlineMilliseconds: cluster.deadline)
            }
        }
    }

    /// All clusters by name, with offsets and ages as of now.
    public func clusterStates(now: Moment) -> [ClusterState] {
        clusters.keys.sorted().compactMap { clusters[$0]?.state(now: now.monotonicMilliseconds) }
    }

    /// One cluster.
    public func clusterState(_ name: String, now: Moment) -> ClusterState? {
        clusters[name]?.state(now: now.monotonicMilliseconds)
    }

    /// Running operations and the most recent ended ones, newest first.
    public var operations: [Operation] {
        let running = clusters.keys.sorted().compactMap { clusters[$0]?.operation?.operation }
        return running + ended.reversed().map(\.operation)
    }

    /// One operation, running or recent.
    public func operation(_ id: String) -> Operation? {
        operations.first { $0.id == id }
    }

    /// Sequence of the last event.
    public var lastEventSequence: Int64 { counters.event }

    /// Adds an event of the coordinator itself to the sequence, to be stored and shown like
    /// those of a step.
    public mutating func announce(
        _ kind: String, _ detail: String, attributes: [String: String] = [:], now: Moment
    ) -> Effects {
        counters.event += 1
        var effects = Effects()
        effects.events.append(
            Event(
                sequence: counters.event, time: now.wall, kind: kind, detail: detail,
                attributes: attributes))
        effects.records.append(.counters(counters))
        effects.stateChanged = true
        return effects
    }
}
