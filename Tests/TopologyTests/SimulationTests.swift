// Whole installations under random faults, from a seed. A failing run prints its seed; the same
// seed gives the same run.

import ControlModel
import Foundation
import Testing
import Topology

struct SimulationTests {
    /// Fixed seeds find what was found before; fresh ones look further. `SIM_SEED` repeats one,
    /// `SIM_FRESH` sets the number of fresh ones.
    static let seeds: [UInt64] = {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["SIM_SEED"].flatMap(UInt64.init) { return [seed] }
        let count = environment["SIM_FRESH"].flatMap { Int($0) } ?? 10
        let fresh = (0..<count).map { _ in UInt64.random(in: 1000...UInt64.max / 2) }
        return Array(1...60) + fresh
    }()

    @Test(arguments: seeds)
    func clustersSurviveRandomFaults(seed: UInt64) throws {
        var policy = ClusterPolicy()
        policy.failover.budgetPerHour = 100_000
        policy.afterFailover = seed % 3 == 0 ? .restore : .keep
        let world = try SimWorld.converged(Self.tree(seed), seed: seed, policy: policy)
        for _ in 0..<12 {
            disturb(world)
            world.run(Int64(world.draw(1500)))
        }
        heal(world)
        let took = world.run(
            until: { world.isSettled && world.runningOperation == nil }, limit: 90_000)
        #expect(took != nil, "SIM_SEED=\(seed): no convergence: \(describe(world))")
        world.isWriting = false
        world.run(1000)
        check(world, seed)
        if ProcessInfo.processInfo.environment["SIM_TALK"] != nil {
            let kinds = world.operationRecords.values.map { record in
                "\(record.operation.kind.rawValue) \(record.operation.state.rawValue)"
            }
            print("SIM_SEED=\(seed): \(kinds.sorted().joined(separator: ", "))")
        }
    }

    private static func tree(_ seed: UInt64) -> TopologySpec {
        switch seed % 4 {
        case 0: return SimWorld.cascade
        case 1:
            return TopologySpec(
                node: "n1", replicas: [TopologySpec(node: "n2"), TopologySpec(node: "n3")])
        case 2:
            return TopologySpec(
                node: "n1",
                replicas: [
                    TopologySpec(
                        node: "n2",
                        replicas: [TopologySpec(node: "n4"), TopologySpec(node: "n5")]),
                    TopologySpec(node: "n3", replicas: [TopologySpec(node: "n6")]),
                ])
        default:
            return TopologySpec(
                node: "n1",
                replicas: [
                    TopologySpec(
                        node: "n2",
                        replicas: [
                            TopologySpec(node: "n3", replicas: [TopologySpec(node: "n4")])
                        ])
                ])
        }
    }

    private func disturb(_ world: SimWorld) {
        let ids = world.nodes.keys.sorted()
        let id = ids[world.draw(ids.count)]
        let node = world.node(id)
        switch world.draw(13) {
        case 0, 1: node.crash()
        case 11:
            // A disk is lost. Not every one: with the last copy the data themselves are gone.
            let holders = world.nodes.values.filter { !$0.writes.isEmpty && $0.isRunning }
            guard holders.count > 1 else { return }
            node.crash()
            node.restart(now: world.now, loading: Int64(world.draw(300)), wiped: true)
        case 2, 3: for node in world.nodes.values { node.restart(now: world.now) }
        case 4: node.isStopped.toggle()
        case 5: world.cutFromCoordinator.formSymmetricDifference([id])
        case 6:
            let other = ids[world.draw(ids.count)]
            if other != id { world.cutPairs.formSymmetricDifference([[id, other]]) }
        case 7: world.lossPercent = [0, 0, 10, 30][world.draw(4)]
        case 8:
            if world.topology == nil {
                world.startCoordinator()
            } else {
                world.crashAfterStores = world.stores + 1 + world.draw(4)
            }
        case 9:
            world.crashCoordinator()
            world.startCoordinator()
        case 10:
            node.busySince = node.busySince == nil && node.isRunning ? world.now : nil
        default:
            guard world.topology != nil else { return }
            // A refused command is as good as none here.
            _ = try? world.execute(.switchover(SwitchoverRequest(cluster: "c")))
        }
    }

    private func heal(_ world: SimWorld) {
        world.cutFromCoordinator = []
        world.cutPairs = []
        world.lossPercent = 0
        world.crashAfterStores = nil
        for node in world.nodes.values {
            node.isStopped = false
            node.busySince = nil
            node.restart(now: world.now)
        }
        if world.topology == nil { world.startCoordinator() }
    }

    private func check(_ world: SimWorld, _ seed: UInt64) {
        let mark = Comment(rawValue: "SIM_SEED=\(seed)")
        #expect(world.violations.isEmpty, mark)
        let masters = world.nodes.values.filter { $0.role == .master }
        #expect(masters.map(\.id) == [world.master].compactMap { $0 }, mark)
        #expect(Set(world.nodes.values.map(\.writes)).count == 1, mark)
        #expect(world.operationRecords.values.allSatisfy { $0.operation.hasEnded }, mark)
        #expect(world.findings("OrphanWithoutUpstream").isEmpty, mark)
        let sequences = world.events.map(\.sequence)
        #expect(sequences == sequences.sorted() && Set(sequences).count == sequences.count, mark)
        let epochs = world.events.filter { $0.kind == "master.changed" }.compactMap(\.epoch)
        #expect(epochs == epochs.sorted() && Set(epochs).count == epochs.count, mark)
    }

    private func describe(_ world: SimWorld) -> String {
        guard let state = world.state else { return "the coordinator is down" }
        let nodes = state.nodes.map { node in
            "\(node.spec.node): \(node.verdict.rawValue) \(node.health?.role.rawValue ?? "?") "
                + "epoch \(node.health?.epoch ?? -1) of \(node.observedUpstream ?? "-"), "
                + "intended \(node.intendedUpstream ?? "-"), "
                + "link \(node.health?.linkState.rawValue ?? "?"), \(node.reason ?? "")"
        }
        let running = world.runningOperation.map { "\($0.kind.rawValue) \($0.steps)" } ?? "none"
        let findings = state.findings.map { "\($0.code): \($0.detail)" }
        return
            (["epoch \(state.epoch), master \(state.master ?? "-"), operation \(running)"]
            + nodes + findings).joined(separator: "\n")
    }
}
