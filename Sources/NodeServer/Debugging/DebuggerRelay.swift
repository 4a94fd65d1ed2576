// The way between a client that debugs a script on a copy of the data set and the process of that
// copy: bytes of one go to the other as they are.

import Bytes
import Commands
import EventLoop
import Platform
import RESP

/// One session. Belongs to its connection and to `DebuggerCopies`, until the connection ends.
final class DebuggerRelay: Channel, ConnectionLink {
    /// Bytes of one read.
    private static let readBytes = 16 << 10

    /// The process of the copy; nil until it is started.
    private(set) var child: ChildProcess?
    private let session: Session
    private unowned let owner: DebuggerCopies
    private var socket: Descriptor
    /// The copy's end of the socket, until it is started.
    private var copySocket: Descriptor?
    /// What the copy has not been told yet.
    private var input = ByteBuffer()
    private var hasSpoken = false

    init(_ session: Session, owner: DebuggerCopies) throws(SystemError) {
        self.session = session
        self.owner = owner
        var near: Descriptor?
        var far: Descriptor?
        try Socket.pair { one, other in
            near = consume one
            far = consume other
        }
        guard let near = near.take() else { preconditionFailure("a pair of nothing") }
        socket = near
        copySocket = far.take()
    }

    /// Adds a command to what the copy is told.
    func append(_ command: ByteSliceView) { RequestWriter.command(command, into: &input) }

    /// Starts the copy: `launch` is given the number of its end of the socket.
    func start(_ launch: (Int32) throws(SystemError) -> ChildProcess) throws(SystemError) {
        guard let copySocket = copySocket.take() else { return }
        child = try launch(copySocket.number)
        try session.node.loop.register(self, descriptor: socket, interest: [.readable, .writable])
    }

    /// The session cannot begin, or has ended before it said anything.
    func fail(_ reason: String) {
        session.client.output.buffer.append(text: "-ERR The debugger cannot be started: \(reason)")
        session.client.output.buffer.append("\r\n")
        session.finish()
    }

    // MARK: The client's side

    func received(_ bytes: ByteSlice) -> Int {
        input.append(bytes)
        if input.count > session.node.settings.queryBufferBytesMax {
            session.close()
        } else {
            send()
        }
        return bytes.count
    }

    /// What the client does not take waits in its output, within the limits of that.
    func outputSent() {}

    func sessionClosed() {
        hangUp()
        owner.ended(self)
    }

    // MARK: The copy's side

    override func ready(_ readiness: Readiness) {
        if readiness.contains(.writable) { send() }
        if !readiness.isDisjoint(with: [.readable, .failed, .hungUp]) { receive() }
    }

    private func send() {
        guard isRegistered else { return }
        do throws(SystemError) {
            while !input.isEmpty {
                let sent = try Socket.send(input.readable, to: socket)
                if sent == 0 { break }
                input.consume(sent)
            }
        } catch {
            // It is gone, or going: what it has said before is still to be read.
            input.consume(input.count)
        }
        session.node.loop.modify(
            self, interest: input.isEmpty ? .readable : [.readable, .writable])
    }

    private func receive() {
        guard isRegistered else { return }
        do throws(SystemError) {
            let outcome = try Socket.receive(
                from: socket, into: &session.client.output.buffer,
                minimum: DebuggerRelay.readBytes)
            switch outcome {
            case .wouldBlock: return
            case .bytes:
                hasSpoken = true
                return session.requestFlush()
            case .end: break
            }
        } catch {}
        hangUp()
        if hasSpoken { session.finish() } else { fail("its process has ended") }
    }

    private func hangUp() {
        session.node.loop.deregister(self)
        socket.close()
    }
}
