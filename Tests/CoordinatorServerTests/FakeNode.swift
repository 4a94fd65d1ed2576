// A control port without a node behind it: answers over real HTTP, remembers its orders, and
// follows its upstream at once. Killing it closes its port.

import ControlModel
import EventLoop
import HTTPTransport
import HTTPWire
import Platform
import Synchronization

/// The nodes of one test, so that a replica finds what it follows.
final class FakeNodes: Sendable {
    private let nodes = Mutex<[String: FakeNode]>([:])
    let secret = "0123456789abcdef"

    init(_ ids: [String]) throws {
        for (index, id) in ids.enumerated() {
            let node = try FakeNode(id: id, dataPort: 20_001 + index, nodes: self)
            nodes.withLock { $0[id] = node }
        }
    }

    subscript(_ id: String) -> FakeNode {
        nodes.withLock { nodes in
            guard let node = nodes[id] else { preconditionFailure("no node \(id)") }
            return node
        }
    }

    var specs: [NodeSpec] { nodes.withLock { $0.values.map(\.spec) }.sorted { $0.node < $1.node } }

    func stop() { for node in nodes.withLock({ Array($0.values) }) { node.kill() } }
}

final class FakeNode: Sendable {
    private struct State {
        var clusterID: String?
        var nodeID: String?
        var epoch: Int64 = 0
        var role = NodeRole.master
        var upstream: Order.Upstream?
        var replicationID: String
        var secondReplicationID: String?
        var offset: Int64 = 1000
        var boot = 1
        var isPaused = false
        var orders: [Order] = []
        var isRunning = true
        var holdsWaits = false
    }

    let id: String
    private let dataPort: Int
    private let controlPort: UInt16
    private unowned let nodes: FakeNodes
    private let state: Mutex<State>
    private let thread = Mutex<LoopThread?>(nil)

    init(id: String, dataPort: Int, nodes: FakeNodes) throws {
        self.id = id
        self.dataPort = dataPort
        self.nodes = nodes
        state = Mutex(State(replicationID: "history-1-of-" + id))
        let relay = Relay()
        let (started, port) = try Self.listen(port: 0, relay)
        controlPort = port
        relay.node.withLock { $0 = self }
        thread.withLock { $0 = started }
    }

    private final class Relay: Sendable {
        let node = Mutex<FakeNode?>(nil)
    }

    private static func listen(
        port: UInt16, _ relay: Relay
    ) throws(SystemError) -> (LoopThread, UInt16) {
        let started = try LoopThread.start(name: "fake-node") { loop throws(SystemError) in
            guard let address = SocketAddress(numeric: "127.0.0.1", port: port) else {
                preconditionFailure("a numeric address")
            }
            let server = try HTTPServer(loop: loop, address: address) { request, responder in
                guard let node = relay.node.withLock({ $0 }) else { return }
                node.answer(request, responder)
            }
            return (LoopBound(server, loop: loop), server.port)
        }
        return (started.thread, started.made.1)
    }

    var spec: NodeSpec {
        NodeSpec(
            node: id, address: Endpoint(host: "127.0.0.1", port: dataPort),
            control: Endpoint(host: "127.0.0.1", port: Int(controlPort)))
    }

    var orders: [Order] { state.withLock { $0.orders } }
    var role: NodeRole { state.withLock { $0.role } }
    var epoch: Int64 { state.withLock { $0.epoch } }
    var upstream: String? { state.withLock { $0.upstream?.nodeID } }
    var isPaused: Bool { state.withLock { $0.isPaused } }
    var isRunning: Bool { state.withLock { $0.isRunning } }

    func kill() {
        state.withLock { $0.isRunning = false }
        thread.withLock { $0.take() }?.stop()
    }

    func restart() throws {
        state.withLock { state in
            state.boot += 1
            state.isRunning = true
            if state.role == .master {
                state.secondReplicationID = state.replicationID
                state.replicationID = "history-\(state.boot)-of-\(id)"
            }
        }
        let relay = Relay()
        relay.node.withLock { $0 = self }
        let started = try Self.listen(port: controlPort, relay).0
        thread.withLock { $0 = started }
    }

