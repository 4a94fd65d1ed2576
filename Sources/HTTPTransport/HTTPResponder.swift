// The right to answer one request, now or later. It lives on the loop's thread; a job that comes
// from another thread reaches it through `LoopBound`.

public import EventLoop
public import HTTPWire
public import Platform

/// Answers one request exactly once, with a response or a stream.
public final class HTTPResponder {
    /// Runs when the peer went away before the answer: stop the work, nobody reads it.
    public var onClose: (() -> Void)?
    /// Runs when the server drains, in the next turn if it drains already: a waiting answer should
    /// be given now.
    public var onDrain: (() -> Void)? {
        didSet {
            guard onDrain != nil, connection?.isDraining == true else { return }
            loop.runNextTurn { [self] in if !isDone { onDrain?() } }
        }
    }
    /// Whether the end of the peer's sending direction counts as its leaving. Set for long waits;
    /// otherwise a peer that has only finished sending still gets its answer.
    public var endsWithPeer = false
    /// Whether an answer was given or nobody is there to read it.
    public private(set) var isDone = false
    /// Where the request came from.
    public let peer: SocketAddress?
    /// The loop that the request belongs to.
    public let loop: EventLoop

    private weak var connection: HTTPServerConnection?

    init(connection: HTTPServerConnection, peer: SocketAddress?) {
        self.connection = connection
        self.peer = peer
        loop = connection.loop
    }

    /// Answers. A second answer is a bug and stops the process; an answer to a peer that went away
    /// is dropped.
    public func respond(_ response: HTTPResponse) {
        guard take() else { return }
        connection?.answer(response)
    }

    /// Answers with content that follows piece by piece. Nil if the peer went away, or if the
    /// request was HEAD and is thereby answered.
    public func openStream(_ status: HTTPStatus, fields: HTTPFields) -> HTTPStream? {
        guard take() else { return nil }
        return connection?.openStream(status, fields: fields)
    }

    private var isAnswered = false

    private func take() -> Bool {
        loop.assertOnThread()
        precondition(!isAnswered, "a request is answered once")
        isAnswered = true
        let wasDone = isDone
        isDone = true
        onClose = nil
        onDrain = nil
        return !wasDone
    }

    func peerLeft() {
        isDone = true
        onDrain = nil
        let body = onClose
        onClose = nil
        body?()
    }
}

/// A response whose content is sent piece by piece, such as Server-Sent Events.
public final class HTTPStream {
    /// Runs once when the stream has ended: closed by the peer, cut, or finished.
    public var onClose: (() -> Void)?
    /// Whether pieces can still be sent.
    public private(set) var isOpen = true

    private weak var connection: HTTPServerConnection?

    init(connection: HTTPServerConnection) { self.connection = connection }

    /// Queues a piece. False if the stream has ended, or ends now because the peer reads too
    /// slowly: more than `streamOutputBytesMax` would wait.
    @discardableResult
    public func send(_ piece: [UInt8]) -> Bool {
        guard isOpen, let connection else { return false }
        return connection.sendPiece(piece)
    }

    /// Ends the content; the connection goes on with the next request where HTTP allows it.
    public func finish() {
        guard isOpen, let connection else { return }
        connection.finishStream()
    }

    func ended() {
        guard isOpen else { return }
        isOpen = false
        let body = onClose
        onClose = nil
        body?()
    }
}
