// The node as its links see it: directives, log, snapshots, engine, clients.

import Bytes
import Commands
import EventLoop
import Log
import Logging
import Persistence
import Platform
import RESP
import Replication
import Store
import TLS

/// Gives links what they need of a node. Engine thread only.
final class NodeLinksHost: LinksHost {
    private unowned let node: Node
    /// The client that applies the upstream's stream.
    private let master: ClientState
    private var batch: RequestBatch
    private var parser = RequestParser()
    /// Whether the history of this node began before the process did.
    private var startedWithHistory = false
    /// It began without data too, and neither a coordinator has made it master since nor has it
    /// taken over an upstream's data: what it holds, it got while nobody knew what was lost.
    private(set) var startedEmpty = false

    init(_ node: Node) {
        self.node = node
        batch = RequestBatch(keyspace: node.keyspace)
        master = ClientState(id: node.clients.nextID(), isMaster: true)
        parser.limits.bulkBytesMax = .max >> 1
    }

    private var log: StreamLog { node.stream }
    var loop: EventLoop { node.loop }

    // MARK: Facts

    var linkSecurity: TLSContext? { node.clientSecurity }

    /// Where an upstream that connects as this node does would find it.
    private var announcedPort: Int {
        if node.settings.announcedPort > 0 { return node.settings.announcedPort }
        let isEncrypted = node.settings.encryptsReplication && node.listeners.encryptedPort > 0
        return isEncrypted || node.listeners.port == 0
            ? node.listeners.encryptedPort : node.listeners.port
    }

    var linkSettings: LinkSettings {
        let settings = node.settings
        func given(_ text: String) -> String? { text.isEmpty ? nil : text }
        return LinkSettings(
            user: given(settings.upstreamUser), password: given(settings.upstreamPassword),
            announcedPort: announcedPort,
            announcedAddress: given(settings.announcedAddress),
            sourceAddress: given(settings.bindSourceAddress),
            timeoutMilliseconds: Int64(settings.replicationTimeoutSeconds) * 1000,
            pingPeriodMilliseconds: Int64(settings.pingPeriodSeconds) * 1000,
            replicasToWriteMin: settings.replicasToWriteMin,
            replicaLagMillisecondsMax: Int64(settings.replicaLagSecondsMax) * 1000,
            backlogKeepMilliseconds: Int64(settings.backlogKeepSeconds) * 1000,
            disablesNoDelay: settings.disablesReplicationNoDelay,
            sendsGrowingSnapshots: settings.sendsGrowingSnapshots)
    }

    var peerIdentity: PeerIdentity {
        PeerIdentity(
            clusterID: node.effectiveClusterID, nodeID: node.effectiveNodeID ?? node.runID,
            epoch: node.identity.epoch,
            lineageIsEmpty: startedEmpty
                || !holdsData && node.engine.dirty == 0 && !startedWithHistory)
    }

    /// The data set is loaded: what was there says what a replica may lose by a full sync.
    func dataWereLoaded() {
        startedWithHistory = node.stream.offset > 0
        startedEmpty = !startedWithHistory && !holdsData
    }

    /// The coordinator has judged the node and made it master as it is.
    func masterWasConfirmed() { startedEmpty = false }

    var holdsData: Bool { node.keyspace.count > 0 }

    func countUpstreamBytes(_ count: Int) {
        node.statistics.replicationInputBytes &+= Int64(count)
    }

    func rememberEpoch(_ epoch: Int64) {
        guard epoch > node.identity.epoch else { return }
        var identity = node.identity
        identity.epoch = epoch
        do throws(SystemError) {
            try node.store(identity)
            node.log.notice("Epoch \(epoch) was announced by the upstream")
        } catch {
            node.log.warning("Cannot store the epoch: \(error)")
        }
        node.factsChanged()
    }

    // MARK: Stream

    var history: StreamHistory {
        StreamHistory(
            id: log.replicationID, secondID: log.secondReplicationID,
            secondOffset: log.secondOffset < 0 ? -1 : log.secondOffset + 1, offset: log.offset,
            firstOffset: log.isActive ? log.firstOffset : nil)
    }

    /// Unknown means that the next effect begins with SELECT, whoever writes it: any database is
    /// right until then.
    var streamDatabase: Int { max(0, log.database) }
    var committedOffset: Int64 { log.committedOffset }
    var durableOffset: Int64? { log.mode == .file ? log.syncedOffset : nil }

    func readerBegan(at offset: Int64) { log.readerBegan(at: offset) }

    func readStream(
        from offset: Int64, maximum: Int, into buffer: inout ByteBuffer,
        onReady: @escaping () -> Void
    ) -> LinkRead {
        switch log.read(from: offset, maximum: maximum, into: &buffer, onReady: onReady) {
        case .bytes(let count): .bytes(count)
        case .pending: .pending
        case .upToDate: .upToDate
        case .gone: .gone
        }
    }

    func appendToStream(_ command: ByteSlice) {
        if node.engine.propagates { node.engine.appendToStream(command) }
    }

    func openBacklog() {
        guard !log.isActive else { return }
        if node.isReplica { log.activateBacklog() } else { log.activateBacklogWithNewHistory() }
        followLog()
    }

    func closeBacklog() {
        guard log.mode == .ring else { return }
        node.settleStream()
        log.dropBacklog()
        followLog()
        node.log.notice("Replication backlog freed: no replica for repl-backlog-ttl seconds")
    }

    func settleStream() { node.settleStream() }

