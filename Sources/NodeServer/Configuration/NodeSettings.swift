// The settings of a data node: what its directives set, as plain values.
//
// The engine thread owns the one live copy. CONFIG SET replaces it as a whole and `Node.apply`
// carries the difference to the parts that keep copies of their own. Defaults are Redis 7.2's
// unless the directive's row gives a reason.

internal import Commands
internal import Scripting
internal import Store

import TLS

/// When a background save starts by itself: `changes` writes within `seconds`.
public struct SavePoint: Equatable, Sendable {
    /// Length of the window in seconds.
    public var seconds: Int
    /// Changes that must have gathered in it.
    public var changes: Int
}

/// How much unsent output a class of clients may have; 0 turns a limit off.
public struct OutputBufferLimit: Equatable, Sendable {
    /// The client is closed at once above this many bytes.
    public var hardBytes: Int
    /// The client is closed after `softSeconds` above this many bytes.
    public var softBytes: Int
    /// See `softBytes`.
    public var softSeconds: Int
}

/// A server to replicate from.
public struct UpstreamAddress: Equatable, Sendable {
    /// Numeric address or host name.
    public var host: String
    /// Its data port.
    public var port: Int
}

/// When the log is forced to disk.
public enum FsyncPolicy: String, CaseIterable, Sendable {
    /// Before each reply that depends on it.
    case always
    /// Once a second, on another thread.
    case everysec
    /// When the kernel likes.
    case no
}

/// Who may use a dangerous command or directive.
public enum ProtectionLevel: String, CaseIterable, Sendable {
    /// Nobody.
    case no
    /// Everybody.
    case yes
    /// Connections from this machine.
    case local
}

/// Which channels a new user may use.
public enum ChannelDefault: String, CaseIterable, Sendable {
    /// None.
    case resetchannels
    /// All.
    case allchannels
}

/// Least level that is logged; the words of redis.conf.
public enum LogLevelName: String, CaseIterable, Sendable {
    /// Everything.
    case debug
    /// Much, but not everything.
    case verbose
    /// What an operator wants to see.
    case notice
    /// Only what is wrong.
    case warning
    /// Nothing at all.
    case nothing
}

/// What SIGTERM or SIGINT means, beyond ending the process.
public struct ShutdownMode: OptionSet, Sendable {
    /// The bits.
    public let rawValue: UInt8
    /// Modes of these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Save the data set even without save points.
    public static let save = ShutdownMode(rawValue: 1)
    /// Do not save the data set even with save points.
    public static let noSave = ShutdownMode(rawValue: 2)
    /// Do not wait for replicas that lag.
    public static let now = ShutdownMode(rawValue: 4)
    /// End even when the last save fails.
    public static let force = ShutdownMode(rawValue: 8)
}

