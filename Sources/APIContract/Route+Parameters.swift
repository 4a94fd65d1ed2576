// Checks the parameters of a request against its row: a misspelt query parameter in a script must
// not pass silently, and a repeated one could mean either value.

public import HTTPWire

extension Route {
    /// What is wrong with the parameters; empty if they fit. Pointers are `/query/<name>` and
    /// `/header/<name>`.
    public func parameterViolations(
        of request: HTTPRequest, in catalogue: SchemaCatalogue
    ) -> [SchemaViolation] {
        var found: [SchemaViolation] = []
        for parameter in parameters where parameter.place == .header {
            guard let value = request.fields[parameter.name] else { continue }
            found += parameter.schema.violations(of: .string(value), in: catalogue).map {
                SchemaViolation(pointer: "/header/\(parameter.name)", detail: $0.detail)
            }
        }
        var seen = Set<String>()
        let known = parameters.filter { $0.place == .query }
        for item in request.query where found.count < JSONSchema.violationsMax {
            let pointer = "/query/\(item.name)"
            guard let parameter = known.first(where: { $0.name == item.name }) else {
                let names = known.map(\.name).joined(separator: ", ")
                let hint = names.isEmpty ? "there are none" : "they are: \(names)"
                found.append(
                    SchemaViolation(
                        pointer: pointer, detail: "is not a parameter of this request; \(hint)"))
                continue
            }
            guard seen.insert(item.name).inserted else {
                found.append(SchemaViolation(pointer: pointer, detail: "is given twice"))
                continue
            }
            let value = Self.value(of: item.value, as: parameter.schema)
            found += parameter.schema.violations(of: value, in: catalogue).map {
                SchemaViolation(pointer: pointer, detail: $0.detail)
            }
        }
        return found
    }

    /// Reads text as the kind of value that the schema wants.
    private static func value(of text: String, as schema: JSONSchema) -> JSONValue {
        switch schema.shape {
        case .boolean: text == "true" ? true : text == "false" ? false : .string(text)
        case .integer: plainInteger(text).map { .integer($0) } ?? .string(text)
        default: .string(text)
        }
    }

    /// Digits with an optional minus sign: `Int64("+1")` would accept more than JSON does.
    private static func plainInteger(_ text: String) -> Int64? {
        text.utf8.first == 0x2B ? nil : Int64(text)
    }
}
