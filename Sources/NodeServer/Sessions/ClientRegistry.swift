// The connected clients by ID: for CLIENT LIST and KILL, time limits, CONFIG SET, shutdown.

import Commands

/// All sessions of a node.
final class ClientRegistry {
    private var sessions: [Int64: Session] = [:]
    private var lastID: Int64 = 0

    /// Number of sessions.
    var count: Int { sessions.count }

    /// An ID that no client has had.
    func nextID() -> Int64 {
        lastID += 1
        return lastID
    }

    func add(_ session: Session) { sessions[session.client.id] = session }

    func remove(_ session: Session) { sessions[session.client.id] = nil }

    func session(of client: ClientState) -> Session? { sessions[client.id] }

    func session(id: Int64) -> Session? { sessions[id] }

    /// The sessions in the order of their IDs.
    var inOrder: [Session] { sessions.values.sorted { $0.client.id < $1.client.id } }

    /// The sessions in any order.
    var all: [Session] { Array(sessions.values) }
}
