// What the command core asks of the node around it: sockets, files, links, configuration, time.
//
// The engine calls the host on the engine thread and only on cold paths; the two clock readings are
// the exception, they are taken once per batch. Handlers parse arguments and write replies; the
// host does the work and says in a `ReplyError` why it cannot.
public import Bytes
public import RESP

/// How a client is to be closed.
public enum ClientClosing: Sendable {
    /// As soon as the replies written so far are sent.
    case afterReplies
    /// At once, unsent replies are dropped.
    case now
}

/// What `WAIT` and `WAITAOF` found.
public enum WaitOutcome: Sendable, Equatable {
    /// Enough have acknowledged, or waiting makes no sense: reply at once.
    case done(localLogs: Int, replicas: Int)
    /// The client waits: the host has set `client.blocked` and will write the reply.
    case blocked
}

/// The options of SHUTDOWN.
public struct ShutdownOptions: Sendable, Equatable {
    /// `SAVE` (true), `NOSAVE` (false), or as the configuration says (nil).
    public var saves: Bool?
    /// Do not wait for lagging replicas.
    public var isImmediate = false
    /// Ignore errors of the last save.
    public var isForced = false
    /// No options.
    public init() {}
}

/// The arguments of FAILOVER.
public struct FailoverRequest: Sendable, Equatable {
    /// The replica to promote; any when nil.
    public var target: (host: String, port: Int)?
    /// Go on when the timeout passes.
    public var isForced = false
    /// End the failover in progress.
    public var isAbort = false
    /// How long to wait for the replica; 0 is for ever.
    public var timeoutMilliseconds: Int64 = 0
    /// No options.
    public init() {}

    /// Whether all options are the same.
    public static func == (left: FailoverRequest, right: FailoverRequest) -> Bool {
        left.target?.host == right.target?.host && left.target?.port == right.target?.port
            && left.isForced == right.isForced && left.isAbort == right.isAbort
            && left.timeoutMilliseconds == right.timeoutMilliseconds
    }
}

/// Which commands wait while clients are paused.
public enum PauseMode: Sendable, Equatable {
    /// None.
    case none
    /// Those that write or go into the replication stream.
    case writes
    /// All but those of replicas.
    case all
}

/// One line of a log, as `DEBUG LOG` and warnings want it.
public enum LogLevel: Sendable { case debug, verbose, notice, warning }

/// The node as the command core sees it.
public protocol NodeHost: AnyObject {
    // MARK: Time

    /// A monotonic clock in nanoseconds, for statistics.
    func monotonicNanoseconds() -> Int64
    /// Wall-clock time in microseconds since 1970, for TIME.
    func wallMicroseconds() -> Int64

    // MARK: Facts and configuration

    /// Appends the INFO text of `sections` (lower case; empty: the default ones). `commandstats`,
    /// `errorstats` and `keyspace` are the engine's: see `CommandEngine.appendInformation`.
    func appendInformation(sections: [String], client: ClientState, to text: inout ByteBuffer)
    /// Directives whose names match one of the glob `patterns`, in table order.
    func configurationValues(matching patterns: [String]) -> [(name: String, value: String)]
    /// Sets all of `pairs` or none, on behalf of `client`; the error is the whole reply text.
    func setConfiguration(
        _ pairs: [(name: String, value: String)], client: ClientState
    ) throws(ReplyError)
    /// Writes the configuration file anew, keeping its comments.
    func rewriteConfiguration() throws(ReplyError)
    /// CONFIG RESETSTAT, beyond the engine's own counters.
    func resetStatistics()
    /// One line for the server's log.
    func log(_ level: LogLevel, _ message: String)

    // MARK: Memory

    /// What the node knows about its memory.
    func memoryFacts() -> MemoryFacts
    /// MEMORY PURGE: gives memory that is free back to the system.
    func releaseFreeMemory()

    // MARK: Persistence

