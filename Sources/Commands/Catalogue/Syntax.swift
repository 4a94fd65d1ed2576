// Reads the syntax line of a row into the argument tree of COMMAND DOCS.
//
//   key value                     arguments
//   [NX | XX]                     optional, one of two tokens
//   <ON | OFF>                    one of two tokens
//   EX seconds                    an argument with a token before it
//   AUTH username password        a block with a token before it
//   key [key ...]                 an argument that may be repeated
//   key value [key value ...]     a block that may be repeated
//
// Words with a capital are tokens, all others names of arguments.

/// One argument of a command, as COMMAND DOCS tells it.
public struct SyntaxNode: Equatable {
    /// What the argument is.
    public enum Kind: Equatable {
        /// A value; the text is the type's name in COMMAND DOCS.
        case value(String)
        /// A token alone.
        case token
        /// One of several.
        case oneOf([SyntaxNode])
        /// Several in a row.
        case block([SyntaxNode])
    }

    /// The name in the line.
    public var name: String
    /// The word that stands before it, or is all of it.
    public var token: String?
    /// What it is.
    public var kind: Kind
    /// Whether it may be left out.
    public var isOptional = false
    /// Whether it may be repeated.
    public var isMultiple = false
}

/// The parser of syntax lines.
public struct Syntax {
    /// A line that does not follow the rules: a bug in a row.
    public struct Problem: Error { let line: String }

    private var words: ArraySlice<String>
    private let line: String

    private init(_ line: String) {
        self.line = line
        var words: [String] = []
        for piece in line.split(separator: " ") {
            var rest = piece
            var behind: [String] = []
            while let first = rest.first, "[<".contains(first) {
                words.append(String(first))
                rest = rest.dropFirst()
            }
            while let last = rest.last, "]>".contains(last) {
                behind.insert(String(last), at: 0)
                rest = rest.dropLast()
            }
            if !rest.isEmpty { words.append(String(rest)) }
            words += behind
        }
        self.words = words[...]
    }

    /// The arguments that `line` describes.
    public static func parse(_ line: String) throws(Problem) -> [SyntaxNode] {
        var parser = Syntax(line)
        let nodes = try parser.sequence()
        guard parser.words.isEmpty else { throw Problem(line: line) }
        return nodes
    }

    private static func isToken(_ word: String) -> Bool {
        word.contains { $0.isUppercase } || ["*", "=", "~"].contains(word)
    }

    /// Elements up to a closing bracket, a bar or the end.
    private mutating func sequence() throws(Problem) -> [SyntaxNode] {
        var nodes: [SyntaxNode] = []
        while let word = words.first, !["]", ">", "|"].contains(word) {
            words.removeFirst()
            switch word {
            case "[":
                if let count = repetition() {
                    try repeatLast(count, of: &nodes)
                } else {
                    var node = try group(closing: "]")
                    node.isOptional = true
                    nodes.append(node)
                }
            case "<":
                nodes.append(try group(closing: ">"))
            default:
                nodes.append(element(word))
            }
        }
        return nodes
    }

    /// Whether `[a b ...]` follows: then it is taken, and the number of repeated words returned.
    private mutating func repetition() -> Int? {
        var depth = 1
        for (offset, word) in words.enumerated() {
            if word == "[" || word == "<" { depth += 1 }
            if word == "]" || word == ">" { depth -= 1 }
            if depth == 0 {
                let inside = words.prefix(offset)
                guard inside.last == "...", !inside.contains("[") else { return nil }
                words = words.dropFirst(offset + 1)
                return offset - 1
            }
        }
        return nil
    }

    /// Marks what was repeated: one node, or as many as the words say, joined to a block.
    private func repeatLast(_ count: Int, of nodes: inout [SyntaxNode]) throws(Problem) {
        var taken: [SyntaxNode] = []
        var values = 0
        var words = 0
        // `ID client-id [client-id ...]` repeats the value, `[PREFIX prefix ...]` both words.
        while values < count && words < count, let node = nodes.popLast() {
            taken.insert(node, at: 0)
            values += 1
            words += 1
            if node.token != nil, case .value = node.kind { words += 1 }
            if node.token != nil, case .block(let inside) = node.kind { words += inside.count }
        }
        guard values == count || words == count, let first = taken.first else {
            throw Problem(line: line)
        }
        var node = first
        if taken.count > 1 {
            node = SyntaxNode(name: "data", token: nil, kind: .block(taken))
        }
        node.isMultiple = true
        nodes.append(node)
    }

    /// Alternatives up to `closing`.
    private mutating func group(closing: String) throws(Problem) -> SyntaxNode {
        var choices: [SyntaxNode] = []
        while true {
            let nodes = try sequence()
            guard let first = nodes.first, let end = words.popFirst() else {
                throw Problem(line: line)
            }
            choices.append(
                nodes.count == 1
                    ? first : SyntaxNode(name: first.name, token: nil, kind: .block(nodes)))
            if end == closing { break }
            guard end == "|" else { throw Problem(line: line) }
        }
        guard choices.count > 1, let first = choices.first else { return choices[0] }
        return SyntaxNode(name: first.name, token: nil, kind: .oneOf(choices))
    }

    /// A value, a token, or a token with the values behind it.
    private mutating func element(_ word: String) -> SyntaxNode {
        guard Syntax.isToken(word) else {
            return SyntaxNode(name: word, token: nil, kind: .value(Syntax.type(of: word)))
        }
        var values: [SyntaxNode] = []
        while let next = words.first, !Syntax.isToken(next),
            !["[", "]", "<", ">", "|"].contains(next)
        {
            words.removeFirst()
            values.append(SyntaxNode(name: next, token: nil, kind: .value(Syntax.type(of: next))))
        }
        let name = word.lowercased()
        if var only = values.first, values.count == 1 {
            only.token = word
            return only
        }
        if values.isEmpty { return SyntaxNode(name: name, token: word, kind: .token) }
        return SyntaxNode(name: name, token: word, kind: .block(values))
    }

    /// The type of an argument by its name: rows use the names of the public documentation.
    private static func type(of name: String) -> String {
        switch name {
        case "key", "key1", "key2", "newkey", "source", "destination": "key"
        case "pattern": "pattern"
        case "unix-time-seconds", "unix-time-milliseconds": "unix-time"
        case "seconds", "milliseconds", "offset", "start", "end", "count", "cursor", "index",
            "index1", "index2", "db", "destination-db", "decrement", "numreplicas", "timeout",
            "min-match-len", "client-id", "protover", "port", "numlocal", "version", "increment":
            "integer"
        default: "string"
        }
    }
}
