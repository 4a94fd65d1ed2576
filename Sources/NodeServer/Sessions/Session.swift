// One client connection: socket, input, parser and the engine's `ClientState`.
//
//   socket ──► shared 64 KB buffer ──► parser ──► batch ──► engine ──► client.output ──► socket
//                     │ rest of a command that is not complete, or must wait
//                     └──────► leftover (own memory, only while there is such a rest)
//
// States
//   open         reads, runs commands, writes
//   held         blocked or paused: reads into `leftover`, runs nothing; ended by `resume`
//   finishing    `client.closesAfterReplies`: writes the rest, runs nothing, then closes
//   handedOver   the replication protocol: bytes go to `link`, which writes to `output` itself
//   closed       deregistered, descriptor closed
//
// Sessions of one turn share the read buffer, so that ten thousand idle clients own no input
// memory. Replies leave only at the end of the turn (see `Turn`), behind the log.

public import Bytes
public import Commands
public import EventLoop
public import Platform
import TLS
import RESP

/// Takes a connection over that speaks the replication protocol. Runs on the engine thread.
public protocol ConnectionLink: AnyObject {
    /// New bytes from the peer; returns how many are done with. The rest is offered again, with
    /// what arrives behind it.
    func received(_ input: ByteSlice) -> Int
    /// All output was taken by the kernel.
    func outputSent()
    /// The connection is over, whoever closed it. Called once.
    func sessionClosed()
}

/// One client connection.
public final class Session: Channel {
    /// Bytes offered to one read of a connection without a rest.
    static let readBytes = 64 * 1024
    /// An empty buffer above this gives its memory back at once; cron takes the others of idle
    /// sessions.
    static let keptBytesMax = 128 * 1024
    /// Output up to here is never beyond a hard limit.
    private static let uncountedBytes = 16_384
    /// Unsent output that a client may have before it has logged in, beyond that.
    private static let unauthenticatedOutputBytesMax = 1_024

    /// What the session does with input.
    enum State { case open, held, finishing, handedOver, closed }

    let node: Node
    /// The engine's side of the connection.
    public let client: ClientState
    /// Whether it came over the Unix socket.
    let isLocal: Bool
    var parser: RequestParser
    private(set) var state = State.open
    /// In the turn's list of sessions whose output is to be sent.
    var isListedForOutput = false
    private(set) var descriptor: Descriptor
    /// Encryption; nil on a plain connection.
    private var encryption: TLSSession?
    private var leftover = ByteBuffer()
    private var link: (any ConnectionLink)?
    private var waitsForRoom = false
    /// Monotonic milliseconds since when the output is above its soft limit; 0 when it is not.
    private var softLimitSinceMilliseconds: Int64 = 0

    init(
        node: Node, client: ClientState, descriptor: consuming Descriptor, isLocal: Bool,
        security: TLSContext? = nil
    ) throws(SystemError) {
        self.node = node
        self.client = client
        self.isLocal = isLocal
        self.descriptor = descriptor
        parser = RequestParser(limits: node.requestLimits(for: client))
        super.init()
        if let security { encryption = try TLSSession(security, on: self.descriptor) }
        try node.loop.register(self, descriptor: self.descriptor, interest: .readable)
        client.descriptorNumber = self.descriptor.number
    }

    /// Whether the connection speaks the replication protocol.
    var isHandedOver: Bool { state == .handedOver }
    /// Whether it is blocked, or waits for the end of a pause.
    var isHeld: Bool { state == .held }
    /// Whether the connection is over.
    public var isClosed: Bool { state == .closed }
    /// Bytes of output that the kernel has not taken yet.
    public var outputCount: Int { client.output.buffer.count }
    /// Input that waits, in bytes.
    var inputCount: Int { leftover.count }
    /// Memory of the session with its buffers, in bytes.
    var memoryBytes: Int { Session.ownBytes + bufferBytes + client.heldBytes }
    /// Memory of the two buffers, in bytes.
    var bufferBytes: Int { leftover.capacity + client.output.buffer.capacity }
    /// Bytes of the session's objects, roughly.
    private static let ownBytes = 2_048
    /// What the node has counted for it against `maxmemory-clients`.
    var countedBytes = 0
    /// Whether it may be closed when clients hold too much memory.
    var mayBeEvicted: Bool {
        state != .closed && !client.isReplica && !client.isMaster
            && !client.isExemptFromEviction
    }

    // MARK: Readiness

    /// Writes what waits, then reads.
    public override func ready(_ readiness: Readiness) {
        // Not at once: what other sessions of this turn have sent here must wait for the log.
        if readiness.contains(.writable) { requestFlush() }
        let isInput = !readiness.isDisjoint(with: [.readable, .failed, .hungUp])
        guard state != .closed, isInput || encryption?.wantsWritable == true else { return }
        receive()
    }

