// The embedded store: one SQLite file through GRDB.
//
//   meta         name, value                          format version, counters, starts
//   clusters     name, document                       ClusterRecord
//   operations   number, id, hasEnded, document       OperationRecord
//   events       sequence, document                   Event
//   tokens       id, document                         TokenRecord
//   audit        sequence, document                   AuditRecord
//   idempotency  actor, key, expiresAt, document      IdempotencyRecord
//
// Documents are JSON text. The journal is a WAL with synchronous=FULL: GRDB's own default for a
// WAL is NORMAL, under which a power loss could take back a transaction that was reported as
// done, and with it an epoch that nodes have already been told.

import ControlModel
import Foundation
import GRDB
import Topology

/// Keeps the state in `coordinator.sqlite` of a directory.
final class SQLiteStateStore: StateStore {
    /// Name of the file in the directory.
    static let fileName = "coordinator.sqlite"
    /// Version of the tables; a store of a newer version is refused.
    static let formatVersion = 1

    /// How long another program that reads the file, such as a backup, may keep a call waiting.
    private static let busySeconds = 1.0

    private let queue: DatabaseQueue
    private var transactions = 0

    /// Opens or makes the store of a directory that the caller has locked.
    init(directory: String) throws(StateStoreError) {
        let path = directory + "/" + Self.fileName
        queue = try Self.attempt("cannot open \(path)") {
            var configuration = Configuration()
            configuration.journalMode = .wal
            configuration.busyMode = .timeout(Self.busySeconds)
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            try Self.migrator.migrate(queue)
            return queue
        }
        let version = try readNumber("format", in: queue) ?? 0
        guard version == Self.formatVersion else {
            throw StateStoreError(
                description: "\(path) has format \(version); this program knows "
                    + "\(Self.formatVersion)")
        }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
                    CREATE TABLE clusters (name TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
                    CREATE TABLE operations (
                        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
                        hasEnded INTEGER NOT NULL, document TEXT NOT NULL) STRICT;
                    CREATE TABLE events (
                        sequence INTEGER PRIMARY KEY, document TEXT NOT NULL) STRICT;
                    CREATE TABLE tokens (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
                    CREATE TABLE audit (
                        sequence INTEGER PRIMARY KEY, document TEXT NOT NULL) STRICT;
                    CREATE TABLE idempotency (
                        actor TEXT NOT NULL, key TEXT NOT NULL, expiresAt INTEGER NOT NULL,
                        document TEXT NOT NULL, PRIMARY KEY (actor, key)) STRICT;
                    CREATE INDEX idempotencyByExpiry ON idempotency (expiresAt);
                    INSERT INTO meta VALUES ('format', '\(formatVersion)');
                    """)
        }
        return migrator
    }

    private static func attempt<Value>(
        _ what: String, _ body: () throws -> Value
    ) throws(StateStoreError) -> Value {
        do {
            return try body()
        } catch {
            throw StateStoreError(description: "\(what): \(error)")
        }
    }

    /// The settings that durability rests on, as the engine reports them; for the test of them.
    func durabilitySettings() throws(StateStoreError) -> (journal: String, synchronous: Int) {
        try Self.attempt("cannot read the settings") {
            try queue.read { database in
                (
                    try String.fetchOne(database, sql: "PRAGMA journal_mode") ?? "",
                    try Int.fetchOne(database, sql: "PRAGMA synchronous") ?? -1
                )
            }
        }
    }

    func close() { try? queue.close() }

    // MARK: - Reading

    func load() throws(StateStoreError) -> StoredState {
        try Self.attempt("cannot read the state") {
            try queue.read { database in
                var state = StoredState()
                state.topology.clusters = try Self.documents(
                    ClusterRecord.self, "SELECT document FROM clusters ORDER BY name", database)
                state.topology.operations = try Self.documents(
                    OperationRecord.self, "SELECT document FROM operations ORDER BY number",
                    database)
                state.tokens = try Self.documents(
                    TokenRecord.self, "SELECT document FROM tokens ORDER BY id", database)
                if let text = try Self.value("counters", database) {
                    state.topology.counters = try Self.decode(TopologyCounters.self, text)
                }
                state.starts = try Self.value("starts", database).flatMap { Int64($0) } ?? 0
                state.eventFirst = try Self.number("SELECT min(sequence) FROM events", database)
                state.eventLast = try Self.number("SELECT max(sequence) FROM events", database)
                state.auditLast = try Self.number("SELECT max(sequence) FROM audit", database)
                return state
            }
        }
    }

    func idempotency(
        actor: String, key: String, now: Timestamp
    ) throws(StateStoreError) -> IdempotencyRecord? {
        try Self.attempt("cannot read an idempotency key") {
            try queue.read { database in
                try Self.documents(
                    IdempotencyRecord.self,
                    """
                    SELECT document FROM idempotency
                    WHERE actor = ? AND key = ? AND expiresAt > ?
                    """,
                    database, [actor, key, now.milliseconds]
                ).first
            }
        }
    }

    func events(after: Int64, limit: Int) throws(StateStoreError) -> [Event] {
        try Self.attempt("cannot read events") {
            try queue.read { database in
                try Self.documents(
                    Event.self,
                    "SELECT document FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?",
                    database, [after, limit])
            }
        }
    }

    func audit(after: Int64, limit: Int) throws(StateStoreError) -> [AuditRecord] {
        try Self.attempt("cannot read audit records") {
            try queue.read { database in
                try Self.documents(
                    AuditRecord.self,
                    "SELECT document FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?",
                    database, [after, limit])
            }
        }
    }

    private func readNumber(
        _ name: String, in queue: DatabaseQueue
    ) throws(StateStoreError) -> Int? {
        try Self.attempt("cannot read \(name)") {
            try queue.read { try Self.value(name, $0).flatMap { Int($0) } }
        }
    }

    private static func value(_ name: String, _ database: Database) throws -> String? {
        try String.fetchOne(
            database, sql: "SELECT value FROM meta WHERE name = ?", arguments: [name])
    }

    private static func number(_ sql: String, _ database: Database) throws -> Int64 {
        try Int64.fetchOne(database, sql: sql) ?? 0
    }

    private static func documents<Document: Decodable>(
        _ type: Document.Type, _ sql: String, _ database: Database,
        _ arguments: StatementArguments = []
    ) throws -> [Document] {
        try String.fetchAll(database, sql: sql, arguments: arguments).map {
            try decode(type, $0)
        }
    }

    private static func decode<Document: Decodable>(
        _ type: Document.Type, _ text: String
    ) throws -> Document {
        try ControlJSON.decode(type, from: text.utf8)
    }

    private static func text(_ value: some Encodable) -> String {
        String(decoding: ControlJSON.encode(value), as: UTF8.self)
    }

    // MARK: - Writing

    func commit(_ changes: StateChanges) throws(StateStoreError) {
        guard !changes.isEmpty else { return }
        transactions += 1
        let prunes = transactions % StoreLimits.pruneTransactions == 0
        try Self.attempt("cannot store the state") {
            try queue.write { database in
                for change in changes.records { try Self.store(change, database) }
                for event in changes.events {
                    try database.execute(
                        sql: "INSERT INTO events VALUES (?, ?)",
                        arguments: [event.sequence, Self.text(event)])
                }
                try Self.storeAccess(changes, database)
                if prunes { try Self.prune(database) }
            }
        }
    }

    private static func store(_ change: RecordChange, _ database: Database) throws {
        switch change {
        case .cluster(let record):
            try database.execute(
                sql: "INSERT OR REPLACE INTO clusters VALUES (?, ?)",
                arguments: [record.spec.name, text(record)])
        case .clusterRemoved(let name):
            try database.execute(sql: "DELETE FROM clusters WHERE name = ?", arguments: [name])
        case .operation(let record):
            let operation = record.operation
            try database.execute(
                sql: """
                    INSERT INTO operations (id, hasEnded, document) VALUES (?, ?, ?)
                    ON CONFLICT (id) DO UPDATE
                    SET hasEnded = excluded.hasEnded, document = excluded.document
                    """,
                arguments: [operation.id, operation.hasEnded, text(record)])
        case .counters(let counters):
            try database.execute(
                sql: "INSERT OR REPLACE INTO meta VALUES ('counters', ?)",
                arguments: [text(counters)])
        }
    }

    private static func storeAccess(_ changes: StateChanges, _ database: Database) throws {
        for token in changes.tokensStored {
            try database.execute(
                sql: "INSERT OR REPLACE INTO tokens VALUES (?, ?)",
                arguments: [token.id, text(token)])
        }
        for id in changes.tokensDeleted {
            try database.execute(sql: "DELETE FROM tokens WHERE id = ?", arguments: [id])
        }
        for record in changes.audit {
            try database.execute(
                sql: "INSERT INTO audit VALUES (?, ?)",
                arguments: [record.sequence, text(record)])
        }
        if let record = changes.idempotency {
            try database.execute(
                sql: "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?)",
                arguments: [
                    record.actor, record.key, record.expiresAt.milliseconds, text(record),
                ])
            let created = record.expiresAt.milliseconds - StoreLimits.idempotencyMilliseconds
            try database.execute(
                sql: "DELETE FROM idempotency WHERE expiresAt <= ?", arguments: [created])
        }
        if let starts = changes.starts {
            try database.execute(
                sql: "INSERT OR REPLACE INTO meta VALUES ('starts', ?)",
                arguments: [String(starts)])
        }
    }

    private static func prune(_ database: Database) throws {
        try database.execute(
            sql: "DELETE FROM events WHERE sequence <= (SELECT max(sequence) FROM events) - ?",
            arguments: [StoreLimits.eventsMax])
        try database.execute(
            sql: "DELETE FROM audit WHERE sequence <= (SELECT max(sequence) FROM audit) - ?",
            arguments: [StoreLimits.auditMax])
        try database.execute(
            sql: """
                DELETE FROM operations WHERE hasEnded = 1 AND number NOT IN (
                    SELECT number FROM operations WHERE hasEnded = 1
                    ORDER BY number DESC LIMIT ?)
                """, arguments: [StoreLimits.operationsMax])
    }
}
