// /v1/clusters: what an operator wants of a cluster, and what is known about it.

import APIContract
import ControlModel
import HTTPWire

enum ClusterRoutes {
    private static let changed = JSONSchema.anyOf([
        .reference("Cluster"), .reference("PlanAnswer"),
    ])

    static let table: [Route<AdminHandler>] = [
        Route(
            method: .get, path: "/v1/clusters", operation: "listClusters", scope: .view,
            tag: "clusters",
            parameters: [Parameters.limit, Parameters.cursor, Parameters.observed],
            replies: [.json(.ok, "A page.", .reference("ClusterList"), fields: [Parameters.link])],
            summary: "Lists the clusters.", handler: list),
        Route(
            method: .post, path: "/v1/clusters", operation: "createCluster", scope: .administer,
            tag: "clusters",
            parameters: [Parameters.dryRun, Parameters.wait, Parameters.idempotencyKey],
            request: .reference("ClusterSpec"),
            replies: [
                .json(
                    .created, "Created; the tree is being wired.", .reference("Cluster"),
                    fields: [Parameters.location, Parameters.entityTag]),
                .json(.ok, "What a dry run would do.", .reference("PlanAnswer")),
            ], summary: "Registers nodes and the wanted tree.", handler: create),
        Route(
            method: .get, path: "/v1/clusters/{c}", operation: "getCluster", scope: .view,
            tag: "clusters", parameters: [Parameters.observed],
            replies: [
                .json(.ok, "The cluster.", .reference("Cluster"), fields: [Parameters.entityTag])
            ], summary: "Reads spec and state of a cluster.", handler: get),
        Route(
            method: .put, path: "/v1/clusters/{c}", operation: "putCluster", scope: .administer,
            tag: "clusters",
            parameters: [
                Parameters.dryRun, Parameters.wait, Parameters.ifMatch, Parameters.ifNoneMatch,
            ], request: .reference("ClusterReplacement"),
            replies: [
                .json(
                    .ok, "Replaced, or what a dry run would do.", changed,
                    fields: [Parameters.entityTag]),
                .json(
                    .created, "Created.", .reference("Cluster"),
                    fields: [Parameters.location, Parameters.entityTag]), Replies.started,
            ], summary: "Replaces the spec, or creates the cluster with If-None-Match: *.",
            handler: put),
        Route(
            method: .delete, path: "/v1/clusters/{c}", operation: "deleteCluster",
            scope: .administer, tag: "clusters",
            parameters: [Parameters.dryRun, Parameters.wait, Parameters.ifMatch],
            replies: [
                .json(.ok, "What a dry run would do.", .reference("PlanAnswer")),
                RouteReply(.noContent, "Taken out; the nodes keep their data."), Replies.started,
            ], summary: "Takes a cluster out; its nodes forget their identity.", handler: delete),
        Route(
            method: .get, path: "/v1/clusters/{c}/analysis", operation: "analyseCluster",
            scope: .view, tag: "clusters",
            replies: [.json(.ok, "The findings.", .reference("Analysis"))],
            summary: "Says what is wrong, and why an action is or is not taken.",
            handler: analyse),
        Route(
            method: .get, path: "/v1/export", operation: "exportClusters", scope: .view,
            tag: "clusters", replies: [.json(.ok, "All specs.", .reference("Export"))],
            summary: "Gives all specs as one document.", handler: export),
    ]

    /// The cluster without the health reports, unless they are asked for.
    static func view(_ cluster: ClusterState, for exchange: Exchange) -> ClusterState {
        if exchange.request.queryValue("observed") == "true" { return cluster }
        var slim = cluster
        for index in slim.nodes.indices { slim.nodes[index].health = nil }
        return slim
    }

    @Sendable private static func list(_ exchange: Exchange) {
        exchange.withState { snapshot in
            exchange.replyPage(
                snapshot.clusters, key: { $0.spec.name }, view: { view($0, for: exchange) })
        }
    }

    @Sendable private static func create(_ exchange: Exchange) {
        guard let spec = exchange.decoded(ClusterSpec.self) else { return }
        create(spec, exchange)
    }

