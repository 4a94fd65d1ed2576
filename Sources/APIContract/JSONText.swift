// Writes a JSON value as text (RFC 8259): compact for the wire, indented for people.

extension JSONValue {
    /// The compact text.
    public var jsonText: String {
        var text = ""
        JSONText.write(self, indent: nil, into: &text)
        return text
    }

    /// The text with two spaces of indentation per level and a final newline.
    public var indentedJSONText: String {
        var text = ""
        JSONText.write(self, indent: 0, into: &text)
        return text + "\n"
    }
}

enum JSONText {
    static func write(_ value: JSONValue, indent: Int?, into text: inout String) {
        switch value {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .number(let value):
            // JSON has no infinity; nothing that we render is ever one.
            text += value.isFinite ? value.description : "null"
        case .string(let value): text += quoted(value)
        case .array(let values):
            list(values, "[", "]", indent, &text) { value, inner, text in
                write(value, indent: inner, into: &text)
            }
        case .object(let members):
            list(members, "{", "}", indent, &text) { member, inner, text in
                text += quoted(member.name) + (inner == nil ? ":" : ": ")
                write(member.value, indent: inner, into: &text)
            }
        }
    }

    private static func list<Element>(
        _ elements: [Element], _ open: String, _ close: String, _ indent: Int?,
        _ text: inout String, _ body: (Element, Int?, inout String) -> Void
    ) {
        text += open
        let inner = indent.map { $0 + 1 }
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            if let inner { text += newline(inner) }
            body(element, inner, &text)
        }
        if let indent, !elements.isEmpty { text += newline(indent) }
        text += close
    }

    private static func newline(_ level: Int) -> String {
        "\n" + String(repeating: " ", count: level * 2)
    }

    /// The text in double quotes, escaped so that it is also a double-quoted YAML scalar.
    static func quoted(_ value: String) -> String {
        var text = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
