// Things that happened, in one sequence over all clusters.

/// One event.
public struct Event: Codable, Hashable, Sendable {
    /// Position in the sequence; grows by one, also across restarts.
    public var sequence: Int64
    /// When it happened.
    public var time: Timestamp
    /// Dotted kind: `node.up`, `node.down`, `edge.changed`, `master.changed`,
    /// `operation.started`, `operation.ended`, `finding.opened`, `finding.closed`,
    /// `spec.changed`, `maintenance.changed`, `token.changed`, `coordinator.started`.
    public var kind: String
    /// Cluster it belongs to.
    public var cluster: String?
    /// Node it is about.
    public var node: String?
    /// Operation it belongs to.
    public var operation: String?
    /// Epoch it belongs to.
    public var epoch: Int64?
    /// What happened and why, in words.
    public var detail: String
    /// Further facts by name, for example `from` and `to` of a change.
    public var attributes: [String: String]

    /// Creates an event.
    public init(
        sequence: Int64, time: Timestamp, kind: String, cluster: String? = nil,
        node: String? = nil, operation: String? = nil, epoch: Int64? = nil, detail: String,
        attributes: [String: String] = [:]
    ) {
        self.sequence = sequence
        self.time = time
        self.kind = kind
        self.cluster = cluster
        self.node = node
        self.operation = operation
        self.epoch = epoch
        self.detail = detail
        self.attributes = attributes
    }
}

/// A part of the sequence of events.
public struct EventPage: Codable, Hashable, Sendable {
    /// Events after the asked position, oldest first.
    public var events: [Event]
    /// Oldest sequence that is still kept; 0 when there is none.
    public var oldestSequence: Int64
    /// Newest sequence.
    public var latestSequence: Int64

    /// Creates a page.
    public init(events: [Event], oldestSequence: Int64, latestSequence: Int64) {
        self.events = events
        self.oldestSequence = oldestSequence
        self.latestSequence = latestSequence
    }
}
