// Signals of the process, read on a thread of their own so that they are heard while the engine's
// thread is inside of a script.
//
//   kernel ──► watch ──► mailbox ──► Node.receive, in an ordinary turn
//                │
//                ├─ `forcedSince`   asked by the hook of a script that runs
//                ├─ second SIGINT before the engine has heard the first: ends the process, status 1
//                └─ forced, no answer for `patienceMilliseconds`, Lua is running: ends the process
//
// Ending the process here is what a kill would do. Replies leave behind the log, so everything
// that was acknowledged is in the log's file, and a unit that is half written is cut at the next
// start. Only Lua may be interrupted so: it writes no files.

import EventLoop
import Logging
import Platform
import Scripting
import Synchronization

/// Hears signals for the engine.
final class SignalWatch: Sendable {
    /// What the watch must know to end the process without the engine.
    struct Rules: Sendable, Equatable {
        /// Signals that end the process whatever it does: `shutdown-on-sigterm force`.
        var forced: Set<Signal> = []
        var pidFile = ""
        /// Folder of the log; nil when there is none.
        var logFolder: String?
        /// Changes are kept by saving alone, which only the engine can do.
        var losesChanges = false
    }

    /// How long a forced end waits for an engine that runs a script. A supervisor's patience ends
    /// at ten seconds, and the log has to be synced before.
    static let patienceMilliseconds: Int64 = 6_000
    /// How long it waits for the disk then: what the kernel has is not lost with the process.
    private static let syncMilliseconds: Int64 = 2_500
    private static let pollMilliseconds: Int64 = 250

    private let engine: LoopBound<Node>
    private let activity: ScriptActivity
    private let log: Logger
    private let rules: Mutex<Rules>
    // Monotonic milliseconds of the first signal that the engine has not heard yet; 0: none.
    private let askedAt = Atomic<Int64>(0)
    private let forcedAt = Atomic<Int64>(0)
    private let thread = Mutex<LoopThread?>(nil)

    private init(node: Node) {
        engine = LoopBound(node, loop: node.loop)
        activity = node.scripts.activity
        log = node.log
        rules = Mutex(node.signalRules)
    }

    /// Begins to hear `Node.signals`, which must be blocked.
    static func start(_ node: Node) throws(SystemError) -> SignalWatch {
        let watch = SignalWatch(node: node)
        let started = try LoopThread.start(name: "signals") { (loop) throws(SystemError) in
            _ = try SignalChannel(loop: loop, signals: Node.signals) { [unowned loop] signal, _ in
                watch.received(signal, loop)
            }
        }
        watch.thread.withLock { $0 = started.thread }
        return watch
    }

    /// Ends the thread.
    func stop() { thread.withLock { $0.take() }?.stop() }

    // MARK: The engine's side

    /// The directives have changed.
    func adopt(_ new: Rules) { rules.withLock { $0 = new } }

    /// Since when a forced end of the process has been waiting for the engine; nil: none does.
    var forcedSince: Int64? {
        let time = forcedAt.load(ordering: .relaxed)
        return time == 0 ? nil : time
    }

    /// The engine has heard all signals so far. Returns since when the first one has been waiting.
    func answered() -> Int64? {
        forcedAt.store(0, ordering: .relaxed)
        let time = askedAt.exchange(0, ordering: .relaxed)
        return time == 0 ? nil : time
    }

    // MARK: The watch's side

    private func received(_ signal: Signal, _ loop: EventLoop) {
        guard signal == .interrupt || signal == .terminate else { return }
        let isWaiting = askedAt.load(ordering: .relaxed) != 0
        if signal == .interrupt && isWaiting {
            log.warning("You insist... exiting now.")
            ProcessFacts.exit(code: 1)
        }
        let name = signal == .interrupt ? "SIGINT" : "SIGTERM"
        log.warning("Received \(name) scheduling shutdown...")
        let now = loop.nowMilliseconds
        if !isWaiting { askedAt.store(now, ordering: .relaxed) }
        if rules.withLock({ $0.forced.contains(signal) }) {
            if forcedSince == nil { forcedAt.store(now, ordering: .relaxed) }
            look(loop, afterMilliseconds: SignalWatch.patienceMilliseconds)
        }
        engine.post { $0.receive(signal) }
    }

    private func look(_ loop: EventLoop, afterMilliseconds delay: Int64) {
        loop.schedule(afterMilliseconds: delay) { [unowned loop, self] in
            guard let since = forcedSince else { return }
            let isOver = loop.nowMilliseconds - since >= SignalWatch.patienceMilliseconds
            if isOver && activity.isRunning { return endProcess(loop) }
            look(loop, afterMilliseconds: SignalWatch.pollMilliseconds)
        }
    }

    private func endProcess(_ loop: EventLoop) {
        let rules = rules.withLock { $0 }
        log.warning(
            """
            A script has not let the engine go on for \(SignalWatch.patienceMilliseconds) ms: \
            ending the process without it.
            """)
        if !rules.pidFile.isEmpty { try? FileSystem.unlink(rules.pidFile) }
        let status: Int32 = rules.losesChanges ? 1 : 0
        loop.schedule(afterMilliseconds: SignalWatch.syncMilliseconds) {
            ProcessFacts.exit(code: status)
        }
        // Without a thread for it the timer ends the process.
        _ = try? SystemThread.start(name: "last-sync") {
            if let folder = rules.logFolder { SignalWatch.sync(folder) }
            ProcessFacts.exit(code: status)
        }
    }

    /// Forces the files of a log to disk. What cannot be synced was not promised to be.
    private static func sync(_ folder: String) {
        for name in (try? FileSystem.list(folder)) ?? [] where name.hasSuffix(".aof") {
            try? File.open("\(folder)/\(name)", .write).syncData()
        }
    }
}
