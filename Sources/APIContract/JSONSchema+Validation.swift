// Checks a value against a schema and says each violation with its JSON Pointer (RFC 6901).

/// One place of a document that does not fit its schema.
public struct SchemaViolation: Sendable, Equatable {
    /// JSON Pointer to the place.
    public let pointer: String
    /// What is wrong and what would be right.
    public let detail: String

    /// A violation at the given place.
    public init(pointer: String, detail: String) {
        self.pointer = pointer
        self.detail = detail
    }
}

extension JSONSchema {
    /// Violations that one document can have before the check ends.
    public static let violationsMax = 20
    /// Levels of nesting that are checked; deeper documents are refused.
    public static let depthMax = 64

    /// All violations of `value`, at most ``violationsMax``; empty if it fits.
    public func violations(of value: JSONValue, in catalogue: SchemaCatalogue) -> [SchemaViolation]
    {
        var check = SchemaCheck(catalogue: catalogue)
        check.check(value, self, pointer: "", depth: 0)
        return check.found
    }
}

private struct SchemaCheck {
    let catalogue: SchemaCatalogue
    var found: [SchemaViolation] = []

    mutating func add(_ pointer: String, _ detail: String) {
        guard found.count < JSONSchema.violationsMax else { return }
        found.append(SchemaViolation(pointer: pointer, detail: detail))
    }

    mutating func check(_ value: JSONValue, _ schema: JSONSchema, pointer: String, depth: Int) {
        guard depth < JSONSchema.depthMax else {
            return add(pointer, "is nested deeper than \(JSONSchema.depthMax) levels")
        }
        switch schema.shape {
        case .any: return
        case .boolean:
            if case .bool = value { return }
            add(pointer, "must be true or false")
        case .integer(let minimum, let maximum):
            checkInteger(value, minimum, maximum, pointer)
        case .number:
            switch value {
            case .integer, .number: return
            default: add(pointer, "must be a number")
            }
        case .string(let format, let pattern, let lengthMax):
            checkString(value, pattern, lengthMax, schema, pointer)
            if format == "date-time", let text = value.text, !Self.isDate(text) {
                add(pointer, "must be a date that exists")
            }
        case .choice(let values):
            if let text = value.text, values.contains(text) { return }
            add(pointer, "must be one of: " + values.joined(separator: ", "))
        case .array(let element, let countMax):
            guard case .array(let values) = value else { return add(pointer, "must be an array") }
            if let countMax, values.count > countMax {
                add(pointer, "must have at most \(countMax) elements")
            }
            for (index, inner) in values.enumerated() {
                check(inner, element, pointer: "\(pointer)/\(index)", depth: depth + 1)
            }
        case .object(let properties, let others):
            checkObject(value, properties, others, pointer, depth)
        case .reference(let name):
            check(value, catalogue[name], pointer: pointer, depth: depth + 1)
        case .anyOf(let schemas):
            let fits = schemas.contains {
                var trial = SchemaCheck(catalogue: catalogue)
                trial.check(value, $0, pointer: pointer, depth: depth + 1)
                return trial.found.isEmpty
            }
            if !fits { add(pointer, "fits none of \(schemas.count) alternatives") }
        case .nullable(let inner):
            if case .null = value { return }
            check(value, inner, pointer: pointer, depth: depth + 1)
        }
    }

    private mutating func checkInteger(
        _ value: JSONValue, _ minimum: Int64?, _ maximum: Int64?, _ pointer: String
    ) {
        var integer: Int64?
        if case .integer(let whole) = value { integer = whole }
        // JSON Schema 2020-12 §4.2.3 (core): 1.0 is an integer.
        if case .number(let number) = value { integer = Int64(exactly: number) }
        guard let integer else { return add(pointer, "must be an integer") }
        if let minimum, integer < minimum { add(pointer, "must be at least \(minimum)") }
        if let maximum, integer > maximum { add(pointer, "must be at most \(maximum)") }
    }

    private mutating func checkString(
        _ value: JSONValue, _ pattern: String?, _ lengthMax: Int?, _ schema: JSONSchema,
        _ pointer: String
    ) {
        guard let text = value.text else { return add(pointer, "must be a string") }
        if let lengthMax, text.unicodeScalars.count > lengthMax {
            add(pointer, "must have at most \(lengthMax) characters")
        } else if let pattern, !matches(text, pattern) {
            let example = schema.example?.text.map { ", for example \($0)" } ?? ""
            add(pointer, "must match \(pattern)\(example)")
        }
    }

    private func matches(_ text: String, _ pattern: String) -> Bool {
        guard let regex = try? Regex(pattern) else {
            preconditionFailure("a schema holds a malformed pattern: \(pattern)")
        }
        let match = try? regex.matchingSemantics(.unicodeScalar).wholeMatch(in: text)
        return match != nil
    }

    /// Whether the day exists in its month (RFC 3339 §5.7); the pattern has checked the rest.
    private static func isDate(_ text: String) -> Bool {
        let parts = text.prefix(10).split(separator: "-").compactMap { Int($0) }
        guard parts.count == 3, (1...12).contains(parts[1]) else { return true }
        let isLeap = parts[0] % 4 == 0 && (parts[0] % 100 != 0 || parts[0] % 400 == 0)
        let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return parts[2] <= days[parts[1] - 1]
    }

    private mutating func checkObject(
        _ value: JSONValue, _ properties: [JSONSchema.Property], _ others: JSONSchema?,
        _ pointer: String, _ depth: Int
    ) {
        guard case .object(let members) = value else { return add(pointer, "must be an object") }
        for property in properties where property.isRequired && value[property.name] == nil {
            add("\(pointer)/\(Self.escaped(property.name))", "is required")
        }
        for member in members {
            let place = "\(pointer)/\(Self.escaped(member.name))"
            if let property = properties.first(where: { $0.name == member.name }) {
                check(member.value, property.schema, pointer: place, depth: depth + 1)
            } else if let others {
                check(member.value, others, pointer: place, depth: depth + 1)
            } else {
                let known = properties.map(\.name).joined(separator: ", ")
                add(place, "is not a field here; the fields are: \(known)")
            }
        }
    }

    /// `~` and `/` in a name (RFC 6901 §3).
    static func escaped(_ name: String) -> String {
        name.split(separator: "~", omittingEmptySubsequences: false).joined(separator: "~0")
            .split(separator: "/", omittingEmptySubsequences: false).joined(separator: "~1")
    }
}
