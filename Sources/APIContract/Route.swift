// One endpoint = one row. Router, method and scope checks, request validation, metrics labels and
// the OpenAPI document are derived from it.

public import HTTPWire

/// What a caller must be allowed to do, weakest first.
public enum Scope: Int, Comparable, Sendable, CaseIterable {
    /// Nothing: the endpoint answers without a token.
    case open
    /// Read.
    case view
    /// Move roles and edges.
    case operate
    /// Change clusters and tokens.
    case administer

    /// The role a token needs.
    public var role: String {
        switch self {
        case .open: "none"
        case .view: "viewer"
        case .operate: "operator"
        case .administer: "admin"
        }
    }

    /// Orders by strength.
    public static func < (left: Scope, right: Scope) -> Bool { left.rawValue < right.rawValue }
}

/// A parameter outside the path.
public struct RouteParameter: Sendable {
    /// Where it stands.
    public enum Place: String, Sendable {
        /// In the query.
        case query
        /// In a header field.
        case header
    }

    /// Its name.
    public let name: String
    /// Where it stands.
    public let place: Place
    /// What its text must be; booleans and integers are read from their text.
    public let schema: JSONSchema
    /// What it does.
    public let summary: String

    /// A query parameter.
    public static func query(
        _ name: String, _ schema: JSONSchema, _ summary: String
    ) -> RouteParameter {
        RouteParameter(name: name, place: .query, schema: schema, summary: summary)
    }

    /// A header field.
    public static func header(
        _ name: String, _ schema: JSONSchema, _ summary: String
    ) -> RouteParameter {
        RouteParameter(name: name, place: .header, schema: schema, summary: summary)
    }
}

/// One reply of an endpoint.
public struct RouteReply: Sendable {
    /// A form of the content.
    public struct Content: Sendable {
        /// The media type.
        public let type: String
        /// What the content is.
        public let schema: JSONSchema

        /// A form of the given type.
        public init(type: String, schema: JSONSchema) {
            self.type = type
            self.schema = schema
        }
    }

    /// The status.
    public let status: HTTPStatus
    /// When it is given.
    public let summary: String
    /// The forms of its content, preferred first; none for an empty reply.
    public let contents: [Content]
    /// Header fields beyond the usual ones, with what they carry.
    public let fields: [RouteField]

    /// A reply of the given forms.
    public init(
        _ status: HTTPStatus, _ summary: String, contents: [Content] = [], fields: [RouteField] = []
    ) {
        self.status = status
        self.summary = summary
        self.contents = contents
        self.fields = fields
    }

    /// A reply with JSON content.
    public static func json(
        _ status: HTTPStatus, _ summary: String, _ schema: JSONSchema, fields: [RouteField] = []
    ) -> RouteReply {
        RouteReply(
            status, summary, contents: [Content(type: "application/json", schema: schema)],
            fields: fields)
    }

    /// The same reply with one more form of its content.
    public func also(_ type: String, _ schema: JSONSchema = .string) -> RouteReply {
        RouteReply(
            status, summary, contents: contents + [Content(type: type, schema: schema)],
            fields: fields)
    }
}

/// A header field of a reply.
public struct RouteField: Sendable {
    /// Its name.
    public let name: String
    /// What it carries.
    public let summary: String

    /// A field of the given name.
    public init(_ name: String, _ summary: String) {
        self.name = name
        self.summary = summary
    }
}

/// One endpoint.
public struct Route<Handler> {
    /// The method; HEAD is answered by the row of GET.
    public let method: HTTPMethod
    /// The path.
    public let template: RouteTemplate
    /// Name of the operation in the contract, unique.
    public let operation: String
    /// What the caller must be allowed to do.
    public let scope: Scope
    /// Group in the contract.
    public let tag: String
    /// Parameters outside the path.
    public let parameters: [RouteParameter]
    /// The content of the request; nil if it has none.
    public let request: JSONSchema?
    /// Whether the request must have content.
    public let requestIsRequired: Bool
    /// The replies besides problems.
    public let replies: [RouteReply]
    /// One line on what it does.
    public let summary: String
    /// What answers.
    public let handler: Handler

    /// A row of a route table.
    public init(
        method: HTTPMethod, path: String, operation: String, scope: Scope, tag: String,
        parameters: [RouteParameter] = [], request: JSONSchema? = nil,
        requestIsRequired: Bool = true, replies: [RouteReply], summary: String, handler: Handler
    ) {
        precondition(!replies.isEmpty, "an endpoint answers something")
        self.method = method
        template = RouteTemplate(path)
        self.operation = operation
        self.scope = scope
        self.tag = tag
        self.parameters = parameters
        self.request = request
        self.requestIsRequired = requestIsRequired
        self.replies = replies
        self.summary = summary
        self.handler = handler
    }

    /// The media types that the first reply offers, preferred first.
    public var offeredTypes: [String] { replies[0].contents.map(\.type) }

    /// The label of the endpoint in metrics: never a raw path, so their number is bounded.
    public var metricsLabel: String { template.text }
}

extension Route: Sendable where Handler: Sendable {}
