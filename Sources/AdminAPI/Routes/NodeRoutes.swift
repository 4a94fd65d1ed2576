// /v1/clusters/{c}/nodes: the registered nodes and their state.

import APIContract
import ControlModel
import HTTPWire

enum NodeRoutes {
    private static let stored = JSONSchema.anyOf([.reference("Node"), .reference("PlanAnswer")])

    static let table: [Route<AdminHandler>] = [
        Route(
            method: .get, path: "/v1/clusters/{c}/nodes", operation: "listNodes", scope: .view,
            tag: "nodes",
            parameters: [
                Parameters.limit, Parameters.cursor, Parameters.labelSelector, Parameters.observed,
            ], replies: [.json(.ok, "A page.", .reference("NodeList"), fields: [Parameters.link])],
            summary: "Lists the nodes of a cluster.", handler: list),
        Route(
            method: .post, path: "/v1/clusters/{c}/nodes", operation: "addNode",
            scope: .administer, tag: "nodes",
            parameters: [Parameters.dryRun, Parameters.idempotencyKey],
            request: .reference("NodeSpec"),
            replies: [
                .json(
                    .created, "Registered; the tree decides where it goes.", .reference("Node"),
                    fields: [Parameters.location, Parameters.entityTag]),
                .json(.ok, "What a dry run would do.", .reference("PlanAnswer")),
            ], summary: "Registers a node.", handler: add),
        Route(
            method: .get, path: "/v1/clusters/{c}/nodes/{n}", operation: "getNode", scope: .view,
            tag: "nodes", parameters: [Parameters.observed],
            replies: [.json(.ok, "The node.", .reference("Node"), fields: [Parameters.entityTag])],
            summary: "Reads a node.", handler: get),
        Route(
            method: .patch, path: "/v1/clusters/{c}/nodes/{n}", operation: "changeNode",
            scope: .operate, tag: "nodes", parameters: [Parameters.dryRun, Parameters.ifMatch],
            request: .reference("NodePatch"),
            replies: [
                .json(
                    .ok, "Changed, or what a dry run would do.", stored,
                    fields: [Parameters.entityTag])
            ], summary: "Changes addresses, labels, promotion rule or maintenance of a node.",
            handler: change),
        Route(
            method: .delete, path: "/v1/clusters/{c}/nodes/{n}", operation: "removeNode",
            scope: .administer, tag: "nodes",
            parameters: [Parameters.dryRun, Parameters.wait, Parameters.ifMatch],
            replies: [
                .json(.ok, "What a dry run would do.", .reference("PlanAnswer")),
                RouteReply(.noContent, "Taken out."), Replies.started,
            ], summary: "Takes a node out; refused while the tree names it.", handler: remove),
    ]

    private static func view(_ node: NodeState, for exchange: Exchange) -> NodeState {
        if exchange.request.queryValue("observed") == "true" { return node }
        var slim = node
        slim.health = nil
        return slim
    }

    private static func reply(
        _ node: NodeState, _ exchange: Exchange, status: HTTPStatus = .ok,
        fields: [(String, String)] = []
    ) {
        exchange.reply(
            view(node, for: exchange), status: status,
            fields: fields + [Exchange.entityTag(node.generation)])
    }

    @Sendable private static func list(_ exchange: Exchange) {
        guard let selector = exchange.labelSelector() else { return }
        exchange.withCluster { cluster in
            let nodes = cluster.nodes.filter { selector.matches(cluster.labels(of: $0)) }
            exchange.replyPage(
                nodes, key: { $0.spec.node }, view: { view($0, for: exchange) })
        }
    }

    @Sendable private static func add(_ exchange: Exchange) {
        guard let spec = exchange.decoded(NodeSpec.self) else { return }
        let cluster = exchange.parameter("c")
        exchange.command(.addNode(cluster: cluster, spec)) { answer in
            guard let node = answer.node else {
                return exchange.fail(Problems.unavailable("its answer lacks the node"))
            }
            let location = ("Location", "/v1/clusters/\(cluster)/nodes/\(spec.node)")
            reply(
                node, exchange, status: .created, fields: exchange.replayed(answer) + [location])
        }
    }

    @Sendable private static func get(_ exchange: Exchange) {
        exchange.withNode { _, node in reply(node, exchange) }
    }

    @Sendable private static func change(_ exchange: Exchange) {
        guard let patch = exchange.body else { return exchange.fail(Problems.bodyRequired) }
        exchange.withNode { cluster, node in
            guard let condition = exchange.condition(current: node.generation) else { return }
            let merged = MergePatch.apply(patch, to: JSONValue.of(node.spec))
            guard let spec = exchange.decoded(NodeSpec.self, from: merged) else { return }
            // The patch was merged into this version, whatever If-Match allowed.
            let expected =
                condition == .anyVersion ? node.generation : condition.expectedGeneration
            let action = CommandAction.updateNode(
                cluster: cluster.spec.name, spec, expectedGeneration: expected)
            exchange.command(action) { answer in
                guard let node = answer.node else {
                    return exchange.fail(Problems.unavailable("its answer lacks the node"))
                }
                reply(node, exchange)
            }
        }
    }

    @Sendable private static func remove(_ exchange: Exchange) {
        exchange.withNode { cluster, node in
            guard let condition = exchange.condition(current: node.generation) else { return }
            let action = CommandAction.removeNode(
                cluster: cluster.spec.name, node: node.spec.node,
                expectedGeneration: condition.expectedGeneration)
            exchange.command(action) { answer in
                exchange.replyOperation(answer) { _ in exchange.replyNothing() }
            }
        }
    }
}

extension Exchange {
    /// The selector of the query, one that takes everything if there is none; nil after a problem
    /// was answered.
    func labelSelector() -> LabelSelector? {
        guard let text = request.queryValue("labelSelector") else {
            return LabelSelector.everything
        }
        if let selector = LabelSelector(text) { return selector }
        fail(
            Problems.invalidParameter(
                "labelSelector", "is malformed; an example: zone=a,tier!=cache"))
        return nil
    }
}

extension ClusterState {
    /// Labels of a node: those of its registration under those that the tree gives it.
    func labels(of node: NodeState) -> [String: String] {
        let own = spec.topology?.flattened.first { $0.spec.node == node.spec.node }?.spec.labels
        return node.spec.labels.merging(own ?? [:]) { _, tree in tree }
    }
}
