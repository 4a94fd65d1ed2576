// The switches and counters of the engine that the node sets and reads.
internal import Bytes
public import RESP
public import Store

/// Whether clients may write.
public enum WriteGate: Sendable, Equatable {
    /// Yes.
    case allowed
    /// No: a replica that is read-only.
    case readOnlyReplica
    /// No: too few replicas are good.
    case lacksReplicas
    /// No: the last snapshot failed.
    case snapshotFailed
    /// No, for another reason (the right to write of a managed node has ended).
    case refused(ReplyError)

    /// What a client is told; nil when it may write.
    var error: ReplyError? {
        switch self {
        case .allowed: nil
        case .readOnlyReplica: .readOnly
        case .lacksReplicas: .noReplicas
        case .snapshotFailed: .snapshotFailed
        case .refused(let error): error
        }
    }
}

/// Directives that commands read.
public struct EngineSettings: Sendable {
    /// Longest string in bytes (`proto-max-bulk-len`).
    public var bulkBytesMax = 512 * 1_024 * 1_024
    /// The default user's password (`requirepass`); nil: none is needed.
    public var password: [UInt8]?
    /// New users may use every channel (`acl-pubsub-default allchannels`).
    public var allowsChannelsByDefault = false
    /// Commands have histograms (`latency-tracking`).
    public var tracksLatency = true
    /// Percentiles of INFO latencystats.
    public var latencyPercentiles: [Double] = [50, 99, 99.9]
    /// What takes at least so long is a spike; 0: nothing is watched.
    public var latencyThresholdMilliseconds: Int64 = 0
    /// Most keys that are remembered for clients that cache (`tracking-table-max-keys`); 0: no
    /// limit.
    public var trackedKeysMax = 1_000_000
    /// Most entries of ACL LOG.
    public var accessLogCountMax = 128
    /// Which keyspace events are published (`notify-keyspace-events`).
    public var events: KeyspaceEvents = []
    /// How large collections may be in packed form (`*-max-listpack-*` and their kin).
    public var encoding = EncodingLimits()
    /// Expired keys go into the stream as UNLINK instead of DEL, and what is big is freed
    /// elsewhere (`lazyfree-lazy-expire`).
    public var expiresLazily = false
    /// DEL frees what is big elsewhere (`lazyfree-lazy-user-del`).
    public var deletesLazily = false
    /// What a command overwrites is freed elsewhere when it is big (`lazyfree-lazy-server-del`).
    public var overwritesLazily = false
    /// What is evicted is freed elsewhere when it is big (`lazyfree-lazy-eviction`).
    public var evictsLazily = false
    /// FLUSHALL and FLUSHDB without SYNC or ASYNC free elsewhere (`lazyfree-lazy-user-flush`).
    public var flushesLazily = false
    /// A client with more unsent output is closed, so that nothing is gained by writing on; 0: no
    /// limit (`client-output-buffer-limit normal`).
    public var outputBytesMax = 0
    /// Commands that take longer go into the slow log, in microseconds; negative: none do.
    public var slowLogMicroseconds: Int64 = 10_000
    /// Most commands in the slow log.
    public var slowLogCountMax = 128
    /// DEBUG may be used.
    public var allowsDebug = true
    /// DEBUG may be used from this machine only.
    public var debugNeedsLocalClient = false
    /// The limit of memory and what is done to keep it.
    public var eviction = EvictionSettings()

    /// The built-in defaults.
    public init() {}
}

