// A stream socket with buffers: what HTTP and the clients are made of.
//
//   socket ──► input ──► received()          send() ──► output ──► socket
//
// States (each is left only downwards):
//   connecting   waits for the kernel's word; output may be queued already
//   securing     makes the TLS handshake; output may be queued
//   open         reads and writes
//   finishing    `closeAfterFlush` was called: writes the rest, reads nothing
//   closed       deregistered, descriptor gone; `closed(_:)` was called exactly once
//
// Output is queued by `send` and written by `flush` (called by the owner at a good moment) or at
// the end of the turn, so that many small sends make one write.
public import Bytes
public import Platform
public import TLS

/// Why a connection ended.
public enum CloseReason: Equatable, Sendable {
    /// The owner closed it.
    case local
    /// The peer finished sending.
    case end
    /// A connection attempt or a transfer failed.
    case failed(SystemError)
    /// The connection attempt took too long.
    case connectTimeout
    /// More output was queued than `outputBytesMax` allows: the peer reads too slowly.
    case outputLimit
    /// More input was left unconsumed than `inputBytesMax` allows.
    case inputLimit
}

/// A stream socket in a loop, with an input and an output buffer. Subclass it and override
/// `received`, `closed` and, where needed, `connected` and `drained`.
open class StreamConnection: Channel {
    /// Limits and sizes of one connection.
    public struct Limits: Sendable {
        /// Free room offered to each read, in bytes.
        public var readBytes = 16 * 1_024
        /// Most unconsumed input.
        public var inputBytesMax = 64 * 1_024 * 1_024
        /// Most queued output.
        public var outputBytesMax = 64 * 1_024 * 1_024
        /// Reads in one turn, so that one fast peer does not starve the others.
        public var readsPerTurnMax = 4
        /// An empty buffer that has grown beyond this gives its memory back.
        public var keptBytesMax = 64 * 1_024

        /// The defaults.
        public init() {}
    }

    private enum State { case connecting, securing, open, finishing, closed }

    /// The loop it lives on.
    public final let loop: EventLoop
    /// Bytes received and not yet consumed.
    public final var input = ByteBuffer()
    /// Sizes and limits.
    public final let limits: Limits

    private final var output = ByteBuffer()
    private final var descriptor: Descriptor
    private final let security: TLSContext?
    private final var session: TLSSession?
    private final var state: State
    private final var isReading = true
    private final var isEnded = false
    private final var isFlushPlanned = false
    private final var isSendingFinished = false
    private final var connectTimer: TimerID?

    /// Takes an accepted socket and starts to read. On a loop that refuses it (no memory), the
    /// socket is closed and the error thrown.
    public init(
        loop: EventLoop, accepted descriptor: consuming Descriptor, limits: Limits = Limits()
    ) throws(SystemError) {
        self.loop = loop
        self.limits = limits
        self.descriptor = descriptor
        security = nil
        state = .open
        super.init()
        try registerNow()
    }

    /// Starts a connection: `connected` or `closed` follows from the loop, never from here. Errors
    /// that the kernel reports at once (no route, refused on a unix socket) are thrown. With
    /// `security` the connection is encrypted, and the timeout covers the handshake.
    public init(
        loop: EventLoop, connectingTo address: SocketAddress, from source: SocketAddress? = nil,
        timeoutMilliseconds: Int64, limits: Limits = Limits(), security: TLSContext? = nil
    ) throws(SystemError) {
        self.loop = loop
        self.limits = limits
        self.security = security
        descriptor = try Socket.connect(to: address, from: source)
        state = .connecting
        super.init()
        try registerNow()
        connectTimer = loop.schedule(afterMilliseconds: timeoutMilliseconds) { [weak self] in
            self?.finish(.connectTimeout)
        }
    }

    private final func registerNow() throws(SystemError) {
        try Socket.setNoDelay(descriptor)
        try loop.register(self, descriptor: descriptor, interest: interest)
    }

    // MARK: For subclasses

    /// The connection attempt succeeded.
    open func connected() {}

    /// New bytes are in `input`: consume what is complete.
    open func received() {}

    /// The peer has finished sending; it may still read. The default closes. An override that keeps
    /// the connection to send the rest of an answer calls `closeAfterFlush` in the end.
    open func peerFinished() { finish(.end) }

    /// The output queue has become empty after the kernel had refused a part of it.
    open func drained() {}

    /// The connection is over; called once. The socket is closed already.
    open func closed(_ reason: CloseReason) {}

    // MARK: State

    /// Whether the connection has ended.
    public final var isClosed: Bool { state == .closed }

    /// Whether it is established and not being closed.
    public final var isOpen: Bool { state == .open }

    /// Bytes queued and not yet taken by the kernel.
    public final var outputCount: Int { output.count }

    /// The address of this end; nil once closed.
    public final var localAddress: SocketAddress? {
        guard descriptor.isOpen else { return nil }
        return try? Socket.localAddress(of: descriptor)
    }

    /// The address of the other end; nil unless connected.
    public final var peerAddress: SocketAddress? {
        guard descriptor.isOpen else { return nil }
        return try? Socket.peerAddress(of: descriptor)
    }

    // MARK: Output

    /// Queues a copy of `bytes`, written at the end of the turn or by `flush`. Does nothing on a
    /// connection that is closing. Over the limit the connection is closed.
    public final func send(_ bytes: ByteSlice) {
        withOutput { $0.append(bytes) }
    }

    /// Lets `fill` append to the output queue: for writers that compose in place.
    public final func withOutput(_ fill: (inout ByteBuffer) -> Void) {
        loop.assertOnThread()
        guard state == .open || isConnecting, !isSendingFinished else { return }
        fill(&output)
        if output.count > limits.outputBytesMax {
            // Not inside the caller's stack: it may be in the middle of composing.
            loop.runNextTurn { self.finish(.outputLimit) }
        }
        planFlush()
    }