    private static func create(_ spec: ClusterSpec, _ exchange: Exchange) {
        exchange.command(.createCluster(spec)) { answer in
            let fields = exchange.replayed(answer)
            guard let cluster = answer.cluster else {
                return exchange.fail(Problems.unavailable("its answer lacks the cluster"))
            }
            let location = ("Location", "/v1/clusters/\(spec.name)")
            guard let operation = answer.operation else {
                return reply(cluster, exchange, status: .created, fields: fields + [location])
            }
            exchange.follow(operation) { ended in
                if ended.hasEnded && ended.state != .succeeded {
                    let problem = Exchange.problem(of: ended)
                    return exchange.fail(problem, fields: exchange.location(ended))
                }
                replyAnew(
                    spec.name, before: cluster, exchange, status: .created,
                    fields: fields + [location])
            }
        }
    }

    private static func reply(
        _ cluster: ClusterState, _ exchange: Exchange, status: HTTPStatus = .ok,
        fields: [(String, String)] = []
    ) {
        exchange.reply(
            view(cluster, for: exchange), status: status,
            fields: fields + [Exchange.entityTag(cluster.generation)])
    }

    /// Answers with the cluster as it is after a wait; as it was if it has gone meanwhile.
    private static func replyAnew(
        _ name: String, before: ClusterState, _ exchange: Exchange, status: HTTPStatus,
        fields: [(String, String)]
    ) {
        exchange.withState { snapshot in
            let now = snapshot.clusters.first { $0.spec.name == name }
            reply(now ?? before, exchange, status: status, fields: fields)
        }
    }

    @Sendable private static func get(_ exchange: Exchange) {
        exchange.withCluster { reply($0, exchange) }
    }

    @Sendable private static func put(_ exchange: Exchange) {
        guard var document = exchange.body else { return exchange.fail(Problems.bodyRequired) }
        let name = exchange.parameter("c")
        if let given = document["name"]?.text, given != name {
            return exchange.fail(
                Problems.invalidBody([
                    Problem.Detail(pointer: "/name", detail: "must be \(name), as in the path")
                ]))
        }
        if document["name"] == nil, case .object(let members) = document {
            document = .object(members + [JSONValue.Member("name", .string(name))])
        }
        guard let spec = exchange.decoded(ClusterSpec.self, from: document) else { return }
        exchange.withState { snapshot in
            let current = snapshot.clusters.first { $0.spec.name == name }
            guard
                let condition = exchange.condition(
                    allowsCreation: true, current: current?.generation)
            else { return }
            if condition == .absent {
                if current != nil { return exchange.fail(Problems.alreadyExists) }
                return create(spec, exchange)
            }
            replace(spec, condition, exchange)
        }
    }

    private static func replace(_ spec: ClusterSpec, _ condition: Condition, _ exchange: Exchange) {
        let action = CommandAction.replaceCluster(
            spec, expectedGeneration: condition.expectedGeneration)
        exchange.command(action) { answer in
            guard let cluster = answer.cluster else {
                return exchange.fail(Problems.unavailable("its answer lacks the cluster"))
            }
            exchange.replyOperation(answer) { operation in
                guard let operation else { return reply(cluster, exchange) }
                replyAnew(
                    spec.name, before: cluster, exchange, status: .ok,
                    fields: exchange.location(operation))
            }
        }
    }

    @Sendable private static func delete(_ exchange: Exchange) {
        exchange.withCluster { cluster in
            guard let condition = exchange.condition(current: cluster.generation) else { return }
            let target = ClusterTarget(
                cluster: cluster.spec.name, expectedGeneration: condition.expectedGeneration)
            exchange.command(.deleteCluster(target)) { answer in
                exchange.replyOperation(answer) { _ in exchange.replyNothing() }
            }
        }
    }

    @Sendable private static func analyse(_ exchange: Exchange) {
        exchange.withCluster { cluster in
            exchange.reply(
                AnalysisView(
                    cluster: cluster.spec.name, converged: cluster.converged,
                    findings: cluster.findings))
        }
    }

    @Sendable private static func export(_ exchange: Exchange) {
        exchange.withState { snapshot in
            exchange.reply(ExportView(clusters: snapshot.clusters.map(\.spec)))
        }
    }
}
