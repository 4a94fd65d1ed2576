// Pushes reach a client that wants no replies (CLIENT REPLY OFF or SKIP), in either protocol.
//
//   output   … earlier │ reply of the command so far │ push │ …
//                      ▲ silentStart: dropped        ▲ kept, and silentStart moves behind it
internal import Bytes
internal import RESP

extension ClientState {
    /// Writes a push of `count` elements, which stays when the reply around it is dropped.
    @inline(__always)
    func push(_ count: Int, _ write: () -> Void) {
        if silentStart >= 0 { writer.buffer.truncate(to: silentStart) }
        writer.pushHeader(count)
        write()
        if silentStart >= 0 { silentStart = writer.buffer.count }
    }
}
