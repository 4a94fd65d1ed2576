// The loop of one thread. One turn:
//
//   1. wait for events, at most until the first timer; refresh the clock; `afterWait`
//   2. deliver the events (stale ones are dropped)
//   3. run the jobs of the mailbox, then the bodies of `runNextTurn`
//   4. run the due timers
//   5. `beforeWait`: the end of the turn, where a node writes its log and releases its replies
//
// Everything in here belongs to the thread that created the loop. Other threads reach it through
// `mailbox` alone.
internal import Bytes
public import Platform

/// Waits for descriptors, timers and jobs, and runs what they ask for, on one thread.
public final class EventLoop {
    /// The thread that created the loop and runs it.
    public let thread: ThreadIdentity
    /// Takes jobs from other threads.
    public let mailbox: Mailbox

    private var backend: EpollBackend
    private var timers = TimerQueue()
    private var deferred: [() -> Void] = []
    private let mailboxChannel = MailboxChannel()
    private var now: Int64
    private var poll = AdaptivePoll()
    /// Nothing that takes time has happened since the clock was read.
    private var isClockFresh = false
    private var isStopping = false

    /// A loop that belongs to the calling thread.
    public init() throws(SystemError) {
        thread = ThreadIdentity.current
        mailbox = try Mailbox()
        backend = try EpollBackend()
        now = Clock.monotonicMicroseconds()
        try backend.register(
            mailboxChannel, descriptor: mailbox.counter.descriptor.number, interest: .readable)
    }

    /// Stops the process when it runs on another thread (debug builds only).
    @inlinable
    public func assertOnThread() {
        assert(ThreadIdentity.current == thread, "the loop belongs to another thread")
    }

    // MARK: Clock

    /// Monotonic time in milliseconds, read once per turn.
    public var nowMilliseconds: Int64 { now / 1_000 }

    /// Monotonic time in microseconds, read once per turn.
    public var nowMicroseconds: Int64 { now }

    /// Reads the clock now: after a long piece of work inside a turn, or at its end.
    public func refreshClock() {
        now = Clock.monotonicMicroseconds()
        isClockFresh = true
    }

    /// How long the loop may ask for events before it sleeps, in microseconds, while traffic is
    /// dense; 0, the default, lets it sleep at once.
    public var pollMicrosecondsMax: Int64 {
        get { poll.microsecondsMax }
        set { poll.microsecondsMax = max(0, newValue) }
    }

    // MARK: Hooks

    /// Runs first in each turn, when the wait has ended and the clock is fresh.
    public var afterWait: (() -> Void)?

    /// Runs last in each turn, before the loop waits again: the place to write logs and replies.
    /// One that ends with `refreshClock` spares the loop a look at the clock.
    public var beforeWait: (() -> Void)?

    // MARK: Channels

    /// Watches `descriptor` for `channel` until `deregister`; the loop keeps the channel alive. The
    /// caller keeps the descriptor open meanwhile.
    public func register(
        _ channel: Channel, descriptor: borrowing Descriptor, interest: Readiness
    ) throws(SystemError) {
        assertOnThread()
        try backend.register(channel, descriptor: descriptor.number, interest: interest)
    }

    /// Changes what a registered channel is watched for; cheap when nothing changes.
    public func modify(_ channel: Channel, interest: Readiness) {
        assertOnThread()
        backend.modify(channel, interest: interest)
    }

    /// Stops watching; events already fetched are dropped. Does nothing if it is not registered.
    /// Must come before the descriptor is closed.
    public func deregister(_ channel: Channel) {
        assertOnThread()
        backend.deregister(channel)
    }

    /// Registered channels, without the loop's own.
    public var channelCount: Int { backend.count - 1 }

    // MARK: Timers

    /// Runs `body` once, not earlier than `delay` milliseconds from now (real time, not the cached
    /// clock), or each `repeatingMilliseconds` from then on. Missed periods are left out.
    @discardableResult
    public func schedule(
        afterMilliseconds delay: Int64, repeatingMilliseconds period: Int64? = nil,
        _ body: @escaping () -> Void
    ) -> TimerID {
        assertOnThread()
        precondition(delay >= 0 && period.map { $0 > 0 } ?? true, "no such delay")
        return timers.schedule(
            at: Clock.monotonicMicroseconds().addingClamped(delay.multipliedClamped(by: 1_000)),
            periodMicroseconds: period?.multipliedClamped(by: 1_000), body)
    }

