// The node's part in waits for keys: their time, their sessions, and their end when the node
// becomes a replica. The engine serves them; see Commands/Blocking.

import Bytes
import EventLoop
import Commands
import RESP

/// The timer of the wait that ends first by itself.
struct WaitTimer {
    fileprivate var timer: TimerID?
    fileprivate var deadline: Deadline?
}

extension Node {
    /// Serves what changed outside of commands, lets unblocked clients go on and sets the timer. At
    /// the end of each turn, before the log is written.
    func settleWaitsForKeys() {
        engine.serveReadyKeys()
        for client in engine.takeUnblockedClients() { clients.session(of: client)?.resume() }
        let deadline = engine.nextWaitDeadline
        guard deadline != waitTimer.deadline else { return }
        if let timer = waitTimer.timer { loop.cancel(timer) }
        waitTimer = WaitTimer(timer: nil, deadline: deadline)
        guard let deadline else { return }
        let milliseconds = deadline.left(at: loop.nowMilliseconds)
        waitTimer.timer = loop.schedule(afterMilliseconds: milliseconds) { [unowned self] in
            waitTimer = WaitTimer()
            engine.endTimedOutWaits(nowMilliseconds: loop.nowMilliseconds)
        }
    }

    /// The node is a replica now: what its clients wait for comes from elsewhere.
    func endWaitsForKeys() {
        let error = ReplyError(
            """
            UNBLOCKED force unblock from blocking operation, instance state changed \
            (master -> replica?)
            """)
        for client in engine.endWaits(with: error) { client.closesAfterReplies = true }
        for client in engine.takeUnblockedClients() { clients.session(of: client)?.finish() }
    }
}
