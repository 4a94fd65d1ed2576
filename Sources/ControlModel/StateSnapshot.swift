// The whole state that the admin API works from: `GET /internal/v1/state`.

/// The coordinator's state at one generation.
public struct StateSnapshot: Codable, Hashable, Sendable {
    /// Grows with each change other than moving offsets and ages. Starts anew, from a higher
    /// number, at each start of the coordinator.
    public var generation: Int64
    /// Drawn at each start of the coordinator.
    public var instance: String
    /// The coordinator's clock.
    public var now: Timestamp
    /// Clusters by name.
    public var clusters: [ClusterState]
    /// Running operations and the most recent ended ones, newest first.
    public var operations: [Operation]
    /// Tokens.
    public var tokens: [TokenRecord]
    /// Newest event.
    public var latestEventSequence: Int64

    /// Creates a snapshot.
    public init(
        generation: Int64, instance: String, now: Timestamp, clusters: [ClusterState],
        operations: [Operation], tokens: [TokenRecord], latestEventSequence: Int64
    ) {
        self.generation = generation
        self.instance = instance
        self.now = now
        self.clusters = clusters
        self.operations = operations
        self.tokens = tokens
        self.latestEventSequence = latestEventSequence
    }
}
