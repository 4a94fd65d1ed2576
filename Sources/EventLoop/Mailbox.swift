// The way into a loop from other threads.
//
//   any thread ── post(job) ──► Mutex<[Job]> ── first job raises an eventfd ──► loop runs all
//
// A job receives the loop, or (through `LoopBound`) an object that lives on the loop's thread and
// is not Sendable: the object itself never leaves its thread.
//
// A job may hold what holds the mailbox. So the end of the loop takes out what waits, and from then
// on jobs are dropped as they come: nothing keeps itself alive.
import Platform
import Synchronization

/// Jobs for a loop's thread; posted from any thread, run in the order of posting.
public final class Mailbox: Sendable {
    /// What runs on the loop's thread.
    public typealias Job = @Sendable (EventLoop) -> Void

    private struct State {
        /// Filled by any thread, emptied by the loop's thread.
        var jobs: [Job] = []
        /// Values of `LoopBound` that are not released yet.
        var parcels: Set<ThreadParcel> = []
        var isEnded = false
    }

    private let state = Mutex(State())
    let counter: WakeCounter

    init() throws(SystemError) { counter = try WakeCounter() }

    /// Adds a job and wakes the loop. The job runs in the next turn, never inside this call; a job
    /// posted to a loop that has ended for good is dropped.
    public func post(_ job: @escaping Job) {
        let isFirst = state.withLock { state in
            guard !state.isEnded else { return false }
            state.jobs.append(job)
            return state.jobs.count == 1
        }
        if isFirst { counter.raise() }
    }

    // MARK: On the loop's thread

    /// Empties the mailbox. The counter is cleared first: a job posted meanwhile raises it again.
    func takeAll() -> [Job] {
        counter.clear()
        return state.withLock { state in
            let taken = state.jobs
            state.jobs = []
            return taken
        }
    }

    /// Holds a value until `release` or `end`.
    func keep(_ parcel: ThreadParcel) { state.withLock { _ = $0.parcels.insert(parcel) } }

    /// Whether the value has not been released.
    func keeps(_ parcel: ThreadParcel) -> Bool {
        state.withLock { $0.parcels.contains(parcel) }
    }

    /// Releases a value, unless the end of the loop has done so.
    func release(_ parcel: ThreadParcel) {
        // Outside the lock: what the value does when it ends may post.
        if state.withLock({ $0.parcels.remove(parcel) != nil }) { parcel.release() }
    }

    /// Drops the jobs that wait and all that come, and releases the values bound to the loop.
    func end() {
        let left = state.withLock { state in
            state.isEnded = true
            let left = (jobs: state.jobs, parcels: state.parcels)
            state.jobs = []
            state.parcels = []
            return left
        }
        for parcel in left.parcels { parcel.release() }
    }
}

/// Watches the wake counter. The loop itself runs the jobs, after the events of the turn.
final class MailboxChannel: Channel {
    var isRaised = false

    override func ready(_ readiness: Readiness) { isRaised = true }
}
