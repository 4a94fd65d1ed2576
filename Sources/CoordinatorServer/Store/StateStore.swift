// What the coordinator remembers. A store takes whole transactions: everything of one step of
// the decision core, or of one command, is durable together or not at all.

import ControlModel
import Topology

/// Keeps the coordinator's state. Called on the loop's thread; calls return when it is durable.
protocol StateStore: AnyObject {
    /// Reads everything that is kept.
    func load() throws(StateStoreError) -> StoredState
    /// Makes a transaction durable. After an error nothing may be assumed about it: the process
    /// ends, and what was stored is read again at the next start.
    func commit(_ changes: StateChanges) throws(StateStoreError)
    /// The answer that was given under a key, unless it has expired.
    func idempotency(
        actor: String, key: String, now: Timestamp
    ) throws(StateStoreError) -> IdempotencyRecord?
    /// Events after a position, oldest first.
    func events(after: Int64, limit: Int) throws(StateStoreError) -> [Event]
    /// Audit records after a position, oldest first.
    func audit(after: Int64, limit: Int) throws(StateStoreError) -> [AuditRecord]
    /// Lets go of the files.
    func close()
}

/// Why the store did not do what it was asked.
struct StateStoreError: Error, CustomStringConvertible {
    /// What it was doing, and the reason.
    var description: String
}

/// The answer to a command under an idempotency key.
struct IdempotencyRecord: Codable, Hashable, Sendable {
    var actor: String
    var key: String
    /// Digest of what was asked.
    var fingerprint: String
    var expiresAt: Timestamp
    var answer: CommandAnswer
}

/// One transaction.
struct StateChanges: Sendable {
    var records: [RecordChange] = []
    var events: [Event] = []
    var tokensStored: [TokenRecord] = []
    var tokensDeleted: [String] = []
    var audit: [AuditRecord] = []
    var idempotency: IdempotencyRecord?
    /// How often the coordinator has started; nil: unchanged.
    var starts: Int64?

    var isEmpty: Bool {
        records.isEmpty && events.isEmpty && tokensStored.isEmpty && tokensDeleted.isEmpty
            && audit.isEmpty && idempotency == nil && starts == nil
    }
}

/// Everything that is kept, as read at the start.
struct StoredState: Equatable {
    var topology = TopologyRecords()
    var tokens: [TokenRecord] = []
    var starts: Int64 = 0
    var eventFirst: Int64 = 0
    var eventLast: Int64 = 0
    var auditLast: Int64 = 0
}

/// How much is kept.
enum StoreLimits {
    /// Newest events.
    static let eventsMax: Int64 = 10_000
    /// Newest audit records.
    static let auditMax: Int64 = 10_000
    /// Newest ended operations.
    static let operationsMax = Int64(Limits.operationsMax)
    /// How long an idempotency key is remembered.
    static let idempotencyMilliseconds: Int64 = 24 * 3_600_000
    /// Old rows are dropped each time this many transactions have been made.
    static let pruneTransactions = 64
}
