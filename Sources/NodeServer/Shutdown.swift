// How a node ends: SHUTDOWN, SIGTERM, SIGINT.
//
//   1. writes are paused; replicas that lag get `shutdown-timeout` seconds to catch up; a log that
//      is being turned on gets the time that its first base takes
//   2. the log is forced to disk; the data set is saved when save points ask for it
//   3. listeners close, pid file and socket file go, the loop stops
//
// An error in 2 stops the shutdown, unless it is forced. SHUTDOWN ABORT ends it during 1.

import Bytes
import Logging
import Commands
import ControlPort
import EventLoop
import Platform
import RESP

/// A shutdown in progress.
struct ShutdownState {
    struct Pending {
        var options: ShutdownOptions
        var deadline: Deadline
        var timer: TimerID
        /// The clients that sent SHUTDOWN and wait.
        var clients: [ClientState] = []
    }

    var pending: Pending?
    /// The process' exit status once the loop has stopped.
    var exitStatus: Int32 = 0
    /// The loop ends with the present turn.
    var isFinished = false

    /// Time left until the shutdown goes on without its replicas; nil when there is none.
    func remainingMilliseconds(now: Int64) -> Int64? {
        pending?.deadline.left(at: now)
    }
}

extension Node {
    /// How often a waiting shutdown asks whether the replicas have caught up.
    private static let shutdownPollMilliseconds: Int64 = 10

    /// What `SignalWatch` must know.
    var signalRules: SignalWatch.Rules {
        var rules = SignalWatch.Rules()
        if settings.shutdownOnSIGTERM.contains(.force) { rules.forced.insert(.terminate) }
        if settings.shutdownOnSIGINT.contains(.force) { rules.forced.insert(.interrupt) }
        rules.pidFile = settings.pidFile
        rules.logFolder = settings.appendOnly ? LogSettings(settings).folder.path : nil
        rules.losesChanges = !settings.appendOnly && !settings.savePoints.isEmpty
        return rules
    }

    /// A signal asks the process to end. A second one does not wait any longer.
    func receive(_ signal: Signal) {
        let askedAt = signalWatch?.answered()
        if engine.isLoading && signal != .hangup { exitWhileLoading() }
        let mode: ShutdownMode
        switch signal {
        case .interrupt: mode = settings.shutdownOnSIGINT
        case .terminate: mode = settings.shutdownOnSIGTERM
        case .hangup, .user1: return
        }
        var options = ShutdownOptions()
        if mode.contains(.save) { options.saves = true }
        if mode.contains(.noSave) { options.saves = false }
        options.isImmediate = mode.contains(.now) || shutdown.pending != nil
        options.isForced = mode.contains(.force)
        do throws(ReplyError) {
            try beginShutdown(options, client: nil, askedAtMilliseconds: askedAt)
        } catch {
            log.warning("SIGTERM received but errors trying to shut down the server, \(error.text)")
        }
    }

    /// Ends the process during the load at start: there is nothing to save, and what is loaded so
    /// far must never replace what is on disk.
    private func exitWhileLoading() -> Never {
        log.warning("Asked to end while the data set is loaded, exiting now.")
        if !settings.pidFile.isEmpty { try? FileSystem.unlink(settings.pidFile) }
        listeners.close(path: settings.unixSocket)
        ProcessFacts.exit(code: 0)
    }

    /// Begins to end the process; returns when it is under way. The time for replicas counts from
    /// when it was asked for, if that was before this turn.
    func beginShutdown(
        _ options: ShutdownOptions, client: ClientState?, askedAtMilliseconds: Int64? = nil
    ) throws(ReplyError) {
        if engine.isLoading { exitWhileLoading() }
        if let pending = shutdown.pending {
            guard options.isImmediate else { return joinShutdown(client) }
            if waitsForBase(options) {
                // Nobody waits for replicas any more, but the data must not be lost.
                shutdown.pending?.options.isImmediate = true
                return joinShutdown(client)
            }
            return try finish(pending, options)
        }
        log.warning("User requested shutdown...")
        let lagging = laggingReplicaCount
        let waitsForReplicas =
            lagging > 0 && !options.isImmediate && settings.shutdownTimeoutSeconds > 0
        guard waitsForReplicas || waitsForBase(options) else {
            return try finishShutdown(options)
        }
        if waitsForReplicas {
            log.notice(
                """
                Waiting for replicas before shutting down: \(lagging) lag, \
                \(settings.shutdownTimeoutSeconds) seconds at most.
                """)
        } else {
            log.notice("Waiting for the first base of the AOF before shutting down.")
        }
        let deadline = Deadline(
            seconds: Int64(settings.shutdownTimeoutSeconds),
            after: askedAtMilliseconds ?? loop.nowMilliseconds)
        let timer = loop.schedule(
            afterMilliseconds: Node.shutdownPollMilliseconds,
            repeatingMilliseconds: Node.shutdownPollMilliseconds
        ) { [unowned self] in pollShutdown() }
        shutdown.pending = ShutdownState.Pending(
            options: options, deadline: deadline, timer: timer)
        joinShutdown(client)
        pauses.set(.shutdown, mode: .writes, until: .never)
        pausesChanged()
    }

