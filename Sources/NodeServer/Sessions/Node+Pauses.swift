// Carries the pauses in force to the engine, and lets held clients go on.

import Bytes
import EventLoop
import Commands
import Logging

extension Node {
    /// A pause began or ended: tells the engine, sets the timer, resumes clients.
    func pausesChanged() {
        if let timer = pauseTimer.take() { loop.cancel(timer) }
        let mode = pauses.mode
        let wasPaused = engine.pause != .none
        engine.pause = mode
        if let end = pauses.nextEnd {
            pauseTimer = loop.schedule(afterMilliseconds: end.left(at: loop.nowMilliseconds)) {
                [unowned self] in
                pauseTimer = nil
                _ = pauses.expire(nowMilliseconds: loop.nowMilliseconds)
                pausesChanged()
            }
        }
        if wasPaused { resumeHeldClients() }
        factsChanged()
    }

    /// After a start as the master of a cluster: what it accepted now would be thrown away if
    /// another master has taken over. Nor are expired keys deleted meanwhile, which is a write too
    /// and would cost the return by partial resync.
    func pauseAfterRestart() {
        guard identity.isManaged, !isReplica else { return }
        let end = Deadline(settings.restartPauseMilliseconds, after: loop.nowMilliseconds)
        pauses.set(.restart, mode: .writes, until: end)
        pausesChanged()
        log.notice("Writes wait for the coordinator, at most one second")
    }

    /// Lets clients go on that waited for the end of a pause; those that still must wait are held
    /// again by the engine.
    private func resumeHeldClients() {
        engine.serveReadyKeys()
        for session in clients.all where session.client.blocked == nil { session.resume() }
    }
}
