// /route/{c}/…: where to connect to, for load balancers and scripts: 200 with the place, or 503.

import APIContract
import ControlModel
import HTTPWire

enum BalancerRoutes {
    private static let found = RouteReply.json(
        .ok, "Where to connect to.", .reference("RouteEndpoint")
    ).also("text/plain")

    static let table: [Route<AdminHandler>] = [
        Route(
            method: .get, path: "/route/{c}/master", operation: "routeMaster", scope: .view,
            tag: "routes", replies: [found], summary: "Finds the master.", handler: master),
        Route(
            method: .get, path: "/route/{c}/primary", operation: "routePrimary", scope: .view,
            tag: "routes", replies: [found], summary: "As master, under its other name.",
            handler: master),
        Route(
            method: .get, path: "/route/{c}/replica", operation: "routeReplica", scope: .view,
            tag: "routes",
            parameters: [
                .query("maxLag", .count, "Most bytes behind the master."), Parameters.labelSelector,
            ], replies: [found],
            summary: "Finds the connected replica that is least behind.", handler: replica),
        Route(
            method: .get, path: "/route/{c}/endpoints", operation: "routeEndpoints", scope: .view,
            tag: "routes", parameters: [Parameters.labelSelector],
            replies: [.json(.ok, "All nodes.", .reference("RouteEndpoints"))],
            summary: "Lists where to connect to.", handler: endpoints),
    ]

    private static func endpoint(_ node: NodeState, in cluster: ClusterState) -> RouteEndpoint {
        RouteEndpoint(
            node: node.spec.node, role: node.health?.role ?? .replica, address: node.spec.address,
            verdict: node.verdict, linkState: node.health?.linkState, lagBytes: node.lagBytes,
            labels: cluster.labels(of: node))
    }

    private static func reply(_ endpoint: RouteEndpoint, _ exchange: Exchange) {
        if exchange.mediaType == "text/plain" {
            return exchange.reply(text: endpoint.address.text + "\n")
        }
        exchange.reply(endpoint)
    }

    @Sendable private static func master(_ exchange: Exchange) {
        exchange.withCluster { cluster in
            let node = cluster.nodes.first { $0.spec.node == cluster.master }
            guard let node, node.verdict == .up || node.verdict == .suspect,
                node.health?.role == .master, node.health?.paused == false
            else {
                return exchange.fail(
                    Problems.noRouteTarget("\(cluster.spec.name) has no master that takes writes"))
            }
            reply(endpoint(node, in: cluster), exchange)
        }
    }

    @Sendable private static func replica(_ exchange: Exchange) {
        guard let selector = exchange.labelSelector() else { return }
        let lagMax = exchange.request.queryValue("maxLag").flatMap { Int64($0) } ?? .max
        exchange.withCluster { cluster in
            let candidates = cluster.nodes.filter { node in
                node.verdict == .up && node.health?.role == .replica
                    && node.health?.linkState == .connected
                    && (lagMax == .max || node.lagBytes.map { $0 <= lagMax } ?? false)
                    && selector.matches(cluster.labels(of: node))
            }
            let best = candidates.min { left, right in
                (left.lagBytes ?? .max, left.spec.node) < (right.lagBytes ?? .max, right.spec.node)
            }
            guard let best else {
                return exchange.fail(
                    Problems.noRouteTarget("no connected replica fits; relax maxLag or the labels"))
            }
            reply(endpoint(best, in: cluster), exchange)
        }
    }

    @Sendable private static func endpoints(_ exchange: Exchange) {
        guard let selector = exchange.labelSelector() else { return }
        exchange.withCluster { cluster in
            let nodes = cluster.nodes.filter { selector.matches(cluster.labels(of: $0)) }
            exchange.reply(
                RouteEndpoints(
                    cluster: cluster.spec.name, epoch: cluster.epoch,
                    endpoints: nodes.map { endpoint($0, in: cluster) }))
        }
    }
}
