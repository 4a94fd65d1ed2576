// Loading of configuration texts: the file, what it includes, and the command line behind it.
//
//   CONFIG-FILE lines            1 … n
//   --name value … as lines      n+1 …       so that errors on them show a line too
//
// An included text is read where the `include` line stands; its lines count from 1.

extension DirectiveTable {
    /// How deep includes may nest; a file that includes itself ends here.
    public static var includeDepthMax: Int { 16 }

    /// Reads `text` into `settings`. `include` gives the contents of the files that a pattern
    /// behind an `include` line names.
    public func load(
        _ text: [UInt8], into settings: inout Settings,
        include: (String) throws(DirectiveError) -> [[UInt8]]
    ) throws(ConfigFileError) {
        var seen = Set<String>()
        try load(text, into: &settings, seen: &seen, depth: 0, include: include)
    }

    private func load(
        _ text: [UInt8], into settings: inout Settings, seen: inout Set<String>, depth: Int,
        include: (String) throws(DirectiveError) -> [[UInt8]]
    ) throws(ConfigFileError) {
        var number = 0
        for line in text.split(separator: 0x0A, omittingEmptySubsequences: false) {
            number += 1
            let line = ConfigLine.trimmed(line)
            guard let first = line.first, first != UInt8(ascii: "#") else { continue }
            let shown = String(decoding: line, as: UTF8.self)
            var included: [[UInt8]] = []
            do throws(DirectiveError) {
                included = try loadLine(line, into: &settings, seen: &seen, include: include)
                if !included.isEmpty && depth == Self.includeDepthMax {
                    throw DirectiveError("includes are nested too deeply")
                }
            } catch {
                throw ConfigFileError(line: number, text: shown, reason: error.reason)
            }
            for text in included {
                try load(text, into: &settings, seen: &seen, depth: depth + 1, include: include)
            }
        }
    }

    /// Applies one line that is neither blank nor a comment; returns the texts it includes.
    private func loadLine(
        _ line: ArraySlice<UInt8>, into settings: inout Settings, seen: inout Set<String>,
        include: (String) throws(DirectiveError) -> [[UInt8]]
    ) throws(DirectiveError) -> [[UInt8]] {
        guard let words = ConfigLine.split(line) else {
            throw DirectiveError("Unbalanced quotes in configuration line")
        }
        var texts: [String] = []
        for word in words {
            guard let text = String(validating: word, as: UTF8.self) else {
                throw DirectiveError("the line is not UTF-8 text")
            }
            texts.append(text)
        }
        guard let name = texts.first?.lowercased() else { return [] }
        let values = Array(texts.dropFirst())
        if name == "include" {
            guard values.count == 1 else { throw .wrongNumberOfArguments }
            return try include(values[0])
        }
        guard let row = row(name) else { throw .unknownDirective }
        // A name alone stands for no words at all: `save` is the same as `save ""`.
        guard !values.isEmpty || row.flags.contains(.words) else { throw .wrongNumberOfArguments }
        let isFirst = seen.insert(row.name).inserted
        try row.apply(&settings, try Self.spread(values, for: row), .file(isFirst: isFirst))
        return []
    }

    /// The words that `row` takes. One word may hold several, as in `--save "3600 1"` of a shell:
    /// Redis splits it once more, like the one text of CONFIG SET.
    private static func spread(
        _ values: [String], for row: Directive<Settings>
    ) throws(DirectiveError) -> [String] {
        guard values.count <= 1 else { return values }
        return try words(of: values.first ?? "", for: row)
    }
}

/// The command line of a service that is configured like a redis-server.
public struct ConfigCommandLine: Equatable, Sendable {
    /// Path of the configuration file, `-` for standard input; nil when there is none.
    public var file: String?
    /// The options as configuration lines.
    public var lines: String

    /// Reads `[CONFIG-FILE | -] [--name value …]`, without the program's name.
    ///
    /// The rules are Redis': an argument that begins with `--` opens an option unless the option
    /// before it still lacks its value; `--save` may lack it, which means an empty value;
    /// name and value may come as one argument (`"--port 7001"`).
    public init(_ arguments: [String]) {
        var arguments = arguments[...]
        if let first = arguments.first, !first.hasPrefix("--") {
            file = first
            arguments.removeFirst()
        }
        var lines = ""
        var hasValue = true
        while let argument = arguments.popFirst() {
            guard argument.hasPrefix("--"), hasValue else {
                lines += ConfigLine.quoted(argument) + " "
                hasValue = true
                continue
            }
            if !lines.isEmpty { lines += "\n" }
            lines += argument.dropFirst(2) + " "
            hasValue = ConfigLine.split(argument.utf8)?.count != 1
            guard !hasValue, argument.lowercased() == "--save" else { continue }
            if arguments.first?.hasPrefix("--") ?? true {
                lines += "\"\""
                hasValue = true
            }
        }
        self.lines = lines
    }
}
