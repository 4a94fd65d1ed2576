// A data node: everything that lives on the engine thread, wired together.
//
//   Listener ──► Session ──► Turn ──► CommandEngine ──► Keyspace
//                                          │ stream
//                                          ▼
//                    replies ◄── commit ── log ──► replicas
//
// Confined to the thread that created it. Other threads reach it through `loop.mailbox` (wrapped in
// `LoopBound`) and read what it publishes on `board`.

import Diagnostics
import Bytes
import Commands
import ControlModel
import ControlPort
public import EventLoop
import Logging
import Platform
import RESP
import Scripting
import Store
import TLS

/// A running data node.
public final class Node {
    /// The loop of the engine thread.
    public let loop: EventLoop
    let host: EngineHost
    let keyspace: Keyspace
    let engine: CommandEngine
    /// The interpreter of scripts.
    let scripts: LuaScripts
    /// Serves clients; another one while a script of this one is busy.
    var turn: Turn
    /// See `serveWhileBusy`.
    private(set) lazy var busyTurn = Turn(engine: engine)
    let log: Logger
    let logOutput: LogOutput
    /// Name of the file in the data folder that is locked.
    static let lockName = "headwater-node.lock"
    /// The data folder, locked against a second node; nil where nothing can be written.
    var folderLock: FolderLock?
    let board: FactBoard
    let clients = ClientRegistry()
    /// 40 random hexadecimal digits, new at each start: `run_id`, `bootID`.
    let runID: String
    /// The configuration file as an absolute path; nil when there is none.
    let configurationFile: String?
    let startedAtMilliseconds: Int64
    var settings: NodeSettings
    var statistics = Statistics()
    var identity = DurableIdentity()
    var listeners = Listeners()
    /// Certificates for clients and replicas that connect; nil without TLS.
    var serverSecurity: TLSContext?
    /// Certificates for the connection to the upstream; nil when that is plain.
    var clientSecurity: TLSContext?
    var cron = Cron()
    var memory = MemoryState()
    var killScore = KillScore()
    var shutdown = ShutdownState()
    var pauses = Pauses()
    var pauseTimer: TimerID?
    var waitTimer = WaitTimer()
    var offsetWaits = OffsetWaits()
    var controlPort: ControlPort?
    /// The replication stream and where it is kept.
    let stream: StreamLog
    /// Snapshots for dumps, the log and replicas.
    let snapshots: Snapshots
    /// Frees flushed and replaced tables.
    let lazyFree: LazyFree
    /// Sessions of the debugger in processes of their own.
    private(set) lazy var debuggerCopies = DebuggerCopies(self)
    /// What links ask of the node.
    private(set) lazy var linksHost = NodeLinksHost(self)
    /// Whom the node follows and who follows it.
    private(set) lazy var links = ReplicationLinks(host: linksHost)
    var signalWatch: SignalWatch?
    /// Facts have changed since they were last published.
    var hasNewFacts = false
    /// How long answers that may show what the log lacks wait for a log that cannot be written;
    /// from then on only those wait whose writes it lacks.
    static let logWaitMillisecondsMax: Int64 = 1_000
    /// As above; tests change it.
    var logWaitMilliseconds = Node.logWaitMillisecondsMax
    /// Since when the log has been behind, in milliseconds of the loop; nil when it is not.
    private var logBehindSinceMilliseconds: Int64?
    private var committed: [() -> Void] = []
    /// The gates are those of another node, which this one is a copy of.
    var hasFixedGates = false
    /// Longer than any turn with its wait, which the housekeeping ends.
    private static let standstillMicroseconds: Int64 = 1_000_000
    private var turnStartMicroseconds: Int64 = 0
    /// When links were last looked after while a script was busy.
    var busyTickAt: Int64 = 0
    /// Wall clock in milliseconds, read once per turn.
    private(set) var wallMilliseconds: Int64

