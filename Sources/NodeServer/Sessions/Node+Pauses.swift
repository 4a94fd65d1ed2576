// Carries the pauses in force to the engine, and lets held clients go on.

import EventLoop
import Commands

extension Node {
    /// A pause began or ended: tells the engine, sets the timer, resumes clients.
    func pausesChanged() {
        if let timer = pauseTimer.take() { loop.cancel(timer) }
        let mode = pauses.mode
        let wasPaused = engine.pause != .none
        engine.pause = mode
        if let end = pauses.nextEnd {
            pauseTimer = loop.schedule(afterMilliseconds: max(0, end - loop.nowMilliseconds)) {
                [unowned self] in
                pauseTimer = nil
                _ = pauses.expire(nowMilliseconds: loop.nowMilliseconds)
                pausesChanged()
            }
        }
        if wasPaused { resumeHeldClients() }
        factsChanged()
    }

    /// Lets clients go on that waited for the end of a pause; those that still must wait are held
    /// again by the engine.
    private func resumeHeldClients() {
        engine.serveReadyKeys()
        for session in clients.all where session.client.blocked == nil { session.resume() }
    }
}
