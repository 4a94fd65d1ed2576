// What reaches the decision core from outside: answers of nodes and the passing of time.
// Commands have a call of their own (`Topology.execute`), because they are answered at once.

public import ControlModel

/// Why a request to a node brought no usable answer.
public enum ProbeFailure: String, Hashable, Sendable, CaseIterable {
    /// The kernel of the host refused the connection: the process is not listening.
    case refused
    /// The connection was closed or reset before an answer.
    case reset
    /// No answer within the deadline.
    case timeout
    /// No route, no permission, no descriptor: the request did not leave or did not arrive.
    case unreachable
    /// The node refused the secret.
    case unauthorized
    /// An answer that is not one of ours.
    case malformed

    /// Whether the host answered for the process: evidence that it is not running.
    var isHard: Bool { self == .refused || self == .reset }
}

/// The result of one health probe.
public struct ProbeResult: Hashable, Sendable {
    /// What came back.
    public enum Outcome: Hashable, Sendable {
        /// The node's report.
        case report(HealthReport)
        /// Nothing usable.
        case failed(ProbeFailure)
    }

    /// Node that was asked.
    public var node: NodeKey
    /// When it was asked, on the monotonic clock: the report cannot be older.
    public var sentAtMilliseconds: Int64
    /// What came back.
    public var outcome: Outcome

    /// Creates a result.
    public init(node: NodeKey, sentAtMilliseconds: Int64, outcome: Outcome) {
        self.node = node
        self.sentAtMilliseconds = sentAtMilliseconds
        self.outcome = outcome
    }
}

/// The result of one request that an effect asked for. Each request gets exactly one, a time
/// limit included.
public enum RequestOutcome: Hashable, Sendable {
    /// Answer to an order.
    case order(OrderAnswer)
    /// Answer to a wait for an offset.
    case offset(OffsetAnswer)
    /// Nothing usable; the order may or may not have been carried out.
    case failed(ProbeFailure)
}

/// One input of the machine.
public enum TopologyInput: Hashable, Sendable {
    /// Time passes. Due at least every `Limits.tickMilliseconds`.
    case tick
    /// A probe has ended.
    case probe(ProbeResult)
    /// A request has ended.
    case request(id: Int64, node: NodeKey, outcome: RequestOutcome)
}
