// Schemas of what is answered: clusters, operations, plans, records.

import APIContract
import ControlModel

extension Schemas {
    private static let lag = JSONSchema.count.described("Bytes behind the master.")
    private static let verdict = JSONSchema.choice([
        "unknown", "up", "loading", "busy", "suspect", "down", "foreign",
    ])
    private static let role = JSONSchema.choice(["master", "replica"])
    private static let linkState = JSONSchema.choice([
        "none", "connecting", "handshake", "syncing", "connected",
    ])

    private static let converged = JSONSchema.boolean.described(
        "Every node of the tree is up, in its place and connected.")

    static let clusters: [SchemaCatalogue.Component] = [
        .init(
            "Node",
            .object([
                .required("spec", .reference("NodeSpec")),
                .required("generation", JSONSchema.integer.described("Entity tag of the node.")),
                .required("verdict", verdict), .optional("reason", .string),
                .optional("lastSeen", .dateTime), .optional("intendedUpstream", .string),
                .optional("observedUpstream", .string), .optional("lagBytes", lag),
                .optional("health", .reference("HealthReport")),
            ])),
        .init(
            "ObservedTree",
            .object([
                .required("node", .string), .optional("role", role), .required("verdict", verdict),
                .optional("linkState", linkState), .optional("lagBytes", lag),
                .required("replicas", .array(of: .reference("ObservedTree"))),
            ])),
        .init(
            "Difference",
            .object([
                .required("node", .string), .optional("desiredUpstream", .string),
                .optional("observedUpstream", .string), .required("reason", .string),
            ])),
        .init(
            "Finding",
            .object([
                .required("code", .string),
                .required("severity", .choice(["info", "warning", "critical"])),
                .optional("node", .string), .required("detail", .string),
                .required("since", .dateTime), .optional("until", .dateTime),
            ])),
        .init(
            "Cluster",
            .object([
                .required("clusterID", .string), .required("spec", .reference("ClusterSpec")),
                .required("generation", JSONSchema.integer.described("Entity tag of the spec.")),
                .required("createdAt", .dateTime), .required("updatedAt", .dateTime),
                .required("epoch", .count), .optional("master", .string),
                .required("nodes", .array(of: .reference("Node"))),
                .required("observed", .array(of: .reference("ObservedTree"))),
                .required("differences", .array(of: .reference("Difference"))),
                .required("converged", converged),
                .required("findings", .array(of: .reference("Finding"))),
                .optional("maintenance", .reference("Maintenance")),
                .optional("operation", JSONSchema.string.described("What runs now.")),
            ])),
        .init(
            "Topology",
            .object([
                .required("cluster", .string), .required("generation", .integer),
                .required("epoch", .count), .optional("master", .string),
                .required("converged", converged),
                .optional("desired", .reference("TopologyTree")),
                .required("observed", .array(of: .reference("ObservedTree"))),
                .required("differences", .array(of: .reference("Difference"))),
                .optional("operation", .string),
            ])),
        .init("ClusterList", list("Cluster")), .init("NodeList", list("Node")),
    ]

    private static let warnings = JSONSchema.array(of: .string).described(
        "What to know about it, such as registered nodes that a tree leaves out.")

    static let actions: [SchemaCatalogue.Component] = [
        .init(
            "OperationStep",
            .object([
                .required("name", .string),
                .required(
                    "state", .choice(["pending", "running", "succeeded", "failed", "skipped"])),
                .optional("detail", .string), .optional("startedAt", .dateTime),
                .optional("endedAt", .dateTime),
            ])),
        .init(
            "Operation",
            .object([
                .required("id", .string),
                .required("kind", .choice(OperationKind.allCases.map(\.rawValue))),
                .required("cluster", .string),
                .required("state", .choice(OperationState.allCases.map(\.rawValue))),
                .required("steps", .array(of: .reference("OperationStep"))),
                .required("reason", .string), .required("requestedBy", .string),
                .optional("requestID", .string), .required("createdAt", .dateTime),
                .optional("endedAt", .dateTime), .optional("master", .string),
                .optional("epoch", .count), .optional("lostBytesMax", .count),
                .optional("writePauseMilliseconds", .count),
                .optional("problem", .reference("Problem")), .optional("rolledBack", .boolean),
                .optional("warnings", warnings),
            ])),
        .init("OperationList", list("Operation")),
        .init(
            "PlanAnswer",
            .object([
                .required(
                    "plan",
                    .object([
                        .optional("kind", .choice(OperationKind.allCases.map(\.rawValue))),
                        .required("steps", .array(of: .reference("OperationStep"))),
                        .required(
                            "edges",
                            .array(
                                of: .object([
                                    .required("node", .string), .optional("from", .string),
                                    .optional("to", .string),
                                    .required(
                                        "resync", .choice(["none", "partial", "full", "unknown"])),
                                ]))), .optional("master", .string),
                        .required(
                            "lostBytesMax",
                            JSONSchema.count.described("Bytes that could be lost, at most.")),
                        .required("warnings", warnings),
                    ]))
            ])),
    ]

