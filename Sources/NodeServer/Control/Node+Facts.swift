// What the engine publishes for the control port.

import Store
import Commands
import ControlModel
import ControlPort
import EventLoop

extension Node {
    /// How often facts are published when nothing happens, in milliseconds.
    static let factsMilliseconds: Int64 = 50

    /// Something that `/health` shows has changed: publishes at the end of the turn.
    func factsChanged() { hasNewFacts = true }

    /// Publishes the facts of now.
    func publishFacts() {
        hasNewFacts = false
        board.publish(NodeFacts(report: makeReport(), figures: makeFigures()))
    }

    /// The facts before the node has started.
    static func firstFacts(runID: String) -> NodeFacts {
        NodeFacts(
            report: HealthReport(
                nodeID: nil, clusterID: nil, bootID: runID, role: .master, epoch: 0,
                replicationID: "", offset: 0, backlogFirst: 0, backlogLast: 0, loading: true,
                loop: HealthReport.Heartbeat(ticks: 0, currentCommandAgeMilliseconds: 0),
                dataset: HealthReport.Dataset(keys: 0, lastSave: 0, persistence: "none"),
                clockMilliseconds: 0, usedMemory: 0),
            figures: NodeFigures())
    }

    private func makeReport() -> HealthReport {
        let saves = snapshots.statistics
        let persistence =
            settings.appendOnly ? "aof" : settings.savePoints.isEmpty ? "none" : "rdb"
        var report = HealthReport(
            nodeID: effectiveNodeID, clusterID: effectiveClusterID, bootID: runID,
            role: .master, epoch: identity.epoch, replicationID: replicationID,
            offset: engine.streamOffset, backlogFirst: 0, backlogLast: 0,
            loading: engine.isLoading,
            loop: HealthReport.Heartbeat(ticks: 0, currentCommandAgeMilliseconds: 0),
            dataset: HealthReport.Dataset(
                keys: Int64(keyspace.count), lastSave: saves.lastSaveSeconds,
                persistence: persistence, startedEmpty: linksHost.startedEmpty ? true : nil),
            clockMilliseconds: loop.nowMilliseconds, usedMemory: Int64(keyspace.usedBytes),
            paused: pauses.mode != .none)
        links.fill(&report)
        return report
    }

    private func makeFigures() -> NodeFigures {
        typealias Figure = NodeFigures.Figure
        let counters = engine.counters
        func total(_ name: String, _ help: String, _ value: Int64) -> Figure {
            Figure(name, help, isTotal: true, Double(value))
        }
        return NodeFigures([
            Figure(
                "connected_clients", "Client connections.", isTotal: false, Double(clients.count)),
            total("connections_total", "Connections accepted.", statistics.connectionsReceived),
            total(
                "rejected_connections_total", "Connections refused.",
                statistics.connectionsRejected),
            total("commands_total", "Commands run.", counters.commands),
            total("error_replies_total", "Error replies.", counters.errors),
            total("keyspace_hits_total", "Reads that found their key.", counters.hits),
            total("keyspace_misses_total", "Reads that did not.", counters.misses),
            total("expired_keys_total", "Keys whose time was over.", counters.expiredKeys),
            total("input_bytes_total", "Bytes received from clients.", statistics.inputBytes),
            total("output_bytes_total", "Bytes sent to clients.", statistics.outputBytes),
            Figure(
                "loop_turn_seconds_max", "Longest turn of the engine's loop.", isTotal: false,
                Double(statistics.turnMicrosecondsMax) / 1_000_000),
            Figure(
                "uptime_seconds", "Time since the start.", isTotal: false,
                Double(wallMilliseconds - startedAtMilliseconds) / 1_000),
        ])
    }
}