    /// Writes a snapshot before it returns.
    func saveSnapshot() throws(ReplyError)
    /// Begins a snapshot; returns the status text.
    func startBackgroundSave(scheduling: Bool) throws(ReplyError) -> String
    /// Begins a rewrite of the log; returns the status text.
    func startLogRewrite() throws(ReplyError) -> String
    /// When the last snapshot was saved, in seconds since 1970.
    func lastSaveSeconds() -> Int64
    /// DEBUG RELOAD: saves (unless told otherwise), empties the data set and loads it again.
    func reloadSnapshot(saving: Bool, flushing: Bool) throws(ReplyError)
    /// DEBUG LOADAOF: empties the data set and loads it from the log.
    func reloadLog() throws(ReplyError)
    /// SHUTDOWN; returns when the shutdown was begun or is impossible. The client gets no reply
    /// unless an error is thrown.
    func shutDown(_ options: ShutdownOptions, client: ClientState) throws(ReplyError)
    /// SHUTDOWN ABORT.
    func abortShutdown() throws(ReplyError)

    // MARK: Replication

    /// REPLICAOF; `target` nil is NO ONE. Returns the status text.
    func replicate(
        from target: (host: String, port: Int)?, client: ClientState
    ) throws(ReplyError) -> String
    /// Writes the reply of ROLE.
    func writeRole(to client: ClientState)
    /// WAIT: at least `replicas` have the client's writes, within the timeout (0 is for ever).
    func wait(client: ClientState, replicas: Int, timeoutMilliseconds: Int64) -> WaitOutcome
    /// WAITAOF: as WAIT, for data synced to disk here (`localLogs` 0 or 1) and on replicas.
    func waitForLogs(
        client: ClientState, localLogs: Int, replicas: Int, timeoutMilliseconds: Int64
    ) throws(ReplyError) -> WaitOutcome
    /// PSYNC, SYNC, REPLCONF. The host writes the reply itself and sets `client.isHandedOver` when
    /// the connection speaks the replication protocol from here on.
    func replicationCommand(client: ClientState, arguments: Arguments) throws(ReplyError)
    /// FAILOVER; returns when it was begun.
    func failOver(_ request: FailoverRequest, client: ClientState) throws(ReplyError)

    /// MIGRATE: sends `request` to another server and hands the first `answerCount` lines of its
    /// answer to `receive`, without line ends. The whole server waits meanwhile, each step at most
    /// so long. Returns what went wrong.
    func exchange(
        with host: String, port: Int, request: ByteSlice, answerCount: Int,
        timeoutMilliseconds: Int64, _ receive: (String) -> Void
    ) -> MigrationFailure?

    // MARK: Clients

    /// Calls `body` with each connected client in order of its ID.
    func forEachClient(_ body: (ClientState) -> Void)
    /// The connected client with this ID.
    func client(id: Int64) -> ClientState?
    /// Closes a client's connection.
    func close(_ client: ClientState, _ closing: ClientClosing)
    /// Ends what the client waits for: with an error (`UNBLOCKED …`) or as if its time were over.
    /// False when it was not blocked.
    func unblock(_ client: ClientState, withError: Bool) -> Bool
    /// Pauses clients for so long; the host calls `engine.gates.pause = .none` at the end.
    func pauseClients(_ mode: PauseMode, milliseconds: Int64)
    /// Ends the pause.
    func resumeClients()
    /// The client wrote AUTH or HELLO … AUTH successfully, or RESET: its parser's limits follow.
    func authenticationChanged(_ client: ClientState)

    // MARK: Users

    /// The path of the access file (`aclfile`); nil when users stand in the configuration.
    func accessFileName() -> String?
    /// The bytes of the access file.
    func readAccessFile() throws(ReplyError) -> [UInt8]
    /// Replaces the access file as a whole.
    func writeAccessFile(_ bytes: [UInt8]) throws(ReplyError)
    /// Bytes that nobody can foresee, for passwords.
    func randomBytes(_ count: Int) -> [UInt8]

    // MARK: Debugging

    /// DEBUG subcommands that need the node (SLEEP, CHANGE-REPL-ID, PAUSE-CRON, …); false when the
    /// subcommand is unknown. It writes the reply itself.
    func debug(
        subcommand: String, arguments: Arguments, client: ClientState
    ) throws(ReplyError) -> Bool
}
