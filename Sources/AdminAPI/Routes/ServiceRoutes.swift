// The service itself: liveness, readiness, metrics, version, contract, console.

import APIContract
import ControlModel
import HTTPWire

enum ServiceRoutes {
    static let table: [Route<AdminHandler>] = [
        Route(
            method: .get, path: "/livez", operation: "live", scope: .open, tag: "service",
            replies: [.json(.ok, "The process works.", .reference("Status")).also("text/plain")],
            summary: "Says that the process works.", handler: live),
        Route(
            method: .get, path: "/readyz", operation: "ready", scope: .open, tag: "service",
            replies: [
                .json(.ok, "Requests can be answered.", .reference("Status")).also("text/plain")
            ], summary: "Says whether the coordinator answers this service.", handler: ready),
        Route(
            method: .get, path: "/metrics", operation: "metrics", scope: .open, tag: "service",
            replies: [
                RouteReply(
                    .ok, "Prometheus text.",
                    contents: [.init(type: "text/plain", schema: .string)])
            ], summary: "Gives the metrics of this process.", handler: metrics),
        Route(
            method: .get, path: "/version", operation: "version", scope: .open, tag: "service",
            replies: [.json(.ok, "Program and version.", .reference("Version"))],
            summary: "Says which program answers.", handler: version),
        Route(
            method: .get, path: "/openapi.json", operation: "openAPIAsJSON", scope: .open,
            tag: "service", replies: [.json(.ok, "This contract.", .any)],
            summary: "Gives this contract as JSON.", handler: openAPIJSON),
        Route(
            method: .get, path: "/openapi.yaml", operation: "openAPIAsYAML", scope: .open,
            tag: "service",
            replies: [
                RouteReply(
                    .ok, "This contract.",
                    contents: [.init(type: "application/yaml", schema: .any)])
            ], summary: "Gives this contract as YAML.", handler: openAPIYAML),
        Route(
            method: .get, path: "/", operation: "console", scope: .open, tag: "service",
            replies: [
                RouteReply(
                    .ok, "The web console.", contents: [.init(type: "text/html", schema: .string)])
            ], summary: "Gives the web console.", handler: console),
    ]

    private static func say(_ status: String, _ exchange: Exchange) {
        if exchange.mediaType == "text/plain" { return exchange.reply(text: status + "\n") }
        exchange.reply(StatusView(status: status))
    }

    @Sendable private static func live(_ exchange: Exchange) { say("alive", exchange) }

    @Sendable private static func ready(_ exchange: Exchange) {
        if let problem = exchange.service.obstacle { return exchange.fail(problem) }
        say("ready", exchange)
    }

    @Sendable private static func metrics(_ exchange: Exchange) {
        exchange.reply(
            text: exchange.service.metricsText, type: "text/plain; version=0.0.4; charset=utf-8")
    }

    @Sendable private static func version(_ exchange: Exchange) {
        exchange.reply(
            VersionView(
                name: "headwater-admin", version: ServiceVersion.program, api: ServiceVersion.api))
    }

    @Sendable private static func openAPIJSON(_ exchange: Exchange) {
        exchange.reply(text: OpenAPI.document.jsonText + "\n", type: "application/json")
    }

    @Sendable private static func openAPIYAML(_ exchange: Exchange) {
        exchange.reply(text: OpenAPI.yaml, type: "application/yaml")
    }

    @Sendable private static func console(_ exchange: Exchange) {
        exchange.finish(Console.response)
    }
}
