// Commands of operators. Everything is checked before anything is changed, so a refused command
// leaves no trace; a dry run executes on a copy and returns the difference.

public import ControlModel

extension Topology {
    /// Carries out a command about a cluster, or begins the operation that does. Tokens are not
    /// the core's business: passing one is an error in the program.
    ///
    /// - Returns: the answer. For a dry run it holds the plan, and there are no effects.
    public mutating func execute(
        _ command: InternalCommand, now: Moment, effects: inout Effects
    ) throws(Problem) -> CommandAnswer {
        guard command.dryRun else { return try carryOut(command, now: now, effects: &effects) }
        var copy = self
        var planned = Effects()
        var answer = try copy.carryOut(command, now: now, effects: &planned)
        let name = answer.cluster?.spec.name ?? command.action.target
        answer.plan = plan(name, after: copy.clusters[name], warnings: answer.operation)
        answer.operation = nil
        return answer
    }

    private mutating func carryOut(
        _ command: InternalCommand, now: Moment, effects: inout Effects
    ) throws(Problem) -> CommandAnswer {
        var turn = beginTurn(now)
        var scratch = self
        let request = OperationRequest(
            actor: command.actor, requestID: command.requestID, reason: "asked for")
        let affected = try scratch.apply(command.action, request: request, turn: &turn)
        scratch.evaluate(affected.cluster, &turn)
        effects = scratch.endTurn(turn)
        self = scratch
        let state = clusterState(affected.cluster, now: now)
        var answer = CommandAnswer(cluster: state)
        answer.node = affected.node.flatMap { id in state?.nodes.first { $0.spec.node == id } }
        answer.operation = affected.operation.flatMap { operation($0) }
        return answer
    }

    /// What a command was about.
    struct Affected {
        var cluster: String
        var node: String?
        var operation: String?
    }

    private mutating func apply(
        _ action: CommandAction, request: OperationRequest, turn: inout Turn
    ) throws(Problem) -> Affected {
        switch action {
        case .createCluster(let spec):
            return try create(spec, request: request, turn: &turn)
        case .replaceCluster(let spec, let expected):
            return try replace(spec, expected: expected, request: request, turn: &turn)
        case .deleteCluster(let target):
            return try delete(target, request: request, turn: &turn)
        case .applyTopology(let name, let tree, let expected):
            let machine = try cluster(name, expected: expected)
            var spec = machine.record.spec
            spec.topology = tree
            return try replace(spec, expected: expected, request: request, turn: &turn)
        case .addNode(let name, let spec):
            return try register(spec, in: name, expected: nil, isNew: true, turn: &turn)
        case .updateNode(let name, let spec, let expected):
            return try register(spec, in: name, expected: expected, isNew: false, turn: &turn)
        case .removeNode(let name, let node, let expected):
            return try remove(
                node, from: name, expected: expected, request: request, turn: &turn)
        case .switchover(let wanted):
            return try switchOver(wanted, request: request, turn: &turn)
        case .failover(let wanted):
            return try failOver(wanted, request: request, turn: &turn)
        case .setMaintenance(let name, let record):
            return try setMaintenance(name, record, request: request, turn: &turn)
        case .cancelOperation(let id):
            return try cancel(id, request: request, turn: &turn)
        case .createToken, .deleteToken:
            preconditionFailure("tokens are kept by the performer")
        }
    }

    func cluster(_ name: String, expected: Int64? = nil) throws(Problem) -> ClusterMachine {
        guard let machine = clusters[name] else { throw Problem.notFound("the cluster \(name)") }
        if let expected, expected != machine.record.generation {
            throw Problems.staleGeneration(now: machine.record.generation)
        }
        return machine
    }

    private func requireIdle(_ machine: ClusterMachine) throws(Problem) {
        if let running = machine.operation {
            throw Problems.operationInProgress(running.operation.id)
        }
    }

    private func others(than name: String) -> [ClusterMachine] {
        clusters.values.filter { $0.name != name }
    }

    // MARK: - Specs