    static let health: [SchemaCatalogue.Component] = [
        .init(
            "HealthReport",
            .object([
                .optional("nodeID", .string), .optional("clusterID", .string),
                .required("bootID", .string), .required("role", role), .required("epoch", .count),
                .optional("leaseRemainingMilliseconds", .integer),
                .required("replicationID", .string), .optional("secondReplicationID", .string),
                .required("offset", .integer), .required("backlogFirst", .integer),
                .required("backlogLast", .integer),
                .optional(
                    "upstream",
                    .object([
                        .optional("nodeID", .string), .required("host", .string),
                        .required("port", .integer),
                    ])), .required("linkState", linkState),
                .required("lastByteAgeMilliseconds", .integer),
                .required(
                    "replicas",
                    .array(
                        of: .object([
                            .optional("nodeID", .string), .required("address", .string),
                            .required("port", .integer), .required("ackedOffset", .integer),
                            .required("lastAckAgeMilliseconds", .integer),
                            .required("state", .string),
                        ]))), .required("loading", .boolean), .required("syncing", .boolean),
                .required(
                    "loop",
                    .object([
                        .required("ticks", .integer),
                        .required("currentCommandAgeMilliseconds", .integer),
                    ])),
                .required(
                    "dataset",
                    .object([
                        .required("keys", .integer), .required("lastSave", .integer),
                        .required("persistence", .string),
                    ])), .required("clockMilliseconds", .integer),
                .required("usedMemory", .integer), .required("paused", .boolean),
            ]).described("What a data node reports about itself."))
    ]

    static let records: [SchemaCatalogue.Component] = [
        .init(
            "Event",
            .object([
                .required("sequence", .integer), .required("time", .dateTime),
                .required("kind", JSONSchema.string.example("master.changed")),
                .optional("cluster", .string), .optional("node", .string),
                .optional("operation", .string), .optional("epoch", .integer),
                .required("detail", .string), .required("attributes", .map(of: .string)),
            ])),
        .init(
            "EventList",
            .object([
                .required("items", .array(of: .reference("Event"))),
                .required("oldestSequence", .integer), .required("latestSequence", .integer),
                .optional("nextCursor", .string),
            ])), .init("Token", .object(tokenProperties)),
        .init(
            "NewToken",
            .object(
                tokenProperties + [
                    .optional(
                        "secret", JSONSchema.string.described("The token itself; shown once."))
                ])), .init("TokenList", list("Token")),
        .init(
            "AuditRecord",
            .object([
                .required("sequence", .integer), .required("time", .dateTime),
                .required("actor", .string), .optional("source", .string),
                .required("requestID", .string), .required("action", .string),
                .optional("target", .string), .required("result", .string),
                .optional("operation", .string),
            ])), .init("AuditList", list("AuditRecord")),
    ]

    private static let tokenProperties: [JSONSchema.Property] = [
        .required("id", .string), .required("name", .string),
        .required("role", .choice(AccessRole.allCases.map(\.rawValue))),
        .required("createdAt", .dateTime), .required("createdBy", .string),
        .optional("expiresAt", .dateTime),
    ]

    static let services: [SchemaCatalogue.Component] = [
        .init(
            "Analysis",
            .object([
                .required("cluster", .string), .required("converged", converged),
                .required("findings", .array(of: .reference("Finding"))),
            ])),
        .init("Export", .object([.required("clusters", .array(of: .reference("ClusterSpec")))])),
        .init(
            "RouteEndpoint",
            .object([
                .required("node", .string), .required("role", role), .required("address", .string),
                .required("verdict", verdict), .optional("linkState", linkState),
                .optional("lagBytes", lag), .required("labels", .map(of: .string)),
            ])),
        .init(
            "RouteEndpoints",
            .object([
                .required("cluster", .string), .required("epoch", .count),
                .required("endpoints", .array(of: .reference("RouteEndpoint"))),
            ])), .init("Status", .object([.required("status", .string)])),
        .init(
            "Version",
            .object([
                .required("name", .string), .required("version", .string),
                .required("api", .string),
            ])),
    ]
}
