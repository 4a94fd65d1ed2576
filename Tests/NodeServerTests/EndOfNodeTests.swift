// A node that ended must leave nothing behind: no memory, no descriptor, no thread.
import Testing

@testable import NodeServer

@Suite struct EndOfNodeTests {
    @Test func aNodeThatServedClientsIsFreed() throws {
        weak var node: Node?
        try serve { node = $0 }
        #expect(node == nil, "something still holds the node")
    }

    @Test func aNodeThatSavedIsFreed() throws {
        weak var node: Node?
        try serve {
            node = $0
        } with: { world, client in
            _ = try world.call(client, "SET", "key", "value")
            _ = try world.call(client, "BGSAVE")
            try world.until("snapshot") { world.node.snapshots.runningPurpose == nil }
        }
        #expect(node == nil, "something still holds the node")
    }

    private func serve(
        _ note: (Node) -> Void, with body: (NodeWorld, TestClient) throws -> Void = { _, _ in }
    ) throws {
        let world = try NodeWorld()
        note(world.node)
        let client = try world.connect()
        _ = try world.call(client, "PING")
        try body(world, client)
    }
}