    private mutating func create(
        _ spec: ClusterSpec, request: OperationRequest, turn: inout Turn
    ) throws(Problem) -> Affected {
        guard clusters[spec.name] == nil else {
            throw Problems.nameTaken("cluster \(spec.name)")
        }
        try SpecValidation.check(spec, others: others(than: spec.name))
        if let id = spec.clusterID,
            !SpecValidation.isName(id)
                || clusters.values.contains(where: { $0.record.clusterID == id })
        {
            throw Problems.invalid(
                "INVALID_NAME", "clusterID is a name that no other cluster has", at: "/clusterID")
        }
        var stored = spec
        let identity = spec.clusterID ?? drawIdentity()
        stored.clusterID = identity
        stored.nodes = spec.nodes ?? []
        let record = ClusterRecord(
            clusterID: identity, spec: stored, generation: 1,
            nodeGenerations: Dictionary(
                (stored.nodes ?? []).map { ($0.node, 1) }, uniquingKeysWith: { first, _ in first }),
            createdAt: turn.now.wall, updatedAt: turn.now.wall, epoch: 0, master: nil, edges: [:],
            lineage: [], recoveries: [], promotedOffset: nil, maintenance: nil)
        var machine = ClusterMachine(record: record, now: turn.monotonic)
        turn.store(.cluster(record))
        turn.emit("spec.changed", cluster: spec.name, "cluster \(spec.name) was registered")
        if let tree = stored.topology {
            machine.beginTopology(tree, request: request, turn: &turn)
        }
        clusters[spec.name] = machine
        return Affected(cluster: spec.name, operation: machine.operation?.operation.id)
    }

    private mutating func replace(
        _ spec: ClusterSpec, expected: Int64?, request: OperationRequest, turn: inout Turn
    ) throws(Problem) -> Affected {
        var machine = try cluster(spec.name, expected: expected)
        let old = machine.record.spec
        var new = spec
        if let id = spec.clusterID, id != machine.record.clusterID {
            throw Problems.invalid(
                "IMMUTABLE", "the identity of a cluster does not change", at: "/clusterID")
        }
        new.clusterID = machine.record.clusterID
        new.nodes = spec.nodes ?? old.nodes
        new.topology = spec.topology ?? old.topology
        try SpecValidation.check(new, others: others(than: spec.name))
        let kept = Set((new.nodes ?? []).map(\.node))
        if let gone = machine.record.nodes.first(where: { !kept.contains($0.node) }) {
            throw Problems.invalid(
                "NODE_MISSING",
                "\(gone.node) is registered but not listed; take it out with DELETE on the node",
                at: "/nodes")
        }
        let moves =
            new.topology != nil
            && (new.topology != old.topology || machine.isDrifted || machine.record.master == nil)
        if moves { try requireIdle(machine) }
        if moves, let tree = new.topology { try checkReach(tree, new, machine) }
        for node in new.nodes ?? [] where machine.record.nodeSpec(node.node) != node {
            machine.record.nodeGenerations[node.node, default: 0] += 1
            replaceView(of: node, in: &machine)
        }
        if new != old {
            machine.record.spec = new
            machine.record.generation += 1
            machine.record.updatedAt = turn.now.wall
            turn.emit(
                "spec.changed", cluster: spec.name,
                "generation \(machine.record.generation) by \(request.actor)")
        }
        turn.store(.cluster(machine.record))
        if moves, let tree = new.topology {
            machine.beginTopology(tree, request: request, turn: &turn)
        }
        clusters[spec.name] = machine
        return Affected(cluster: spec.name, operation: machine.operation?.operation.id)
    }

    /// What is known of the nodes already decides whether the tree may be applied.
    private func checkReach(
        _ tree: TopologySpec, _ spec: ClusterSpec, _ machine: ClusterMachine
    ) throws(Problem) {
        for (branch, _) in tree.flattened {
            guard let foreign = machine.views[branch.node]?.foreignIdentity else { continue }
            throw Problems.invalid("NODE_IN_OTHER_CLUSTER", foreign, at: "/topology")
        }
        guard machine.record.master == nil else { return }
        let goal = OperationRecord.Goal(
            master: tree.node, edges: CascadePlan.edges(of: tree))
        if let risk = machine.dataRisk(of: tree.node, goal: goal) {
            throw Problems.wouldLoseData(risk)
        }
    }

    /// Observations of another address are not observations of this one.
    private func replaceView(of node: NodeSpec, in machine: inout ClusterMachine) {
        if machine.record.nodeSpec(node.node)?.control != node.control {
            machine.views[node.node] = NodeView()
        }
    }

    private mutating func delete(
        _ target: ClusterTarget, request: OperationRequest, turn: inout Turn
    ) throws(Problem) -> Affected {
        var machine = try cluster(target.cluster, expected: target.expectedGeneration)
        try requireIdle(machine)
        machine.begin(
            .release, steps: ["release"],
            goal: .init(master: machine.record.master, edges: machine.record.edges),
            phase: .releasing(nodes: machine.record.nodes, removesCluster: true),
            request: request, turn: &turn)
        clusters[target.cluster] = machine
        return Affected(cluster: target.cluster, operation: machine.operation?.operation.id)
    }

    // MARK: - Nodes

