// Actions on a cluster: planned and forced change of the master.

import APIContract
import ControlModel
import HTTPWire

enum ActionRoutes {
    private static let parameters = [
        Parameters.dryRun, Parameters.wait, Parameters.idempotencyKey,
    ]

    static let table: [Route<AdminHandler>] = [
        Route(
            method: .post, path: "/v1/clusters/{c}/switchovers", operation: "startSwitchover",
            scope: .operate, tag: "actions", parameters: parameters,
            request: .reference("SwitchoverOrder"), requestIsRequired: false,
            replies: [Replies.started, Replies.ended],
            summary: "Changes the master without losing a write.", handler: switchOver),
        Route(
            method: .post, path: "/v1/clusters/{c}/failovers", operation: "startFailover",
            scope: .operate, tag: "actions", parameters: parameters,
            request: .reference("FailoverOrder"), requestIsRequired: false,
            replies: [Replies.started, Replies.ended],
            summary: "Promotes a replica although the master does not take part.",
            handler: failOver),
    ]

    @Sendable private static func switchOver(_ exchange: Exchange) {
        guard let order = exchange.decoded(SwitchoverOrder.self) else { return }
        let request = SwitchoverRequest(
            cluster: exchange.parameter("c"), target: order.target, maxPause: order.maxPause,
            reason: order.reason)
        start(.switchover(request), exchange)
    }

    @Sendable private static func failOver(_ exchange: Exchange) {
        guard let order = exchange.decoded(FailoverOrder.self) else { return }
        let acceptsLoss = order.acceptDataLoss ?? false
        // Giving acknowledged writes up is more than moving roles.
        if acceptsLoss, let actor = exchange.actor, !actor.may(.administer) {
            return exchange.fail(
                Problems.forbidden(
                    needs: "\(Scope.administer.role) (acceptDataLoss)", has: actor.role.rawValue))
        }
        let request = FailoverRequest(
            cluster: exchange.parameter("c"), target: order.target, acceptDataLoss: acceptsLoss,
            reason: order.reason)
        start(.failover(request), exchange)
    }

    private static func start(_ action: CommandAction, _ exchange: Exchange) {
        exchange.command(action) { answer in
            exchange.replyOperation(answer) { operation in
                guard let operation else {
                    return exchange.fail(Problems.unavailable("its answer lacks the operation"))
                }
                exchange.reply(
                    operation, fields: exchange.location(operation) + exchange.replayed(answer))
            }
        }
    }
}