    private func receive() {
        let outcome: ReceiveOutcome
        let usesShared = leftover.isEmpty && state != .held
        do throws(SystemError) {
            if let encryption {
                outcome = try receive(encryption, usesShared: usesShared)
            } else {
                outcome =
                    usesShared
                    ? try node.turn.receive(from: descriptor)
                    : try Socket.receive(from: descriptor, into: &leftover, minimum: wantedBytes)
            }
        } catch {
            if encryption != nil { node.noteFailedEncryption(error, of: client) }
            return close()
        }
        switch outcome {
        case .wouldBlock: return
        case .end: return close()
        case .bytes(let count): node.noteInput(bytes: count, of: client)
        }
        if !usesShared {
            // What is too large must not run: it is as large as can be now.
            node.clientMemoryChanged(self)
            if node.isOverClientMemory { node.evictClients() }
            guard state != .closed else { return }
        }
        if usesShared {
            let input = node.turn.input
            let consumed = process(input)
            if consumed < input.count && state != .closed && state != .finishing {
                leftover.append(input.dropFirst(consumed))
            }
            node.turn.releaseInput()
        } else {
            processLeftover()
        }
        if leftover.count > node.settings.queryBufferBytesMax && state != .closed {
            node.closeOverQueryLimit(self)
        }
        node.clientMemoryChanged(self)
    }

    private func receive(
        _ encryption: TLSSession, usesShared: Bool
    ) throws(SystemError) -> ReceiveOutcome {
        let outcome =
            usesShared
            ? try node.turn.receive(from: encryption)
            : try encryption.receive(into: &leftover, minimum: wantedBytes)
        if encryption.wantsWritable { waitForRoom() }
        return outcome
    }

    /// Room to offer when a command is known to be large: fewer calls, but never much more than
    /// has really arrived.
    private var wantedBytes: Int {
        let missing = parser.missingBytes(available: leftover.count)
        return min(max(missing, Session.readBytes), max(Session.readBytes, leftover.count))
    }

    private func processLeftover() {
        let consumed = process(leftover.readable)
        guard state != .closed else { return }
        leftover.consume(state == .finishing ? leftover.count : consumed)
        if leftover.isEmpty && leftover.capacity > Session.keptBytesMax { leftover.release() }
    }

    /// Runs what can be run of `input`; returns how many bytes are done with.
    private func process(_ input: ByteSlice) -> Int {
        switch state {
        case .open:
            let consumed = node.turn.run(self, input)
            guard client.isHandedOver, state == .open else { return consumed }
            return consumed + passToLink(input.dropFirst(consumed))
        case .handedOver: return link?.received(input) ?? input.count
        case .held: return 0
        case .finishing, .closed: return input.count
        }
    }

    // MARK: Past the session

    /// Reads past the session, for a debugger; nothing else reads meanwhile.
    func receiveAside(into buffer: inout ByteBuffer) throws(SystemError) -> ReceiveOutcome {
        if let encryption {
            return try encryption.receive(into: &buffer, minimum: Session.readBytes)
        }
        return try Socket.receive(from: descriptor, into: &buffer, minimum: Session.readBytes)
    }

    /// Sends past the session's output; returns how many bytes the kernel took.
    func sendAside(_ bytes: ByteSlice) throws(SystemError) -> Int {
        if let encryption { return try encryption.send(bytes) }
        return try Socket.send(bytes, to: descriptor)
    }

    /// Waits for the socket; false when the time is over.
    func waitAside(for readiness: Socket.Readiness, milliseconds: Int64) -> Bool {
        Socket.wait(for: readiness, descriptor, milliseconds: milliseconds)
    }

    // MARK: Holding

    /// Runs nothing more until `resume`: the client is blocked or paused.
    func hold() {
        if state == .open { state = .held }
    }

    /// Goes on with what has waited. Call it when the client is no longer blocked or paused.
    public func resume() {
        guard state == .held else { return }
        state = .open
        // Not inside the caller's stack: it may be in the middle of another client's command.
        node.loop.runNextTurn { [self] in
            if state == .open && !leftover.isEmpty { processLeftover() }
        }
    }

    /// Closes when the replies written so far are sent.
    func finish() {
        guard state == .open || state == .held || state == .handedOver else { return }
        state = .finishing
        node.turn.listForOutput(self)
    }

    // MARK: Replication

    /// Gives the connection to `link`, after the command that is running. What the peer has sent
    /// behind that command goes to the link.
    public func handOver(to link: any ConnectionLink) {
        precondition(state == .open, "only an open session is handed over")
        self.link = link
        client.isHandedOver = true
    }

    private func passToLink(_ rest: ByteSlice) -> Int {
        guard let link else { preconditionFailure("handed over to nobody") }
        state = .handedOver
        parser.reset()
        return rest.isEmpty ? 0 : link.received(rest)
    }

