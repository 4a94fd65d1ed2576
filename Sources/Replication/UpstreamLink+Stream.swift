// The upstream link after the handshake: the snapshot in both framings, the stream, the
// acknowledgements and the clock.
//
// A snapshot of unknown length ends with the 40 characters its header named. They may straddle
// reads, so the last 39 bytes are held back until more is known.

import Bytes
import Log

extension UpstreamLink {
    mutating func receiveSnapshotHeader(
        _ line: ByteSlice, now: Int64, effects: inout [UpstreamEffect]
    ) {
        let text = line.string
        guard text.hasPrefix("$") else {
            let reason: UpstreamFailure =
                text.hasPrefix("-")
                ? .handshake("the upstream gave up its snapshot: \(text)")
                : .protocolError("no snapshot where one was promised: \(text)")
            fail(reason, now: now, effects: &effects)
            return
        }
        if text.hasPrefix("$EOF:") {
            guard line.count == 5 + ReplicationLimits.snapshotMarkBytes else {
                fail(.protocolError("a malformed mark"), now: now, effects: &effects)
                return
            }
            mark = line.dropFirst(5).array
            snapshotLength = nil
        } else {
            guard let length = WireText.integer(line.dropFirst(1)), length >= 0 else {
                fail(.protocolError("a malformed length"), now: now, effects: &effects)
                return
            }
            mark = nil
            snapshotLength = length
        }
        snapshotBytes = 0
        newlineAt = now
        state = .receivingSnapshot
        effects.append(
            .beginSnapshot(
                id: snapshotPosition.id, offset: snapshotPosition.offset, length: snapshotLength))
        if snapshotLength == 0 { endSnapshot(effects: &effects) }
    }

    private mutating func endSnapshot(effects: inout [UpstreamEffect]) {
        state = .loading
        effects.append(.endSnapshot)
    }

    mutating func receiveSnapshot(
        _ input: ByteSlice, now: Int64, effects: inout [UpstreamEffect]
    ) -> Int {
        guard let mark else {
            let left = (snapshotLength ?? 0) - snapshotBytes
            let count = left < Int64(input.count) ? Int(left) : input.count
            snapshotBytes += Int64(count)
            effects.append(.snapshot(0..<count))
            if snapshotBytes == snapshotLength { endSnapshot(effects: &effects) }
            return count
        }
        if let start = mark.withByteSlice({ Self.find($0, in: input) }) {
            snapshotBytes += Int64(start)
            if start > 0 { effects.append(.snapshot(0..<start)) }
            endSnapshot(effects: &effects)
            return start + mark.count
        }
        let count = input.count - (mark.count - 1)
        guard count > 0 else { return 0 }
        snapshotBytes += Int64(count)
        effects.append(.snapshot(0..<count))
        return count
    }

    /// Where `mark` begins in `input`. Compares the last character first, and goes on so far that
    /// the byte found there can be part of the mark (Horspool): data full of digits, as keys are,
    /// cost one look at each tenth byte or so.
    private static func find(_ mark: ByteSlice, in input: ByteSlice) -> Int? {
        let last = mark.count - 1
        var skips = [UInt8](repeating: UInt8(mark.count), count: 256)
        for index in 0..<last { skips[Int(mark[index])] = UInt8(last - index) }
        var end = last
        while end < input.count {
            let byte = input[end]
            if byte == mark[last], input.slice(from: end - last, count: mark.count) == mark {
                return end - last
            }
            end += Int(skips[Int(byte)])
        }
        return nil
    }

    mutating func receiveStream(
        _ input: ByteSlice, now: Int64, effects: inout [UpstreamEffect]
    ) -> Int {
        let item: StreamScanner.Item
        do throws(StreamError) {
            item = try scanner.next(input)
        } catch {
            fail(.poisoned(error), now: now, effects: &effects)
            return 0
        }
        acknowledgesEagerly = false
        switch item {
        case .needMore:
            return 0
        case .units(let count):
            advance(count, effects: &effects)
            return count
        case .acknowledgementRequest(let count):
            acknowledge(now: now, effects: &effects)
            advance(count, effects: &effects)
            return count
        case .line(let count):
            guard let heartbeat = Heartbeat(line: input.prefix(count)) else { return count }
            receiveHeartbeat(heartbeat, now: now, effects: &effects)
            return count
        }
    }

