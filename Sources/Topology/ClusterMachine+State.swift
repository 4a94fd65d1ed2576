// The cluster as others see it.

internal import ControlModel

extension ClusterMachine {
    /// Everything known about the cluster.
    func state(now: Int64) -> ClusterState {
        ClusterState(
            clusterID: record.clusterID, spec: record.spec, generation: record.generation,
            createdAt: record.createdAt, updatedAt: record.updatedAt, epoch: record.epoch,
            master: record.master,
            nodes: record.nodes.sorted { $0.node < $1.node }.map { nodeState($0, now: now) },
            observed: observedTrees(), differences: differences(now: now),
            converged: isConverged, findings: findings,
            maintenance: record.maintenance, operation: operation?.operation.id)
    }

    func nodeState(_ spec: NodeSpec, now: Int64) -> NodeState {
        let view = views[spec.node]
        return NodeState(
            spec: spec, generation: record.nodeGenerations[spec.node] ?? 1,
            verdict: view?.verdict ?? .unknown, reason: view?.reason(now: now),
            lastSeen: view?.lastSeen, intendedUpstream: record.edges[spec.node],
            observedUpstream: observedUpstream(of: spec.node),
            lagBytes: view?.report.flatMap { lag(of: $0) }, health: view?.report)
    }

    /// The trees that the nodes' own reports make; nodes that do not answer stand alone.
    private func observedTrees() -> [ObservedTree] {
        var below: [String: [String]] = [:]
        var roots: [String] = []
        for node in record.nodes.map(\.node).sorted() {
            let isSilent = views[node]?.verdict == .down || views[node]?.report == nil
            if !isSilent, views[node]?.report?.role == .replica,
                let upstream = observedUpstream(of: node), upstream != node
            {
                below[upstream, default: []].append(node)
            } else {
                roots.append(node)
            }
        }
        if let master = record.master, let index = roots.firstIndex(of: master) {
            roots.remove(at: index)
            roots.insert(master, at: 0)
        }
        var visited: Set<String> = []
        var trees = roots.map { tree(from: $0, below: below, visited: &visited) }
        // Rings and nodes below them: shown, each node once.
        for node in below.values.joined().sorted() where !visited.contains(node) {
            trees.append(tree(from: node, below: below, visited: &visited))
        }
        return trees
    }

    private func tree(
        from node: String, below: [String: [String]], visited: inout Set<String>
    ) -> ObservedTree {
        visited.insert(node)
        let view = views[node]
        var result = ObservedTree(
            node: node, role: view?.report?.role, verdict: view?.verdict ?? .unknown,
            linkState: view?.report?.linkState,
            lagBytes: view?.report.flatMap { lag(of: $0) })
        for child in below[node] ?? [] where !visited.contains(child) {
            result.replicas.append(tree(from: child, below: below, visited: &visited))
        }
        return result
    }

    /// Where the observed tree is not the wanted one, and why.
    private func differences(now: Int64) -> [TopologyDifference] {
        guard let wanted = record.spec.topology else { return [] }
        return wanted.flattened.compactMap { spec, parent in
            let node = spec.node
            let view = views[node]
            let observed = observedUpstream(of: node)
            let role = view?.report?.role
            let isRight =
                parent == nil
                ? role == .master && node == record.master
                : role == .replica && observed == parent
            let isAlive = view.map { ![.down, .foreign, .unknown].contains($0.verdict) } ?? false
            if isRight && isAlive { return nil }
            let reason: String
            if !isAlive {
                reason = view?.reason(now: now) ?? "has not answered yet"
            } else if record.master == nil {
                reason = "no master is assigned yet"
            } else if record.edges[node] != parent {
                reason = "a recovery or a switchover put it elsewhere"
            } else {
                reason = view?.orderProblem ?? "is being moved"
            }
            return TopologyDifference(
                node: node, desiredUpstream: parent,
                observedUpstream: role == .replica ? observed : nil, reason: reason)
        }
    }
}
