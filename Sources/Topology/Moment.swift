// Time and names as the decision core sees them. The core has no clock: each step is told when
// it happens, which is how simulations run hours in milliseconds.

internal import ControlModel

/// The time of a step.
public struct Moment: Hashable, Sendable {
    /// Milliseconds of a clock that never jumps; used for every deadline.
    public var monotonicMilliseconds: Int64
    /// Milliseconds since 1970; used only for records that people read and for the hourly budget.
    public var wallMilliseconds: Int64

    /// Creates a moment.
    public init(monotonicMilliseconds: Int64, wallMilliseconds: Int64) {
        self.monotonicMilliseconds = monotonicMilliseconds
        self.wallMilliseconds = wallMilliseconds
    }

    var wall: Timestamp { Timestamp(milliseconds: wallMilliseconds) }
}

/// A node among all clusters.
public struct NodeKey: Hashable, Sendable {
    /// Name of the cluster.
    public var cluster: String
    /// Identity of the node in it.
    public var node: String

    /// Creates a key.
    public init(cluster: String, node: String) {
        self.cluster = cluster
        self.node = node
    }
}