    private mutating func register(
        _ spec: NodeSpec, in name: String, expected: Int64?, isNew: Bool, turn: inout Turn
    ) throws(Problem) -> Affected {
        var machine = try cluster(name)
        let known = machine.record.nodeSpec(spec.node)
        if isNew, known != nil { throw Problems.nameTaken("node \(spec.node)") }
        if !isNew, known == nil { throw Problem.notFound("the node \(spec.node)") }
        let generation = machine.record.nodeGenerations[spec.node] ?? 0
        if let expected, expected != generation {
            throw Problems.staleGeneration(now: generation)
        }
        let rest = machine.record.nodes.filter { $0.node != spec.node }
        guard rest.count < Limits.nodesMax else {
            throw Problems.invalid(
                "LIMIT_EXCEEDED", "at most \(Limits.nodesMax) nodes", at: "/node")
        }
        try SpecValidation.checkNode(
            spec, registered: rest, others: others(than: name), at: "")
        guard known != spec else { return Affected(cluster: name, node: spec.node) }
        replaceView(of: spec, in: &machine)
        machine.record.spec.nodes = (rest + [spec]).sorted { $0.node < $1.node }
        machine.record.nodeGenerations[spec.node] = generation + 1
        machine.record.generation += 1
        machine.record.updatedAt = turn.now.wall
        turn.store(.cluster(machine.record))
        turn.emit(
            "spec.changed", cluster: name, node: spec.node,
            isNew ? "node \(spec.node) was registered" : "node \(spec.node) was changed")
        clusters[name] = machine
        return Affected(cluster: name, node: spec.node)
    }

    private mutating func remove(
        _ node: String, from name: String, expected: Int64?, request: OperationRequest,
        turn: inout Turn
    ) throws(Problem) -> Affected {
        var machine = try cluster(name)
        guard let spec = machine.record.nodeSpec(node) else {
            throw Problem.notFound("the node \(node)")
        }
        let generation = machine.record.nodeGenerations[node] ?? 0
        if let expected, expected != generation {
            throw Problems.staleGeneration(now: generation)
        }
        let isNamed = machine.record.spec.topology?.flattened.contains { $0.spec.node == node }
        if isNamed == true || machine.record.master == node
            || machine.record.edges.values.contains(node)
        {
            throw Problems.invalid(
                "NODE_IN_USE", "\(node) is in the tree; apply a topology without it first",
                at: "")
        }
        try requireIdle(machine)
        machine.record.spec.nodes = machine.record.nodes.filter { $0.node != node }
        machine.record.nodeGenerations[node] = nil
        machine.record.edges[node] = nil
        machine.record.generation += 1
        machine.record.updatedAt = turn.now.wall
        machine.views[node] = nil
        turn.store(.cluster(machine.record))
        turn.emit("spec.changed", cluster: name, node: node, "node \(node) was taken out")
        machine.begin(
            .release, steps: ["release"],
            goal: .init(master: machine.record.master, edges: machine.record.edges),
            phase: .releasing(nodes: [spec], removesCluster: false), request: request,
            turn: &turn)
        clusters[name] = machine
        return Affected(cluster: name, operation: machine.operation?.operation.id)
    }

    // MARK: - Automation

    private mutating func setMaintenance(
        _ name: String, _ record: Maintenance?, request: OperationRequest, turn: inout Turn
    ) throws(Problem) -> Affected {
        var machine = try cluster(name)
        if let until = record?.until, until <= turn.now.wall {
            throw Problems.invalid("INVALID_TIME", "until lies in the past", at: "/until")
        }
        machine.record.maintenance = record
        turn.store(.cluster(machine.record))
        turn.emit(
            "maintenance.changed", cluster: name,
            record.map { "paused by \($0.owner): \($0.reason)" }
                ?? "resumed by \(request.actor)")
        clusters[name] = machine
        return Affected(cluster: name)
    }

    private mutating func cancel(
        _ id: String, request: OperationRequest, turn: inout Turn
    ) throws(Problem) -> Affected {
        if let old = ended.first(where: { $0.operation.id == id }) {
            throw Problems.notCancellable("\(id) has \(old.operation.state.rawValue) already")
        }
        guard var machine = clusters.values.first(where: { $0.operation?.operation.id == id }),
            let running = machine.operation
        else { throw Problem.notFound("the operation \(id)") }
        let problem = Problems.cancelled(by: request.actor)
        switch running.phase {
        case .assigning, .prechecking:
            machine.end(.cancelled, problem: problem, rolledBack: true, turn: &turn)
        case .pausing(let change), .catchingUp(let change, _):
            machine.resume(change, problem, turn: &turn)
        case .converging:
            machine.end(.cancelled, problem: problem, rolledBack: false, turn: &turn)
        case .promoting, .resuming, .releasing:
            throw Problems.notCancellable(
                "\(id) has passed the point of no return; it ends on its own")
        }
        clusters[machine.name] = machine
        return Affected(cluster: machine.name, operation: id)
    }
}
