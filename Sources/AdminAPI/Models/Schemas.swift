// The catalogue of schemas: requests first, then what is answered. Request objects refuse fields
// that they do not name.

import APIContract
import ControlModel

/// All schemas of the contract.
enum Schemas {
    static let catalogue = SchemaCatalogue(
        foundations + specs + orders + clusters + actions + health + records + services)

    static let name = JSONSchema.string(pattern: "[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
        .example("demo")
    static let identity = JSONSchema.string(pattern: "[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
        .example("n1")
    static let duration = JSONSchema.string(pattern: #"[0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h|d)"#)
        .described("A length of time: a number and a unit.").example("30s")
    /// 1 to 65535.
    private static let port =
        "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
    static let endpoint = JSONSchema.string(
        pattern: #"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9][A-Za-z0-9._-]{0,252}):"# + port
    ).described("A host and a port.").example("127.0.0.1:7001")
    static let text = JSONSchema.string(lengthMax: 1_000)
    static let label = JSONSchema.map(of: .string(lengthMax: 256))
    static let promotion = JSONSchema.choice(PromotionRule.allCases.map(\.rawValue))

    /// A list of one kind with the position of the next page.
    static func list(_ element: String) -> JSONSchema {
        .object([
            .required("items", .array(of: .reference(element))),
            .optional(
                "nextCursor", JSONSchema.string.described("Position of the next page, if any.")),
        ])
    }

    private static let foundations: [SchemaCatalogue.Component] = [
        .init(
            "Problem",
            JSONSchema.object([
                .required("type", .string), .required("title", .string),
                .required("status", .integer(400...599)),
                .required("detail", JSONSchema.string.described("What happened and what to do.")),
                .optional("instance", .string),
                .required("code", JSONSchema.string.described("Stable code for scripts.")),
                .optional(
                    "errors",
                    .array(
                        of: .object([
                            .required(
                                "pointer", JSONSchema.string.described("JSON Pointer (RFC 6901).")),
                            .required("detail", .string),
                        ]))),
                .required(
                    "retryable",
                    JSONSchema.boolean.described("Whether the same request may succeed later.")),
            ]).described("An error (RFC 9457)."))
    ]

    private static let specs: [SchemaCatalogue.Component] = [
        .init(
            "TopologyTree",
            JSONSchema.object([
                .required("node", identity), .optional("labels", label),
                .optional("promotion", promotion),
                .optional("replicas", .array(of: .reference("TopologyTree"), countMax: 1_000)),
            ]).described("A node with what replicates from it; the root is the master.")
                .example(["node": "n1", "replicas": [["node": "n2"], ["node": "n3"]]])),
        .init("NodeSpec", JSONSchema.object(nodeProperties(isPatch: false))),
        .init(
            "NodePatch",
            JSONSchema.object(nodeProperties(isPatch: true))
                .described("A merge patch (RFC 7396) of the registration.")),
        .init(
            "Policy",
            JSONSchema.object([
                .optional(
                    "detection",
                    .object([
                        .optional("probeInterval", duration), .optional("deadline", duration),
                        .optional("busyTolerance", duration), .optional("startupGrace", duration),
                    ])), .optional("lease", duration),
                .optional(
                    "failover",
                    .object([
                        .optional("automatic", .boolean), .optional("maxLagBytes", .count),
                        .optional("budgetPerHour", .integer(0...1_000)),
                    ])),
                .optional(
                    "reparent",
                    .object([
                        .optional(
                            "order",
                            .array(
                                of: .choice(
                                    ClusterPolicy.ReparentChoice.allCases.map(\.rawValue)),
                                countMax: 3)),
                        .optional("maxFanOut", .integer(1...1_000)),
                    ])),
                .optional(
                    "afterFailover",
                    .choice(ClusterPolicy.AfterFailover.allCases.map(\.rawValue))),
            ]).described("How the cluster is watched and repaired; each field has a default.")),
        .init("ClusterSpec", JSONSchema.object([.required("name", name)] + clusterProperties)),
        .init(
            "ClusterReplacement",
            JSONSchema.object([.optional("name", name)] + clusterProperties)
                .described("As ClusterSpec; the name is that of the path.")),
        .init(
            "Maintenance",
            .object([
                .required("owner", .string(lengthMax: 256)), .required("reason", text),
                .optional("until", .dateTime),
            ])),
    ]

    private static let clusterProperties: [JSONSchema.Property] = [
        .optional("clusterID", .string(lengthMax: 64)),
        .optional("durability", .choice(Durability.allCases.map(\.rawValue))),
        .optional("policy", .reference("Policy")),
        .optional("nodes", .array(of: .reference("NodeSpec"), countMax: 1_000)),
        .optional("topology", .reference("TopologyTree")),
    ]

    private static func nodeProperties(isPatch: Bool) -> [JSONSchema.Property] {
        func field(_ name: String, _ schema: JSONSchema, isRequired: Bool) -> JSONSchema.Property {
            if isPatch { return .optional(name, isRequired ? schema : schema.orNull) }
            return isRequired ? .required(name, schema) : .optional(name, schema)
        }
        return (isPatch ? [] : [.required("node", identity)]) + [
            field(
                "address", endpoint.described("Data port as nodes and clients reach it."),
                isRequired: true),
            field(
                "control", endpoint.described("Control port as the coordinator reaches it."),
                isRequired: true),
            field("addresses", .map(of: isPatch ? endpoint.orNull : endpoint), isRequired: false),
            field(
                "labels", isPatch ? .map(of: JSONSchema.string(lengthMax: 256).orNull) : label,
                isRequired: false), field("promotion", promotion, isRequired: false),
            field("maintenanceUntil", .dateTime, isRequired: false),
        ]
    }

    private static let orders: [SchemaCatalogue.Component] = [
        .init(
            "SwitchoverOrder",
            .object([
                .optional("target", identity.described("Node to promote; the best if absent.")),
                .optional("maxPause", duration.described("Longest pause of writes.")),
                .optional("reason", text),
            ])),
        .init(
            "FailoverOrder",
            .object([
                .optional("target", identity),
                .optional(
                    "acceptDataLoss",
                    JSONSchema.boolean.described("Acknowledged writes may be lost.")),
                .optional("reason", text),
            ])),
        .init(
            "TokenOrder",
            .object([
                .required("name", JSONSchema.string(pattern: "[A-Za-z0-9_][A-Za-z0-9_. @-]{0,63}")),
                .required("role", .choice(AccessRole.allCases.map(\.rawValue))),
                .optional(
                    "expiresIn", duration.described("How long it works; for ever if absent.")),
            ])),
    ]
}
