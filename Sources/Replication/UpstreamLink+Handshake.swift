// The handshake of the upstream link, one reply line at a time:
//
//   1. PING                                   any +, and the errors of a server that wants AUTH
//   2. AUTH [user] password                   an error ends the attempt
//      REPLCONF listening-port <port>         errors do no harm
//      REPLCONF ip-address <address>          "
//      REPLCONF capa eof capa psync2 capa headwater
//      REPLCONF headwater 1 cluster …         a `+HEADWATER` line names a peer of our own kind
//   3. PSYNC <id> <offset + 1> [FAILOVER], or PSYNC ? -1
//
// The commands of step 2 are written together and answered one by one. PSYNC is never pipelined:
// a master refuses it while a reply is pending.

public import Bytes
import Log

extension UpstreamLink {
    /// One piece of input arrived. Returns how many bytes of the front of `input` are done with
    /// once the effects have been performed; 0 when it takes more input or the owner's word.
    /// Call it again while it returns more than 0 and the link has not been closed.
    public mutating func receive(
        _ input: ByteSlice, now: Int64, effects: inout [UpstreamEffect]
    ) -> Int {
        guard !input.isEmpty else { return 0 }
        receivedAt = now
        switch state {
        case .greeting, .announcing, .requesting, .awaitingSnapshot:
            guard let (line, byteCount) = WireText.firstLine(input) else {
                if input.count > ReplicationLimits.lineBytesMax {
                    fail(
                        .protocolError("an endless status line"), now: now, effects: &effects)
                }
                return 0
            }
            receiveLine(line, now: now, effects: &effects)
            return byteCount
        case .receivingSnapshot:
            return receiveSnapshot(input, now: now, effects: &effects)
        case .online:
            return receiveStream(input, now: now, effects: &effects)
        case .idle, .waiting, .connecting, .loading:
            return 0
        }
    }

    mutating func receiveLine(
        _ line: ByteSlice, now: Int64, effects: inout [UpstreamEffect]
    ) {
        if line.isEmpty { return }
        switch state {
        case .greeting: greeted(line, now: now, effects: &effects)
        case .announcing: announced(line, now: now, effects: &effects)
        case .requesting: requested(line, now: now, effects: &effects)
        default: receiveSnapshotHeader(line, now: now, effects: &effects)
        }
    }

    private mutating func greeted(
        _ line: ByteSlice, now: Int64, effects: inout [UpstreamEffect]
    ) {
        let text = line.string
        let isGood =
            text.hasPrefix("+") || text.hasPrefix("-NOAUTH") || text.hasPrefix("-NOPERM")
            || text.hasPrefix("-ERR operation not permitted")
        guard isGood else {
            fail(.handshake(text), now: now, effects: &effects)
            return
        }
        announce(effects: &effects)
    }

    private mutating func announce(effects: inout [UpstreamEffect]) {
        var bytes: [UInt8] = []
        announcements = []
        if let password = settings.password {
            let credentials = [settings.user, password].compactMap { $0 }
            bytes += WireText.command((["AUTH"] + credentials).map { Array($0.utf8) })
            announcements.append(.credentials)
        }
        bytes += WireText.command("REPLCONF", "listening-port", "\(settings.announcedPort)")
        announcements.append(.option)
        if let address = settings.announcedAddress {
            bytes += WireText.command("REPLCONF", "ip-address", address)
            announcements.append(.option)
        }
        bytes += WireText.command(
            "REPLCONF", "capa", "eof", "capa", "psync2", "capa", "headwater")
        announcements.append(.option)
        bytes += settings.identity.announcement
        announcements.append(.identity)
        state = .announcing
        effects.append(.send(bytes))
    }

    private mutating func announced(
        _ line: ByteSlice, now: Int64, effects: inout [UpstreamEffect]
    ) {
        switch announcements.removeFirst() {
        case .credentials:
            if line[0] == 0x2D {
                let text = "Unable to AUTH to MASTER: " + line.string
                fail(.handshake(text), now: now, effects: &effects)
                return
            }
        case .option: break
        case .identity:
            peer = PeerIdentity(answer: line)
            if let peer {
                if let refusal = UpstreamRefusal.check(
                    own: settings.identity, upstream: peer, expected: settings.expectedNodeID)
                {
                    fail(.refused(refusal), now: now, effects: &effects)
                    return
                }
                learn(epoch: peer.epoch, effects: &effects)
            }
        }
        if announcements.isEmpty { request(effects: &effects) }
    }

    mutating func learn(epoch: Int64, effects: inout [UpstreamEffect]) {
        guard settings.identity.clusterID != nil, epoch > settings.identity.epoch else { return }
        settings.identity.epoch = epoch
        effects.append(.learnedEpoch(epoch))
    }

    private mutating func request(effects: inout [UpstreamEffect]) {
        state = .requesting
        // Without the selected database the stream cannot be resumed: it carries no SELECT.
        guard let position, position.database >= 0 || position.offset == 0 else {
            effects.append(.send(WireText.command("PSYNC", "?", "-1")))
            return
        }
        var words = ["PSYNC", position.id.text, "\(position.offset + 1)"]
        if asksForHandover { words.append("FAILOVER") }
        effects.append(.send(WireText.command(words.map { Array($0.utf8) })))
    }

    private mutating func requested(
        _ line: ByteSlice, now: Int64, effects: inout [UpstreamEffect]
    ) {
        switch PSYNCReply(line: line) {
        case .keepalive: break
        case .fullResync(let id, let offset):
            // What a replica has of that very history is no loss: it comes again.
            if let peer, peer.lineageIsEmpty, settings.holdsData,
                settings.identity.clusterID != nil, position == nil || position?.id != id
            {
                let refusal = UpstreamRefusal.emptyLineage(upstream: peer.nodeID)
                fail(.refused(refusal), now: now, effects: &effects)
                return
            }
            endHandover(line, effects: &effects)
            snapshotPosition = ReplicationPosition(
                id: id ?? .none, offset: offset, database: -1)
            state = .awaitingSnapshot
        case .resume(let id):
            guard var position else {
                fail(
                    .protocolError("+CONTINUE without a position"), now: now, effects: &effects)
                return
            }
            endHandover(line, effects: &effects)
            let isNewHistory = id != nil && id != position.id
            if let id { position.id = id }
            // A history that is just beginning has selected nothing, which means database 0.
            if position.database < 0 { position.database = 0 }
            self.position = position
            mark = nil
            acknowledgesEagerly = false
            enterOnline(now: now)
            effects.append(.resumed(position, isNewHistory: isNewHistory))
            acknowledge(now: now, effects: &effects)
        case .notNow(let text):
            fail(.notNow(text), now: now, effects: &effects)
        case .refused(let text):
            fail(.handshake(text), now: now, effects: &effects)
        }
    }

    private mutating func endHandover(_ line: ByteSlice, effects: inout [UpstreamEffect]) {
        guard asksForHandover else { return }
        asksForHandover = false
        effects.append(.handover(accepted: true, line.string))
    }
}
