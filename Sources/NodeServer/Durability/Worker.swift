// A thread that runs jobs one after the other: for calls that wait for the disk.
//
//   engine thread ── post(job) ──► Mutex<[Job]> ── first job raises a counter ──► worker runs all
//
// Jobs own what they need (paths, bytes) and answer through the loop's mailbox. A job may hold what
// holds the worker: so those that come after `stop` are dropped, and nothing keeps itself alive.

import Platform
import Synchronization

/// Runs jobs in order on a thread of its own.
final class Worker: Sendable {
    typealias Job = @Sendable () -> Void

    private struct State {
        var jobs: [Job] = []
        var isStopping = false
    }

    /// What both threads see: the thread keeps it alive, not the worker.
    private final class Core: Sendable {
        // Filled by any thread, emptied by the worker's.
        let state = Mutex(State())
        let counter: WakeCounter

        init() throws(SystemError) { counter = try WakeCounter() }

        func run(isUrgent: Bool) {
            var pace = BackgroundPace()
            while true {
                counter.waitUntilRaised()
                pace.begin()
                counter.clear()
                let (jobs, isStopping) = state.withLock { state in
                    let jobs = state.jobs
                    state.jobs = []
                    return (jobs, state.isStopping)
                }
                for job in jobs {
                    job()
                    if !isUrgent { pace.restIfDue() }
                }
                if isStopping { return }
            }
        }
    }

    private let core: Core
    private let thread: SystemThread

    /// Starts the thread; `name` is shown by `top -H`. One whose work nobody waits for lets others
    /// go before it, above all the engine's.
    init(name: String, isUrgent: Bool = true) throws(SystemError) {
        let core = try Core()
        self.core = core
        thread = try SystemThread.start(name: name) {
            if !isUrgent { SystemThread.lowerPriority() }
            core.run(isUrgent: isUrgent)
        }
    }

    /// Adds a job; from any thread. After `stop` it is dropped.
    func post(_ job: @escaping Job) {
        let isTaken = core.state.withLock { state in
            if !state.isStopping { state.jobs.append(job) }
            return !state.isStopping
        }
        if isTaken { core.counter.raise() }
    }

    /// Lets the thread finish what was posted and waits for its end; nothing is taken any more.
    func stop() {
        endWhenDone()
        thread.join()
    }

    private func endWhenDone() {
        core.state.withLock { $0.isStopping = true }
        core.counter.raise()
    }

    deinit { endWhenDone() }
}
