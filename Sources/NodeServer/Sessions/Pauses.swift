// Who has paused clients: CLIENT PAUSE, an order of the coordinator, a failover, a shutdown, a
// restart. The strictest pause that has not ended holds.

import Bytes
import Commands

/// The pauses in force.
struct Pauses {
    /// Who pauses.
    enum Holder: Int, CaseIterable {
        /// CLIENT PAUSE.
        case command
        /// `POST /orders` with `pause`.
        case order
        /// FAILOVER.
        case failover
        /// A shutdown that waits for replicas.
        case shutdown
        /// A restarted master of a cluster: another may have taken over while it was down.
        case restart
    }

    private struct Pause {
        var mode = PauseMode.none
        /// On the monotonic clock; `never`: until it is ended.
        var until: Deadline = 0
    }

    private var pauses = [Pause](repeating: Pause(), count: Holder.allCases.count)

    /// CLIENT PAUSE: a longer pause of the same mode is kept, and `all` is stricter than `writes`.
    mutating func pauseClients(_ mode: PauseMode, until: Deadline) {
        let old = pauses[Holder.command.rawValue]
        set(
            .command, mode: old.mode == .all && until <= old.until ? .all : mode,
            until: max(until, old.until))
    }

    /// CLIENT UNPAUSE.
    mutating func resumeClients() { end(.command) }

    /// Begins or changes the pause of `holder`.
    mutating func set(_ holder: Holder, mode: PauseMode, until: Deadline) {
        pauses[holder.rawValue] = Pause(mode: mode, until: until)
    }

    /// Ends the pause of `holder`.
    mutating func end(_ holder: Holder) { pauses[holder.rawValue] = Pause() }

    /// Ends the pauses whose time is over; true when one was.
    mutating func expire(nowMilliseconds now: Int64) -> Bool {
        var hasEnded = false
        for index in pauses.indices
        where pauses[index].mode != .none && pauses[index].until.isOver(at: now) {
            pauses[index] = Pause()
            hasEnded = true
        }
        return hasEnded
    }

    /// Whether `holder` pauses.
    func isPausing(_ holder: Holder) -> Bool { pauses[holder.rawValue].mode != .none }

    /// The strictest pause.
    var mode: PauseMode {
        if pauses.contains(where: { $0.mode == .all }) { return .all }
        return pauses.contains { $0.mode == .writes } ? .writes : .none
    }

    /// When the next pause ends by itself; nil when none does.
    var nextEnd: Deadline? {
        pauses.filter { $0.mode != .none && $0.until < .never }.map(\.until).min()
    }
}
