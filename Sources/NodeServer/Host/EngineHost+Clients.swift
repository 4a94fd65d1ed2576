// The host's part on clients: the list, closing, pausing, unblocking.

import Bytes
import EventLoop
import RESP
import Commands

extension EngineHost {
    func forEachClient(_ body: (ClientState) -> Void) {
        for session in node.clients.inOrder {
            session.noteBuffers()
            body(session.client)
        }
    }

    func client(id: Int64) -> ClientState? { node.clients.session(id: id)?.client }

    func close(_ client: ClientState, _ closing: ClientClosing) {
        guard let session = node.clients.session(of: client) else { return }
        switch closing {
        case .afterReplies: session.finish()
        case .now: session.close()
        }
    }

    func pauseClients(_ mode: PauseMode, milliseconds: Int64) {
        node.pauses.pauseClients(
            mode, until: Deadline(milliseconds, after: node.loop.nowMilliseconds))
        node.pausesChanged()
    }

    func resumeClients() {
        node.pauses.resumeClients()
        node.pausesChanged()
    }

    func authenticationChanged(_ client: ClientState) {
        node.clients.session(of: client)?.parser.limits.isAuthenticated = client.isAuthenticated
    }
}
