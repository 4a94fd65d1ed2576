// A schema as it stands in an OpenAPI 3.1 document (JSON Schema 2020-12).

extension JSONSchema {
    /// The schema as a JSON value.
    public var rendered: JSONValue {
        var members = renderedShape
        if let summary { members.append(.init("description", .string(summary))) }
        if let example { members.append(.init("examples", [example])) }
        return .object(members)
    }

    private var renderedShape: [JSONValue.Member] {
        switch shape {
        case .any: return []
        case .boolean: return [.init("type", "boolean")]
        case .number: return [.init("type", "number")]
        case .integer(let minimum, let maximum):
            return members([
                "type": "integer", "format": "int64", "minimum": minimum.map { .integer($0) },
                "maximum": maximum.map { .integer($0) },
            ])
        case .string(let format, let pattern, let lengthMax):
            return members([
                "type": "string", "format": format.map { .string($0) },
                "pattern": pattern.map { .string("^(?:\($0))$") },
                "maxLength": lengthMax.map { .integer(Int64($0)) },
            ])
        case .choice(let values):
            return [
                .init("type", "string"), .init("enum", .array(values.map { .string($0) })),
            ]
        case .array(let element, let countMax):
            return members([
                "type": "array", "items": element.rendered,
                "maxItems": countMax.map { .integer(Int64($0)) },
            ])
        case .object(let properties, let others):
            let required = properties.filter(\.isRequired).map { JSONValue.string($0.name) }
            return members([
                "type": "object",
                "properties": properties.isEmpty
                    ? nil : .object(properties.map { .init($0.name, $0.schema.rendered) }),
                "required": required.isEmpty ? nil : .array(required),
                "additionalProperties": others?.rendered ?? false,
            ])
        case .reference(let name):
            return [.init("$ref", .string("#/components/schemas/\(name)"))]
        case .anyOf(let schemas):
            return [.init("anyOf", .array(schemas.map(\.rendered)))]
        case .nullable(let inner):
            return [.init("anyOf", [inner.rendered, ["type": "null"]])]
        }
    }

    private func members(_ pairs: KeyValuePairs<String, JSONValue?>) -> [JSONValue.Member] {
        guard case .object(let members) = JSONValue.object(pairs: pairs) else { return [] }
        return members
    }
}
