// One connection to a RESP server, on an event loop.
//
//   connecting ──► handshake ──► ready ──► closed       each state is left only to the right
//
//   connecting   commands are held back
//   handshake    HELLO or AUTH, CLIENT SETNAME and SELECT are under way; commands are held back, so
//                that none runs unauthenticated or in the wrong database
//   ready        commands go out at the end of the turn, many in one write; replies come in order
//   closed       every command that had no reply has got its error
//
// There is no reconnection: the owner makes a new client and decides what to send again.
import Bytes
public import EventLoop
public import Platform
public import RESP

/// A client connection to a RESP server; belongs to its loop's thread.
public final class RESPClient {
    /// How to greet the server, and limits.
    public struct Options: Sendable {
        /// User for AUTH; nil with a password means the default user.
        public var user: String?
        /// Password; nil sends no AUTH.
        public var password: String?
        /// Name for CLIENT SETNAME; nil sets none.
        public var name: String?
        /// Database to select; 0 needs no SELECT.
        public var database = 0
        /// 2 or 3; with 3, HELLO is sent.
        public var protocolVersion = 2
        /// Limit for the connection.
        public var connectTimeoutMilliseconds: Int64 = 2_000
        /// Limit for each reply, the handshake's included.
        public var replyTimeoutMilliseconds: Int64 = 5_000
        /// Most commands that wait for their reply.
        public var commandsMax = 10_000

        /// The defaults.
        public init() {}
    }

    /// What receives the reply of a command, on the loop's thread. An error *reply* of the server
    /// is a success: `Reply.error`.
    public typealias Completion = (Result<Reply, RESPClientError>) -> Void

    private enum State { case connecting, handshake, ready, closed }

    private struct Pending {
        let deadline: Int64
        let completion: Completion
    }

    private let loop: EventLoop
    private let options: Options
    private var state = State.connecting
    private var link: Link?
    private var parser = ReplyParser()
    // Commands in the order of sending. The prefix up to `pendingFirst` is answered; it is cut off
    // when it is half of the array.
    private var pending: [Pending] = []
    private var pendingFirst = 0
    private var held = ByteBuffer()
    private var timer: TimerID?

    /// Called once when the handshake is over and commands flow.
    public var becameReady: (() -> Void)?
    /// Called once when the connection is over, after all commands have got their error.
    public var becameClosed: ((RESPClientError) -> Void)?
    /// Receives RESP3 pushes (invalidation, messages), which answer no command.
    public var received: ((Reply) -> Void)?

    /// Starts a connection. Commands may be sent at once: they wait for the handshake.
    public init(
        loop: EventLoop, address: SocketAddress, options: Options = Options()
    ) throws(SystemError) {
        precondition(options.protocolVersion == 2 || options.protocolVersion == 3)
        self.loop = loop
        self.options = options
        let link = try Link(
            loop: loop, connectingTo: address,
            timeoutMilliseconds: options.connectTimeoutMilliseconds)
        // A cycle until the connection is closed: an open client lives without other holders.
        link.client = self
        self.link = link
    }

    /// Whether the handshake is over and the connection open.
    public var isReady: Bool { state == .ready }

    /// Whether the connection is over.
    public var isClosed: Bool { state == .closed }

    /// Commands that wait for their reply.
    public var commandCount: Int { pending.count - pendingFirst }

    /// Sends a command of texts; `completion` is called exactly once, never from inside this call.
    public func send(_ arguments: [String], completion: @escaping Completion) {
        compose(completion) { RequestWriter.command(arguments, into: &$0) }
    }

    /// Sends a command of bytes; `completion` is called exactly once, never from inside this call.
    public func send(_ arguments: [[UInt8]], completion: @escaping Completion) {
        compose(completion) { buffer in
            RequestWriter.begin(arguments.count, into: &buffer)
            for argument in arguments {
                argument.withByteSlice { RequestWriter.argument($0, into: &buffer) }
            }
        }
    }

    /// Closes at once: commands without reply get `closed(.local)`.
    public func close() { fail(.closed(.local)) }

    // MARK: Sending

    private func compose(
        _ completion: @escaping Completion, _ fill: (inout ByteBuffer) -> Void
    ) {
        loop.assertOnThread()
        if state == .closed {
            return loop.runNextTurn { completion(.failure(.closed(.local))) }
        }
        if commandCount >= options.commandsMax {
            return loop.runNextTurn { completion(.failure(.tooManyCommands)) }
        }
        if state == .ready {
            link?.withOutput(fill)
        } else {
            fill(&held)
        }
        expect(completion)
    }

