// Draws requests from the syntax lines of the command table: arguments of their types, at the
// extremes of those types, and lines that are nearly right.
//
//   bytes ──► choices ──► a command ──► its syntax tree ──► words ──► a fault or none
//
// Every choice takes a byte or two of the input, so that a coverage-guided fuzzer can steer each of
// them; an input that is used up answers 0.
import Bytes
import Commands

/// Choices made by a sequence of bytes.
struct Choices {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isUsedUp: Bool { position >= bytes.count }

    /// A number below `bound`.
    mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0)
        var value = next()
        if bound > 256 { value = value << 8 | next() }
        return value % bound
    }

    /// True in one of `bound` cases, and not when the input is used up.
    mutating func oneIn(_ bound: Int) -> Bool { !isUsedUp && below(bound) == bound - 1 }

    mutating func of<Element>(_ list: [Element]) -> Element { list[below(list.count)] }

    private mutating func next() -> Int {
        guard position < bytes.count else { return 0 }
        position += 1
        return Int(bytes[position - 1])
    }
}

/// The commands of a table, ready to be drawn.
struct CommandDraw {
    struct Row {
        let words: [String]
        let nodes: [SyntaxNode]
        let spec: CommandSpec
    }

    /// What the requests are for.
    enum Style {
        /// To break something: extremes everywhere.
        case extreme
        /// To be carried out: plain values, options given twice.
        case plain
    }

    let rows: [Row]
    let style: Style
    /// Names of keys for the commands of a group.
    let keys: (CommandGroup) -> [String]

    /// Every command of the table but `excluded`, in full names: `client|kill`.
    init(
        _ table: CommandTable, _ style: Style = .extreme, excluding excluded: Set<String> = [],
        keys: @escaping (CommandGroup) -> [String]
    ) {
        self.keys = keys
        self.style = style
        var rows: [Row] = []
        for spec in table.specs.prefix(table.topLevelCount) {
            for (words, spec) in CommandDraw.forms(of: spec)
            where !excluded.contains(words.joined(separator: "|")) {
                let nodes = (try? Syntax.parse(spec.syntax.description)) ?? []
                rows.append(Row(words: words, nodes: nodes, spec: spec))
            }
        }
        self.rows = rows
    }

    private static func forms(of spec: CommandSpec) -> [(words: [String], spec: CommandSpec)] {
        let name = spec.name.description
        if spec.subcommands.isEmpty { return [([name], spec)] }
        return spec.subcommands.map { ([name, $0.name.description], $0) }
    }

    /// The words of one request.
    func request(_ choices: inout Choices) -> [String] {
        request(of: rows[choices.below(rows.count)], &choices)
    }

    /// The words of one request of a command.
    func request(of row: Row, _ choices: inout Choices) -> [String] {
        var drawing = Drawing(keys: keys(row.spec.group), row: row, style: style)
        drawing.draw(row.nodes, &choices)
        var words = row.words + drawing.words
        if choices.oneIn(style == .plain ? 16 : 6) { damage(&words, row, &choices) }
        return words
    }

    /// Makes a request nearly right.
    private func damage(_ words: inout [String], _ row: Row, _ choices: inout Choices) {
        let start = row.words.count
        let place = start + choices.below(max(1, words.count - start))
        switch choices.below(7) {
        case 0 where place < words.count: words.remove(at: place)
        case 1 where place < words.count: words.insert(words[place], at: place)
        case 2 where place < words.count: words[place] = choices.of(Extremes.numbers)
        case 3 where place < words.count: words[place] = choices.of(Extremes.texts)
        case 4: words.append(choices.of(keys(row.spec.group)))
        case 5: words += words[min(place, words.count)...]
        default: words.insert(choices.of(Extremes.keywords), at: min(place, words.count))
        }
    }
}

/// What stands at the ends of types.
enum Extremes {
    static let integers: [String] =
        [0, 1, -1, 2, 31, 32, 63, 64, 127, 128, 255, 256, 1 << 31, 1 << 53, 1 << 62]
        .flatMap { (value: Int64) in ["\(value)", "\(value - 1)", "-\(value)"] } + [
            "9223372036854775807", "-9223372036854775808", "9223372036854775808",
            "-9223372036854775809", "18446744073709551615", "18446744073709551616",
            "9223372036854775", "4611686018427388", "536870912", "536870911", "4294967295",
            "4294967296", "1000000", "-9223372036854775807",
        ]
    static let numbers: [String] =
        integers + [
            "nan", "inf", "-inf", "+inf", "1e308", "-1e308", "1.7976931348623157e308", "5e-324",
            "1e-400", "1e400", "0.1", "-0", "-0.0", "3.0", "0x10", "1e", ".", "(1", "(-inf",
            String(repeating: "9", count: 309), "0." + String(repeating: "0", count: 300) + "1",
        ]
    /// Directives whose numbers commands compute with.
    static let directives: [String] = [
        "hash-max-listpack-entries", "hash-max-listpack-value", "set-max-intset-entries",
        "set-max-listpack-entries", "set-max-listpack-value", "zset-max-listpack-entries",
        "zset-max-listpack-value", "list-max-listpack-size", "list-compress-depth",
        "hll-sparse-max-bytes", "stream-node-max-bytes", "stream-node-max-entries",
        "lfu-log-factor", "lfu-decay-time",
    ]
    static let texts: [String] = [
        "", " ", "\0", "*", "-", "+", "$", ">", "[a", "(a", "[", "(", "#", "a*b", "[^]-]\\",
        "\u{FF}", String(repeating: "x", count: 70), String(repeating: "y", count: 5_000), "1.",
        "%d%s", "{k}", "\r\n",
    ]
    static let keywords: [String] = [
        "STORE", "STOREDIST", "GET", "BY", "LIMIT", "COUNT", "STREAMS", "GROUP", "KEYS", "WEIGHTS",
        "AGGREGATE", "MATCH", "TYPE", "EX", "PX", "NX", "XX", "BLOCK", "NOACK", "AUTH", "REPLACE",
        "IDLETIME", "FREQ", "MAXLEN", "MINID", "~", "=", "REV", "BYLEX", "BYSCORE", "WITHSCORES",
        "CH", "INCR", "GT", "LT", "OVERFLOW", "SAT", "FAIL", "FULL", "JUSTID", "FORCE", "LASTID",
    ]
    static let streamIDs: [String] = [
        "*", "$", ">", "-", "+", "0", "0-0", "0-1", "1-1", "2-*", "5-5", "(1-1", "1-",
        "18446744073709551615-18446744073709551615", "18446744073709551615-*",
        "18446744073709551615", "9223372036854775808-0", "1700000000000-0",
    ]
}

