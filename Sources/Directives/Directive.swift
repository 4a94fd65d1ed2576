// One row of a configuration table. Everything a directive does is derived from its row: the file
// parser, the command line, CONFIG GET, SET and REWRITE, the error texts, the rendered reference.
//
//   words ──apply──► Settings ──values──► CONFIG GET text
//                        └─────lines────► lines of a configuration file

/// Properties of a directive.
public struct DirectiveFlags: OptionSet, Sendable {
    /// The bits.
    public let rawValue: UInt16
    /// Flags of these bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// CONFIG SET may change it.
    public static let mutable = DirectiveFlags(rawValue: 1)
    /// The value is several words; CONFIG SET splits its one text at blanks.
    public static let words = DirectiveFlags(rawValue: 2)
    /// Several lines add up; a second line does not replace the first.
    public static let repeated = DirectiveFlags(rawValue: 4)
    /// CONFIG SET needs `enable-protected-configs`.
    public static let protected = DirectiveFlags(rawValue: 8)
    /// Left out of CONFIG GET with a pattern; an exact name finds it.
    public static let hidden = DirectiveFlags(rawValue: 16)
    /// Accepted for compatibility; the value is kept and changes nothing.
    public static let withoutEffect = DirectiveFlags(rawValue: 32)
    /// Not written by CONFIG REWRITE and not part of CONFIG GET `*`: an order, not a state.
    public static let transient = DirectiveFlags(rawValue: 64)
}

/// Where a value comes from.
public enum DirectiveSource: Sendable, Equatable {
    /// A configuration text; `isFirst` when no earlier line of it named the directive.
    case file(isFirst: Bool)
    /// CONFIG SET.
    case command
}

/// One row: a name and how its value gets into `Settings` and out again.
public struct Directive<Settings>: Sendable {
    /// Stores the words of a line in the settings.
    public typealias Apply =
        @Sendable (inout Settings, [String], DirectiveSource) throws(DirectiveError) -> Void

    /// The canonical name, in lower case.
    public let name: String
    /// Other names that mean the same, in lower case.
    public let aliases: [String]
    /// Properties.
    public let flags: DirectiveFlags
    /// What kind of value it takes, for people: `0..65535`, `yes|no`, ….
    public let shape: String
    /// Why it exists or why its bounds are what they are; may be empty.
    public let why: String
    /// One sentence on what it does.
    public let help: String
    let apply: Apply
    let value: @Sendable (Settings) -> String
    let lines: @Sendable (Settings) -> [String]

    /// A row with its own parser. `value` is CONFIG GET's text; `lines` are the texts behind the
    /// name in a configuration file, one per line.
    public static func custom(
        _ name: String, aliases: [String] = [], flags: DirectiveFlags, shape: String,
        why: String = "", _ help: String, apply: @escaping Apply,
        value: @escaping @Sendable (Settings) -> String,
        lines: (@Sendable (Settings) -> [String])? = nil
    ) -> Directive {
        Directive(
            name: name, aliases: aliases, flags: flags, shape: shape, why: why, help: help,
            apply: apply, value: value, lines: lines ?? { [ConfigLine.word(value($0))] })
    }

    /// All names, the canonical one first.
    public var names: [String] { [name] + aliases }

    /// Whether CONFIG GET with a pattern shows it.
    var isListed: Bool { flags.isDisjoint(with: [.hidden, .transient]) }
}
