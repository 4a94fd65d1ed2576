// How a cluster is watched and repaired. Every field has a default, so that an empty policy is
// a complete one.

/// The policy of a cluster.
public struct ClusterPolicy: Codable, Hashable, Sendable {
    /// How death is told from slowness.
    public struct Detection: Codable, Hashable, Sendable {
        /// Distance of health probes.
        public var probeInterval: DurationText
        /// Silence after which a node with refused connections counts as dead; silence without
        /// a refusal has to last twice as long.
        public var deadline: DurationText
        /// How long a node may answer its control port while its engine stands still.
        public var busyTolerance: DurationText
        /// How long a coordinator that has just started waits for a master it has never seen.
        public var startupGrace: DurationText

        /// Creates detection settings; the defaults suit a local network.
        public init(
            probeInterval: DurationText = DurationText(milliseconds: 100),
            deadline: DurationText = DurationText(milliseconds: 300),
            busyTolerance: DurationText = DurationText(milliseconds: 30_000),
            startupGrace: DurationText = DurationText(milliseconds: 10_000)
        ) {
            self.probeInterval = probeInterval
            self.deadline = deadline
            self.busyTolerance = busyTolerance
            self.startupGrace = startupGrace
        }

        private enum Key: String, CodingKey {
            case probeInterval, deadline, busyTolerance, startupGrace
        }

        /// Decodes the settings; each missing field gets its default.
        public init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: Key.self)
            self.init()
            func read(_ key: Key, _ field: inout DurationText) throws {
                field = try values.decodeIfPresent(DurationText.self, forKey: key) ?? field
            }
            try read(.probeInterval, &probeInterval)
            try read(.deadline, &deadline)
            try read(.busyTolerance, &busyTolerance)
            try read(.startupGrace, &startupGrace)
        }
    }

    /// When and how often a master is replaced without being asked.
    public struct Failover: Codable, Hashable, Sendable {
        /// Whether a dead master is replaced at all.
        public var automatic: Bool
        /// How many bytes of the stream the best candidate may lack, counted to the last offset
        /// that the master reported.
        public var maxLagBytes: Int64
        /// Automatic failovers per hour; further ones wait and say so.
        public var budgetPerHour: Int

        /// Creates failover settings.
        public init(automatic: Bool = true, maxLagBytes: Int64 = 1_048_576, budgetPerHour: Int = 3)
        {
            self.automatic = automatic
            self.maxLagBytes = maxLagBytes
            self.budgetPerHour = budgetPerHour
        }

        private enum Key: String, CodingKey {
            case automatic, maxLagBytes, budgetPerHour
        }

        /// Decodes the settings; each missing field gets its default.
        public init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: Key.self)
            self.init()
            automatic = try values.decodeIfPresent(Bool.self, forKey: .automatic) ?? automatic
            maxLagBytes =
                try values.decodeIfPresent(Int64.self, forKey: .maxLagBytes) ?? maxLagBytes
            budgetPerHour =
                try values.decodeIfPresent(Int.self, forKey: .budgetPerHour) ?? budgetPerHour
        }
    }

    /// A way to find a new upstream for the replicas of a dead intermediate node.
    public enum ReparentChoice: String, Codable, Hashable, Sendable, CaseIterable {
        /// A living sibling of the dead node.
        case sibling
        /// The most advanced orphan takes the dead node's place, the others follow it.
        case bestOrphan
        /// The nearest living ancestor of the dead node.
        case grandparent
    }

    /// Where orphans go.
    public struct Reparent: Codable, Hashable, Sendable {
        /// Choices in order; one that allows a partial resynchronisation wins over an earlier
        /// one that does not.
        public var order: [ReparentChoice]
        /// Replicas that one node may feed after an automatic move.
        public var maxFanOut: Int

        /// Creates re-parenting settings.
        public init(order: [ReparentChoice] = ReparentChoice.allCases, maxFanOut: Int = 8) {
            self.order = order
            self.maxFanOut = maxFanOut
        }

        private enum Key: String, CodingKey {
            case order, maxFanOut
        }

        /// Decodes the settings; each missing field gets its default.
        public init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: Key.self)
            self.init()
            order = try values.decodeIfPresent([ReparentChoice].self, forKey: .order) ?? order
            maxFanOut = try values.decodeIfPresent(Int.self, forKey: .maxFanOut) ?? maxFanOut
        }
    }

    /// What happens when the tree differs from the wanted one after a recovery and the lost
    /// nodes are back.
    public enum AfterFailover: String, Codable, Hashable, Sendable, CaseIterable {
        /// The new shape stays until someone asks for another.
        case keep
        /// The wanted tree is restored, a switchover included.
        case restore
        /// The new shape stays and a finding carries the plan of a restoration.
        case planOnly
    }

    /// How death is told from slowness.
    public var detection: Detection
    /// Length of a write right. Kept in the spec; rights by lease are not enforced yet.
    public var lease: DurationText
    /// When a master is replaced.
    public var failover: Failover
    /// Where orphans go.
    public var reparent: Reparent
    /// What happens after a recovery.
    public var afterFailover: AfterFailover

    /// Creates a policy.
    public init(
        detection: Detection = Detection(), lease: DurationText = DurationText(milliseconds: 500),
        failover: Failover = Failover(), reparent: Reparent = Reparent(),
        afterFailover: AfterFailover = .keep
    ) {
        self.detection = detection
        self.lease = lease
        self.failover = failover
        self.reparent = reparent
        self.afterFailover = afterFailover
    }

    private enum Key: String, CodingKey {
        case detection, lease, failover, reparent, afterFailover
    }

    /// Decodes a policy; each missing part gets its default.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        self.init()
        detection = try values.decodeIfPresent(Detection.self, forKey: .detection) ?? detection
        lease = try values.decodeIfPresent(DurationText.self, forKey: .lease) ?? lease
        failover = try values.decodeIfPresent(Failover.self, forKey: .failover) ?? failover
        reparent = try values.decodeIfPresent(Reparent.self, forKey: .reparent) ?? reparent
        afterFailover =
            try values.decodeIfPresent(AfterFailover.self, forKey: .afterFailover) ?? afterFailover
    }
}
