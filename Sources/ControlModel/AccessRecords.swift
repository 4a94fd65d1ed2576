// Records that the coordinator keeps for the admin API, which holds no state of its own.

/// What a token may do; each role includes the ones before it.
public enum AccessRole: String, Codable, Hashable, Sendable, CaseIterable, Comparable {
    /// Reads.
    case viewer
    /// Switchovers, failovers without loss, maintenance.
    case `operator`
    /// Clusters, nodes, tokens, forced actions.
    case admin

    /// Orders by what is allowed.
    public static func < (left: Self, right: Self) -> Bool {
        (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
    }
}

/// A bearer token as it is stored: never its secret.
public struct TokenRecord: Codable, Hashable, Sendable {
    /// Identity in paths.
    public var id: String
    /// What people call it; the actor in audit records.
    public var name: String
    /// What it may do.
    public var role: AccessRole
    /// Lower-case hexadecimal SHA-256 of the secret.
    public var secretHash: String
    /// When it was made.
    public var createdAt: Timestamp
    /// Who made it.
    public var createdBy: String
    /// When it stops working; nil: never.
    public var expiresAt: Timestamp?

    /// Creates a record.
    public init(
        id: String, name: String, role: AccessRole, secretHash: String, createdAt: Timestamp,
        createdBy: String, expiresAt: Timestamp? = nil
    ) {
        self.id = id
        self.name = name
        self.role = role
        self.secretHash = secretHash
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.expiresAt = expiresAt
    }
}

/// Who did what, when, from where, with which result. Kept for each command that is not a dry
/// run, refused ones included.
public struct AuditRecord: Codable, Hashable, Sendable {
    /// Position in the sequence of records; grows by one.
    public var sequence: Int64
    /// When.
    public var time: Timestamp
    /// Who.
    public var actor: String
    /// From where (an address), if known.
    public var source: String?
    /// Identity of the request.
    public var requestID: String
    /// What: the kind of command.
    public var action: String
    /// On what: a cluster, a node, a token.
    public var target: String?
    /// `accepted`, or the code of the problem.
    public var result: String
    /// Operation that it began.
    public var operation: String?

    /// Creates a record.
    public init(
        sequence: Int64, time: Timestamp, actor: String, source: String?, requestID: String,
        action: String, target: String?, result: String, operation: String?
    ) {
        self.sequence = sequence
        self.time = time
        self.actor = actor
        self.source = source
        self.requestID = requestID
        self.action = action
        self.target = target
        self.result = result
        self.operation = operation
    }
}

/// Audit records after a position.
public struct AuditPage: Codable, Hashable, Sendable {
    /// Records after the asked position, oldest first.
    public var records: [AuditRecord]
    /// Newest sequence.
    public var latestSequence: Int64

    /// Creates a page.
    public init(records: [AuditRecord], latestSequence: Int64) {
        self.records = records
        self.latestSequence = latestSequence
    }
}
