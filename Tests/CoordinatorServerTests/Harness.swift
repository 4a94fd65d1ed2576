// A coordinator with its API on a thread of its own, on a directory of its own, and the client
// side of a test.

import ControlModel
import EventLoop
import Foundation
import HTTPClient
import Logging
import Platform
import Synchronization
import Testing
import Topology

@testable import CoordinatorServer

/// A directory that is removed with its owner.
final class ScratchDirectory: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "coordinator-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

final class Harness: Sendable {
    private final class Parts {
        let coordinator: Coordinator
        let api: InternalAPI
        init(_ coordinator: Coordinator, _ api: InternalAPI) {
            self.coordinator = coordinator
            self.api = api
        }
    }

    static let secret = "0123456789abcdef"
    let port: UInt16
    private let thread: LoopThread
    private let parts: LoopBound<Parts>
    private let client: HTTPClient

    /// Starts on a store that is made on the coordinator's thread.
    init(
        afterCommit: @escaping @Sendable (StateChanges) -> Bool = { _ in true },
        store: @escaping @Sendable () throws -> any StateStore
    ) throws {
        let failed = FailureBox()
        let started = try LoopThread.start(name: "coordinator") { loop throws(SystemError) in
            do {
                let coordinator = try Coordinator(
                    store: try store(), secret: Self.secret, loop: loop,
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                ) { error in failed.text.withLock { $0 = error.description } }
                coordinator.afterCommit = afterCommit
                guard let address = SocketAddress(numeric: "127.0.0.1", port: 0) else {
                    preconditionFailure("a numeric address")
                }
                let api = try InternalAPI(
                    coordinator: coordinator, secret: Self.secret, address: address, loop: loop)
                return (LoopBound(Parts(coordinator, api), loop: loop), api.port)
            } catch let error as SystemError {
                throw error
            } catch {
                preconditionFailure("the coordinator does not start: \(error)")
            }
        }
        thread = started.thread
        parts = started.made.0
        port = started.made.1
        client = try HTTPClient(name: "test")
        failedBox = failed
    }

    convenience init(
        directory: ScratchDirectory,
        afterCommit: @escaping @Sendable (StateChanges) -> Bool = { _ in true }
    ) throws {
        try self.init(
            afterCommit: afterCommit,
            store: { try SQLiteStateStore(directory: directory.path) })
    }

    private final class FailureBox: Sendable {
        let text = Mutex<String?>(nil)
    }
    private let failedBox: FailureBox
    /// What the store failed with.
    var storeFailure: String? { failedBox.text.withLock { $0 } }

    /// Ends the coordinator at once, as a crash would: nothing is drained.
    func crash() {
        parts.post { $0.coordinator.stop() }
        thread.stop()
        client.close()
    }

    /// Drains the API; returns when its last connection is closed.
    func drain() throws {
        let done = try Handoff<Bool>()
        parts.post { $0.api.drain(deadlineMilliseconds: 2000) { done.give(true) } }
        _ = done.take()
    }

    /// Whether a reader is being kept waiting.
    func isSomeoneWaiting() throws -> Bool {
        let count = try Handoff<Int>()
        parts.post { count.give($0.coordinator.waiters.count) }
        return count.take() > 0
    }

    // MARK: - Client side

    func request(
        _ method: String, _ path: String, body: [UInt8]? = nil, secret: String? = Harness.secret
    ) throws -> HTTPClient.Response {
        var headers: [HTTPClient.Header] = []
        if let secret { headers.append(.init("Authorization", "Bearer \(secret)")) }
        return try client.send(
            HTTPClient.Request(
                method: method, url: "http://127.0.0.1:\(port)\(path)", headers: headers,
                body: body, timeoutMilliseconds: 15_000))
    }

    func get<Value: Decodable>(_ type: Value.Type, _ path: String) throws -> Value {
        let response = try request("GET", path)
        guard response.status == 200 else {
            throw try ControlJSON.decode(Problem.self, from: response.body)
        }
        return try ControlJSON.decode(type, from: response.body)
    }

