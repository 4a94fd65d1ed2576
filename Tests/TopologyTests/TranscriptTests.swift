// Scenarios with their expected trace, in Tests/Transcripts/Failover/*.txt.
//
//   # comment
//   tree n1(n2(n4),n3)           the cluster, created and converged before the first action
//   policy budgetPerHour=1       settings that differ from the defaults
//   > crash n1                   an action; what happens until the next one follows
//   > run 2000
//   < master.changed n2 epoch 2  expected events, in order and complete but for `quiet` kinds
//
// RECORD=1 writes what happens into the file; the difference is for review.

import ControlModel
import Foundation
import Testing
import Topology

struct TranscriptTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Transcripts/Failover")

    static let files: [String] = {
        let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        return (names ?? []).filter { $0.hasSuffix(".txt") }.sorted()
    }()

    /// Links come and go with every move; they would only repeat what the orders say.
    private static let quiet: Set<String> = [
        "edge.broken", "edge.restored", "coordinator.started", "node.loading",
    ]

    @Test func thereAreScenarios() {
        #expect(Self.files.count >= 8)
    }

    @Test(arguments: files)
    func theScenarioUnfoldsAsWritten(file: String) throws {
        let url = Self.folder.appendingPathComponent(file)
        let text = try String(contentsOf: url, encoding: .utf8)
        let played = try play(text)
        if ProcessInfo.processInfo.environment["RECORD"] != nil {
            try played.write(to: url, atomically: true, encoding: .utf8)
        }
        #expect(played == text, "\(file) unfolds as:\n\(played)")
    }

    /// Plays a scenario and returns it with the events that happened.
    private func play(_ text: String) throws -> String {
        var lines: [String] = []
        var tree: TopologySpec?
        var policy = ClusterPolicy()
        var world: SimWorld?
        var seen = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("< ") { continue }
            if line.hasPrefix("> ") {
                if world == nil {
                    world = try SimWorld.converged(tree ?? SimWorld.cascade, policy: policy)
                    seen = world?.events.count ?? 0
                }
                lines.append(String(line))
                guard let world else { continue }
                try act(line.dropFirst(2).split(separator: " ").map(String.init), world)
                let events = world.events.dropFirst(seen)
                lines += events.filter { !Self.quiet.contains($0.kind) }.map(describe)
                seen = world.events.count
            } else {
                if line.hasPrefix("tree ") { tree = parseTree(line.dropFirst(5)) }
                if line.hasPrefix("policy ") { set(String(line.dropFirst(7)), in: &policy) }
                lines.append(String(line))
            }
        }
        #expect(world?.violations.isEmpty == true)
        return lines.joined(separator: "\n")
    }

    private func describe(_ event: Event) -> String {
        var parts = ["<", event.kind]
        if let node = event.node { parts.append(node) }
        for name in ["kind", "state", "code", "from", "to"] {
            if let value = event.attributes[name], event.kind != "node.up" { parts.append(value) }
        }
        if event.kind == "master.changed", let epoch = event.epoch {
            parts.append("epoch \(epoch)")
        }
        return parts.joined(separator: " ")
    }

    private func act(_ words: [String], _ world: SimWorld) throws {
        let node = words.count > 1 ? words[1] : ""
        switch words[0] {
        case "crash": world.node(node).crash()
        case "restart": world.node(node).restart(now: world.now)
        case "wipe": world.node(node).restart(now: world.now, wiped: true)
        case "stop": world.node(node).isStopped = true
        case "continue": world.node(node).isStopped = false
        case "busy": world.node(node).busySince = world.now
        case "idle": world.node(node).busySince = nil
        case "stall": world.node(node).writesPerStep = 0
        case "cut": world.cutFromCoordinator.formUnion(words.dropFirst())
        case "part": world.cutPairs.insert([words[1], words[2]])
        case "heal":
            world.cutFromCoordinator = []
            world.cutPairs = []
        case "run": world.run(Int64(node) ?? 0)
        case "settle":
            let took = world.run(until: { world.isSettled && world.runningOperation == nil })
            try #require(took != nil)
        case "switchover":
            try world.execute(.switchover(SwitchoverRequest(cluster: "c", target: node)))
        case "failover":
            try world.execute(
                .failover(
                    FailoverRequest(cluster: "c", target: node, acceptDataLoss: true)))
        case "apply":
            guard let tree = parseTree(Substring(node)) else { return }
            try world.execute(.applyTopology(cluster: "c", tree, expectedGeneration: nil))
        case "coordinator":
            words[1] == "crash" ? world.crashCoordinator() : world.startCoordinator()
        default: Issue.record("unknown action \(words[0])")
        }
    }

    private func set(_ text: String, in policy: inout ClusterPolicy) {
        let parts = text.split(separator: "=").map(String.init)
        switch parts[0] {
        case "budgetPerHour": policy.failover.budgetPerHour = Int(parts[1]) ?? 0
        case "automatic": policy.failover.automatic = parts[1] == "true"
        case "afterFailover": policy.afterFailover = .init(rawValue: parts[1]) ?? .keep
        default: Issue.record("unknown setting \(text)")
        }
    }

    /// Reads `n1(n2(n4),n3)`.
    private func parseTree(_ text: Substring) -> TopologySpec? {
        var rest = text
        return parseBranch(&rest)
    }

    private func parseBranch(_ rest: inout Substring) -> TopologySpec? {
        let name = rest.prefix { $0.isLetter || $0.isNumber }
        guard !name.isEmpty else { return nil }
        rest = rest.dropFirst(name.count)
        var spec = TopologySpec(node: String(name))
        guard rest.first == "(" else { return spec }
        repeat {
            rest = rest.dropFirst()
            if let branch = parseBranch(&rest) { spec.replicas.append(branch) }
        } while rest.first == ","
        rest = rest.dropFirst()
        return spec
    }
}
