// The session of one attached replica: carries the effects of its `DownstreamLink` out.
//
//   snapshot file ─┐ pieces as they are written, while the connection's output is below the window
//                  ├──► connection.output ──► socket
//   stream log ────┘ from `feedOffset`, up to what is committed
//
// Memory per replica is bounded by the window: what does not fit stays in the file or in the log,
// where it is anyway. A replica that is slow just reads later.

import Bytes
import EventLoop
import Log
import RESP
import Replication

/// One attached replica, or a connection that may become one.
final class DownstreamSession {
    /// Output above which nothing more is read for a replica.
    static let windowBytes = 256 << 10
    /// Most bytes of the stream read in one go.
    static let pieceBytes = 64 << 10
    /// Most bytes of a snapshot read in one go.
    static let snapshotPieceBytes = 256 << 10

    private unowned let links: ReplicationLinks
    private let host: any LinksHost
    private var connection: (any ReplicaConnection)?
    private(set) var link: DownstreamLink
    private var parser = RequestParser()
    private var arguments = ByteSliceList(capacity: 16)
    private var snapshot: (any LinkSnapshot)?
    private var snapshotOffset: Int64 = 0
    /// First byte of the stream that was not written to the connection; nil while not online.
    private(set) var feedOffset: Int64?
    private var isReadPending = false
    private var isPumpPlanned = false
    /// More may be there than the window had room for.
    private var isWindowFull = false
    private var isHandedOver = false
    /// Address of the peer, kept for facts.
    let peerHost: String
    /// The client's id.
    let clientID: Int64

    init(links: ReplicationLinks, host: any LinksHost, connection: any ReplicaConnection) {
        self.links = links
        self.host = host
        self.connection = connection
        peerHost = connection.peerHost
        clientID = connection.clientID
        link = DownstreamLink(
            timeoutMilliseconds: host.linkSettings.timeoutMilliseconds,
            now: host.loop.nowMilliseconds)
    }

    private var now: Int64 { host.loop.nowMilliseconds }

    /// The address that INFO and ROLE show.
    var shownHost: String { link.options.announcedAddress ?? peerHost }

    /// Whether the replica has everything that is committed, as far as the socket knows.
    private var isCaughtUp: Bool { feedOffset == host.committedOffset + 1 && !isReadPending }

    // MARK: Commands

    /// REPLCONF, the name at index 0.
    func configure(_ arguments: ByteSliceView) {
        var effects: [DownstreamEffect] = []
        link.configure(
            arguments, identity: host.peerIdentity, now: now, effects: &effects)
        perform(effects)
    }

    /// PSYNC, or SYNC when `request` is nil.
    func attach(_ request: ResyncRequest?) {
        link.timeoutMilliseconds = host.linkSettings.timeoutMilliseconds
        var effects: [DownstreamEffect] = []
        link.attach(
            request, history: host.history, role: links.servingRole,
            identity: host.peerIdentity, now: now, effects: &effects)
        perform(effects)
        if link.isReplica && !isHandedOver, let connection {
            isHandedOver = true
            connection.handOver(to: self, noDelay: !host.linkSettings.disablesNoDelay)
        }
    }

    /// Bytes from the replica; returns how many are done with.
    func received(_ input: ByteSlice) -> Int {
        var position = 0
        while position < input.count, connection != nil {
            if input[position] == 0x0A {
                link.receivedNewline(now: now)
                position += 1
                continue
            }
            arguments.removeAll()
            do throws(ProtocolError) {
                guard
                    case .command(let length, let count) = try parser.parse(
                        input, from: position, into: &arguments)
                else { break }
                position += length
                if count > 0 { serve(arguments.view(from: 0, count: count)) }
            } catch {
                fail(.refused("protocol error"))
                return input.count
            }
        }
        return position
    }

    /// A replica says REPLCONF ACK. An answer to anything else would stand in the stream, and the
    /// replica would take it for a part of that.
    private func serve(_ arguments: ByteSliceView) {
        let name = arguments[0]
        if name.equalsIgnoringCase("replconf") {
            configure(arguments)
        } else if name.equalsIgnoringCase("psync") || name.equalsIgnoringCase("sync") {
            // A second request on the same connection is ignored, as everywhere.
        } else {
            fail(.answerWanted(name.string.lowercased()))
        }
    }

    // MARK: Effects

    private func perform(_ effects: [DownstreamEffect]) {
        for effect in effects {
            switch effect {
            case .send(let bytes): connection?.withOutput { $0.append(bytes) }
            case .requestSnapshot: requestSnapshot()
            case .sendSnapshot: snapshotOffset = 0
            case .feed(let offset):
                feedOffset = offset
                host.readerBegan(at: offset)
                links.replicasChanged()
            case .takeOver: takeOver()
            case .acknowledged: links.acknowledged()
            case .close(let reason): close(reason)
            }
        }
        planPump()
    }

    private func requestSnapshot() {
        let id = clientID
        host.logLink(
            "Full resync of replica \(shownHost) (client \(id)) requested", isWarning: false)
        let acceptsGrowing = link.acceptsMarkedSnapshot && host.linkSettings.sendsGrowingSnapshots
        host.requestSnapshot(
            for: link.options, acceptsGrowing: acceptsGrowing, fresh: link.mayTakeSnapshotAlone
        ) { [weak self] snapshot in
            guard let self, connection != nil else {
                snapshot?.release()
                return
            }
            var effects: [DownstreamEffect] = []
            if let snapshot {
                self.snapshot = snapshot
                link.snapshotReady(
                    snapshot.position, framing: Self.framing(of: snapshot), now: now,
                    effects: &effects)
                links.replicasChanged()
            } else {
                link.snapshotFailed(effects: &effects)
            }
            perform(effects)
        }
    }

