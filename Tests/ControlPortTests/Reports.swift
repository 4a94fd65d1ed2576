// Reports to ask questions about.
import ControlModel

@testable import ControlPort

func masterReport(offset: Int64 = 1_000) -> HealthReport {
    HealthReport(
        nodeID: "n1", clusterID: "demo", bootID: "boot", role: .master, epoch: 3,
        replicationID: String(repeating: "a", count: 40), offset: offset, backlogFirst: 1,
        backlogLast: offset,
        replicas: [
            HealthReport.Replica(
                nodeID: "n2", address: "10.0.0.2", port: 7002, ackedOffset: 990,
                lastAckAgeMilliseconds: 20, state: "online")
        ],
        loop: HealthReport.Heartbeat(ticks: 0, currentCommandAgeMilliseconds: 0),
        dataset: HealthReport.Dataset(keys: 5, lastSave: 0, persistence: "aof"),
        clockMilliseconds: 500, usedMemory: 4096)
}

func replicaReport() -> HealthReport {
    var report = masterReport()
    report.role = .replica
    report.linkState = .connected
    report.lastByteAgeMilliseconds = 30
    report.replicas = []
    return report
}
