// The way into a loop from other threads.
//
//   any thread ── post(job) ──► Mutex<[Job]> ── first job raises an eventfd ──► loop runs all
//
// A job receives the loop, or (through `LoopBound`) an object that lives on the loop's thread and
// is not Sendable: the object itself never leaves its thread.
import Platform
import Synchronization

/// Jobs for a loop's thread; posted from any thread, run in the order of posting.
public final class Mailbox: Sendable {
    /// What runs on the loop's thread.
    public typealias Job = @Sendable (EventLoop) -> Void

    // Filled by any thread, emptied by the loop's thread.
    private let jobs = Mutex<[Job]>([])
    let counter: WakeCounter

    init() throws(SystemError) { counter = try WakeCounter() }

    /// Adds a job and wakes the loop. The job runs in the next turn, never inside this call; a job
    /// posted to a loop that has ended for good never runs.
    public func post(_ job: @escaping Job) {
        let wasEmpty = jobs.withLock { waiting in
            waiting.append(job)
            return waiting.count == 1
        }
        if wasEmpty { counter.raise() }
    }

    /// Empties the mailbox. The counter is cleared first: a job posted meanwhile raises it again.
    func takeAll() -> [Job] {
        counter.clear()
        return jobs.withLock { waiting in
            let taken = waiting
            waiting = []
            return taken
        }
    }
}

/// Watches the wake counter. The loop itself runs the jobs, after the events of the turn.
final class MailboxChannel: Channel {
    var isRaised = false

    override func ready(_ readiness: Readiness) { isRaised = true }
}