    /// Cancels a timer; does nothing if it has fired or was cancelled.
    public func cancel(_ id: TimerID) {
        assertOnThread()
        timers.cancel(id)
    }

    /// Runs `body` in this turn or the next, outside the caller's stack.
    public func runNextTurn(_ body: @escaping () -> Void) {
        assertOnThread()
        deferred.append(body)
    }

    // MARK: Turns

    /// Runs turns until `stop`.
    public func run() {
        assertOnThread()
        isStopping = false
        while !isStopping { runTurn() }
    }

    /// Lets `run` return at the end of the present turn. From another thread: post it.
    public func stop() {
        assertOnThread()
        isStopping = true
    }

    /// Runs one turn that waits at most `waitMillisecondsMax` (nil: until something happens).
    public func runTurn(waitMillisecondsMax: Int64? = nil) {
        assertOnThread()
        let count = waitForEvents(atMost: waitMillisecondsMax)
        isClockFresh = false
        afterWait?()
        for index in 0..<count {
            if let channel = backend.channel(at: index) {
                channel.ready(backend.readiness(at: index))
            }
        }
        if mailboxChannel.isRaised {
            mailboxChannel.isRaised = false
            for job in mailbox.takeAll() { job(self) }
        }
        runDeferred()
        runTimers()
        isClockFresh = false
        beforeWait?()
    }

    /// Delivers what is ready now to the channels that `serves` accepts, from inside the work of
    /// another channel: for work that takes too long to let others wait. The turn's own events are
    /// forgotten with it; those that still hold are reported again by the next wait. Then runs
    /// `body`.
    ///
    /// The clock is fresh for both. Afterwards it is again what it was for the turn: its timers
    /// must not take a peer for silent whose bytes wait for the next turn to be read.
    public func serveMeanwhile(where serves: (Channel) -> Bool, then body: () -> Void) {
        assertOnThread()
        let turnTime = now
        now = Clock.monotonicMicroseconds()
        defer { now = turnTime }
        let count = backend.wait(timeoutMilliseconds: 0)
        for index in 0..<count {
            if let channel = backend.channel(at: index), serves(channel) {
                channel.ready(backend.readiness(at: index))
            }
        }
        body()
    }

    deinit { mailbox.end() }

    /// Deregisters every channel (but the mailbox), drops all timers, hooks and jobs, and releases
    /// what is bound to the loop: its end. Channels refer to their loop and the loop to them;
    /// without this neither would be freed, and their descriptors would stay open.
    public func releaseAll() {
        assertOnThread()
        afterWait = nil
        beforeWait = nil
        timers = TimerQueue()
        deferred = []
        // The array keeps the channels alive until the table is left: what they do when they end
        // may use the loop.
        for channel in backend.channels where channel !== mailboxChannel {
            backend.deregister(channel)
        }
        mailbox.end()
    }

    /// Waits for events and reads the clock.
    private func waitForEvents(atMost: Int64?) -> Int {
        let timeout = waitTime(at: atMost)
        let start = now
        var count = 0
        if timeout != 0 && poll.isWorthwhile {
            repeat {
                count = backend.wait(timeoutMilliseconds: 0)
                now = Clock.monotonicMicroseconds()
            } while count == 0 && now &- start < poll.microsecondsMax
        }
        if count == 0 {
            count = backend.wait(timeoutMilliseconds: timeout)
            now = Clock.monotonicMicroseconds()
        }
        poll.note(idleMicroseconds: now &- start)
        return count
    }

    /// Whole milliseconds to wait, rounded up so that a timer is due when the wait ends.
    private func waitTime(at most: Int64?) -> Int32 {
        if !deferred.isEmpty { return 0 }
        var wait = most
        if let deadline = timers.deadlineFirst {
            let present = isClockFresh ? now : Clock.monotonicMicroseconds()
            let left = max(0, deadline.subtractingClamped(present).addingClamped(999) / 1_000)
            wait = min(wait ?? left, left)
        }
        return wait.map { Int32(clamping: $0) } ?? -1
    }

    private func runDeferred() {
        guard !deferred.isEmpty else { return }
        let bodies = deferred
        deferred = []
        for body in bodies { body() }
    }

    /// Runs what was due when the turn began; a timer that a body sets waits for the next turn.
    private func runTimers() {
        let due = now
        while let body = timers.takeDue(now: due) { body() }
    }
}
