// One connection of a server. Requests are answered strictly in order: the next one is parsed
// when the former has its answer, so pipelined requests wait as unread bytes.
//
//   reading ──request complete──► answering ──response──► reading | finished
//      │                             │
//      │                             └──openStream──► streaming ──finish──► reading | finished
//      └──refusal, deadline──► lingering ──peer closes, deadline──► closed
//
// Lingering (RFC 9112 §9.6): after an answer that leaves input unread, closing at once would make
// the kernel reset the connection and destroy the answer on its way; so input is read and dropped
// for a moment.

import Bytes
import EventLoop
import HTTPWire
import Platform

final class HTTPServerConnection: StreamConnection {
    private enum Stage {
        /// Waits for or parses a request. Ends with a request, a refusal or a deadline.
        case reading
        /// A handler holds the responder. Ends with its answer.
        case answering(HTTPResponder)
        /// A handler sends pieces. Ends with `finish`, a slow peer, or its leaving.
        case streaming(HTTPStream)
        /// The last answer was given; input is dropped.
        case lingering
    }

    private unowned let server: HTTPServer
    /// Whether it was accepted over the limit, only to be told 503.
    let isRefused: Bool
    private var stage = Stage.reading
    private var parser: HTTPRequestParser
    private var request = HTTPRequest(method: .get, target: "")
    private var isChunked = false
    private var isProcessing = false
    private var isPeerFinished = false
    /// Loop time at which the present stage has lasted too long.
    private var deadline: Int64 = .max
    private var stalledSince: Int64?
    private var outputSeen = 0
    private let peer: SocketAddress?

    init(
        server: HTTPServer, accepted descriptor: consuming Descriptor, isRefused: Bool
    ) throws(SystemError) {
        self.server = server
        self.isRefused = isRefused
        parser = HTTPRequestParser(limits: server.limits.request)
        peer = try? Socket.peerAddress(of: descriptor)
        var limits = StreamConnection.Limits()
        limits.inputBytesMax = server.limits.pipelineBytesMax + limits.readBytes * 8
        try super.init(loop: server.loop, accepted: descriptor, limits: limits)
        expectRequest()
    }

    // MARK: Events

    override func received() {
        switch stage {
        case .reading: process()
        case .answering, .streaming:
            if input.count > server.limits.pipelineBytesMax { pauseReading() }
        case .lingering: input.removeAll()
        }
    }

    override func drained() { process() }

    override func peerFinished() {
        switch stage {
        case .answering(let responder) where !responder.endsWithPeer: isPeerFinished = true
        default: close()
        }
    }

    override func closed(_ reason: CloseReason) {
        let last = stage
        stage = .lingering
        server.connectionClosed(self)
        switch last {
        case .answering(let responder): responder.peerLeft()
        case .streaming(let stream): stream.ended()
        case .reading, .lingering: break
        }
    }

    // MARK: Requests

    private var isReadingStage: Bool {
        if case .reading = stage { true } else { false }
    }

    /// Parses and hands over requests until one waits for its answer or input runs out.
    private func process() {
        guard !isProcessing else { return }
        isProcessing = true
        defer { isProcessing = false }
        while isOpen, isReadingStage, !input.isEmpty {
            if outputCount > server.limits.pipelineOutputBytesMax {
                flush()
                // `drained` goes on when the peer has read its answers.
                if outputCount > 0 { return }
            }
            do {
                let taken = try parser.parse(input.readable)
                input.consume(taken)
                if parser.phase == .complete {
                    begin(parser.takeRequest())
                    continue
                }
                sendContinueIfAwaited()
                updateRequestDeadline()
                if taken == 0 { return }
            } catch {
                return refuse(error.status, error.text, method: parser.partialRequest.method)
            }
        }
    }

    private func sendContinueIfAwaited() {
        guard parser.awaitsContinue else { return }
        parser.awaitsContinue = false
        withOutput { HTTPResponseWriter.writeContinue(into: &$0) }
    }

    /// The deadline of a head runs from its first byte, that of content from the end of the head:
    /// bytes that trickle in do not move it.
    private func updateRequestDeadline() {
        if parser.hasHead {
            if !isBodyTimed { deadline = now + server.limits.bodyMilliseconds }
            isBodyTimed = true
        } else if !isHeadTimed {
            deadline = now + server.limits.headMilliseconds
            isHeadTimed = true
        }
    }
    private var isHeadTimed = false
    private var isBodyTimed = false

    private func expectRequest() {
        stage = .reading
        isHeadTimed = false
        isBodyTimed = false
        deadline = now + server.limits.idleMilliseconds
    }