/// The kinds of keyspace events, as `notify-keyspace-events` names them.
public struct KeyspaceEvents: OptionSet, Sendable {
    /// The bits.
    public let rawValue: UInt32
    /// From bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `K`: published to `__keyspace@n__:key`.
    public static let keyspace = KeyspaceEvents(rawValue: 1 << 0)
    /// `E`: published to `__keyevent@n__:event`.
    public static let keyEvent = KeyspaceEvents(rawValue: 1 << 1)
    /// `g`: commands of any type.
    public static let generic = KeyspaceEvents(rawValue: 1 << 2)
    /// `$`: strings.
    public static let string = KeyspaceEvents(rawValue: 1 << 3)
    /// `l`: lists.
    public static let list = KeyspaceEvents(rawValue: 1 << 4)
    /// `s`: sets.
    public static let set = KeyspaceEvents(rawValue: 1 << 5)
    /// `h`: hashes.
    public static let hash = KeyspaceEvents(rawValue: 1 << 6)
    /// `z`: sorted sets.
    public static let sortedSet = KeyspaceEvents(rawValue: 1 << 7)
    /// `x`: keys that expired.
    public static let expired = KeyspaceEvents(rawValue: 1 << 8)
    /// `e`: keys that were evicted.
    public static let evicted = KeyspaceEvents(rawValue: 1 << 9)
    /// `t`: streams.
    public static let stream = KeyspaceEvents(rawValue: 1 << 10)
    /// `m`: reads of keys that do not exist; not part of `A`.
    public static let keyMiss = KeyspaceEvents(rawValue: 1 << 11)
    /// `d`: module types.
    public static let module = KeyspaceEvents(rawValue: 1 << 12)
    /// `n`: new keys; not part of `A`.
    public static let newKey = KeyspaceEvents(rawValue: 1 << 13)
    /// `A`: the events that one mostly wants.
    public static let all: KeyspaceEvents = [
        .generic, .string, .list, .set, .hash, .sortedSet, .expired, .evicted, .stream, .module,
    ]

    private static let letters: [(flag: KeyspaceEvents, letter: Character)] = [
        (.generic, "g"), (.string, "$"), (.list, "l"), (.set, "s"), (.hash, "h"),
        (.sortedSet, "z"), (.expired, "x"), (.evicted, "e"), (.stream, "t"), (.module, "d"),
        (.keyspace, "K"), (.keyEvent, "E"), (.keyMiss, "m"), (.newKey, "n"),
    ]

    /// Reads the directive's letters; nil when one is unknown.
    public init?(letters text: String) {
        var events: KeyspaceEvents = []
        for letter in text {
            if letter == "A" {
                events.formUnion(.all)
            } else if let row = KeyspaceEvents.letters.first(where: { $0.letter == letter }) {
                events.insert(row.flag)
            } else {
                return nil
            }
        }
        self = events
    }

    /// The directive's letters, as CONFIG GET prints them.
    public var letters: String {
        var text = isSuperset(of: .all) ? "A" : ""
        for row in KeyspaceEvents.letters where contains(row.flag) {
            if isSuperset(of: .all) && KeyspaceEvents.all.contains(row.flag) { continue }
            text.append(row.letter)
        }
        return text
    }
}

/// What the engine counts; all start at 0 and are emptied by CONFIG RESETSTAT.
public struct EngineCounters: Sendable {
    /// Commands that were run.
    public var commands: Int64 = 0
    /// Reads that found their key.
    public var hits: Int64 = 0
    /// Reads that did not.
    public var misses: Int64 = 0
    /// Keys removed because their time was over.
    public var expiredKeys: Int64 = 0
    /// Keys removed because memory was short.
    public var evictedKeys: Int64 = 0
    /// Nanoseconds during which more memory was used than allowed.
    public var evictionExceededNanoseconds: Int64 = 0
    /// Error replies.
    public var errors: Int64 = 0
    /// Times the expiry cycle ran out of its budget.
    public var expiryBudgetExhausted: Int64 = 0
    /// All zero.
    public init() {}
}

/// What one command has cost so far.
public struct CommandStatistics: BitwiseCopyable, Sendable {
    /// How often it ran.
    public var calls: Int64 = 0
    /// How long in all, in nanoseconds; commands of one batch share its time evenly.
    public var nanoseconds: Int64 = 0
    /// How often it was refused before it ran.
    public var rejectedCalls: Int64 = 0
    /// How often it ran and answered with an error.
    public var failedCalls: Int64 = 0
    /// All zero.
    public init() {}
}