    private func expect(_ completion: @escaping Completion) {
        // While the connection is being made, its own limit applies first.
        let patience =
            options.replyTimeoutMilliseconds
            + (state == .connecting ? options.connectTimeoutMilliseconds : 0)
        pending.append(
            Pending(
                deadline: Clock.monotonicMilliseconds() + patience, completion: completion))
        if timer == nil { startTimer() }
    }

    // MARK: Handshake

    fileprivate func connected() {
        guard state == .connecting else { return }
        state = .handshake
        let commands = handshake()
        // Ahead of what was held back, in the same order as the bytes.
        let waiting = pending
        pending = []
        for (index, command) in commands.enumerated() {
            link?.withOutput { RequestWriter.command(command, into: &$0) }
            expect { [weak self] in self?.greeted($0, isLast: index == commands.count - 1) }
        }
        pending += waiting
        if commands.isEmpty { becomeReady() }
    }

    private func handshake() -> [[String]] {
        var commands: [[String]] = []
        let credentials = options.password.map { [options.user ?? "default", $0] }
        if options.protocolVersion == 3 {
            commands.append(["HELLO", "3"] + (credentials.map { ["AUTH"] + $0 } ?? []))
        } else if let password = options.password {
            commands.append(["AUTH"] + (options.user.map { [$0] } ?? []) + [password])
        }
        if let name = options.name { commands.append(["CLIENT", "SETNAME", name]) }
        if options.database != 0 { commands.append(["SELECT", String(options.database)]) }
        return commands
    }

    private func greeted(_ result: Result<Reply, RESPClientError>, isLast: Bool) {
        guard state == .handshake, case .success(let reply) = result else { return }
        if case .error(let text) = reply { return fail(.handshakeRefused(text)) }
        if isLast { becomeReady() }
    }

    private func becomeReady() {
        state = .ready
        if !held.isEmpty { link?.send(held.readable) }
        held.release()
        let call = becameReady
        becameReady = nil
        call?()
    }

    // MARK: Receiving

    fileprivate func receive(_ input: inout ByteBuffer) {
        var used = 0
        while state != .closed {
            do {
                guard let next = try parser.parse(input.readable, from: used) else { break }
                used += next.consumed
                deliver(next.reply)
            } catch {
                return fail(.malformedReply(error))
            }
        }
        // A completion may have closed the connection, never changed the input.
        input.consume(used)
    }

    private func deliver(_ reply: Reply) {
        if case .push = reply {
            received?(reply)
            return
        }
        guard pendingFirst < pending.count else { return fail(.unexpectedReply) }
        let completion = pending[pendingFirst].completion
        pendingFirst += 1
        if pendingFirst * 2 >= pending.count {
            pending.removeFirst(pendingFirst)
            pendingFirst = 0
        }
        completion(.success(reply))
    }

    // MARK: Time and end

    /// Waits for the oldest command's deadline; looks again then.
    private func startTimer() {
        timer = nil
        guard pendingFirst < pending.count else { return }
        let left = pending[pendingFirst].deadline - Clock.monotonicMilliseconds()
        if left <= 0 { return fail(.timeout) }
        timer = loop.schedule(afterMilliseconds: left) { [weak self] in self?.startTimer() }
    }

    fileprivate func ended(_ reason: CloseReason) { fail(.closed(reason)) }

    private func fail(_ error: RESPClientError) {
        guard state != .closed else { return }
        state = .closed
        if let timer = timer.take() { loop.cancel(timer) }
        let ending = link.take()
        ending?.client = nil
        ending?.close()
        let unanswered = pending[pendingFirst...]
        pending = []
        pendingFirst = 0
        held.release()
        let call = becameClosed
        becameReady = nil
        becameClosed = nil
        received = nil
        // Outside the caller's stack: `close` and `send` never call back from inside.
        loop.runNextTurn {
            for command in unanswered { command.completion(.failure(error)) }
            call?(error)
        }
    }
}

/// The socket of a client.
private final class Link: StreamConnection {
    var client: RESPClient?

    override func connected() { client?.connected() }
    override func received() { client?.receive(&input) }
    override func closed(_ reason: CloseReason) { client?.ended(reason) }
}