    // MARK: - HTTP

    private func answer(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let fields = HTTPFields([("Content-Type", "application/json")])
        switch request.path {
        case ["health"]:
            responder.respond(
                HTTPResponse(.ok, fields: fields, body: ControlJSON.encode(report())))
        case ["orders"]:
            guard request.fields["authorization"] == "Bearer \(nodes.secret)",
                let order = try? ControlJSON.decode(Order.self, from: request.body)
            else { return responder.respond(HTTPResponse(.unauthorized, text: "no\n")) }
            let answer = carryOut(order)
            responder.respond(
                HTTPResponse(
                    answer.accepted ? .ok : .conflict, fields: fields,
                    body: ControlJSON.encode(answer)))
        case ["wait-offset"]:
            // Without an answer the wait ends with its connection.
            if state.withLock({ $0.holdsWaits }) { return }
            let wanted = request.queryValue("offset").flatMap { Int64($0) } ?? .max
            let report = report()
            let answer = OffsetAnswer(
                reached: report.offset >= wanted, replicationID: report.replicationID,
                offset: report.offset)
            responder.respond(
                HTTPResponse(.ok, fields: fields, body: ControlJSON.encode(answer)))
        default: responder.respond(HTTPResponse(.notFound, text: "no\n"))
        }
    }

    private func carryOut(_ order: Order) -> OrderAnswer {
        state.withLock { state in
            state.orders.append(order)
            guard order.epoch >= state.epoch else {
                return OrderAnswer(
                    accepted: false, epoch: state.epoch, replicationID: state.replicationID,
                    offset: state.offset,
                    problem: Problem(
                        status: 409, code: "STALE_EPOCH", title: "Stale", detail: "old epoch"))
            }
            state.epoch = order.epoch
            state.clusterID = order.clusterID
            state.nodeID = order.nodeID
            switch order.kind {
            case .master:
                if state.role == .replica {
                    state.secondReplicationID = state.replicationID
                    state.replicationID = "history-\(order.epoch)-by-\(id)"
                }
                state.role = .master
                state.upstream = nil
                state.isPaused = false
            case .replica(let upstream):
                state.role = .replica
                state.upstream = upstream
                state.isPaused = false
            case .pause: state.isPaused = true
            case .resume: state.isPaused = false
            case .release:
                state.clusterID = nil
                state.nodeID = nil
                state.epoch = 0
            }
            return OrderAnswer(
                accepted: true, epoch: state.epoch, replicationID: state.replicationID,
                offset: state.offset)
        }
    }

    func report() -> HealthReport {
        let upstream = state.withLock { $0.upstream }
        let above = upstream.flatMap { nodes[$0.nodeID] }
        let isConnected = above?.isRunning ?? false
        if isConnected, let seen = above?.report() {
            state.withLock { state in
                state.offset = seen.offset
                state.replicationID = seen.replicationID
                state.secondReplicationID = seen.secondReplicationID
            }
        }
        return state.withLock { state in
            HealthReport(
                nodeID: state.nodeID, clusterID: state.clusterID, bootID: "\(id)-\(state.boot)",
                role: state.role, epoch: state.epoch, replicationID: state.replicationID,
                secondReplicationID: state.secondReplicationID, offset: state.offset,
                backlogFirst: 1, backlogLast: state.offset,
                upstream: upstream.map {
                    .init(nodeID: $0.nodeID, host: $0.host, port: $0.port)
                },
                linkState: state.role == .master ? .none : isConnected ? .connected : .connecting,
                lastByteAgeMilliseconds: isConnected ? 10 : 5000,
                loop: .init(ticks: 1, currentCommandAgeMilliseconds: 0),
                dataset: .init(keys: 10, lastSave: 0, persistence: "aof"),
                clockMilliseconds: Clock.monotonicMilliseconds(), usedMemory: 1,
                paused: state.isPaused)
        }
    }

    /// Leaves waits for an offset without an answer from now on.
    func holdWaits() { state.withLock { $0.holdsWaits = true } }

    /// All nodes of a test begin with the same data.
    func shareHistory() {
        state.withLock { $0.replicationID = "shared-history" }
    }
}
