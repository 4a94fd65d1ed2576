// What the decision core wants done. The performer works through it in this order and stops at
// the first thing that fails:
//
//   1. records and events are stored durably, in one transaction
//   2. requests are sent
//   3. events are shown to those who watch
//
// So an order never carries an epoch that a restarted coordinator would not know.

public import ControlModel

/// A request to a node.
public struct NodeRequest: Hashable, Sendable {
    /// What is asked.
    public enum Message: Hashable, Sendable {
        /// `POST /orders`.
        case order(Order)
        /// `GET /wait-offset`.
        case waitOffset(replicationID: String, offset: Int64, timeoutMilliseconds: Int64)
    }

    /// Identity of the request, for its outcome.
    public var id: Int64
    /// Node that is asked.
    public var node: NodeKey
    /// Its control port.
    public var control: Endpoint
    /// What is asked.
    public var message: Message
    /// Time after which the request counts as failed by `timeout`.
    public var deadlineMilliseconds: Int64
}

/// A change of what is stored.
public enum RecordChange: Hashable, Sendable {
    /// Insert or replace a cluster.
    case cluster(ClusterRecord)
    /// Remove a cluster.
    case clusterRemoved(name: String)
    /// Insert or replace an operation.
    case operation(OperationRecord)
    /// Replace the counters.
    case counters(TopologyCounters)
}

/// Everything that one step wants done.
public struct Effects: Sendable {
    /// To be stored before anything else is done.
    public var records: [RecordChange] = []
    /// To be stored with the records, and shown afterwards.
    public var events: [Event] = []
    /// To be sent once the records are stored.
    public var requests: [NodeRequest] = []
    /// Nodes whose next probe should not wait for its time.
    public var probes: [NodeKey] = []
    /// Something that a snapshot shows has changed, other than offsets and ages.
    public var stateChanged = false

    /// Creates an empty list.
    public init() {}
}
