// The command core: requests in, replies and stream effects out. No sockets, files or clocks.
//
//   RequestBatch ──► execute ──► client.output         (replies)
//                        │
//                        ├─────► stream                (RESP commands for replicas and the log)
//                        └─────► clientsWithOutput     (subscribers that got a message)
//
// One engine per node, confined to the engine thread. The node sets the time and the gates, hands
// in batches, and at the end of a turn drains the stream before it sends any reply.
internal import Bytes
internal import Persistence
internal import RESP
public import Store

/// Runs commands against a keyspace.
public final class CommandEngine {
    /// The version of Redis that clients may take the node for: they choose features by it.
    public static let compatibleVersion: StaticString = "7.2.4"

    /// The data.
    public let keyspace: Keyspace
    /// The commands.
    public let table: CommandTable
    let owner: any NodeHost

    // State of the straight path: plain internal fields, no observers.
    var now: Int64 = 0
    /// What TIME answers within the present transaction; 0 before it was asked.
    var transactionMicroseconds: Int64 = 0
    /// Seconds of the wall clock, 24 bits: what a read gives its entry, unless reads are counted.
    var accessClock: UInt32 = 0
    var countsAccesses = false
    var eviction = EvictionState()
    var random: SeededRandom
    var refusedFlags: CommandFlags = [.notStraight]
    var deletesExpiredKeys = true
    var keyHash: KeyHash
    var rawRequest = ByteSlice()
    var effects = ByteBuffer()
    var unitStart = 0
    var unitEffectCount = 0
    var effectDatabase = -1
    var isPropagating = false
    var effectBase: Int64 = 0
    var changeCount: Int64 = 0
    var eventMask: KeyspaceEvents = []
    var counts = EngineCounters()
    var statistics: TrivialList<CommandStatistics>
    var watches = WatchTable() { didSet { updateObservers() } }
    var waits = WaitTable()
    /// Somebody watches a key or waits for one: `changed` must tell.
    var observesChanges = false
    /// A key has changed that somebody waits for.
    var hasReadyKeys = false
    var unblockedClients: [ClientState] = []
    var servedArguments = ByteSliceList(capacity: 16)
    var subscribers = SubscriptionTable()
    var monitors: [ClientState] = []
    var errorCounts: [String: Int64] = [:]
    var slowLog = SlowLog()
    var listedClients: [ClientState] = []
    var latencies: LatencyHistograms
    /// When the log last told of a browser's request.
    var browserWarnedMilliseconds = Int64.min / 2
    var latencyMonitor = LatencyMonitor()
    var tracksLatency = true
    /// Durations from here on go to the monitor; `.max`: none do.
    var latencyThresholdNanoseconds = Int64.max
    /// Durations from here on go to the slow log; `.max`: none do.
    var slowLogNanoseconds = Int64.max
    var tracking = TrackingTable()
    /// Keys that the running client has changed and must hear of behind its reply; nil: all.
    var ownInvalidations: [[UInt8]?] = []
    /// The users and what they may do.
    let access: AccessControl
    /// Whose batch is being run.
    var runningClient: ClientState?
    var scratch = ByteBuffer()
    var numberText = ByteBuffer(capacity: 32)
    /// Payloads of DUMP and RESTORE; made when the first is needed.
    lazy var dumpCodec = DumpCodec(keyspace: keyspace)
    /// Memory of the commands on HyperLogLogs; made when the first runs.
    lazy var hyperLogLogs = HyperLogLogWorkspace()
    /// The interpreter of scripts, when there is one.
    var scriptHost: (any ScriptHost)?
    /// The script that runs.
    var script = ScriptRun()
    /// Scripts may call every command (DEBUG SET-DISABLE-DENY-SCRIPTS).
    var allowsAllFromScripts = false
    /// What DEBUG LEAK keeps for ever.
    var leakedTexts: [[UInt8]] = []
    /// Elements in packed form on their way into a value.
    var packing = ByteBuffer(capacity: 256)
    /// Scores of the members that a command adds.
    var scores = TrivialList<Double>(capacity: 16)
    /// What `list-max-listpack-size` says.
    var listLimits = ListLimits(EncodingLimits().listPackedSize)

