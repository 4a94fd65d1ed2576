// What INFO, ROLE and the health report say about replication. The old words (master, slave) are
// protocol: clients and Sentinel match them.

import Bytes
import ControlModel
import EventLoop
import Log
import RESP
import Replication

extension ReplicationLinks {
    /// The fields of INFO's section `replication`.
    func writeInformation(to text: inout InfoText, settings: NodeSettings) {
        let history = host.history
        text.field("role", isReplica ? "slave" : "master")
        if let upstream { writeUpstream(upstream.link, to: &text, settings: settings) }
        let replicas = replicas
        text.field("connected_slaves", replicas.count)
        if settings.replicasToWriteMin > 0 {
            text.field("min_slaves_good_slaves", goodReplicaCount)
        }
        let now = host.loop.nowMilliseconds
        for (index, session) in replicas.enumerated() {
            let link = session.link
            let lag = link.isOnline ? max(0, (now - link.acknowledgedAt) / 1000) : 0
            text.field(
                named: "slave\(index)",
                "ip=\(session.shownHost),port=\(link.options.listeningPort),"
                    + "state=\(link.stateText),offset=\(link.acknowledgedOffset),lag=\(lag)")
        }
        text.field("master_failover_state", "\(failover.stateText)")
        text.field("master_replid", history.id.text)
        text.field("master_replid2", history.secondID.text)
        text.field("master_repl_offset", history.offset)
        text.field("second_repl_offset", history.secondOffset)
        text.field("repl_backlog_active", flag: history.firstOffset != nil)
        text.field("repl_backlog_size", settings.backlogBytes)
        text.field("repl_backlog_first_byte_offset", history.firstOffset ?? 0)
        let first = history.firstOffset ?? history.offset + 1
        text.field("repl_backlog_histlen", max(0, history.offset - first + 1))
    }

    private func writeUpstream(
        _ link: UpstreamLink, to text: inout InfoText, settings: NodeSettings
    ) {
        let now = host.loop.nowMilliseconds
        text.field("master_host", link.settings.host)
        text.field("master_port", link.settings.port)
        text.field("master_link_status", link.isOnline ? "up" : "down")
        let silence = link.isConnected ? max(0, (now - link.receivedAt) / 1000) : -1
        text.field("master_last_io_seconds_ago", silence)
        text.field("master_sync_in_progress", flag: link.isSyncing)
        text.field("slave_read_repl_offset", host.history.offset)
        text.field("slave_repl_offset", host.history.offset)
        if link.isSyncing {
            let length = link.snapshotLength ?? 0
            text.field("master_sync_total_bytes", length)
            text.field("master_sync_read_bytes", link.snapshotBytes)
            text.field("master_sync_left_bytes", max(0, length - link.snapshotBytes))
            let share = length > 0 ? Double(link.snapshotBytes) * 100 / Double(length) : 0
            text.field("master_sync_perc", share, decimals: 2)
            text.field("master_sync_last_io_seconds_ago", silence)
        }
        if let since = link.downSince {
            text.field("master_link_down_since_seconds", max(0, (now - since) / 1000))
        }
        if let refusal = link.refusal {
            text.field("master_link_refusal", refusal.text)
        }
        text.field("slave_priority", settings.replicaPriority)
        text.field("slave_read_only", flag: settings.replicaIsReadOnly)
        text.field("replica_announced", flag: settings.replicaIsAnnounced)
    }

    /// The reply of ROLE.
    func writeRole(to output: inout ReplyWriter) {
        guard let upstream else {
            output.arrayHeader(3)
            output.bulk("master")
            output.integer(host.history.offset)
            let online = replicas.filter { $0.link.isOnline }
            output.arrayHeader(online.count)
            for session in online {
                output.arrayHeader(3)
                output.bulk(text: session.shownHost)
                output.bulk(text: "\(session.link.options.listeningPort)")
                output.bulk(text: "\(session.link.acknowledgedOffset)")
            }
            return
        }
        let link = upstream.link
        output.arrayHeader(5)
        output.bulk("slave")
        output.bulk(text: link.settings.host)
        output.integer(link.settings.port)
        output.bulk(link.stateText)
        output.integer(link.isOnline ? host.history.offset : -1)
    }

    /// Fills in what the health report says about links.
    func fill(_ report: inout HealthReport) {
        let now = host.loop.nowMilliseconds
        let history = host.history
        report.role = isReplica ? .replica : .master
        report.replicationID = history.id.text
        report.secondReplicationID = history.secondID == .none ? nil : history.secondID.text
        // What the log lacks cannot be served, and would be lost with the process.
        report.offset = min(history.offset, host.committedOffset)
        report.backlogFirst = history.firstOffset ?? 0
        report.backlogLast = history.firstOffset == nil ? 0 : report.offset
        report.replicas = replicas.map { session in
            HealthReport.Replica(
                nodeID: session.link.options.identity?.nodeID, address: session.shownHost,
                port: session.link.options.listeningPort,
                ackedOffset: session.link.acknowledgedOffset,
                lastAckAgeMilliseconds: max(0, now - session.link.acknowledgedAt),
                state: "\(session.link.stateText)")
        }
        guard let link = upstream?.link else {
            report.upstream = nil
            report.linkState = .none
            report.lastByteAgeMilliseconds = -1
            report.syncing = false
            return
        }
        report.upstream = HealthReport.Upstream(
            nodeID: link.peer?.nodeID, host: link.settings.host, port: link.settings.port)
        report.syncing = link.isSyncing
        report.lastByteAgeMilliseconds = max(0, now - link.receivedAt)
        report.linkState =
            switch link.state {
            case .idle, .waiting, .connecting: .connecting
            case .greeting, .announcing, .requesting: .handshake
            case .awaitingSnapshot, .receivingSnapshot, .loading: .syncing
            case .online: .connected
            }
    }
}
