// The one command endpoint of the coordinator's internal API:
// `POST /internal/v1/commands` takes an InternalCommand and answers with a CommandAnswer
// (200: done or planned, 202: an operation runs) or a Problem.

/// A command to the coordinator.
public struct InternalCommand: Codable, Hashable, Sendable {
    /// Makes a repeated command harmless: the answer of the first one is given again. Kept
    /// with the effect of the command in one transaction, for 24 hours, for each actor apart.
    public struct Idempotency: Codable, Hashable, Sendable {
        /// The client's key.
        public var key: String
        /// Digest of what was asked; another digest under the same key is refused with 422
        /// and code IDEMPOTENCY_KEY_REUSED.
        public var fingerprint: String

        /// Creates a key.
        public init(key: String, fingerprint: String) {
            self.key = key
            self.fingerprint = fingerprint
        }
    }

    /// Who asks: the token's name.
    public var actor: String
    /// Address it came from.
    public var source: String?
    /// Identity of the request, for audit and operations.
    public var requestID: String
    /// Validate and plan only; nothing is stored.
    public var dryRun: Bool
    /// Protection of repeats; nil: none.
    public var idempotency: Idempotency?
    /// What to do.
    public var action: CommandAction

    /// Creates a command.
    public init(
        actor: String, source: String? = nil, requestID: String, dryRun: Bool = false,
        idempotency: Idempotency? = nil, action: CommandAction
    ) {
        self.actor = actor
        self.source = source
        self.requestID = requestID
        self.dryRun = dryRun
        self.idempotency = idempotency
        self.action = action
    }

    private enum Key: String, CodingKey {
        case actor, source, requestID, dryRun, idempotency, kind, payload
    }

    /// Decodes `{"actor","requestID","dryRun","kind","payload"}`.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        actor = try values.decode(String.self, forKey: .actor)
        source = try values.decodeIfPresent(String.self, forKey: .source)
        requestID = try values.decode(String.self, forKey: .requestID)
        dryRun = try values.decodeIfPresent(Bool.self, forKey: .dryRun) ?? false
        idempotency = try values.decodeIfPresent(Idempotency.self, forKey: .idempotency)
        let kind = try values.decode(CommandAction.Kind.self, forKey: .kind)
        action = try CommandAction(kind: kind, from: values.superDecoder(forKey: .payload))
    }

    /// Encodes the form that `init(from:)` reads.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(actor, forKey: .actor)
        try values.encodeIfPresent(source, forKey: .source)
        try values.encode(requestID, forKey: .requestID)
        try values.encode(dryRun, forKey: .dryRun)
        try values.encodeIfPresent(idempotency, forKey: .idempotency)
        try values.encode(action.kind, forKey: .kind)
        try action.encodePayload(to: values.superEncoder(forKey: .payload))
    }
}

/// Answer to a command that was not refused.
public struct CommandAnswer: Codable, Hashable, Sendable {
    /// The operation that was begun, if the command needs one.
    public var operation: Operation?
    /// The cluster after the command.
    public var cluster: ClusterState?
    /// The node after the command.
    public var node: NodeState?
    /// The token after the command.
    public var token: TokenRecord?
    /// What would be done; only for a dry run.
    public var plan: Plan?
    /// The answer is that of an earlier command with the same idempotency key.
    public var replayed: Bool

    /// Creates an answer.
    public init(
        operation: Operation? = nil, cluster: ClusterState? = nil, node: NodeState? = nil,
        token: TokenRecord? = nil, plan: Plan? = nil, replayed: Bool = false
    ) {
        self.operation = operation
        self.cluster = cluster
        self.node = node
        self.token = token
        self.plan = plan
        self.replayed = replayed
    }
}
