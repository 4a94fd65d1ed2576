// What links, log and snapshots will answer, until they are wired in: each group moves to the file
// of its owner (Links, Durability), and this file goes.

import EventLoop
import Logging
import Store
import Bytes
import Commands
import ControlModel
import Platform
import RESP

extension Node {
    var isReplica: Bool { false }
    var hasCurrentData: Bool { true }
    var goodReplicaCount: Int { 0 }
    var hasFailedToSave: Bool { false }
    var replicaCount: Int { 0 }
    var laggingReplicaCount: Int { 0 }
    var replicationID: String { runID }
    var backlogMemoryBytes: Int64 { 0 }
    func becomeMaster() {}
    func follow(_ upstream: UpstreamAddress, nodeID: String?) {}
    func identityChanged() {}
    func saveForShutdown(_ options: ShutdownOptions) -> Bool { true }
    func openData() throws(StartFailure) {
        log.notice("Ready to accept connections tcp")
    }
    func checkPersistence() {}
    func writePersistenceSection(to text: inout InfoText) { text.section("Persistence") }
    func writeReplicationSection(to text: inout InfoText) { text.section("Replication") }
    func writeSynchronizationFields(to text: inout InfoText) {}
    func makeReport() -> HealthReport {
        HealthReport(
            nodeID: effectiveNodeID, clusterID: effectiveClusterID, bootID: runID, role: .master,
            epoch: identity.epoch, replicationID: replicationID, offset: engine.streamOffset,
            backlogFirst: 0, backlogLast: 0,
            loop: HealthReport.Heartbeat(ticks: 0, currentCommandAgeMilliseconds: 0),
            dataset: HealthReport.Dataset(
                keys: Int64(keyspace.count), lastSave: 0, persistence: "none"),
            clockMilliseconds: loop.nowMilliseconds, usedMemory: Int64(keyspace.usedBytes))
    }
    func writeEngineSection(_ name: String, to text: inout InfoText) {}
}

extension EngineHost {
    func saveSnapshot() throws(ReplyError) { throw ReplyError("ERR not yet") }
    func startBackgroundSave(scheduling: Bool) throws(ReplyError) -> String {
        throw ReplyError("ERR not yet")
    }
    func startLogRewrite() throws(ReplyError) -> String { throw ReplyError("ERR not yet") }
    func lastSaveSeconds() -> Int64 { 0 }
    func reloadSnapshot(saving: Bool, flushing: Bool) throws(ReplyError) {
        throw ReplyError("ERR not yet")
    }
    func reloadLog() throws(ReplyError) { throw ReplyError("ERR not yet") }
    func replicate(
        from target: (host: String, port: Int)?, client: ClientState
    ) throws(ReplyError) -> String { throw ReplyError("ERR not yet") }
    func writeRole(to client: ClientState) { client.output.arrayHeader(0) }
    func wait(client: ClientState, replicas: Int, timeoutMilliseconds: Int64) -> WaitOutcome {
        .done(localLogs: 0, replicas: 0)
    }
    func waitForLogs(
        client: ClientState, localLogs: Int, replicas: Int, timeoutMilliseconds: Int64
    ) throws(ReplyError) -> WaitOutcome { throw ReplyError("ERR not yet") }
    func replicationCommand(client: ClientState, arguments: Arguments) throws(ReplyError) {
        throw ReplyError("ERR not yet")
    }
    func failOver(_ request: Commands.FailoverRequest, client: ClientState) throws(ReplyError) {
        throw ReplyError("ERR not yet")
    }
    func unblock(_ client: ClientState, withError: Bool) -> Bool { false }
}
