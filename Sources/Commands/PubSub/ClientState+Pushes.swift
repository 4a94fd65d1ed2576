// Pushes reach a client that wants no replies (CLIENT REPLY OFF or SKIP), in either protocol.
//
//   output   … earlier │ reply of the command so far │ push │ …
//                      ▲ silentStart: dropped        ▲ kept, and silentStart moves behind it
internal import Bytes
internal import RESP

extension ClientState {
    /// The reply is written: what the client has caused and hears of itself follows.
    @inline(__always)
    func releaseOwnPushes() {
        if ownPushes.isEmpty { return }
        writer.buffer.append(ownPushes.readable)
        ownPushes.release()
    }

    /// Writes a push of `count` elements, which stays when the reply around it is dropped.
    @inline(__always)
    func push(_ count: Int, _ write: () -> Void) {
        if silentStart >= 0 { writer.buffer.truncate(to: silentStart) }
        writer.pushHeader(count)
        write()
        if silentStart >= 0 { silentStart = writer.buffer.count }
    }
}
