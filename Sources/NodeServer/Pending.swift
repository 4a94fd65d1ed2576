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
    var hasFailedToSave: Bool { false }
    func saveForShutdown(_ options: ShutdownOptions) -> Bool { true }
    func openData() throws(StartFailure) {
        startLinks(position: nil)
        log.notice("Ready to accept connections tcp")
    }
    func checkPersistence() {}
    func writePersistenceSection(to text: inout InfoText) { text.section("Persistence") }
    func makeReport() -> HealthReport {
        var report = HealthReport(
            nodeID: effectiveNodeID, clusterID: effectiveClusterID, bootID: runID, role: .master,
            epoch: identity.epoch, replicationID: replicationID, offset: engine.streamOffset,
            backlogFirst: 0, backlogLast: 0,
            loop: HealthReport.Heartbeat(ticks: 0, currentCommandAgeMilliseconds: 0),
            dataset: HealthReport.Dataset(
                keys: Int64(keyspace.count), lastSave: 0, persistence: "none"),
            clockMilliseconds: loop.nowMilliseconds, usedMemory: Int64(keyspace.usedBytes))
        links.fill(&report)
        report.paused = engine.pause != .none
        return report
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
}
