// /v1/clusters/{c}/topology: the tree as it is wanted and as it is.

import APIContract
import ControlModel
import HTTPWire

enum TopologyRoutes {
    static let table: [Route<AdminHandler>] = [
        Route(
            method: .get, path: "/v1/clusters/{c}/topology", operation: "getTopology", scope: .view,
            tag: "topology",
            replies: [
                .json(
                    .ok, "Desired and observed tree; as text, a drawing.", .reference("Topology"),
                    fields: [Parameters.entityTag]
                ).also("text/plain")
            ], summary: "Reads the tree; Accept: text/plain draws it.", handler: get),
        Route(
            method: .put, path: "/v1/clusters/{c}/topology", operation: "putTopology",
            scope: .operate, tag: "topology",
            parameters: [Parameters.dryRun, Parameters.wait, Parameters.ifMatch],
            request: .reference("TopologyTree"),
            replies: [
                .json(
                    .ok, "The tree stands as declared, or what a dry run would do.",
                    .anyOf([
                        .reference("Operation"), .reference("Topology"), .reference("PlanAnswer"),
                    ]), fields: [Parameters.entityTag]), Replies.started,
            ], summary: "Replaces the wanted tree and wires it.", handler: put),
    ]

    @Sendable private static func get(_ exchange: Exchange) {
        exchange.withCluster { cluster in
            if exchange.mediaType == "text/plain" {
                return exchange.reply(text: TopologyText.render(cluster))
            }
            exchange.reply(
                TopologyView(cluster), fields: [Exchange.entityTag(cluster.generation)])
        }
    }

    @Sendable private static func put(_ exchange: Exchange) {
        guard let tree = exchange.decoded(TopologySpec.self) else { return }
        exchange.withCluster { cluster in
            guard let condition = exchange.condition(current: cluster.generation) else { return }
            let action = CommandAction.applyTopology(
                cluster: cluster.spec.name, tree,
                expectedGeneration: condition.expectedGeneration)
            exchange.command(action, bodyPlace: "/topology") { answer in
                exchange.replyOperation(answer) { operation in
                    if let operation {
                        return exchange.reply(operation, fields: exchange.location(operation))
                    }
                    let now = answer.cluster ?? cluster
                    exchange.reply(
                        TopologyView(now), fields: [Exchange.entityTag(now.generation)])
                }
            }
        }
    }
}