/// One request on its way.
private struct Drawing {
    let keys: [String]
    let row: CommandDraw.Row
    let style: CommandDraw.Style
    var words: [String] = []
    /// How often the next repeated argument stands there, as `numkeys` has said.
    private var countNext: Int?

    init(keys: [String], row: CommandDraw.Row, style: CommandDraw.Style) {
        self.keys = keys
        self.row = row
        self.style = style
    }

    mutating func draw(_ nodes: [SyntaxNode], _ choices: inout Choices) {
        for node in nodes { draw(node, &choices) }
    }

    private mutating func draw(_ node: SyntaxNode, _ choices: inout Choices) {
        if node.isOptional && choices.below(style == .plain ? 3 : 2) > 0 { return }
        var count = 1
        if node.isMultiple {
            count = countNext ?? choices.of([1, 1, 2, 3])
            countNext = nil
        }
        for _ in 0..<count {
            if let token = node.token { words.append(token) }
            switch node.kind {
            case .token: break
            case .value: words.append(value(node.name, &choices))
            case .oneOf(let nodes): draw(choices.of(nodes), &choices)
            case .block(let nodes): draw(nodes, &choices)
            }
        }
        // An option given twice.
        if node.isOptional && choices.oneIn(style == .plain ? 2 : 16) { draw(node, &choices) }
    }

    private mutating func value(_ name: String, _ choices: inout Choices) -> String {
        if style == .extreme {
            if choices.oneIn(24) { return choices.of(Extremes.texts) }
            if choices.oneIn(24) { return choices.of(Extremes.numbers) }
        }
        switch name {
        case "key", "key1", "key2", "newkey", "source", "destination", "dst", "src", "sourcekey",
            "destkey":
            return choices.oneIn(20) ? choices.of(Extremes.keywords) : choices.of(keys)
        case "numkeys":
            if choices.oneIn(8) { return choices.of(Extremes.integers) }
            let count = 1 + choices.below(3)
            countNext = count
            return "\(count)"
        case "id", "start", "end", "last-id", "lastid", "max-deleted-id", "threshold", "min-id":
            if row.spec.group == .stream { return choices.of(Extremes.streamIDs) }
            return integer(&choices)
        case "min", "max":
            return choices.of([
                "-inf", "+inf", "(1", "3", "-", "+", "[a", "(c", "0", "nan", "1e308",
            ])
        case "score", "longitude", "latitude", "radius", "width", "height", "weight":
            return style == .extreme && choices.below(3) == 0
                ? choices.of(Extremes.numbers) : "\(choices.below(9))"
        case "encoding":
            return choices.of(["u8", "i64", "u63", "i1", "u64", "i65", "u1", "i8", "u0"])
        case "member", "field", "element", "value", "group", "consumer", "pivot", "string",
            "channel":
            let plain = ["a", "b", "c", "1", "-5", "3.5", "9223372036854775807"]
            return style == .extreme && choices.oneIn(6)
                ? choices.of(Extremes.numbers) : choices.of(plain)
        case "pattern", "by-pattern", "get-pattern":
            return choices.of(["*", "k*", "*->a", "#", "nosort", "w_*", "[a-", "\\", "k?"])
        case "script", "function-code":
            return choices.of([
                "return redis.call('get', KEYS[1])", "return {1, 2, {3, 'x'}}", "return",
                "return redis.pcall(ARGV[1], KEYS[1], ARGV[2])", "error('x')",
                "return redis.call(unpack(ARGV))",
                "#!lua name=l\nredis.register_function('f', print)",
                "return tonumber(ARGV[1]) + 1", "redis.setresp(3) return {double=1e308}",
            ])
        case "parameter" where row.words == ["config", "set"]:
            return choices.of(Extremes.directives)
        case "value" where row.words == ["config", "set"]:
            return choices.of(["0", "1", "3", "128", "2147483647"])
        case "arg": return choices.of(["set", "k1", "v", "lpush", "1", "-9223372036854775808"])
        case "host", "ip:port": return "127.0.0.1"
        case "unix-time-seconds", "unix-time-milliseconds":
            return style == .plain ? "9999999999999" : integer(&choices)
        case "serialized-value": return choices.of(Extremes.texts)
        default:
            // Names of amounts and of times, and whatever has no name here.
            return choices.below(4) == 0 ? choices.of(["a", "b", "k1"]) : integer(&choices)
        }
    }

    private func integer(_ choices: inout Choices) -> String {
        if style == .plain { return "\(1 + choices.below(9))" }
        return choices.below(2) == 0 ? "\(choices.below(12) - 2)" : choices.of(Extremes.integers)
    }
}