/// All settings of a data node.
public struct NodeSettings: Equatable, Sendable {
    // Network
    var bind = ["*", "-::*"]
    var port = 6379
    var unixSocket = ""
    var unixSocketPermissions = 0
    var idleTimeoutSeconds = 0
    var keepAliveSeconds = 300
    var listenBacklog = 511
    var protectedMode = true
    var clientsMax = 10_000
    var tlsPort = 0
    var tls = TLSSettings()
    var encryptsReplication = false
    var bindSourceAddress = ""
    // General
    var pidFile = ""
    var logLevel = LogLevelName.notice
    var logFile = ""
    var keyspaceEvents = ""
    var databases = 16
    var usesHugePages = true
    var pollMicroseconds = 0
    var alwaysShowLogo = false
    var hz = 10
    var shutdownTimeoutSeconds = 10
    var shutdownOnSIGTERM: ShutdownMode = []
    var shutdownOnSIGINT: ShutdownMode = []
    // Limits
    var outputLimits = OutputBufferLimits()
    var queryBufferBytesMax = 1 << 30
    var bulkBytesMax = 512 << 20
    var eviction = EvictionSettings()
    var clientMemory = ClientMemoryLimit()
    var killScore = KillScoreSettings()
    var slowLogMicroseconds = 10_000
    var busyMilliseconds = 5_000
    var scriptBytesMax = LuaScripts.stateBytesMaxDefault
    var slowLogCountMax = 128
    // Security
    var requiredPassword = ""
    /// The words behind `user`, one array per line.
    var users: [[String]] = []
    var accessFile = ""
    var channelDefault = ChannelDefault.resetchannels
    var accessLogCountMax = 128
    var trackedKeysMax = 1_000_000
    var tracksLatency = true
    var latencyPercentiles: [Double] = [50, 99, 99.9]
    var latencyThresholdMilliseconds = 0
    var protectedConfigs = ProtectionLevel.no
    var debugCommand = ProtectionLevel.no
    // Snapshots
    var savePoints = SavePoint.defaults
    var directory = "."
    var dumpFile = "dump.rdb"
    var compressesDumps = true
    var checksumsDumps = true
    var stopsWritesOnSaveError = true
    var saveDelayMicroseconds = 0
    var loadDelayMicroseconds = 0
    var loadEventBytes = 2 << 20
    // Log
    var appendOnly = false
    var appendFsync = FsyncPolicy.everysec
    var appendFile = "appendonly.aof"
    var appendDirectory = "appendonlydir"
    var skipsFsyncDuringRewrite = false
    var rewritePercentage = 100
    var rewriteBytesMin = 64 << 20
    var loadsTruncatedLog = true
    var logRetentionSeconds = 3600
    var logRetentionBytes = 4 << 30
    // Values
    var encoding = EncodingLimits()
    var evictsLazily = false
    var expiresLazily = false
    var overwritesLazily = false
    var deletesLazily = false
    var flushesLazily = false
    // Replication
    var upstream: UpstreamAddress?
    var upstreamPassword = ""
    var upstreamUser = ""
    var servesStaleData = true
    var replicaIsReadOnly = true
    var pingPeriodSeconds = 10
    var replicationTimeoutSeconds = 60
    var disablesReplicationNoDelay = false
    var sendsGrowingSnapshots = true
    var backlogBytes = 10 << 20
    var backlogKeepSeconds = 3600
    var replicaPriority = 100
    var replicaIsAnnounced = true
    var announcedAddress = ""
    var announcedPort = 0
    var replicasToWriteMin = 0
    var replicaLagSecondsMax = 10
    // Control plane
    var httpPort = 0
    var httpBind = ["127.0.0.1"]
    var clusterSecret = ""
    var clusterSecretFile = ""
    /// What the file holds. Apart from the directive, so that no configuration shows it.
    var clusterSecretOfFile = ""
    /// How long a restarted master of a cluster lets writes wait for its coordinator, which asks
    /// ten times a second and would tell it that another has taken over. Without one it goes on.
    /// No directive sets it; tests do.
    var restartPauseMilliseconds: Int64 = 1_000
    var nodeID = ""
    var clusterID = ""
    /// Values of directives without effect, by canonical name; a missing one has its default.
    var accepted: [String: String] = [:]

    /// The settings of a node started without configuration.
    public init() {}
}

/// The output limits of the three classes of clients.
public struct OutputBufferLimits: Equatable, Sendable {
    /// Clients that send commands.
    public var normal = OutputBufferLimit(hardBytes: 0, softBytes: 0, softSeconds: 0)
    /// Replicas. Ours read from the log at their own pace; the limit counts what is in memory.
    public var replica = OutputBufferLimit(
        hardBytes: 256 << 20, softBytes: 64 << 20, softSeconds: 60)
    /// Clients with a subscription.
    public var subscriber = OutputBufferLimit(
        hardBytes: 32 << 20, softBytes: 8 << 20, softSeconds: 60)
}

extension SavePoint {
    static let defaults = [
        SavePoint(seconds: 3600, changes: 1), SavePoint(seconds: 300, changes: 100),
        SavePoint(seconds: 60, changes: 10_000),
    ]
}
