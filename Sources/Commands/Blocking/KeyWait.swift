// What one client waits for: the blocked command with its arguments, and the keys that may bring it
// on. A wait lives from the first time the command blocks until it has its answer, however often
// it is run again in between.
internal import Bytes
internal import Store

/// The blocked command of one client.
final class KeyWait {
    /// Who waits; the client owns the wait.
    unowned let client: ClientState
    /// The command, to be run again.
    let request: TransactionQueue
    /// The type that a key must have to bring the command on.
    let type: ValueType
    /// The command is also run again when one of its keys is gone or has another type: it waits for
    /// a part of a value (a consumer group) that goes with it.
    let wakesWithoutKey: Bool
    /// When it ends by itself, on the monotonic clock; nil: never.
    let deadline: Deadline?
    /// Place among all waits: the lowest is served first. Changes each time the command blocks.
    var ticket: UInt64 = 0
    /// The keys, each once; empty while the command runs again.
    var keys: [AwaitedKey] = []
    /// Index in the heap of deadlines; -1 when it is not there.
    var heapPosition = -1

    init(
        client: ClientState, request: TransactionQueue, type: ValueType, wakesWithoutKey: Bool,
        deadline: Deadline?
    ) {
        self.client = client
        self.request = request
        self.type = type
        self.wakesWithoutKey = wakesWithoutKey
        self.deadline = deadline
    }
}

/// A key of one database that clients wait for.
final class AwaitedKey {
    let database: Int
    let key: [UInt8]
    let hash: KeyHash
    /// Those who wait for it, first come first served.
    var queue = WaitQueue()
    /// How many of them are also woken without the key.
    var wakingWithoutKey = 0
    /// It was changed and its clients have not been looked at since.
    var isReady = false
    /// Another key of the database with the same hash.
    var next: AwaitedKey?

    init(database: Int, key: [UInt8], hash: KeyHash) {
        self.database = database
        self.key = key
        self.hash = hash
    }
}