    /// An engine over `keyspace`, which keeps `host`.
    public init(
        keyspace: Keyspace, table: CommandTable = CommandTable(),
        settings: EngineSettings = EngineSettings(), host: any NodeHost
    ) {
        self.keyspace = keyspace
        self.table = table
        self.settings = settings
        owner = host
        keyHash = keyspace.hash(ByteSlice())
        random = SeededRandom(seed: keyHash.value)
        statistics = TrivialList(repeating: CommandStatistics(), count: table.specs.count)
        latencies = LatencyHistograms(commandCount: table.specs.count)
        access = AccessControl(table: table)
        if settings.password != nil { access.setDefaultPassword(settings.password) }
        settingsChanged(settings)
    }

    /// The node around the engine.
    public var host: any NodeHost { owner }

    // MARK: What the node sets

    /// Directives that commands read.
    public var settings: EngineSettings {
        didSet {
            settingsChanged(settings)
            if settings.password != oldValue.password {
                access.setDefaultPassword(settings.password)
                accessChanged(access.defaultUser)
            }
        }
    }
    /// Wall-clock time in milliseconds, set once per turn: all commands of a turn see the same.
    public var nowMilliseconds: Int64 {
        get { now }
        set {
            now = newValue
            accessClock = UInt32(truncatingIfNeeded: newValue / 1_000) & 0xFF_FFFF
            keyspace.accessClock.setTime(milliseconds: newValue)
            eviction.spentInTurn = 0
        }
    }
    /// Whether clients may write.
    public var writeGate = WriteGate.allowed { didSet { updateGates() } }
    /// The data set is being loaded: only commands with the `loading` flag run.
    public var isLoading = false { didSet { updateGates() } }
    /// A replica without its master that must not serve old data.
    public var refusesStaleReads = false { didSet { updateGates() } }
    /// The memory limit is reached.
    public var isOutOfMemory = false { didSet { updateGates() } }
    /// Which commands wait.
    public var pause = PauseMode.none { didSet { updateGates() } }
    /// The node follows a master: expired keys are hidden and wait for the master's DEL.
    public var isReplica = false { didSet { updateGates() } }
    /// Expiry and eviction by the cycle are allowed (DEBUG SET-ACTIVE-EXPIRE).
    public internal(set) var expiresActively = true
    /// Effects are written into `stream`: somebody (log, replica, backlog) wants them.
    public var propagates: Bool {
        get { isPropagating }
        set { isPropagating = newValue }
    }

    /// CLIENT KILL of the link to the master, which is in no list: breaks it, if it goes to this
    /// address, and says whether it did.
    public var breakUpstream: (String?) -> Bool = { _ in false }
    /// Runs when FLUSHALL has emptied every database.
    public var flushedAll: () -> Void = {}
    /// Gets tables that were emptied, to free them elsewhere; they are freed at once by default.
    /// Single objects go to `keyspace.lazyFreeing.handler`.
    public var disposeOf: (DetachedTable) -> Void = { _ in }

    /// Takes the value: within `didSet`, only the observer itself may read the property.
    private func settingsChanged(_ settings: EngineSettings) {
        listLimits = ListLimits(settings.listPackedSize)
        eventMask = settings.events
        keyspace.encodingLimits = settings.encoding
        access.allowsChannelsByDefault = settings.allowsChannelsByDefault
        tracksLatency = settings.tracksLatency
        let threshold = settings.latencyThresholdMilliseconds
        latencyThresholdNanoseconds =
            threshold > 0 ? min(threshold, .max / 1_000_000) * 1_000_000 : .max
        let slow = settings.slowLogMicroseconds
        slowLogNanoseconds = slow >= 0 ? min(slow, .max / 1_000) * 1_000 : .max
        access.log.trim(to: settings.accessLogCountMax)
        limitTrackedKeys(to: settings.trackedKeysMax, effort: .max)
        let lazyFreeing = keyspace.lazyFreeing
        lazyFreeing.freesDeletedLazily = settings.deletesLazily
        lazyFreeing.freesOverwrittenLazily = settings.overwritesLazily
        lazyFreeing.freesExpiredLazily = settings.expiresLazily
        lazyFreeing.freesEvictedLazily = settings.evictsLazily
        evictionChanged(settings.eviction)
    }

