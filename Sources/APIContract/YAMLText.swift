// Writes a JSON value as block-style YAML 1.2.2: mappings and sequences by indentation, scalars
// plain where no reader could take them for something else, quoted otherwise. That is all of YAML
// that a rendered contract needs.

extension JSONValue {
    /// The YAML text, with a final newline.
    public var yamlText: String {
        switch self {
        case .object(let members) where !members.isEmpty: YAMLText.mapping(members, level: 0)
        case .array(let values) where !values.isEmpty: YAMLText.sequence(values, level: 0)
        default: YAMLText.scalar(self) + "\n"
        }
    }
}

enum YAMLText {
    static func mapping(_ members: [JSONValue.Member], level: Int) -> String {
        members.map { member in
            let indent = String(repeating: "  ", count: level)
            return indent + plainOrQuoted(member.name) + ":" + value(member.value, level: level)
        }.joined()
    }

    static func sequence(_ values: [JSONValue], level: Int) -> String {
        values.map { element in
            let indent = String(repeating: "  ", count: level)
            switch element {
            case .object(let members) where !members.isEmpty:
                // The first member stands behind the dash, the others below it.
                return indent + "- "
                    + mapping(members, level: level + 1).dropFirst(indent.count + 2)
            case .array(let inner) where !inner.isEmpty:
                return indent + "-\n" + sequence(inner, level: level + 1)
            default: return indent + "- " + scalar(element) + "\n"
            }
        }.joined()
    }

    private static func value(_ value: JSONValue, level: Int) -> String {
        switch value {
        case .object(let members) where !members.isEmpty:
            "\n" + mapping(members, level: level + 1)
        case .array(let values) where !values.isEmpty: "\n" + sequence(values, level: level + 1)
        default: " " + scalar(value) + "\n"
        }
    }

    static func scalar(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): plainOrQuoted(text)
        case .object: "{}"
        case .array: "[]"
        default: value.jsonText
        }
    }

    /// Plain if the text cannot be read as another type, as an indicator or as a comment
    /// (YAML 1.2.2 §7.3.3, and the words that YAML 1.1 readers take for booleans).
    static func plainOrQuoted(_ text: String) -> String {
        let words = ["", "true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"]
        guard let first = text.unicodeScalars.first, let last = text.unicodeScalars.last,
            !words.contains(text.lowercased()),
            first.properties.isAlphabetic || first == "/" || first == "$",
            last != ":", last != " ",
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value < 0x7F })
        else { return JSONText.quoted(text) }
        var previous: Unicode.Scalar = "a"
        for scalar in text.unicodeScalars {
            if previous == ":" && scalar == " " { return JSONText.quoted(text) }
            if previous == " " && scalar == "#" { return JSONText.quoted(text) }
            previous = scalar
        }
        return text
    }
}