    /// A node with `settings` on the calling thread; it listens and loads when `start` is called.
    init(
        settings: NodeSettings, configurationFile: String?, output: LogOutput,
        log: Logger
    ) throws(SystemError) {
        self.settings = settings
        self.configurationFile = configurationFile
        logOutput = output
        self.log = log
        loop = try EventLoop()
        loop.pollMicrosecondsMax = Int64(settings.pollMicroseconds)
        host = EngineHost()
        runID = Random.hexadecimal(byteCount: 20)
        keyspace = Keyspace(
            databaseCount: settings.databases,
            secret: SipKey(low: Random.word(), high: Random.word()),
            chunks: try settings.usesHugePages ? Node.chunkSupply() : nil)
        engine = CommandEngine(
            keyspace: keyspace, settings: Node.engineSettings(settings), host: host)
        scripts = LuaScripts(engine: engine)
        engine.scripts = scripts
        turn = Turn(engine: engine)
        stream = try StreamLog(settings: LogSettings(settings), loop: loop, logger: log)
        snapshots = try Snapshots(
            keyspace: keyspace, log: stream, settings: SnapshotSettings(settings))
        lazyFree = try LazyFree()
        wallMilliseconds = Clock.wallMilliseconds()
        startedAtMilliseconds = wallMilliseconds
        engine.nowMilliseconds = wallMilliseconds
        board = FactBoard(Node.firstFacts(runID: runID))
        host.attach(self)
        // Old tables are taken apart where nobody waits for it.
        let lazyFree = lazyFree
        engine.breakUpstream = { [unowned self] in links.breakUpstream(at: $0) }
        engine.flushedAll = { [unowned self] in dataWereFlushed() }
        engine.disposeOf = { lazyFree.free($0) }
        keyspace.onDisposal { lazyFree.free($0) }
        keyspace.lazyFreeing.handler = { lazyFree.free($0) }
        snapshots.changeCount = { [unowned self] in engine.dirty }
        snapshots.usedBytes = { [unowned self] in usedMemoryBytes }
        snapshots.librarySources = { [unowned self] in librarySources }
        snapshots.librariesLoaded = { [unowned self] in adoptLibraries($0) }
        scripts.serveOthers = { [unowned self] in serveWhileBusy() }
        scripts.makeConsole = { [unowned self] in
            clients.session(of: $0).map(DebuggerConsole.init)
        }
        scripts.debugOnCopy = { [unowned self] (call, client) throws(ReplyError) in
            try debuggerCopies.begin(call, client)
        }
        scripts.mustEnd = { [unowned self] in scriptMustEnd() }
        scripts.busyMilliseconds = Int64(settings.busyMilliseconds)
        scripts.stateBytesMax = settings.scriptBytesMax
        snapshots.streamCut = { [unowned self] in followStream() }
        stream.slowestReader = { [unowned self] in links.slowestFeed(from: $0) }
        stream.failureChanged = { [unowned self] in updateGates() }
        loop.afterWait = { [unowned self] in beginTurn() }
        loop.beforeWait = { [unowned self] in endTurn() }
    }

    // MARK: The turn

    private func beginTurn() {
        let silence = loop.nowMicroseconds &- turnStartMicroseconds
        turnStartMicroseconds = loop.nowMicroseconds
        board.turnBegan(nowMicroseconds: turnStartMicroseconds)
        readWallClock()
        // The process stood still: writes that wait here must not pass by a count of replicas that
        // was right before.
        if silence > Node.standstillMicroseconds { updateGates() }
    }

    /// Reads the wall clock for what runs next.
    func readWallClock() {
        wallMilliseconds = Clock.wallMilliseconds()
        engine.nowMilliseconds = wallMilliseconds
    }

    private func endTurn() {
        settleWaitsForKeys()
        for client in engine.takeClientsWithOutput() { clients.session(of: client)?.requestFlush() }
        keepMemoryLimits()
        links.beforeCommit()
        let isCommitted = commitStream()
        let holdsAll = !isCommitted && logIsExpectedBack
        turn.flushOutputs(
            committedOffset: isCommitted ? .max : stream.committedOffset, holdsAll: holdsAll)
        snapshots.endOfTurn()
        if !committed.isEmpty && !holdsAll { runCommitted() }
        if !offsetWaits.entries.isEmpty { answerOffsetWaits() }
        if hasNewFacts { publishFacts() }
        board.turnEnded(offset: releasedOffset)
        loop.refreshClock()
        statistics.addTurn(microseconds: loop.nowMicroseconds &- turnStartMicroseconds)
    }

    /// Whether the log has not been behind for so long that readers are better served.
    private var logIsExpectedBack: Bool {
        guard let since = logBehindSinceMilliseconds else { return false }
        return loop.nowMilliseconds - since < logWaitMilliseconds
    }

    /// The end of the stream as others may know it: never more than the log has.
    var releasedOffset: Int64 { min(engine.streamOffset, stream.committedOffset) }

    /// Writes the turn into the log; false when that fails. Then writes are refused, and replicas,
    /// acknowledgements and the replies of those who wrote wait; the next turn tries again.
    /// Everybody else's replies wait too, for `logWaitMilliseconds` at most.
    func commitStream() -> Bool {
        settleStream()
        let hadFailed = stream.failure != nil
        do throws(SystemError) {
            if engine.monitorsLatency {
                let start = Clock.monotonicMicroseconds()
                try stream.commit()
                engine.noteLatency(
                    "aof-write", microseconds: Clock.monotonicMicroseconds() - start)
            } else {
                try stream.commit()
            }
            links.afterCommit()
        } catch {
            if logBehindSinceMilliseconds == nil {
                logBehindSinceMilliseconds = loop.nowMilliseconds
            }
            if !hadFailed { updateGates() }
            return false
        }
        logBehindSinceMilliseconds = nil
        if hadFailed && stream.failure == nil { updateGates() }
        return true
    }

    /// Runs `body` at the end of this turn, when the log covers everything the turn has done, or
    /// has been behind for `logWaitMilliseconds`.
    func afterCommit(_ body: @escaping () -> Void) { committed.append(body) }

    private func runCommitted() {
        let bodies = committed
        committed = []
        for body in bodies { body() }
    }

    /// A client has taken `bytes`.
    @inline(__always)
    func noteOutput(bytes: Int, of client: ClientState) {
        if client.isReplica {
            statistics.replicationOutputBytes &+= Int64(bytes)
        } else {
            statistics.outputBytes &+= Int64(bytes)
        }
        statistics.writes &+= 1
    }

    /// A client has sent `bytes`.
    @inline(__always)
    func noteInput(bytes: Int, of client: ClientState) {
        statistics.inputBytes &+= Int64(bytes)
        statistics.reads &+= 1
        client.lastInteractionMilliseconds = wallMilliseconds
    }
}
