// /v1/clusters/{c}/maintenance: automation of a cluster is paused.

import APIContract
import ControlModel
import HTTPWire

enum MaintenanceRoutes {
    static let table: [Route<AdminHandler>] = [
        Route(
            method: .get, path: "/v1/clusters/{c}/maintenance", operation: "getMaintenance",
            scope: .view, tag: "maintenance",
            replies: [.json(.ok, "Who paused it and why.", .reference("Maintenance"))],
            summary: "Reads who paused automation; 404 when nobody did.", handler: get),
        Route(
            method: .put, path: "/v1/clusters/{c}/maintenance", operation: "putMaintenance",
            scope: .operate, tag: "maintenance", parameters: [Parameters.dryRun],
            request: .reference("Maintenance"),
            replies: [
                .json(
                    .ok, "Paused, or what a dry run would do.",
                    .anyOf([.reference("Maintenance"), .reference("PlanAnswer")]))
            ], summary: "Pauses automation: no failover and no move without being asked.",
            handler: put),
        Route(
            method: .delete, path: "/v1/clusters/{c}/maintenance", operation: "deleteMaintenance",
            scope: .operate, tag: "maintenance", parameters: [Parameters.dryRun],
            replies: [
                .json(.ok, "What a dry run would do.", .reference("PlanAnswer")),
                RouteReply(.noContent, "Automation goes on."),
            ], summary: "Ends the pause.", handler: delete),
    ]

    @Sendable private static func get(_ exchange: Exchange) {
        exchange.withCluster { cluster in
            guard let maintenance = cluster.maintenance else {
                return exchange.fail(Problem.notFound("a maintenance of \(cluster.spec.name)"))
            }
            exchange.reply(maintenance)
        }
    }

    @Sendable private static func put(_ exchange: Exchange) {
        guard let maintenance = exchange.decoded(Maintenance.self) else { return }
        let action = CommandAction.setMaintenance(
            cluster: exchange.parameter("c"), maintenance)
        exchange.command(action) { _ in exchange.reply(maintenance) }
    }

    @Sendable private static func delete(_ exchange: Exchange) {
        exchange.withCluster { cluster in
            if cluster.maintenance == nil {
                return exchange.fail(Problem.notFound("a maintenance of \(cluster.spec.name)"))
            }
            exchange.command(.setMaintenance(cluster: cluster.spec.name, nil)) { _ in
                exchange.replyNothing()
            }
        }
    }
}
