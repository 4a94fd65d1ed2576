// Who waits for acknowledgements: WAIT and WAITAOF.
//
// A waiter is satisfied when enough replicas acknowledged the offset of its own last write. All
// waiters of a turn share one GETACK.

public import Bytes

/// The clients blocked in WAIT or WAITAOF.
public struct WaitBook: Sendable {
    /// One blocked client.
    public struct Waiter: Equatable, Sendable {
        /// Client id.
        public var client: Int64
        /// Offset of the client's last write.
        public var offset: Int64
        /// How many replicas must have it.
        public var replicas: Int
        /// Whether they, and this node when `needsLocal`, must have it on disk.
        public var isDurable: Bool
        /// Whether this node's own disk counts too.
        public var needsLocal: Bool
        /// When the wait ends without success; nil waits for ever.
        public var deadline: Deadline?

        /// A waiter.
        public init(
            client: Int64, offset: Int64, replicas: Int, isDurable: Bool = false,
            needsLocal: Bool = false, deadline: Deadline?
        ) {
            self.client = client
            self.offset = offset
            self.replicas = replicas
            self.isDurable = isDurable
            self.needsLocal = needsLocal
            self.deadline = deadline
        }
    }

    /// What the replicas, and this node's own disk, have.
    public struct Progress: Equatable, Sendable {
        /// Acknowledged offsets of the replicas that are online.
        public var acknowledged: [Int64]
        /// Their offsets on disk.
        public var durable: [Int64]
        /// This node's own offset on disk; nil without a log.
        public var local: Int64?

        /// Progress.
        public init(acknowledged: [Int64], durable: [Int64] = [], local: Int64? = nil) {
            self.acknowledged = acknowledged
            self.durable = durable
            self.local = local
        }
    }

    /// The end of a wait.
    public struct Outcome: Equatable, Sendable {
        /// Client id.
        public var client: Int64
        /// How many replicas have the write.
        public var replicas: Int
        /// Whether this node has it on disk.
        public var isLocallyDurable: Bool
        /// Whether the command was WAITAOF, which answers with both numbers.
        public var isDurable: Bool
    }

    /// The clients that wait, in order of arrival.
    public private(set) var waiters: [Waiter] = []

    /// Nobody waits.
    public init() {}

    /// The outcome for `waiter` as things are, and whether that is what it waits for.
    public static func judge(
        _ waiter: Waiter, _ progress: Progress
    ) -> (outcome: Outcome, isSatisfied: Bool) {
        let offsets = waiter.isDurable ? progress.durable : progress.acknowledged
        var count = 0
        for offset in offsets where offset >= waiter.offset { count += 1 }
        let local = progress.local.map { $0 >= waiter.offset } ?? false
        let outcome = Outcome(
            client: waiter.client, replicas: count, isLocallyDurable: local,
            isDurable: waiter.isDurable)
        return (outcome, count >= waiter.replicas && (local || !waiter.needsLocal))
    }

    /// Adds a client that has to wait.
    public mutating func add(_ waiter: Waiter) { waiters.append(waiter) }

    /// Forgets a client that went away.
    public mutating func remove(client: Int64) { waiters.removeAll { $0.client == client } }

    /// Takes out everybody whose wait ended.
    public mutating func settle(_ progress: Progress, now: Int64) -> [Outcome] {
        var outcomes: [Outcome] = []
        waiters.removeAll { waiter in
            let (outcome, isSatisfied) = Self.judge(waiter, progress)
            let isOver = waiter.deadline?.isOver(at: now) ?? false
            if isSatisfied || isOver { outcomes.append(outcome) }
            return isSatisfied || isOver
        }
        return outcomes
    }

    /// Takes out everybody with the count reached so far: the node stopped being a master.
    public mutating func giveUp() -> [Waiter] {
        defer { waiters = [] }
        return waiters
    }

    /// When the next wait runs out; nil when none does.
    public var nextDeadline: Deadline? { waiters.compactMap(\.deadline).min() }
}
