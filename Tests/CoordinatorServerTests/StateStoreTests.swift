import ControlModel
import Foundation
import Testing
@testable import Topology

@testable import CoordinatorServer

/// The contract of every store, run against each of them.
struct StateStoreTests {
    enum Kind: CaseIterable { case sqlite, memory }

    private func make(_ kind: Kind, _ directory: ScratchDirectory) throws -> any StateStore {
        switch kind {
        case .sqlite: try SQLiteStateStore(directory: directory.path)
        case .memory: MemoryStateStore()
        }
    }

    private func time(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds) }

    private func cluster(_ name: String, epoch: Int64) -> ClusterRecord {
        ClusterRecord(
            clusterID: "id-\(name)", spec: ClusterSpec(name: name), generation: 1,
            nodeGenerations: ["n1": 2], createdAt: time(1), updatedAt: time(2), epoch: epoch,
            master: "n1", edges: ["n2": "n1"], lineage: ["a", "b"], recoveries: [time(3)],
            promotedOffset: 77, maintenance: Maintenance(owner: "me", reason: "disk"))
    }

    private func operation(_ id: String, _ state: OperationState) -> OperationRecord {
        var operation = ControlModel.Operation(
            id: id, kind: .switchover, cluster: "a",
            steps: [OperationStep(name: "promote", state: .running, startedAt: time(5))],
            reason: "test", requestedBy: "me", requestID: "r", createdAt: time(4))
        operation.state = state
        return OperationRecord(
            operation: operation,
            phase: .promoting(.init(node: "n2", from: "n1", planned: true, tried: [])),
            goal: .init(master: "n2", edges: ["n1": "n2"]))
    }

    private func event(_ sequence: Int64) -> Event {
        Event(
            sequence: sequence, time: time(sequence), kind: "node.up", cluster: "a", node: "n1",
            detail: "it answers", attributes: ["from": "down"])
    }

    private func token(_ id: String) -> TokenRecord {
        TokenRecord(
            id: id, name: "name-\(id)", role: .operator, secretHash: "00", createdAt: time(1),
            createdBy: "admin", expiresAt: time(9))
    }

    private func audit(_ sequence: Int64) -> AuditRecord {
        AuditRecord(
            sequence: sequence, time: time(1), actor: "me", source: nil, requestID: "r",
            action: "switchover", target: "a", result: "accepted", operation: "op-1")
    }

    @Test(arguments: Kind.allCases)
    func whatIsCommittedIsRead(kind: Kind) throws {
        let directory = try ScratchDirectory()
        let store = try make(kind, directory)
        #expect(try store.load() == StoredState())
        var counters = TopologyCounters()
        counters.event = 2
        var changes = StateChanges()
        changes.records = [
            .cluster(cluster("a", epoch: 1)), .cluster(cluster("b", epoch: 5)),
            .operation(operation("op-1", .running)), .operation(operation("op-2", .running)),
            .counters(counters),
        ]
        changes.events = [event(1), event(2)]
        changes.tokensStored = [token("t1"), token("t2")]
        changes.audit = [audit(1)]
        changes.starts = 3
        try store.commit(changes)
        var second = StateChanges()
        second.records = [
            .cluster(cluster("a", epoch: 2)), .clusterRemoved(name: "b"),
            .operation(operation("op-1", .succeeded)),
        ]
        second.events = [event(3)]
        second.tokensDeleted = ["t1"]
        second.audit = [audit(2)]
        try store.commit(second)
        let state = try store.load()
        #expect(state.topology.clusters == [cluster("a", epoch: 2)])
        #expect(
            state.topology.operations
                == [operation("op-1", .succeeded), operation("op-2", .running)])
        #expect(state.topology.counters == counters)
        #expect(state.tokens == [token("t2")])
        #expect(state.starts == 3 && state.auditLast == 2)
        #expect(state.eventFirst == 1 && state.eventLast == 3)
        #expect(try store.events(after: 1, limit: 1) == [event(2)])
        #expect(try store.events(after: 3, limit: 10).isEmpty)
        #expect(try store.audit(after: 0, limit: 10) == [audit(1), audit(2)])
        store.close()
    }

    @Test(arguments: Kind.allCases)
    func anIdempotencyKeyIsRememberedForItsTimeAndItsActor(kind: Kind) throws {
        let directory = try ScratchDirectory()
        let store = try make(kind, directory)
        let record = IdempotencyRecord(
            actor: "me", key: "k", fingerprint: "f", expiresAt: time(1000),
            answer: CommandAnswer(operation: operation("op-1", .running).operation))
        var changes = StateChanges()
        changes.idempotency = record
        try store.commit(changes)
        #expect(try store.idempotency(actor: "me", key: "k", now: time(999)) == record)
        #expect(try store.idempotency(actor: "me", key: "k", now: time(1000)) == nil)
        #expect(try store.idempotency(actor: "you", key: "k", now: time(1)) == nil)
        store.close()
    }

    @Test func aReopenedStoreHasEverything() throws {
        let directory = try ScratchDirectory()
        let store = try SQLiteStateStore(directory: directory.path)
        var changes = StateChanges()
        changes.records = [.cluster(cluster("a", epoch: 8))]
        changes.events = [event(1)]
        try store.commit(changes)
        let before = try store.load()
        store.close()
        let again = try SQLiteStateStore(directory: directory.path)
        #expect(try again.load() == before)
        again.close()
    }

    /// GRDB's own default for a WAL is NORMAL (1): a power loss could take an epoch back.
    @Test func commitsAreSyncedToTheDisk() throws {
        let directory = try ScratchDirectory()
        let store = try SQLiteStateStore(directory: directory.path)
        let settings = try store.durabilitySettings()
        #expect(settings.journal == "wal" && settings.synchronous == 2)
        store.close()
    }

    @Test func oldRowsAreDropped() throws {
        let directory = try ScratchDirectory()
        let store = try SQLiteStateStore(directory: directory.path)
        var changes = StateChanges()
        let last = StoreLimits.eventsMax + 500
        for sequence in 1...last { changes.events.append(event(sequence)) }
        for number in 1...(StoreLimits.operationsMax + 20) {
            changes.records.append(.operation(operation("op-\(number)", .succeeded)))
        }
        changes.records.append(.operation(operation("op-running", .running)))
        try store.commit(changes)
        for _ in 0..<StoreLimits.pruneTransactions {
            var one = StateChanges()
            one.starts = 1
            try store.commit(one)
        }
        let state = try store.load()
        #expect(state.eventFirst == 501 && state.eventLast == last)
        #expect(state.topology.operations.count == Int(StoreLimits.operationsMax) + 1)
        #expect(state.topology.operations.last?.operation.id == "op-running")
        store.close()
    }

    @Test func aDirectoryIsUsedByOneProcessAtATime() throws {
        let scratch = try ScratchDirectory()
        let directory = try StateDirectory(path: scratch.path + "/state")
        #expect(throws: StateStoreError.self) {
            _ = try StateDirectory(path: scratch.path + "/state")
        }
        directory.release()
        let again = try StateDirectory(path: scratch.path + "/state")
        again.release()
        let attributes = try FileManager.default.attributesOfItem(atPath: scratch.path + "/state")
        #expect((attributes[.posixPermissions] as? Int) == 0o700)
    }

    @Test func aBrokenFileIsReportedAndNotReplaced() throws {
        let directory = try ScratchDirectory()
        let path = directory.path + "/" + SQLiteStateStore.fileName
        let garbage = Data(repeating: 0x41, count: 8192)
        try garbage.write(to: URL(fileURLWithPath: path))
        #expect(throws: StateStoreError.self) {
            _ = try SQLiteStateStore(directory: directory.path)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == garbage)
    }
}