    @discardableResult
    func send(
        _ action: CommandAction, dryRun: Bool = false, key: String? = nil,
        fingerprint: String = "f"
    ) throws -> CommandAnswer {
        let command = InternalCommand(
            actor: "test", source: "127.0.0.1", requestID: "r-1", dryRun: dryRun,
            idempotency: key.map { .init(key: $0, fingerprint: fingerprint) }, action: action)
        let response = try request(
            "POST", "/internal/v1/commands", body: ControlJSON.encode(command))
        guard response.status == 200 || response.status == 202 else {
            throw try ControlJSON.decode(Problem.self, from: response.body)
        }
        return try ControlJSON.decode(CommandAnswer.self, from: response.body)
    }

    func state() throws -> StateSnapshot {
        try get(StateSnapshot.self, "/internal/v1/state")
    }

    func cluster() throws -> ClusterState? { try state().clusters.first }

    /// Waits for the end of an operation.
    func end(of operation: ControlModel.Operation?) throws -> ControlModel.Operation {
        let id = try #require(operation?.id)
        return try get(
            ControlModel.Operation.self, "/internal/v1/operations/\(id)?waitMilliseconds=10000")
    }

    /// Polls until a condition holds; false after ten seconds.
    func wait(until condition: (ClusterState) -> Bool) throws -> Bool {
        let deadline = Clock.monotonicMilliseconds() + 10_000
        var after: Int64 = 0
        while Clock.monotonicMilliseconds() < deadline {
            let snapshot = try get(
                StateSnapshot.self, "/internal/v1/state?after=\(after)&waitMilliseconds=200")
            if let cluster = snapshot.clusters.first, condition(cluster) { return true }
            after = snapshot.generation
        }
        return false
    }
}

/// A store in memory: fast, forgetful, and able to fail. For tests only.
final class MemoryStateStore: StateStore {
    private var state = StoredState()
    private var allEvents: [Event] = []
    private var allAudit: [AuditRecord] = []
    private var keys: [String: IdempotencyRecord] = [:]
    var failsFrom: Int?
    private(set) var commits = 0

    func load() throws(StateStoreError) -> StoredState { state }

    func commit(_ changes: StateChanges) throws(StateStoreError) {
        commits += 1
        if let limit = failsFrom, commits >= limit {
            throw StateStoreError(description: "the disk is full")
        }
        for change in changes.records { store(change) }
        allEvents += changes.events
        state.eventFirst = allEvents.first?.sequence ?? 0
        state.eventLast = allEvents.last?.sequence ?? 0
        for token in changes.tokensStored {
            state.tokens.removeAll { $0.id == token.id }
            state.tokens.append(token)
        }
        state.tokens.removeAll { changes.tokensDeleted.contains($0.id) }
        state.tokens.sort { $0.id < $1.id }
        allAudit += changes.audit
        state.auditLast = allAudit.last?.sequence ?? 0
        if let record = changes.idempotency { keys["\(record.actor) \(record.key)"] = record }
        if let starts = changes.starts { state.starts = starts }
    }

    private func store(_ change: RecordChange) {
        switch change {
        case .cluster(let record):
            state.topology.clusters.removeAll { $0.spec.name == record.spec.name }
            state.topology.clusters.append(record)
            state.topology.clusters.sort { $0.spec.name < $1.spec.name }
        case .clusterRemoved(let name):
            state.topology.clusters.removeAll { $0.spec.name == name }
        case .operation(let record):
            let id = record.operation.id
            if let index = state.topology.operations.firstIndex(where: { $0.operation.id == id }) {
                state.topology.operations[index] = record
            } else {
                state.topology.operations.append(record)
            }
        case .counters(let counters): state.topology.counters = counters
        }
    }

    func idempotency(
        actor: String, key: String, now: Timestamp
    ) throws(StateStoreError) -> IdempotencyRecord? {
        keys["\(actor) \(key)"].flatMap { $0.expiresAt > now ? $0 : nil }
    }

    func events(after: Int64, limit: Int) throws(StateStoreError) -> [Event] {
        Array(allEvents.filter { $0.sequence > after }.prefix(limit))
    }

    func audit(after: Int64, limit: Int) throws(StateStoreError) -> [AuditRecord] {
        Array(allAudit.filter { $0.sequence > after }.prefix(limit))
    }

    func close() {}
}
