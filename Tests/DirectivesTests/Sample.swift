// Settings and a table that use every kind of row.
import Directives

enum Colour: String, CaseIterable, Sendable { case red, green }

struct Sample: Equatable, Sendable {
    var port = 6379
    var memory = 0
    var isBusy = false
    var colour = Colour.red
    var secret = ""
    var addresses = ["127.0.0.1"]
    var points: [[Int]] = [[3600, 1]]
    var accepted: [String: String] = [:]
    var order = ""
}

let sampleTable = DirectiveTable<Sample>([
    .integer("port", \.port, in: 0...65535, "The port."),
    .bytes("memory", \.memory, in: 0...(1 << 40), aliases: ["mem"], "Memory."),
    .bool("busy", \.isBusy, flags: [], "Fixed."),
    .enumeration("colour", \.colour, aliases: ["color"], "Colour."),
    .string("secret", \.secret, flags: [.mutable, .protected, .hidden], "Secret."),
    .list("bind", \.addresses, "Addresses."),
    .custom(
        "save", flags: [.mutable, .words, .repeated], shape: "pairs", "Points.",
        apply: { (settings, words, source) throws(DirectiveError) in
            if source != .file(isFirst: false) || words == [""] { settings.points = [] }
            let numbers = words.compactMap(DirectiveText.integer)
            guard words == [""] || (numbers.count == words.count && numbers.count % 2 == 0)
            else { throw DirectiveError("Invalid save parameters") }
            for index in stride(from: 0, to: numbers.count, by: 2) {
                settings.points.append([numbers[index], numbers[index + 1]])
            }
        }, value: { $0.points.map { "\($0[0]) \($0[1])" }.joined(separator: " ") },
        lines: {
            $0.points.isEmpty ? ["\"\""] : $0.points.map { "\($0[0]) \($0[1])" }
        }),
    .accepted("defrag", \.accepted, default: "no", as: .bool, why: "There is nothing to do."),
    .custom(
        "order", flags: .transient, shape: "text", "An order.",
        apply: { (settings, words, _) in settings.order = words.joined() },
        value: { $0.order }),
])

func load(_ text: String, into settings: inout Sample) throws(ConfigFileError) {
    try sampleTable.load(Array(text.utf8), into: &settings) { (path) throws(DirectiveError) in
        guard path == "other.conf" else { throw DirectiveError("can't open '\(path)'") }
        return [Array("port 7002\ncolour green\n".utf8)]
    }
}