    /// What is not complete has no length to announce: a mark that cannot be in it ends it.
    private static func framing(of snapshot: any LinkSnapshot) -> SnapshotFraming {
        if let length = snapshot.length { return .length(length) }
        var random = SystemRandomNumberGenerator()
        return .mark(SnapshotFraming.makeMark(using: &random))
    }

    private func takeOver() {
        host.logLink("Failover request received from \(shownHost).", isWarning: false)
        links.promote()
        var effects: [DownstreamEffect] = []
        link.tookOver(history: host.history, effects: &effects)
        perform(effects)
    }

    // MARK: Pumping

    /// Pumps in this turn or the next, outside the caller's stack.
    private func planPump() {
        guard !isPumpPlanned, snapshot != nil || feedOffset != nil else { return }
        isPumpPlanned = true
        host.loop.runNextTurn { [weak self] in
            guard let self else { return }
            isPumpPlanned = false
            pump()
        }
    }

    /// Moves what fits into the window. Called after each commit and when output has left.
    func pump() {
        guard connection != nil else { return }
        isWindowFull = false
        if snapshot != nil && link.state == .sendingSnapshot {
            pumpSnapshot()
        } else if feedOffset != nil {
            pumpStream()
        }
    }

    /// Whether the window has room; if not, it is pumped again when the output has left.
    private func hasRoom() -> Bool {
        let outputCount = connection?.outputCount ?? Self.windowBytes
        isWindowFull = outputCount >= Self.windowBytes
        return !isWindowFull
    }

    private func pumpSnapshot() {
        guard let snapshot, !isReadPending, hasRoom() else { return }
        if snapshot.length == snapshotOffset {
            var effects: [DownstreamEffect] = []
            link.snapshotSent(now: now, effects: &effects)
            perform(effects)
            pump()
            return
        }
        isReadPending = true
        snapshot.read(at: snapshotOffset, maximum: Self.snapshotPieceBytes) {
            [weak self] bytes in
            guard let self, let connection else { return }
            isReadPending = false
            guard let bytes, !bytes.isEmpty || snapshot.length == snapshotOffset else {
                fail(.snapshotFailed)
                return
            }
            connection.withOutput { $0.append(bytes) }
            snapshotOffset += Int64(bytes.count)
            link.progressed(now: now)
            pump()
        }
    }

    private func pumpStream() {
        guard let connection, !isReadPending else { return }
        while var next = feedOffset, hasRoom() {
            let left = host.committedOffset - next + 1
            guard left > 0 else {
                releaseSnapshot()
                return
            }
            let wanted = left < Int64(Self.pieceBytes) ? Int(left) : Self.pieceBytes
            var outcome = LinkRead.upToDate
            connection.withOutput { output in
                outcome = host.readStream(from: next, maximum: wanted, into: &output) {
                    [weak self] in
                    guard let self else { return }
                    isReadPending = false
                    pump()
                }
            }
            switch outcome {
            case .bytes(let count):
                next += Int64(count)
                feedOffset = next
            case .pending:
                isReadPending = true
                return
            case .upToDate: return
            case .gone:
                fail(.fellBehind)
                return
            }
        }
    }

    /// Lets go of the snapshot. While it is held, the stream behind its cut stays readable: so
    /// only when the replica has caught up.
    private func releaseSnapshot() {
        snapshot?.release()
        snapshot = nil
    }

    /// What the replica lacks is no longer kept, though its connection may not take more just now.
    private var lacksGoneBytes: Bool {
        guard let feedOffset, let first = host.history.firstOffset else { return false }
        return feedOffset < first
    }

    /// All output was taken by the kernel.
    func outputSent() {
        link.progressed(now: now)
        // Not now: a socket that takes all at once would hold the turn.
        if isWindowFull { planPump() }
    }

    // MARK: Time

    func tick() {
        if lacksGoneBytes { return fail(.fellBehind) }
        link.timeoutMilliseconds = host.linkSettings.timeoutMilliseconds
        // It has taken all there is: what keeps it waiting is the writer of the snapshot.
        if isReadPending, connection?.outputCount == 0 { link.progressed(now: now) }
        var effects: [DownstreamEffect] = []
        link.tick(now: now, effects: &effects)
        perform(effects)
        beat()
    }

    /// Tells a replica of our own kind that we are here.
    func beat() {
        guard link.isOnline, link.options.acceptsHeartbeats, link.options.identity != nil,
            isCaughtUp, let connection
        else { return }
        // Caught up means that the output ends between two units.
        let beat = Heartbeat(epoch: host.peerIdentity.epoch, clock: now)
        connection.withOutput { $0.append(beat.line) }
    }

    // MARK: End

    func fail(_ reason: DownstreamFailure) {
        var effects: [DownstreamEffect] = []
        link.fail(reason, effects: &effects)
        perform(effects)
    }

    private func close(_ reason: DownstreamFailure) {
        if reason != .disconnected && link.isReplica {
            host.logLink(
                "Connection with replica \(shownHost) (client \(clientID)) closed: \(reason.text)",
                isWarning: reason.isWarning)
        }
        let connection = connection
        ended()
        connection?.close(afterOutput: reason == .complete)
    }

    /// The connection is over, whoever closed it.
    func sessionClosed() {
        guard connection != nil else { return }
        var effects: [DownstreamEffect] = []
        link.fail(.disconnected, effects: &effects)
        ended()
    }

    private func ended() {
        connection = nil
        feedOffset = nil
        releaseSnapshot()
        links.remove(self)
    }
}
