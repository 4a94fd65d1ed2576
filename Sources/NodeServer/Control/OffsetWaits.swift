// Waits of the coordinator for an offset: looked at when the stream has moved, ended by a timer.

import Commands
import ControlModel
import ControlPort
import EventLoop

/// The waits of `GET /wait-offset`.
struct OffsetWaits {
    /// Most waits at once; the next is answered at once.
    static let countMax = 64

    struct Entry {
        var wait: OffsetWait
        var timer: TimerID
        var answer: @Sendable (OffsetAnswer) -> Void
    }

    var entries: [Entry] = []
}

extension Node {
    /// Answers when the node stands at an offset, or when the time is over.
    func waitForOffset(_ wait: OffsetWait, answer: @escaping @Sendable (OffsetAnswer) -> Void) {
        guard !isReached(wait), wait.timeoutMilliseconds > 0,
            offsetWaits.entries.count < OffsetWaits.countMax
        else {
            answer(offsetAnswer(wait))
            return
        }
        var identity: TimerID?
        let timer = loop.schedule(afterMilliseconds: wait.timeoutMilliseconds) { [unowned self] in
            guard let place = offsetWaits.entries.firstIndex(where: { $0.timer == identity }) else {
                return
            }
            let entry = offsetWaits.entries.remove(at: place)
            entry.answer(offsetAnswer(entry.wait))
        }
        identity = timer
        offsetWaits.entries.append(OffsetWaits.Entry(wait: wait, timer: timer, answer: answer))
    }

    /// Answers the waits that are over; called at the end of a turn while there are any.
    func answerOffsetWaits() {
        let reached = offsetWaits.entries.filter { isReached($0.wait) }
        guard !reached.isEmpty else { return }
        offsetWaits.entries.removeAll { isReached($0.wait) }
        for entry in reached {
            loop.cancel(entry.timer)
            entry.answer(offsetAnswer(entry.wait))
        }
    }

    private func isReached(_ wait: OffsetWait) -> Bool {
        wait.replicationID == replicationID && releasedOffset >= wait.offset
    }

    private func offsetAnswer(_ wait: OffsetWait) -> OffsetAnswer {
        OffsetAnswer(
            reached: isReached(wait), replicationID: replicationID, offset: releasedOffset)
    }
}
