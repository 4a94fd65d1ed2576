// The hot path: what happens between two waits of the loop.
//
//   1. each ready session: read, parse, run (`run`)          replies gather in client.output
//   2. the stream of effects goes to the log, the log is committed
//   3. each session with output: one write
//   4. replicas are fed from the log
//
// 2 comes before 3 and 4, so that no reply and no replica is ahead of the log; when 2 fails, 3
// and 4 wait (see `flushOutputs`, and EngineThread in the documentation). One read buffer and one
// batch serve all sessions; nothing here allocates once they have grown.

import Bytes
import Commands
import EventLoop
import Platform
import RESP
import TLS

/// The state of the running turn.
final class Turn {
    private let engine: CommandEngine
    private var buffer = ByteBuffer(capacity: Session.readBytes)
    private var batch: RequestBatch
    private var outputs: [Session] = []

    init(engine: CommandEngine) {
        self.engine = engine
        batch = RequestBatch(keyspace: engine.keyspace)
        outputs.reserveCapacity(1024)
    }

    // MARK: Input

    /// What `receive` has read; valid until `releaseInput`.
    var input: ByteSlice { buffer.readable }

    /// Reads into the shared buffer.
    func receive(from descriptor: borrowing Descriptor) throws(SystemError) -> ReceiveOutcome {
        try Socket.receive(from: descriptor, into: &buffer, minimum: Session.readBytes)
    }

    /// As above, from an encrypted connection.
    func receive(from encryption: TLSSession) throws(SystemError) -> ReceiveOutcome {
        try encryption.receive(into: &buffer, minimum: Session.readBytes)
    }

    /// Forgets the shared buffer's bytes.
    func releaseInput() { buffer.removeAll() }

    // MARK: Commands

    /// Runs the commands of `input`; returns how many bytes are done with.
    func run(_ session: Session, _ input: ByteSlice) -> Int {
        let client = session.client
        var position = 0
        while position < input.count {
            batch.fill(from: input.dropFirst(position), parser: &session.parser)
            if batch.count > 0 || batch.problem != nil {
                let outcome = engine.execute(&batch, client: client)
                listForOutput(session)
                guard outcome.end == .finished else {
                    position += outcome.consumed
                    stop(session, outcome.end)
                    return position
                }
            }
            position += batch.consumed
            if batch.needsMore { break }
        }
        return position
    }

    private func stop(_ session: Session, _ end: BatchOutcome.End) {
        // The rest of the input is parsed again from its first command.
        session.parser.reset()
        switch end {
        case .finished, .handedOver: break
        case .blocked, .paused: session.hold()
        case .closing: session.finish()
        }
    }

    // MARK: Output

    /// Sends the session's output at the end of the turn.
    @inline(__always)
    func listForOutput(_ session: Session) {
        if session.isListedForOutput { return }
        session.isListedForOutput = true
        outputs.append(session)
    }

    /// Sends the output of all listed sessions. With `committedOffset` the log is behind: sessions
    /// whose writes it does not cover keep their output until the next turn that commits. With
    /// `holdsAll` all others do too, since their replies may show what those have written; only
    /// links go on, because they send nothing but what comes from the log.
    func flushOutputs(committedOffset: Int64 = .max, holdsAll: Bool = false) {
        var kept: [Session] = []
        var index = 0
        // A flush may list further sessions (a link that writes when its output has drained).
        while index < outputs.count {
            let session = outputs[index]
            if session.client.lastWriteOffset > committedOffset
                || (holdsAll && !session.isHandedOver)
            {
                session.holdOutput()
                kept.append(session)
            } else {
                session.isListedForOutput = false
                session.flush()
            }
            index += 1
        }
        outputs.removeAll(keepingCapacity: true)
        if !kept.isEmpty { outputs.append(contentsOf: kept) }
    }

    /// Lets go of all listed sessions: the node is at its end.
    func forgetOutputs() { outputs = [] }
}
