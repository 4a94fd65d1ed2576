// The contract of this service: `openapi/admin.yaml` is this document, committed.

import APIContract

/// Versions that are answered.
enum ServiceVersion {
    static let program = "0.1.0"
    static let api = "1.0.0"
}

/// The rendered contract.
enum OpenAPI {
    static let document = OpenAPIDocument(
        info: info, routes: RouteTable.all, catalogue: Schemas.catalogue
    ).rendered

    static let yaml = document.yamlText

    private static let info = OpenAPIInfo(
        title: "Headwater admin API", version: ServiceVersion.api,
        summary: "Declares, watches and repairs trees of replicas. Errors are problem documents "
            + "(RFC 9457). A change of a spec needs If-Match. A POST may carry an "
            + "Idempotency-Key. Long actions are operations; ?wait= holds the answer until they "
            + "have ended; ?dryRun=true answers with the plan.",
        tags: [
            .init("clusters", "What is wanted and what is known."),
            .init("topology", "The tree of replicas."), .init("nodes", "Registered data nodes."),
            .init("actions", "Changes of the master."),
            .init("maintenance", "Pauses of automation."), .init("operations", "Long actions."),
            .init("records", "Events and audit."), .init("tokens", "Who may ask."),
            .init("routes", "Where to connect to."), .init("service", "This process."),
        ],
        pathParameters: pathParameters)

    /// What each parameter of a path is, by name.
    static let pathParameters: [String: JSONSchema] = [
        "c": Schemas.name.described("Name of the cluster."),
        "n": Schemas.identity.described("Identity of the node."),
        "o": Schemas.identity.described("Identity of the operation.").example("op-1"),
        "t": Schemas.identity.described("Identity of the token.").example("tok-1"),
    ]
}