    private func begin(_ request: HTTPRequest) {
        self.request = request
        let responder = HTTPResponder(connection: self, peer: peer)
        stage = .answering(responder)
        deadline = now + server.limits.answerMilliseconds
        server.handle(request, responder)
    }

    private var now: Int64 { loop.nowMilliseconds }

    // MARK: Answers

    func answer(_ response: HTTPResponse) {
        guard case .answering = stage else { return }
        let persists =
            request.isPersistent && !response.closesConnection && !server.isDraining
            && !isPeerFinished
        withOutput {
            HTTPResponseWriter.write(
                response, answering: request.method, isPersistent: persists, date: server.date,
                into: &$0)
        }
        endExchange(persists: persists)
    }

    private func endExchange(persists: Bool) {
        guard persists else {
            // Pipelined input behind the last request would reset the answer.
            if input.isEmpty || isPeerFinished {
                stage = .lingering
                closeAfterFlush()
            } else {
                linger()
            }
            return
        }
        expectRequest()
        resumeReading()
        if !isProcessing { process() }
    }

    func openStream(_ status: HTTPStatus, fields: HTTPFields) -> HTTPStream? {
        guard case .answering = stage else { return nil }
        isChunked = request.minorVersion >= 1
        withOutput {
            HTTPResponseWriter.writeStreamHead(
                status, fields: fields, isChunked: isChunked, date: server.date, into: &$0)
        }
        if request.method == .head {
            endExchange(persists: isChunked && request.isPersistent && !server.isDraining)
            return nil
        }
        let stream = HTTPStream(connection: self)
        stage = .streaming(stream)
        deadline = .max
        return stream
    }

    func sendPiece(_ piece: [UInt8]) -> Bool {
        guard case .streaming = stage, isOpen else { return false }
        if outputCount + piece.count > server.limits.streamOutputBytesMax {
            flush()
            guard isOpen else { return false }
            if outputCount + piece.count > server.limits.streamOutputBytesMax {
                server.slowConsumerWasCut()
                close()
                return false
            }
        }
        piece.withByteSlice { slice in
            if isChunked {
                withOutput { HTTPResponseWriter.writeChunk(slice, into: &$0) }
            } else {
                send(slice)
            }
        }
        return true
    }

    func finishStream() {
        guard case .streaming(let stream) = stage else { return }
        let persists = isChunked && request.isPersistent && !server.isDraining
        if isChunked { withOutput { HTTPResponseWriter.writeLastChunk(into: &$0) } }
        stage = .lingering
        stream.ended()
        if isOpen { endExchange(persists: persists) }
    }

    /// Answers outside a handler and reads no further request.
    func refuse(_ status: HTTPStatus, _ text: String, method: HTTPMethod = .get) {
        var response = server.errorResponse(status, text)
        if status == .serviceUnavailable { response.fields.set("Retry-After", "1") }
        withOutput {
            HTTPResponseWriter.write(
                response, answering: method, isPersistent: false, date: server.date, into: &$0)
        }
        server.refused(status, text, peer)
        linger()
    }

    private func linger() {
        stage = .lingering
        deadline = now + server.limits.lingerMilliseconds
        input.removeAll()
        resumeReading()
        finishSending()
    }

    // MARK: Deadlines and drain

    /// Looks at the deadlines; called by the server's sweep.
    func sweep() {
        if hasStalled() { return close() }
        guard now >= deadline else { return }
        switch stage {
        case .reading:
            if !parser.isIdle || !input.isEmpty {
                refuse(
                    .requestTimeout, "The request did not arrive in time (RFC 9110 §15.5.9).",
                    method: parser.partialRequest.method)
            } else {
                close()
            }
        case .answering(let responder):
            responder.respond(
                server.errorResponse(.gatewayTimeout, "The request was not answered in time."))
        case .streaming: break
        case .lingering: close()
        }
    }

    private func hasStalled() -> Bool {
        let count = outputCount
        defer { outputSeen = count }
        if count == 0 || count < outputSeen {
            stalledSince = nil
            return false
        }
        guard let since = stalledSince else {
            stalledSince = now
            return false
        }
        return now - since >= server.limits.writeMilliseconds
    }

    var isDraining: Bool { server.isDraining }

    /// Ends what can end; an answer under way is the last.
    func drain() {
        switch stage {
        case .reading: if parser.isIdle && input.isEmpty { closeAfterFlush() }
        case .answering(let responder): responder.onDrain?()
        case .streaming(let stream): stream.finish()
        case .lingering: break
        }
    }
}
