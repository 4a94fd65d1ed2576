// The node's housekeeping, `hz` times a second.
//
//   each tick     statistics samples, save points, growth of the log, ended child processes
//   each second   idle clients, buffers of idle sessions
//   each tick     expiry: slices of half a millisecond, one per turn, until nothing is left that
//                 has expired or a quarter of the period is used
//
// No single piece of work here may hold the engine for a millisecond.

import Logging
import Store
import Commands
import EventLoop
import Platform

/// State of the housekeeping.
struct Cron {
    /// Longest slice of the expiry pass.
    static let expirySliceMicroseconds: Int64 = 500
    /// Buckets looked at between two looks at the clock: some ten microseconds.
    static let expiryBucketsPerStep = 64
    /// Share of a period that expiry may use: 1/4.
    static let expiryShare: Int64 = 4
    /// How long a session must be silent before its buffers are taken.
    static let idleMilliseconds: Int64 = 2_000

    var timer: TimerID?
    /// DEBUG PAUSE-CRON.
    var isPaused = false
    /// Ticks since the start.
    var ticks: Int64 = 0
    /// Expiry time left in this period.
    var expiryBudgetMicroseconds: Int64 = 0
    /// A slice is planned.
    var isExpiring = false
    /// Time spent on expiry since the start.
    var expiryMicroseconds: Int64 = 0
}

extension Node {
    /// Starts the housekeeping, or starts it again after a change of `hz`.
    func startCron() {
        if let timer = cron.timer.take() { loop.cancel(timer) }
        let period = Int64(max(1, 1_000 / settings.hz))
        cron.timer = loop.schedule(afterMilliseconds: period, repeatingMilliseconds: period) {
            [unowned self] in tick()
        }
    }

    private func tick() {
        guard !cron.isPaused else { return }
        cron.ticks += 1
        statistics.sample(commands: engine.counters.commands, nowMilliseconds: loop.nowMilliseconds)
        statistics.memoryPeakBytes = max(statistics.memoryPeakBytes, Int64(keyspace.usedBytes))
        countClientMemory()
        if cron.ticks % Int64(settings.hz) == 0 { tickEachSecond() }
        checkPersistence()
        debuggerCopies.collect()
        updateGates()
        cron.expiryBudgetMicroseconds =
            1_000_000 / (Int64(settings.hz) * Cron.expiryShare)
        planExpiry()
    }

    private func tickEachSecond() {
        let now = wallMilliseconds
        let timeout = Int64(settings.idleTimeoutSeconds) * 1_000
        for session in clients.all {
            let client = session.client
            let silence = now - client.lastInteractionMilliseconds
            if timeout > 0 && silence > timeout && isSubjectToTimeout(client) {
                log.info("Closing idle client")
                session.close()
                continue
            }
            if silence > Cron.idleMilliseconds { session.releaseIdleMemory() }
            if session.outputCount > 0 { session.checkOutputLimit() }
        }
    }

    private func isSubjectToTimeout(_ client: ClientState) -> Bool {
        !client.isReplica && client.blocked == nil && client.subscriptionCount == 0
    }

    // MARK: Expiry

    private func planExpiry() {
        guard !cron.isExpiring, keyspace.expiringCount > 0 else { return }
        cron.isExpiring = true
        loop.runNextTurn { [unowned self] in expireSlice() }
    }

    private func expireSlice() {
        cron.isExpiring = false
        let start = Clock.monotonicMicroseconds()
        var isDone = false
        var spent: Int64 = 0
        while !isDone && spent < Cron.expirySliceMicroseconds {
            isDone = engine.expireKeys(bucketBudget: Cron.expiryBucketsPerStep)
            spent = Clock.monotonicMicroseconds() - start
        }
        cron.expiryMicroseconds += spent
        engine.noteLatency("expire-cycle", microseconds: spent)
        cron.expiryBudgetMicroseconds -= spent
        if isDone { return }
        guard cron.expiryBudgetMicroseconds > 0 else {
            engine.counters.expiryBudgetExhausted += 1
            return
        }
        planExpiry()
    }
}