    private mutating func advance(_ count: Int, effects: inout [UpstreamEffect]) {
        position?.offset += Int64(count)
        position?.database = scanner.database
        wantsEventAcknowledgement = peer != nil
        effects.append(.stream(0..<count, database: scanner.database))
    }

    private mutating func receiveHeartbeat(
        _ heartbeat: Heartbeat, now: Int64, effects: inout [UpstreamEffect]
    ) {
        let own = settings.identity
        if own.clusterID != nil, peer?.clusterID != nil, heartbeat.epoch < own.epoch {
            // The order with the new epoch may reach the upstream a moment later than us. Until
            // then nothing is echoed, so that an old epoch gains no right from us.
            self.heartbeat = nil
            let since = staleSince ?? now
            staleSince = since
            guard now - since >= ReplicationLimits.staleEpochMilliseconds else { return }
            let refusal = UpstreamRefusal.staleEpoch(own: own.epoch, upstream: heartbeat.epoch)
            fail(.refused(refusal), now: now, effects: &effects)
            return
        }
        staleSince = nil
        learn(epoch: heartbeat.epoch, effects: &effects)
        self.heartbeat = heartbeat
        wantsEventAcknowledgement = true
    }

    mutating func acknowledge(now: Int64, effects: inout [UpstreamEffect]) {
        guard let position else { return }
        acknowledgedAt = now
        wantsEventAcknowledgement = false
        let value = Acknowledgement(
            offset: position.offset, durableOffset: durableOffset, heartbeat: heartbeat)
        effects.append(.send(value.command))
    }

    /// When `tick` has something to do next because of stream that arrived; nil when only the
    /// ordinary period counts.
    public var nextDeadline: Int64? {
        guard state == .online, wantsEventAcknowledgement else { return nil }
        return acknowledgedAt + ReplicationLimits.acknowledgementEventMilliseconds
    }

    /// Time passed. To be called at least ten times a second, and at `nextDeadline`.
    public mutating func tick(now: Int64, effects: inout [UpstreamEffect]) {
        switch state {
        case .idle: return
        case .waiting(let until):
            if now >= until { connect(now: now, effects: &effects) }
        case .connecting(let since):
            let limit = min(
                settings.timeoutMilliseconds, ReplicationLimits.connectTimeoutMilliseconds)
            if now - since > limit { fail(.timeout, now: now, effects: &effects) }
        case .greeting, .announcing, .requesting, .awaitingSnapshot:
            checkSilence(now: now, effects: &effects)
        case .receivingSnapshot:
            sendNewline(now: now, effects: &effects)
            checkSilence(now: now, effects: &effects)
        case .loading:
            sendNewline(now: now, effects: &effects)
        case .online:
            tickOnline(now: now, effects: &effects)
        }
    }

    /// Time passed while nothing was read: acknowledges what there is again, so that the upstream
    /// keeps the link, and judges nothing.
    public mutating func tickUnread(now: Int64, effects: inout [UpstreamEffect]) {
        let period = ReplicationLimits.acknowledgementPeriodMilliseconds
        guard state == .online, now - acknowledgedAt >= period else { return }
        acknowledge(now: now, effects: &effects)
    }

    private mutating func tickOnline(now: Int64, effects: inout [UpstreamEffect]) {
        checkSilence(now: now, effects: &effects)
        guard state == .online else { return }
        let age = now - acknowledgedAt
        let isDue =
            age >= ReplicationLimits.acknowledgementPeriodMilliseconds
            || (acknowledgesEagerly && age >= ReplicationLimits.acknowledgementEagerMilliseconds)
            || (wantsEventAcknowledgement
                && age >= ReplicationLimits.acknowledgementEventMilliseconds)
        if isDue { acknowledge(now: now, effects: &effects) }
    }

    private mutating func checkSilence(now: Int64, effects: inout [UpstreamEffect]) {
        if now - receivedAt > settings.timeoutMilliseconds {
            fail(.timeout, now: now, effects: &effects)
        }
    }

    private mutating func sendNewline(now: Int64, effects: inout [UpstreamEffect]) {
        guard now - newlineAt >= ReplicationLimits.newlinePeriodMilliseconds else { return }
        newlineAt = now
        effects.append(.send([0x0A]))
    }
}
