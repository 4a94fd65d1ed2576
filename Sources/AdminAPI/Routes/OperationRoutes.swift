// /v1/operations: long actions with their steps.

import APIContract
import ControlModel
import HTTPWire

enum OperationRoutes {
    static let table: [Route<AdminHandler>] = [
        Route(
            method: .get, path: "/v1/operations", operation: "listOperations", scope: .view,
            tag: "operations",
            parameters: [
                Parameters.limit, Parameters.cursor,
                .query("cluster", Schemas.name, "Only operations of this cluster."),
                .query(
                    "state", .choice(OperationState.allCases.map(\.rawValue)),
                    "Only operations in this state."),
            ],
            replies: [
                .json(.ok, "A page.", .reference("OperationList"), fields: [Parameters.link])
            ], summary: "Lists running and recent operations, newest first.", handler: list),
        Route(
            method: .get, path: "/v1/operations/{o}", operation: "getOperation", scope: .view,
            tag: "operations", parameters: [Parameters.wait],
            replies: [.json(.ok, "The operation.", .reference("Operation"))],
            summary: "Reads an operation, when it has ended with ?wait=.", handler: get),
        Route(
            method: .post, path: "/v1/operations/{o}/cancel", operation: "cancelOperation",
            scope: .operate, tag: "operations",
            parameters: [Parameters.dryRun, Parameters.idempotencyKey],
            replies: [
                .json(
                    .ok, "Given up, or what a dry run would do.",
                    .anyOf([.reference("Operation"), .reference("PlanAnswer")]))
            ], summary: "Gives a running operation up as far as that is safe.", handler: cancel),
    ]

    @Sendable private static func list(_ exchange: Exchange) {
        let cluster = exchange.request.queryValue("cluster")
        let state = exchange.request.queryValue("state")
        exchange.withState { snapshot in
            let operations = snapshot.operations.filter { operation in
                (cluster == nil || operation.cluster == cluster)
                    && (state == nil || operation.state.rawValue == state)
            }
            exchange.replyPage(operations, key: \.id, view: { $0 })
        }
    }

    @Sendable private static func get(_ exchange: Exchange) {
        read(exchange) { operation in
            exchange.follow(operation) { exchange.reply($0) }
        }
    }

    private static func read(_ exchange: Exchange, _ then: @escaping (Operation) -> Void) {
        let id = exchange.parameter("o")
        let path = "/internal/v1/operations/\(Exchange.encoded(id))?waitMilliseconds=0"
        exchange.service.client.get(Operation.self, path) { result in
            switch result {
            case .success(let operation): then(operation)
            case .failure(let problem) where problem.status == 404:
                exchange.fail(Problem.notFound("the operation \(id)"))
            case .failure(let problem): exchange.fail(problem)
            }
        }
    }

    @Sendable private static func cancel(_ exchange: Exchange) {
        let id = exchange.parameter("o")
        exchange.command(.cancelOperation(id: id)) { answer in
            let fields = exchange.replayed(answer)
            if let operation = answer.operation {
                return exchange.reply(operation, fields: fields)
            }
            read(exchange) { exchange.reply($0, fields: fields) }
        }
    }
}