    /// Sends what is in `client.output` at the end of the turn.
    public func requestFlush() { node.turn.listForOutput(self) }

    /// Numeric address of the peer; empty for a Unix socket.
    public var peerHost: String {
        guard !isLocal, descriptor.isOpen else { return "" }
        return (try? Socket.peerAddress(of: descriptor))?.host ?? ""
    }

    /// Settings of the socket under a replication link: `repl-disable-tcp-nodelay` lets the kernel
    /// gather small pieces of the stream, for fewer packets and up to 40 ms of delay.
    public func prepareForReplication(noDelay: Bool) {
        guard descriptor.isOpen, !isLocal else { return }
        // A socket that lacks an option still serves.
        try? Socket.setNoDelay(descriptor, isOn: noDelay)
        try? Socket.setKeepAlive(
            descriptor, idleSeconds: Int32(clamping: node.settings.keepAliveSeconds))
    }

    // MARK: Output

    /// Sends output as far as the kernel takes it; the rest follows when there is room.
    public func flush() {
        guard state != .closed else { return }
        // As in Redis, of output beyond the limit nothing is sent.
        if exceedsHardLimit { return node.closeOverOutputLimit(self) }
        var sentTotal = 0
        defer { node.noteOutput(bytes: sentTotal, of: client) }
        while !client.output.buffer.isEmpty {
            do throws(SystemError) {
                let sent =
                    if let encryption {
                        try encryption.send(client.output.buffer.readable)
                    } else {
                        try Socket.send(client.output.buffer.readable, to: descriptor)
                    }
                if sent == 0 { return waitForRoom() }
                client.output.buffer.consume(sent)
                sentTotal += sent
            } catch {
                return close()
            }
        }
        if client.output.buffer.capacity > Session.keptBytesMax { client.output.buffer.release() }
        node.clientMemoryChanged(self)
        if waitsForRoom { roomCame() }
        if state == .handedOver { link?.outputSent() }
        if state == .finishing { close() }
    }

    private func waitForRoom() {
        node.clientMemoryChanged(self)
        if !waitsForRoom {
            waitsForRoom = true
            node.loop.modify(
                self, interest: state == .finishing ? .writable : [.readable, .writable])
        }
        checkOutputLimit()
    }

    /// The log is behind: output waits even when the kernel has room for it.
    func holdOutput() {
        guard state != .closed else { return }
        if waitsForRoom {
            // Its room would wake the loop again and again; `flush` asks for it anew.
            waitsForRoom = false
            node.loop.modify(self, interest: .readable)
        }
        checkOutputLimit()
    }

    private func roomCame() {
        waitsForRoom = false
        softLimitSinceMilliseconds = 0
        node.loop.modify(self, interest: .readable)
    }

    /// Closes the session when its unsent output exceeds the limits of its class.
    func checkOutputLimit() {
        if exceedsHardLimit { return node.closeOverOutputLimit(self) }
        let limit = node.outputLimit(of: client)
        let count = client.output.buffer.count
        guard limit.softBytes > 0 && count >= limit.softBytes else {
            softLimitSinceMilliseconds = 0
            return
        }
        let now = node.loop.nowMilliseconds
        if softLimitSinceMilliseconds == 0 { softLimitSinceMilliseconds = now }
        if now - softLimitSinceMilliseconds > Int64(limit.softSeconds) * 1_000 {
            node.closeOverOutputLimit(self)
        }
    }

    /// Whether there is more unsent output than the client's class may have.
    private var exceedsHardLimit: Bool {
        let count = client.output.buffer.count
        if count <= Session.uncountedBytes { return false }
        // Whoever has not logged in reads the refusals or goes (CVE-2025-21605, as since 7.2.8).
        let allowance = Session.uncountedBytes + Session.unauthenticatedOutputBytesMax
        if count > allowance && !client.isAuthenticated && !node.engine.isOpenToAll {
            return true
        }
        let limit = node.outputLimit(of: client).hardBytes
        return limit > 0 && count >= limit
    }

    /// Brings the figures of CLIENT LIST up to date.
    func noteBuffers() {
        client.queryBufferBytes = leftover.count
        client.queryBufferFreeBytes = leftover.capacity - leftover.count
    }

    /// Gives buffers back that an idle session does not need.
    func releaseIdleMemory() {
        if leftover.isEmpty { leftover.release() }
        if client.output.buffer.isEmpty { client.output.buffer.release() }
    }

    // MARK: End

    /// Closes at once; unsent output is dropped. Safe inside a command of this session.
    public func close() {
        guard state != .closed else { return }
        state = .closed
        node.clientMemoryChanged(self)
        node.loop.deregister(self)
        encryption?.finish()
        encryption = nil
        descriptor.close()
        node.forget(self)
        let link = link.take()
        link?.sessionClosed()
    }
}
