// All rows of the service, and the parameters that several rows share.

import APIContract
import HTTPWire

/// The route table.
enum RouteTable {
    static let all: [Route<AdminHandler>] =
        ClusterRoutes.table + TopologyRoutes.table + NodeRoutes.table + ActionRoutes.table
        + MaintenanceRoutes.table + OperationRoutes.table + RecordRoutes.table + TokenRoutes.table
        + BalancerRoutes.table + ServiceRoutes.table

    static let router = Router(all)
}

/// Parameters that several rows share.
enum Parameters {
    static let dryRun = RouteParameter.query(
        "dryRun", .boolean, "Validate and plan only; answers 200 with the plan.")
    static let wait = RouteParameter.query(
        "wait", Schemas.duration,
        "Hold the answer until the operation has ended, at most this long (at most 5m).")
    static let limit = RouteParameter.query("limit", .integer(1...1_000), "Elements of a page.")
    static let cursor = RouteParameter.query(
        "cursor", .string(pattern: "([0-9a-f]{2}){1,256}"), "`nextCursor` of the page before.")
    private static let term = "(![^!=,]+|[^!=,]+(!?=[^,]*)?)"
    static let labelSelector = RouteParameter.query(
        "labelSelector", .string(pattern: "\(term)(,\(term))*", lengthMax: 512),
        "Terms such as `zone=a,tier!=cache,ssd,!spot`; all must hold.")
    static let observed = RouteParameter.query(
        "observed", .boolean, "Include the last health report of each node.")
    private static let tag = #"(W/)?"[!#-~]*""#
    static let ifMatch = RouteParameter.header(
        "If-Match", .string(pattern: #"\*|\#(tag)( ?, ?\#(tag))*"#, lengthMax: 256),
        "ETag that was read, or `*` for any version.")
    static let ifNoneMatch = RouteParameter.header(
        "If-None-Match", .choice(["*"]), "`*` to create only.")
    static let idempotencyKey = RouteParameter.header(
        "Idempotency-Key", .string(pattern: "[!-~]{1,255}"),
        "A repeat with the same key and body gets the stored answer for 24 hours.")

    static let entityTag = RouteField("ETag", "Generation of the resource, for If-Match.")
    static let location = RouteField("Location", "Where the result is read.")
    static let link = RouteField("Link", "The next page (RFC 8288).")
}

/// Replies that several rows share.
enum Replies {
    static let started = RouteReply.json(
        .accepted, "An operation runs; its problem is answered if it fails while waited for.",
        .reference("Operation"), fields: [Parameters.location])

    /// The operation that was waited for, or the plan of a dry run.
    static let ended = RouteReply.json(
        .ok, "The operation has succeeded, or what a dry run would do.",
        .anyOf([.reference("Operation"), .reference("PlanAnswer")]),
        fields: [Parameters.location])
}
