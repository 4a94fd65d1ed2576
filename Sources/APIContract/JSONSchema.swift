// Schemas of requests and replies: the part of JSON Schema 2020-12 that the contracts use. One
// value is rendered into the OpenAPI document *and* checks what arrives, so that the document
// cannot promise what the server refuses.

/// A JSON schema.
public struct JSONSchema: Sendable {
    /// A named property of an object.
    public struct Property: Sendable {
        /// The name.
        public let name: String
        /// What its value must be.
        public let schema: JSONSchema
        /// Whether it must be present.
        public let isRequired: Bool

        /// A property that must be present.
        public static func required(_ name: String, _ schema: JSONSchema) -> Property {
            Property(name: name, schema: schema, isRequired: true)
        }

        /// A property that may be absent.
        public static func optional(_ name: String, _ schema: JSONSchema) -> Property {
            Property(name: name, schema: schema, isRequired: false)
        }
    }

    /// What is accepted.
    public indirect enum Shape: Sendable {
        /// Any value.
        case any
        /// `true` or `false`.
        case boolean
        /// An integer in the given bounds.
        case integer(minimum: Int64?, maximum: Int64?)
        /// Any number.
        case number
        /// Text. `pattern` must match all of it and is written without anchors; lengths count
        /// code points.
        case string(format: String?, pattern: String?, lengthMax: Int?)
        /// One of the given texts.
        case choice([String])
        /// An array.
        case array(JSONSchema, countMax: Int?)
        /// An object; members that are not named are refused unless `others` allows them.
        case object([Property], others: JSONSchema?)
        /// A component of the contract by its name.
        case reference(String)
        /// The schema, or `null`.
        case nullable(JSONSchema)
        /// Any of the schemas.
        case anyOf([JSONSchema])
    }

    /// What is accepted.
    public var shape: Shape
    /// What the value means.
    public var summary: String?
    /// A value that is accepted.
    public var example: JSONValue?

    /// A schema of the given shape.
    public init(_ shape: Shape, summary: String? = nil, example: JSONValue? = nil) {
        self.shape = shape
        self.summary = summary
        self.example = example
    }

    /// Any value.
    public static let any = JSONSchema(.any)
    /// `true` or `false`.
    public static let boolean = JSONSchema(.boolean)
    /// Any integer of 64 bits.
    public static let integer = JSONSchema(.integer(minimum: nil, maximum: nil))
    /// An integer from zero.
    public static let count = JSONSchema(.integer(minimum: 0, maximum: nil))
    /// Any number.
    public static let number = JSONSchema(.number)
    /// Any text.
    public static let string = JSONSchema(.string(format: nil, pattern: nil, lengthMax: nil))
    /// A moment in RFC 3339 in UTC.
    public static let dateTime = JSONSchema(
        .string(
            format: "date-time",
            pattern: "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
                + #"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?Z"#,
            lengthMax: nil), example: "2026-11-23T11:20:00.123Z")

    /// An integer in the given bounds.
    public static func integer(_ bounds: ClosedRange<Int64>) -> JSONSchema {
        JSONSchema(.integer(minimum: bounds.lowerBound, maximum: bounds.upperBound))
    }

    /// Text that matches `pattern` from end to end.
    public static func string(pattern: String, lengthMax: Int? = nil) -> JSONSchema {
        JSONSchema(.string(format: nil, pattern: pattern, lengthMax: lengthMax))
    }

    /// Text of at most `lengthMax` code points.
    public static func string(lengthMax: Int) -> JSONSchema {
        JSONSchema(.string(format: nil, pattern: nil, lengthMax: lengthMax))
    }

    /// One of the given texts.
    public static func choice(_ values: [String]) -> JSONSchema { JSONSchema(.choice(values)) }

    /// An array of the given elements.
    public static func array(of element: JSONSchema, countMax: Int? = nil) -> JSONSchema {
        JSONSchema(.array(element, countMax: countMax))
    }

    /// An object with exactly these properties.
    public static func object(_ properties: [Property]) -> JSONSchema {
        JSONSchema(.object(properties, others: nil))
    }

    /// An object with any names and values of one kind.
    public static func map(of value: JSONSchema) -> JSONSchema {
        JSONSchema(.object([], others: value))
    }

    /// Any of the schemas.
    public static func anyOf(_ schemas: [JSONSchema]) -> JSONSchema {
        JSONSchema(.anyOf(schemas))
    }

    /// A component of the contract.
    public static func reference(_ name: String) -> JSONSchema { JSONSchema(.reference(name)) }

    /// The same schema with a text on what the value means.
    public func described(_ summary: String) -> JSONSchema {
        var copy = self
        copy.summary = summary
        return copy
    }

    /// The same schema with an example.
    public func example(_ value: JSONValue) -> JSONSchema {
        var copy = self
        copy.example = value
        return copy
    }

    /// The same schema, or `null`.
    public var orNull: JSONSchema { JSONSchema(.nullable(self), summary: summary) }
}

/// The named schemas of a contract, in the order of the document.
public struct SchemaCatalogue: Sendable {
    /// A named schema.
    public struct Component: Sendable {
        /// The name that references use.
        public let name: String
        /// The schema.
        public let schema: JSONSchema

        /// A component of the given name.
        public init(_ name: String, _ schema: JSONSchema) {
            self.name = name
            self.schema = schema
        }
    }

    /// The components in order.
    public let components: [Component]
    private let index: [String: JSONSchema]

    /// A catalogue; two components of one name are a mistake in the table.
    public init(_ components: [Component]) {
        self.components = components
        index = Dictionary(components.map { ($0.name, $0.schema) }) { _, _ in
            preconditionFailure("two schemas of one name")
        }
    }

    /// The component of the given name; a reference to none is a mistake in the table.
    public subscript(_ name: String) -> JSONSchema {
        guard let schema = index[name] else { preconditionFailure("no schema named \(name)") }
        return schema
    }

    /// Whether there is a component of the name.
    public func contains(_ name: String) -> Bool { index[name] != nil }
}