    func returnToHistoryOfStart() {
        guard log.returnToHistoryOfStart() else { return }
        node.log.notice(
            "Nothing was written since the restart: back to history \(log.replicationID)")
        followLog()
    }

    func startNewHistory() {
        log.startNewHistory()
        followLog()
    }

    func continueHistory(as id: ReplicationID, database: Int) {
        log.continueHistory(as: id)
        followLog()
    }

    /// The load has put the log at its position already.
    func adoptHistory(_ position: ReplicationPosition) {
        precondition(log.offset == position.offset, "data and log disagree")
        node.statistics.fullSyncsReceived += 1
        startedEmpty = false
        node.dataReplaced()
        followLog()
    }

    /// The log's position changed by other means than the engine's stream.
    private func followLog() { node.followStream() }

    // MARK: Snapshots

    func requestSnapshot(
        for options: ReplicaOptions, acceptsGrowing: Bool, fresh: Bool,
        _ completion: @escaping ((any LinkSnapshot)?) -> Void
    ) {
        guard options.snapshotContent == .everything else {
            settleStream()
            return completion(
                FilteredSnapshot(
                    of: node.snapshots, functions: options.snapshotContent == .functions))
        }
        let log = node.log
        let version =
            options.readsSnapshotsOfVersion11 ? RDBVersion.writtenToProven : RDBVersion.written
        let found: (Result<FullSyncSource, SnapshotFailure>) -> Void = { result in
            switch result {
            case .success(let source): completion(SharedSnapshot(source))
            case .failure(let failure):
                log.warning("No snapshot for a replica: \(failure)")
                completion(nil)
            }
        }
        if fresh { return node.snapshots.freshSource(version: version, completion: found) }
        node.snapshots.fullSyncSource(
            version: version, acceptsGrowing: acceptsGrowing, completion: found)
    }

    func beginLoad(
        id: ReplicationID, offset: Int64
    ) -> Result<any LinkLoader, LinkProblem> {
        .success(SocketLoader(node.snapshots.beginLoad(id: id, offset: offset), log))
    }

    // MARK: Data

    func apply(_ units: ByteSlice, database: Int) {
        selectDatabase()
        var rest = units
        while !rest.isEmpty {
            batch.fill(from: rest, parser: &parser)
            if batch.count > 0 {
                let outcome = node.engine.execute(&batch, client: master)
                precondition(outcome.end == .finished, "the upstream's stream never waits")
            }
            master.output.buffer.removeAll()
            precondition(
                batch.problem == nil && batch.consumed > 0, "units were found to be whole")
            rest = rest.dropFirst(batch.consumed)
        }
        log.append(units, database: database)
        node.engine.streamOffset = log.offset
    }

    /// The stream carries no SELECT when it goes on: the client takes the log's database.
    private func selectDatabase() {
        let wanted = max(0, log.database)
        guard master.databaseIndex != wanted else { return }
        var request = ByteBuffer()
        RequestWriter.command(["SELECT", "\(wanted)"], into: &request)
        batch.fill(from: request.readable, parser: &parser)
        _ = node.engine.execute(&batch, client: master)
        master.output.buffer.removeAll()
    }

    // MARK: Gates and clients

    func linksChanged() {
        node.updateGates()
        node.engine.propagates = !node.isReplica && log.isActive
        node.factsChanged()
    }

    func pauseWrites(_ isPaused: Bool) {
        if isPaused {
            node.pauses.set(.failover, mode: .writes, until: .never)
        } else {
            node.pauses.end(.failover)
        }
        node.pausesChanged()
    }

    var writesArePaused: Bool { node.engine.pause != .none }

    func endWait(_ outcome: WaitBook.Outcome) {
        node.endWait(of: outcome.client) { output in
            EngineHost.write(outcome, to: &output)
        }
    }

    func abandonWait(of client: Int64) {
        node.endWait(of: client) { output in
            output.error(
                ReplyError(
                    composed: "UNBLOCKED force unblock from blocking operation, "
                        + "instance state changed (master -> replica?)"))
        }
    }

    func logLink(_ message: String, isWarning: Bool) {
        if isWarning { node.log.warning("\(message)") } else { node.log.notice("\(message)") }
    }
}

/// A full sync source as a link reads it.
private final class SharedSnapshot: LinkSnapshot {
    private let source: FullSyncSource

    init(_ source: FullSyncSource) { self.source = source }

    var position: ReplicationPosition { source.position }
    var length: Int64? { source.length }

    func read(at offset: Int64, maximum: Int, completion: @escaping ([UInt8]?) -> Void) {
        source.read(at: offset, maximum: maximum) { result in
            completion(try? result.get())
        }
    }

    func release() { source.release() }
}

/// A load as a link feeds it.
private final class SocketLoader: LinkLoader {
    private let load: SnapshotLoad
    private let log: StreamLog

    init(_ load: SnapshotLoad, _ log: StreamLog) {
        self.load = load
        self.log = log
    }

    var isCongested: Bool { load.queuedBytes > SnapshotWriter.queueBytesMax }

    func feed(_ bytes: ByteSlice) -> String? {
        do throws(SnapshotLoadFailure) {
            try load.receive(bytes)
            return nil
        } catch {
            return "\(error)"
        }
    }

    func finish(_ completion: @escaping (LinkLoadOutcome) -> Void) {
        do throws(SnapshotLoadFailure) {
            try load.finish()
            completion(.replaced(database: log.database))
        } catch {
            completion(.failed("\(error)"))
        }
    }

    func abort() { load.abort() }
}