    /// Lets a client wait for the shutdown that is under way.
    private func joinShutdown(_ client: ClientState?) {
        guard let client else { return }
        client.blocked = BlockedState(reason: .shutdown, deadline: nil)
        shutdown.pending?.clients.append(client)
    }

    private func pollShutdown() {
        guard let pending = shutdown.pending, !waitsForBase(pending.options) else { return }
        let lagging = laggingReplicaCount
        guard
            lagging == 0 || pending.options.isImmediate
                || pending.deadline.isOver(at: loop.nowMilliseconds)
        else { return }
        // Who waits has the error.
        try? finish(pending, pending.options)
    }

    /// Goes on with a shutdown that waited; when it is refused, everybody who waits is told.
    private func finish(
        _ pending: ShutdownState.Pending, _ options: ShutdownOptions
    ) throws(ReplyError) {
        loop.cancel(pending.timer)
        shutdown.pending = nil
        do throws(ReplyError) {
            try finishShutdown(options)
        } catch {
            endWaitingShutdown(pending, error: error)
            throw error
        }
    }

    /// Whether the log lacks its first base, which is on its way: until it is there the log on disk
    /// holds nothing, and the next start would serve nothing.
    private func waitsForBase(_ options: ShutdownOptions) -> Bool {
        !options.isForced && hasLogWithoutBase && snapshots.isPending(.base)
    }

    /// SHUTDOWN ABORT.
    func abortShutdown() throws(ReplyError) {
        guard let pending = shutdown.pending else {
            throw ReplyError("ERR No shutdown in progress.")
        }
        loop.cancel(pending.timer)
        shutdown.pending = nil
        log.notice("Shutdown manually aborted.")
        endWaitingShutdown(
            pending, error: ReplyError("ERR Errors trying to SHUTDOWN. Check logs."))
    }

    private func endWaitingShutdown(_ pending: ShutdownState.Pending, error: ReplyError) {
        pauses.end(.shutdown)
        pausesChanged()
        for client in pending.clients {
            guard let session = clients.session(of: client) else { continue }
            client.blocked = nil
            client.output.error(error)
            session.requestFlush()
            session.resume()
        }
    }

    /// Ends the process before the script that runs has ended: what it has begun is taken back.
    /// Called between two of its instructions.
    func endWithoutScript() -> Never {
        _ = engine.suspendUnit()
        engine.abandonScript()
        var options = ShutdownOptions()
        options.saves = false
        options.isForced = true
        do throws(ReplyError) {
            try finishShutdown(options)
        } catch {
            log.warning("\(error.text)")
        }
        ProcessFacts.exit(code: shutdown.exitStatus)
    }

    private func finishShutdown(_ options: ShutdownOptions) throws(ReplyError) {
        let replicas = replicaCount
        if replicas > 0 {
            log.notice(
                "\(inStepReplicaCount) of \(replicas) replicas are in sync when shutting down.")
        }
        if hasLogWithoutBase && !options.isForced {
            log.warning("Writing initial AOF, can't exit.")
            try refuseShutdown()
        }
        if !saveForShutdown(options) && !options.isForced { try refuseShutdown() }
        if hasLogWithoutBase {
            log.warning("The AOF has no base: what it holds cannot be loaded.")
        }
        if !settings.pidFile.isEmpty {
            log.notice("Removing the pid file.")
            try? FileSystem.unlink(settings.pidFile)
        }
        listeners.close(path: settings.unixSocket)
        log.warning("Headwater is now ready to exit, bye bye...")
        stop(exitStatus: 0)
    }

    /// The node goes on.
    private func refuseShutdown() throws(ReplyError) {
        pauses.end(.shutdown)
        pausesChanged()
        log.warning(
            "Errors trying to shut down the server. Check the logs for more information.")
        throw ReplyError("ERR Errors trying to SHUTDOWN. Check logs.")
    }

    /// Closes and releases everything, once the loop has ended: threads, descriptors, and what
    /// refers to the node and would keep it alive. For a process that goes on without the node; one
    /// that ends with it leaves this to the system, which is faster.
    func end() {
        links.stop()
        controlPort.take()?.stop()
        signalWatch.take()?.stop()
        listeners.close(path: settings.unixSocket)
        for session in clients.all { session.close() }
        turn.forgetOutputs()
        // The threads work for the log and the snapshots, and these for each other.
        snapshots.stop()
        try? stream.close()
        stream.stop()
        loop.releaseAll()
    }

    /// Ends the loop with the present turn.
    func stop(exitStatus: Int32) {
        shutdown.exitStatus = exitStatus
        shutdown.isFinished = true
        loop.stop()
    }
}

extension EngineHost {
    func shutDown(_ options: ShutdownOptions, client: ClientState) throws(ReplyError) {
        try node.beginShutdown(options, client: client)
    }

    func abortShutdown() throws(ReplyError) { try node.abortShutdown() }
}
