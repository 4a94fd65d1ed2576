// The node's side of replication: role, facts, orders, waiting clients.

import Bytes
import Commands
import ControlModel
import EventLoop
import Log
import Logging
import RESP
import Replication
import Store

extension Node {
    // MARK: Role

    /// Whether the node follows an upstream.
    var isReplica: Bool { links.isReplica }
    /// Whether the upstream's stream arrives.
    var hasCurrentData: Bool { links.isLinked }
    /// Replicas that acknowledged lately.
    var goodReplicaCount: Int { links.goodReplicaCount }
    /// Attached replicas.
    var replicaCount: Int { links.replicaCount }
    /// Replicas in the stream that have not acknowledged everything.
    var laggingReplicaCount: Int { links.laggingReplicaCount }
    /// Replicas in the stream that have acknowledged everything.
    var inStepReplicaCount: Int { links.inStepReplicaCount }
    /// The present history.
    var replicationID: String { stream.replicationID.text }
    /// Memory of the backlog.
    var backlogMemoryBytes: Int64 { Int64(stream.ring.capacity) }

    /// Begins replication once the data set is loaded: `position` is where the log or the dump
    /// ended, nil when nobody could go on from there.
    func startLinks(position: ReplicationPosition?) {
        linksHost.dataWereLoaded()
        links.start()
        if let upstream = upstreamAtStart {
            links.startFollowing(
                upstream.address.host, upstream.address.port, nodeID: upstream.nodeID,
                position: position)
        }
        updateGates()
    }

    /// Becomes the master, unless it is.
    func becomeMaster() {
        settings.upstream = nil
        rememberUpstream(nil)
        if links.promote() { log.notice("MASTER MODE enabled") }
    }

    /// Follows `upstream`; `nodeID` must answer there if it is given. False when it does already.
    @discardableResult
    func follow(_ upstream: UpstreamAddress, nodeID: String?) -> Bool {
        settings.upstream = upstream
        rememberUpstream(FollowedUpstream(address: upstream, nodeID: nodeID))
        guard links.follow(upstream.host, upstream.port, nodeID: nodeID) else { return false }
        log.notice("REPLICAOF \(upstream.host):\(upstream.port) enabled")
        return true
    }

    /// An order changed the durable identity.
    func identityChanged() { links.identityChanged() }

    // MARK: The turn

    /// Puts what the engine has produced into the log.
    func settleStream() {
        // Without an effect since the last cut (PING alone) what was selected before still is.
        let database = engine.streamDatabase < 0 ? stream.database : engine.streamDatabase
        engine.drainStream { stream.append($0, database: database) }
    }

    /// Ends a client's wait for acknowledgements with the reply that `write` makes.
    func endWait(of id: Int64, _ write: (inout ReplyWriter) -> Void) {
        guard let session = clients.session(id: id) else { return }
        session.client.blocked = nil
        write(&session.client.output)
        session.requestFlush()
        session.resume()
    }

    // MARK: Facts

    /// INFO's section `replication`.
    func writeReplicationSection(to text: inout InfoText) {
        text.section("Replication")
        links.writeInformation(to: &text, settings: settings)
        text.field("replicas_waiting_psync", 0)
    }

    /// INFO's counters of synchronisations.
    func writeSynchronizationFields(to text: inout InfoText) {
        text.field("sync_full", links.counters.fullSyncs)
        text.field("sync_partial_ok", links.counters.partialSyncs)
        text.field("sync_partial_err", links.counters.refusedPartialSyncs)
        text.field("sync_full_received", statistics.fullSyncsReceived)
    }
}