    private func evictionChanged(_ settings: EvictionSettings) {
        let clock = keyspace.accessClock
        if clock.countsAccesses != settings.policy.countsAccesses {
            clock.countsAccesses = settings.policy.countsAccesses
        }
        clock.isSaved = settings.policy.usesRecency || settings.policy.countsAccesses
        clock.logFactor = settings.frequencyLogFactor
        clock.decayMinutes = settings.frequencyDecayMinutes
        countsAccesses = settings.policy.countsAccesses
        if eviction.limit != settings.memoryBytesMax {
            eviction.limit = settings.memoryBytesMax
            // The next command that needs memory finds out anew.
            if isOutOfMemory { isOutOfMemory = false }
        }
        eviction.pool.removeAll()
    }

    private func updateGates() {
        var flags: CommandFlags = [.notStraight]
        if writeGate != .allowed { flags.insert(.write) }
        if isOutOfMemory { flags.insert(.denyOutOfMemory) }
        if pause == .writes { flags.formUnion([.write, .mayReplicate, .publishes]) }
        if isLoading || refusesStaleReads || pause == .all || !monitors.isEmpty
            || script.isBusy
        {
            flags = CommandFlags(rawValue: .max)
        }
        refusedFlags = flags
        deletesExpiredKeys = !isReplica && pause == .none && !isLoading && mayDeleteExpired
    }

    private var mayDeleteExpired: Bool {
        if case .refused = writeGate { return false }
        return true
    }

    func monitorsChanged() { updateGates() }

    func scriptBusyChanged() { updateGates() }

    // MARK: What the node reads

    /// Changes of the data set since the start; never falls.
    public var dirty: Int64 { changeCount }
    /// Counters for INFO.
    public var counters: EngineCounters {
        get { counts }
        set { counts = newValue }
    }
    /// Number of watched keys.
    public var watchedKeyCount: Int { watches.keyCount }
    /// Number of subscribed channels, patterns and shard channels of the server.
    public var subscribedCounts: (channels: Int, patterns: Int, shardChannels: Int) {
        (
            subscribers[.channel].count, subscribers[.pattern].count,
            subscribers[.shardChannel].count
        )
    }
    /// Error replies by code.
    public var errorReplies: [String: Int64] { errorCounts }

    /// What the command with this number has cost.
    public func statistics(of number: Int) -> CommandStatistics { statistics[number] }

    /// Clients other than the running one that got output since the last call.
    public func takeClientsWithOutput() -> [ClientState] {
        broadcastInvalidations()
        if listedClients.isEmpty { return [] }
        let clients = listedClients
        listedClients = []
        for client in clients { client.isListedForOutput = false }
        return clients
    }

    func noteOutput(_ client: ClientState) {
        if client.isListedForOutput { return }
        client.isListedForOutput = true
        listedClients.append(client)
    }

    /// CONFIG RESETSTAT: the engine's part.
    public func resetStatistics() {
        counts = EngineCounters()
        errorCounts = [:]
        access.denials = AccessDenials()
        latencies.reset()
        for index in 0..<statistics.count { statistics[index] = CommandStatistics() }
    }

    /// Forgets a client that is gone: its watches, waits, subscriptions and transaction.
    public func forget(_ client: ClientState) {
        watches.removeAll(of: client)
        dropWait(of: client)
        dropSubscriptions(of: client)
        client.transaction = nil
        stopTracking(client)
        listedClients.removeAll { $0 === client }
        if client.isMonitor {
            monitors.removeAll { $0 === client }
            monitorsChanged()
        }
    }
}