    private final func planFlush() {
        guard !isFlushPlanned, !isConnecting else { return }
        isFlushPlanned = true
        loop.runNextTurn { self.flush() }
    }

    /// Writes what is queued, as far as the kernel takes it.
    public final func flush() {
        isFlushPlanned = false
        guard state == .open || state == .finishing else { return }
        while !output.isEmpty {
            do {
                let sent =
                    if let session { try session.send(output.readable) } else {
                        try Socket.send(output.readable, to: descriptor)
                    }
                if sent == 0 { break }
                output.consume(sent)
            } catch {
                return finish(.failed(error))
            }
        }
        if output.isEmpty {
            if output.capacity > limits.keptBytesMax { output.release() }
            if state == .finishing { return finish(.local) }
            if isSendingFinished {
                session?.finish()
                Socket.finishSending(descriptor)
            }
        }
        updateInterest()
    }

    // MARK: Input

    /// Stops reading: the peer is held back by TCP.
    public final func pauseReading() {
        isReading = false
        updateInterest()
    }

    /// Reads again. Input that is there already is offered in the next turn.
    public final func resumeReading() {
        guard !isReading else { return }
        isReading = true
        updateInterest()
        if !input.isEmpty {
            loop.runNextTurn { if self.state == .open { self.received() } }
        }
    }

    // MARK: End

    /// Closes at once; queued output is dropped.
    public final func close() { finish(.local) }

    /// Writes what is queued, then ends the sending direction and goes on reading: the peer sees
    /// the end, and its bytes under way do not reset what it has not read. The owner closes later.
    public final func finishSending() {
        guard state == .open else { return }
        isSendingFinished = true
        flush()
    }

    /// Closes at once with a reset: the peer learns that the exchange was broken off.
    public final func reset() {
        if descriptor.isOpen { try? Socket.setResetOnClose(descriptor) }
        finish(.local)
    }

    /// Writes what is queued, then closes. Reads nothing more.
    public final func closeAfterFlush() {
        guard state == .open || isConnecting else { return }
        if isConnecting { return finish(.local) }
        state = .finishing
        flush()
    }

    private final func finish(_ reason: CloseReason) {
        guard state != .closed else { return }
        state = .closed
        loop.deregister(self)
        if let timer = connectTimer.take() { loop.cancel(timer) }
        session?.finish()
        session = nil
        descriptor.close()
        output.release()
        closed(reason)
    }

    // MARK: Readiness

    private final var isConnecting: Bool { state == .connecting || state == .securing }

    private final var interest: Readiness {
        switch state {
        case .connecting: return .writable
        case .securing: return session?.wantsWritable == true ? .writable : .readable
        case .finishing: return .writable
        case .closed: return []
        case .open:
            var wanted: Readiness = isReading && !isEnded ? .readable : []
            if !output.isEmpty || session?.wantsWritable == true { wanted.insert(.writable) }
            return wanted
        }
    }

    private final func updateInterest() {
        if state != .closed { loop.modify(self, interest: interest) }
    }

    /// Completes the connection attempt, writes, reads: in this order.
    public final override func ready(_ readiness: Readiness) {
        if state == .connecting { return completeConnecting() }
        if state == .securing { return secure() }
        if readiness.contains(.writable) {
            flush()
            if state == .open && output.isEmpty { drained() }
        }
        let isInput = !readiness.isDisjoint(with: .input) || session?.wantsWritable == true
        if state == .open && isReading && !isEnded && isInput { read() }
        // Reported whatever is asked for: ignoring it would make the loop spin.
        if state != .closed && !(state == .open && isReading && !isEnded)
            && !readiness.isDisjoint(with: [.failed, .hungUp])
        {
            finish(.end)
        }
    }

    private final func completeConnecting() {
        if let error = Socket.connectError(descriptor) { return finish(.failed(error)) }
        guard let security else { return open() }
        do {
            session = try TLSSession(security, on: descriptor)
        } catch {
            return finish(.failed(error))
        }
        state = .securing
        secure()
    }

    private final func secure() {
        do {
            guard try session?.handshake() ?? true else { return updateInterest() }
        } catch {
            return finish(.failed(error))
        }
        open()
    }

    private final func open() {
        if let timer = connectTimer.take() { loop.cancel(timer) }
        state = .open
        updateInterest()
        connected()
        if state == .open && !output.isEmpty { flush() }
    }

    private final func read() {
        var ended = false
        for _ in 0..<limits.readsPerTurnMax where !ended {
            guard isReading, state == .open else { return }
            do {
                let outcome =
                    if let session {
                        try session.receive(into: &input, minimum: limits.readBytes)
                    } else {
                        try Socket.receive(
                            from: descriptor, into: &input, minimum: limits.readBytes)
                    }
                switch outcome {
                case .wouldBlock: return
                case .end: ended = true
                case .bytes(let count):
                    received()
                    // A short read has emptied the socket: asking again would only cost a call.
                    if count < limits.readBytes { return checkInput() }
                }
            } catch {
                return finish(.failed(error))
            }
        }
        if ended {
            isEnded = true
            updateInterest()
            return peerFinished()
        }
        checkInput()
    }

    private final func checkInput() {
        guard state == .open else { return }
        if input.count > limits.inputBytesMax { return finish(.inputLimit) }
        if input.isEmpty && input.capacity > limits.keptBytesMax { input.release() }
    }
}

extension Readiness {
    /// All that a read will tell more about.
    static let input: Readiness = [.readable, .failed, .hungUp]
}
