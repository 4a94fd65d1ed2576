// The FAILOVER command: hand the role of master to a replica without losing a write.
//
//   none ─ start ─► waitingForReplica ─ its ACK reaches our offset ─► handingOver ─► none
//                      writes paused                                 PSYNC … FAILOVER
//                      └─ timeout ─┬─ FORCE ─► handingOver              │ refused
//                                  └─ otherwise, or ABORT ─► none ◄─────┘ role restored
//
// While it runs, writes, expiry, PING and GETACK are paused, since they would move the offset.
// Source: FAILOVER of Redis 6.2.

internal import Bytes

/// What the owner of a failover has to do, in order.
public enum FailoverEffect: Equatable, Sendable {
    /// Refuse or hold writes, and everything else that moves the offset.
    case pauseWrites
    /// Writes may go on.
    case resumeWrites
    /// The replica did not catch up in time, and the handover goes on all the same.
    case timedOut
    /// Become a replica of this node, asking it to take over.
    case handOver(host: String, port: Int)
    /// Be the master again: the other side did not take over.
    case restoreRole(String)
    /// The failover ended; the reason is for the log.
    case ended(String)
}

/// A replica as the failover sees it.
public struct FailoverCandidate: Equatable, Sendable {
    /// Announced address.
    public var host: String
    /// Announced port.
    public var port: Int
    /// Acknowledged offset.
    public var offset: Int64

    /// A candidate.
    public init(host: String, port: Int, offset: Int64) {
        self.host = host
        self.port = port
        self.offset = offset
    }
}

/// A coordinated failover that this master was asked for.
public struct FailoverMachine: Sendable {
    /// What the failover is doing.
    public enum State: Equatable, Sendable {
        /// Nothing.
        case none
        /// Writes are paused until a replica has everything.
        case waitingForReplica
        /// The replica was asked to take over.
        case handingOver
    }

    /// A failover as it was ordered.
    public struct Order: Equatable, Sendable {
        /// The replica to promote; nil for the first that has everything.
        public var target: (host: String, port: Int)?
        /// Whether the timeout hands over to a replica that lacks writes.
        public var isForced: Bool
        /// Milliseconds until it is given up; nil waits.
        public var timeoutMilliseconds: Int64?

        /// An order.
        public init(
            target: (host: String, port: Int)? = nil, isForced: Bool = false,
            timeoutMilliseconds: Int64? = nil
        ) {
            self.target = target
            self.isForced = isForced
            self.timeoutMilliseconds = timeoutMilliseconds
        }

        /// Whether both orders say the same.
        public static func == (left: Order, right: Order) -> Bool {
            left.target?.host == right.target?.host && left.target?.port == right.target?.port
                && left.isForced == right.isForced
                && left.timeoutMilliseconds == right.timeoutMilliseconds
        }
    }

    /// What the failover is doing.
    public private(set) var state = State.none
    private var order = Order()
    private var deadline: Deadline?

    /// No failover.
    public init() {}

    /// The word INFO shows (`master_failover_state`).
    public var stateText: StaticString {
        switch state {
        case .none: "no-failover"
        case .waitingForReplica: "waiting-for-sync"
        case .handingOver: "failover-in-progress"
        }
    }

    /// Starts a failover; returns the error reply when it cannot be.
    public mutating func start(
        _ order: Order, candidates: [FailoverCandidate], isMaster: Bool, now: Int64,
        effects: inout [FailoverEffect]
    ) -> String? {
        guard state == .none else { return "ERR FAILOVER already in progress." }
        guard isMaster else { return "ERR FAILOVER is not valid when server is a replica." }
        guard !candidates.isEmpty else { return "ERR FAILOVER requires connected replicas." }
        if order.isForced && (order.timeoutMilliseconds == nil || order.target == nil) {
            return "ERR FAILOVER with force option requires both a timeout and target HOST and IP."
        }
        if let target = order.target,
            !candidates.contains(where: { $0.host == target.host && $0.port == target.port })
        {
            return "ERR FAILOVER target HOST and PORT is not a replica."
        }
        self.order = order
        deadline = order.timeoutMilliseconds.map { Deadline($0, after: now) }
        state = .waitingForReplica
        effects.append(.pauseWrites)
        return nil
    }

    /// FAILOVER ABORT; returns the error reply when nothing runs.
    public mutating func abort(effects: inout [FailoverEffect]) -> String? {
        guard state != .none else { return "ERR No failover in progress." }
        end("Failover manually aborted", effects: &effects)
        return nil
    }

    /// Acknowledgements arrived or time passed. `offset` is our own.
    public mutating func check(
        offset: Int64, candidates: [FailoverCandidate], now: Int64,
        effects: inout [FailoverEffect]
    ) {
        guard state == .waitingForReplica else { return }
        let eligible = candidates.filter { candidate in
            guard let target = order.target else { return true }
            return candidate.host == target.host && candidate.port == target.port
        }
        if let winner = eligible.first(where: { $0.offset >= offset }) {
            state = .handingOver
            effects.append(.handOver(host: winner.host, port: winner.port))
        } else if let deadline, deadline.isOver(at: now) {
            if order.isForced, let target = order.target {
                state = .handingOver
                effects.append(.timedOut)
                effects.append(.handOver(host: target.host, port: target.port))
            } else {
                end("Replica never caught up before timeout", effects: &effects)
            }
        }
    }

    /// The replica answered `PSYNC … FAILOVER`, or could not be asked.
    public mutating func answered(
        accepted: Bool, _ text: String, effects: inout [FailoverEffect]
    ) {
        guard state == .handingOver else { return }
        if accepted {
            state = .none
            effects.append(.resumeWrites)
            effects.append(.ended("Failover target accepted the handover"))
        } else {
            end("Failover target rejected psync request: \(text)", effects: &effects)
        }
    }

    private mutating func end(_ reason: String, effects: inout [FailoverEffect]) {
        if state == .handingOver { effects.append(.restoreRole(reason)) }
        state = .none
        deadline = nil
        effects.append(.resumeWrites)
        effects.append(.ended(reason))
    }
}
