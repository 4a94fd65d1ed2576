// One step of the machine: what it is told, what it wants done, and the numbers it draws.

internal import ControlModel

/// The surroundings of one step, passed down to the machines of the clusters.
struct Turn {
    let now: Moment
    /// When the coordinator started, on the monotonic clock.
    let startedAt: Int64
    /// Why the coordinator may not act: it reaches too few nodes to trust its own eyes.
    var isolation: String?
    var effects = Effects()
    var counters: TopologyCounters
    var lastRequest: Int64
    /// Operations that ended in this step.
    var ended: [OperationRecord] = []

    var monotonic: Int64 { now.monotonicMilliseconds }

    mutating func nextOperationID() -> String {
        counters.operation += 1
        return "op-\(counters.operation)"
    }

    mutating func nextRequestID() -> Int64 {
        lastRequest += 1
        return lastRequest
    }

    /// Adds an event to the sequence.
    mutating func emit(
        _ kind: String, cluster: String, node: String? = nil, operation: String? = nil,
        epoch: Int64? = nil, _ detail: String, attributes: [String: String] = [:]
    ) {
        counters.event += 1
        effects.events.append(
            Event(
                sequence: counters.event, time: now.wall, kind: kind, cluster: cluster,
                node: node, operation: operation, epoch: epoch, detail: detail,
                attributes: attributes))
        effects.stateChanged = true
    }

    /// Stores a record; a later one of the same cluster or operation replaces it.
    mutating func store(_ change: RecordChange) {
        effects.stateChanged = true
        switch change {
        case .cluster(let record):
            effects.records.removeAll { Self.isCluster($0, record.name) }
        case .operation(let record):
            effects.records.removeAll { Self.isOperation($0, record.operation.id) }
        case .clusterRemoved(let name):
            effects.records.removeAll { Self.isCluster($0, name) }
        case .counters: break
        }
        effects.records.append(change)
    }

    private static func isCluster(_ change: RecordChange, _ name: String) -> Bool {
        if case .cluster(let record) = change { record.name == name } else { false }
    }

    private static func isOperation(_ change: RecordChange, _ id: String) -> Bool {
        if case .operation(let record) = change { record.operation.id == id } else { false }
    }
}
