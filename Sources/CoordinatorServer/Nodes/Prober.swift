// Asks every node for its health at its interval: one question under way per node, the next one
// an interval after the last was sent, so that a slow answer does not add up.

import ControlModel
import EventLoop
import Platform
import Topology

/// Probes nodes. Lives on the loop's thread.
final class Prober {
    private final class Target {
        var description: Topology.ProbeTarget
        var isAsking = false
        var timer: TimerID?
        init(_ description: Topology.ProbeTarget) { self.description = description }
    }

    /// What is counted for metrics.
    struct Counters {
        var probes: Int64 = 0
        var failures: [ProbeFailure: Int64] = [:]
    }

    private let loop: EventLoop
    private let gateway: NodeGateway
    private let deliver: (ProbeResult) -> Void
    private var targets: [NodeKey: Target] = [:]
    private(set) var counters = Counters()
    private var isStopped = false

    init(loop: EventLoop, gateway: NodeGateway, deliver: @escaping (ProbeResult) -> Void) {
        self.loop = loop
        self.gateway = gateway
        self.deliver = deliver
    }

    /// Makes the probed nodes these ones.
    func update(_ wanted: [Topology.ProbeTarget]) {
        let keys = Set(wanted.map(\.node))
        for (key, target) in targets where !keys.contains(key) {
            if let timer = target.timer { loop.cancel(timer) }
            targets[key] = nil
        }
        for description in wanted {
            if let target = targets[description.node] {
                target.description = description
            } else {
                targets[description.node] = Target(description)
                ask(description.node)
            }
        }
    }

    /// Asks now, unless a question is under way.
    func ask(_ node: NodeKey) {
        guard !isStopped, let target = targets[node], !target.isAsking else { return }
        if let timer = target.timer.take() { loop.cancel(timer) }
        target.isAsking = true
        counters.probes += 1
        let sentAt = Clock.monotonicMilliseconds()
        let description = target.description
        gateway.probe(
            description.control, deadlineMilliseconds: description.deadlineMilliseconds
        ) { [weak self] outcome in
            self?.finish(target, sentAt: sentAt, control: description.control, outcome)
        }
    }

    private func finish(
        _ target: Target, sentAt: Int64, control: Endpoint, _ outcome: ProbeResult.Outcome
    ) {
        let node = target.description.node
        guard !isStopped, targets[node] === target else { return }
        target.isAsking = false
        let due = sentAt + target.description.intervalMilliseconds
        let wait = max(0, due - Clock.monotonicMilliseconds())
        target.timer = loop.schedule(afterMilliseconds: wait) { [weak self] in
            target.timer = nil
            self?.ask(node)
        }
        if case .failed(let failure) = outcome {
            counters.failures[failure, default: 0] += 1
            gateway.noteSilence(control)
        }
        // An answer from an address that the node has left says nothing about it.
        guard control == target.description.control else { return }
        deliver(ProbeResult(node: node, sentAtMilliseconds: sentAt, outcome: outcome))
    }

    func stop() {
        isStopped = true
        for target in targets.values {
            if let timer = target.timer { loop.cancel(timer) }
        }
        targets = [:]
    }
}
