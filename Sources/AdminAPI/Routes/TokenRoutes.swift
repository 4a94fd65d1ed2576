// /v1/tokens: who may ask. The coordinator keeps only the SHA-256 of a secret.
//
// A secret made under an Idempotency-Key is derived from the cluster secret, the token's identity
// and the key, so that the repeated request gets the same answer although no one has stored it.

import APIContract
import Bytes
import ControlModel
import HTTPWire
import Platform

enum TokenRoutes {
    static let table: [Route<AdminHandler>] = [
        Route(
            method: .get, path: "/v1/tokens", operation: "listTokens", scope: .administer,
            tag: "tokens", parameters: [Parameters.limit, Parameters.cursor],
            replies: [.json(.ok, "A page.", .reference("TokenList"), fields: [Parameters.link])],
            summary: "Lists the tokens, never their secrets.", handler: list),
        Route(
            method: .post, path: "/v1/tokens", operation: "createToken", scope: .administer,
            tag: "tokens", parameters: [Parameters.idempotencyKey],
            request: .reference("TokenOrder"),
            replies: [
                .json(
                    .created, "Made; the secret is shown this once.", .reference("NewToken"),
                    fields: [Parameters.location])
            ], summary: "Makes a token.", handler: create),
        Route(
            method: .get, path: "/v1/tokens/{t}", operation: "getToken", scope: .administer,
            tag: "tokens", replies: [.json(.ok, "The token.", .reference("Token"))],
            summary: "Reads a token.", handler: get),
        Route(
            method: .delete, path: "/v1/tokens/{t}", operation: "deleteToken", scope: .administer,
            tag: "tokens", replies: [RouteReply(.noContent, "It works no more.")],
            summary: "Deletes a token.", handler: delete),
    ]

    @Sendable private static func list(_ exchange: Exchange) {
        exchange.withState { snapshot in
            exchange.replyPage(snapshot.tokens, key: \.id, view: { TokenView($0) })
        }
    }

    @Sendable private static func get(_ exchange: Exchange) {
        let id = exchange.parameter("t")
        exchange.withState { snapshot in
            guard let token = snapshot.tokens.first(where: { $0.id == id }) else {
                return exchange.fail(Problem.notFound("the token \(id)"))
            }
            exchange.reply(TokenView(token))
        }
    }

    @Sendable private static func create(_ exchange: Exchange) {
        guard let order = exchange.decoded(TokenOrder.self) else { return }
        let id = "tok-" + Random.hexadecimal(byteCount: 8)
        let secret = secret(of: id, exchange) ?? Self.prefix + Random.hexadecimal(byteCount: 32)
        let now = Timestamp(milliseconds: Clock.wallMilliseconds())
        let record = TokenRecord(
            id: id, name: order.name, role: order.role,
            secretHash: SHA256.hexadecimal(Array(secret.utf8)), createdAt: now,
            createdBy: exchange.actor?.name ?? "unknown",
            expiresAt: order.expiresIn.map { now.adding(milliseconds: $0.milliseconds) })
        exchange.command(.createToken(record)) { answer in
            let stored = answer.token ?? record
            let shown = stored.id == id ? secret : Self.secret(of: stored.id, exchange)
            // The next request may come with this token: it must be known here by then.
            exchange.service.cache.fetch { _ in
                exchange.reply(
                    TokenView(stored, secret: shown), status: .created,
                    fields: [("Location", "/v1/tokens/\(stored.id)")]
                        + exchange.replayed(answer))
            }
        }
    }

    private static let prefix = "hw_"

    /// The secret of a token made under the request's Idempotency-Key; nil without a key.
    private static func secret(of id: String, _ exchange: Exchange) -> String? {
        guard let key = exchange.request.fields["idempotency-key"] else { return nil }
        let subject = ["token", id, exchange.actor?.name ?? "", key].joined(separator: "\n")
        let code = SHA256.authenticationCode(
            Array(subject.utf8), key: Array(exchange.service.settings.secret.utf8))
        return prefix + SHA256.text(code)
    }

    @Sendable private static func delete(_ exchange: Exchange) {
        exchange.command(.deleteToken(id: exchange.parameter("t"))) { _ in
            exchange.service.cache.fetch { _ in exchange.replyNothing() }
        }
    }
}
