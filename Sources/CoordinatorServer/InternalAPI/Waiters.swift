// Readers that wait for a change: long-polls of the admin service.

import EventLoop
import HTTPTransport

/// Holds back answers until there is something to say or their time is over.
final class Waiters {
    private final class Waiter {
        let isReady: () -> Bool
        let answer: () -> Void
        var timer: TimerID?
        init(isReady: @escaping () -> Bool, answer: @escaping () -> Void) {
            self.isReady = isReady
            self.answer = answer
        }
    }

    private let loop: EventLoop
    private var waiting: [ObjectIdentifier: Waiter] = [:]
    private var isWaking = false

    init(loop: EventLoop) { self.loop = loop }

    /// Readers now.
    var count: Int { waiting.count }

    /// Answers as soon as `isReady` holds, after the time limit, or when the server drains.
    func wait(
        _ responder: HTTPResponder, milliseconds: Int64, until isReady: @escaping () -> Bool,
        answer: @escaping () -> Void
    ) {
        guard milliseconds > 0, !isReady() else { return answer() }
        let waiter = Waiter(isReady: isReady, answer: answer)
        let id = ObjectIdentifier(waiter)
        waiting[id] = waiter
        responder.endsWithPeer = true
        responder.onClose = { [weak self] in self?.forget(id) }
        responder.onDrain = { [weak self] in self?.finish(id) }
        waiter.timer = loop.schedule(afterMilliseconds: milliseconds) { [weak self] in
            self?.finish(id)
        }
    }

    /// Something changed: once per turn, whatever the number of changes in it.
    func wake() {
        guard !waiting.isEmpty, !isWaking else { return }
        isWaking = true
        loop.runNextTurn { [weak self] in
            guard let self else { return }
            isWaking = false
            for (id, waiter) in waiting where waiter.isReady() { finish(id) }
        }
    }

    /// Forgets everyone: what they wait for does not come any more. An answer holds what it is
    /// taken from, so that who waits would otherwise keep the coordinator alive.
    func stop() {
        for id in Array(waiting.keys) { forget(id) }
    }

    private func forget(_ id: ObjectIdentifier) {
        guard let timer = waiting.removeValue(forKey: id)?.timer else { return }
        loop.cancel(timer)
    }

    private func finish(_ id: ObjectIdentifier) {
        guard let waiter = waiting.removeValue(forKey: id) else { return }
        if let timer = waiter.timer { loop.cancel(timer) }
        waiter.answer()
    }
}
