// Renders a route table and its schemas as an OpenAPI 3.1 document.
//
// Order: info, servers, tags, paths in the order of the table, components. The order is fixed, so
// that the committed file changes only where the contract does.

import HTTPWire

/// What an OpenAPI document says besides its routes.
public struct OpenAPIInfo: Sendable {
    /// A group of operations.
    public struct Tag: Sendable {
        /// The name that routes use.
        public let name: String
        /// What it is about.
        public let summary: String

        /// A tag of the given name.
        public init(_ name: String, _ summary: String) {
            self.name = name
            self.summary = summary
        }
    }

    /// Title of the interface.
    public let title: String
    /// Version of the interface.
    public let version: String
    /// What it is for.
    public let summary: String
    /// The groups in order.
    public let tags: [Tag]
    /// What each path parameter is, by name.
    public let pathParameters: [String: JSONSchema]

    /// The parts of a document.
    public init(
        title: String, version: String, summary: String, tags: [Tag],
        pathParameters: [String: JSONSchema]
    ) {
        self.title = title
        self.version = version
        self.summary = summary
        self.tags = tags
        self.pathParameters = pathParameters
    }
}

/// Renders an OpenAPI document.
public struct OpenAPIDocument<Handler> {
    private let info: OpenAPIInfo
    private let routes: [Route<Handler>]
    private let catalogue: SchemaCatalogue

    /// A document of the given table. The catalogue must hold a schema named `Problem`.
    public init(info: OpenAPIInfo, routes: [Route<Handler>], catalogue: SchemaCatalogue) {
        precondition(catalogue.contains("Problem"), "problems need a schema")
        self.info = info
        self.routes = routes
        self.catalogue = catalogue
    }

    /// The document.
    public var rendered: JSONValue {
        .object(pairs: [
            "openapi": "3.1.0",
            "info": .object(pairs: [
                "title": .string(info.title), "version": .string(info.version),
                "description": .string(info.summary),
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ]),
            "servers": [["url": "/"]],
            "tags": .array(
                info.tags.map {
                    ["name": .string($0.name), "description": .string($0.summary)]
                }),
            "paths": paths,
            "components": .object(pairs: [
                "schemas": .object(
                    catalogue.components.map { .init($0.name, $0.schema.rendered) }),
                "responses": ["Problem": problem],
                "securitySchemes": [
                    "bearer": [
                        "type": "http", "scheme": "bearer",
                        "description": "A token of the role that the operation names.",
                    ]
                ],
            ]),
        ])
    }

    private var problem: JSONValue {
        [
            "description": "The request was refused or failed; `detail` says what to do next.",
            "content": [
                "application/problem+json": ["schema": JSONSchema.reference("Problem").rendered]
            ],
        ]
    }

    private var paths: JSONValue {
        var order: [String] = []
        var grouped: [String: [Route<Handler>]] = [:]
        for route in routes {
            if grouped[route.template.text] == nil { order.append(route.template.text) }
            grouped[route.template.text, default: []].append(route)
        }
        return .object(
            order.map { path in
                let rows = grouped[path] ?? []
                var members = rows.map { row in
                    JSONValue.Member(row.method.rawValue.lowercased(), operation(row))
                }
                if let names = rows.first?.template.parameterNames, !names.isEmpty {
                    members.insert(.init("parameters", .array(names.map(pathParameter))), at: 0)
                }
                return .init(path, .object(members))
            })
    }

    private func pathParameter(_ name: String) -> JSONValue {
        guard let schema = info.pathParameters[name] else {
            preconditionFailure("no schema for the path parameter \(name)")
        }
        return parameter(name, "path", schema.summary ?? name, isRequired: true, schema)
    }

    private func parameter(
        _ name: String, _ place: String, _ summary: String, isRequired: Bool, _ schema: JSONSchema
    ) -> JSONValue {
        var plain = schema
        plain.summary = nil
        return .object(pairs: [
            "name": .string(name), "in": .string(place), "description": .string(summary),
            "required": isRequired ? true : nil, "schema": plain.rendered,
        ])
    }

    private func operation(_ route: Route<Handler>) -> JSONValue {
        let parameters = route.parameters.map {
            parameter($0.name, $0.place.rawValue, $0.summary, isRequired: false, $0.schema)
        }
        let role: JSONValue? = route.scope == .open ? nil : .string(route.scope.role)
        return .object(pairs: [
            "operationId": .string(route.operation), "tags": [.string(route.tag)],
            "summary": .string(route.summary), "x-required-role": role,
            "security": route.scope == .open ? [] : [["bearer": []]],
            "parameters": parameters.isEmpty ? nil : .array(parameters),
            "requestBody": route.request.map { requestBody($0, route.requestIsRequired) },
            "responses": responses(route),
        ])
    }

    private func requestBody(_ schema: JSONSchema, _ isRequired: Bool) -> JSONValue {
        [
            "required": .bool(isRequired),
            "content": ["application/json": ["schema": schema.rendered]],
        ]
    }

    private func responses(_ route: Route<Handler>) -> JSONValue {
        var members = route.replies.map { reply in
            JSONValue.Member(
                String(reply.status.code),
                .object(pairs: [
                    "description": .string(reply.summary),
                    "headers": reply.fields.isEmpty
                        ? nil
                        : .object(
                            reply.fields.map {
                                .init(
                                    $0.name,
                                    [
                                        "description": .string($0.summary),
                                        "schema": ["type": "string"],
                                    ])
                            }),
                    "content": reply.contents.isEmpty
                        ? nil
                        : .object(
                            reply.contents.map {
                                .init($0.type, ["schema": $0.schema.rendered])
                            }),
                ]))
        }
        let reference: JSONValue = ["$ref": "#/components/responses/Problem"]
        members += problemStatuses(route).map { .init(String($0), reference) }
        members.append(.init("default", reference))
        return .object(members)
    }

    /// The problems that follow from the row itself; `default` stands for the rest.
    private func problemStatuses(_ route: Route<Handler>) -> [Int] {
        var statuses: Set<Int> = [400, 503]
        if !route.offeredTypes.isEmpty { statuses.insert(406) }
        if route.scope != .open { statuses.formUnion([401, 403, 429]) }
        if !route.template.parameterNames.isEmpty { statuses.insert(404) }
        if route.request != nil { statuses.formUnion([413, 415, 422]) }
        if !route.method.isSafe { statuses.insert(409) }
        let isConditional = route.parameters.contains { $0.name == "If-Match" }
        if isConditional { statuses.formUnion([412, 428]) }
        return statuses.subtracting(route.replies.map(\.status.code)).sorted()
    }
}
