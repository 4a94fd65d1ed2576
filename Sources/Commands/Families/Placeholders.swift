internal import Bytes
internal import RESP
internal import Store
enum Connection { static let table: [CommandSpec] = [] }
enum Clients { static let table: [CommandSpec] = [] }
enum Strings {
    static let table: [CommandSpec] = []
    static func getStraight(_ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments)
    {
        guard let entry = engine.read(arguments[1], engine.keyHash, client) else {
            return client.writer.null()
        }
        switch entry.stringValue {
        case .bytes(let bytes): client.writer.bulk(bytes)
        case .integer(let value): client.writer.bulk(integer: value)
        }
    }
}
enum Keys { static let table: [CommandSpec] = [] }
enum Expiry { static let table: [CommandSpec] = [] }
enum Transactions {
    static let table: [CommandSpec] = []
    static func discard(_ engine: CommandEngine, _ client: ClientState) { client.transaction = nil }
}
enum PubSub { static let table: [CommandSpec] = [] }
enum Server { static let table: [CommandSpec] = [] }
enum Introspection { static let table: [CommandSpec] = [] }
enum Debugging { static let table: [CommandSpec] = [] }
enum ReplicationCommands { static let table: [CommandSpec] = [] }
