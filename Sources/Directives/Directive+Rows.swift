// The kinds of rows. Each maps one kind of text to one kind of stored property.

extension Directive {
    /// A stored property of the settings.
    public typealias Property<Value> = any WritableKeyPath<Settings, Value> & Sendable

    /// A whole number within `range`.
    public static func integer(
        _ name: String, _ property: Property<Int>, in range: ClosedRange<Int>,
        aliases: [String] = [], flags: DirectiveFlags = .mutable, why: String = "",
        _ help: String
    ) -> Directive {
        custom(
            name, aliases: aliases, flags: flags,
            shape: "\(range.lowerBound)..\(range.upperBound)", why: why, help,
            apply: { (settings, words, _) throws(DirectiveError) in
                guard let value = DirectiveText.integer(try one(words)) else {
                    throw .notAnInteger
                }
                guard range.contains(value) else { throw .outside(range) }
                settings[keyPath: property] = value
            }, value: { String($0[keyPath: property]) })
    }

    /// A number of bytes within `range`; units as in `DirectiveText.memory`.
    public static func bytes(
        _ name: String, _ property: Property<Int>, in range: ClosedRange<Int> = 0...Int.max,
        aliases: [String] = [], flags: DirectiveFlags = .mutable, why: String = "",
        _ help: String
    ) -> Directive {
        custom(
            name, aliases: aliases, flags: flags, shape: "bytes", why: why, help,
            apply: { (settings, words, _) throws(DirectiveError) in
                guard let value = DirectiveText.memory(try one(words)) else {
                    throw .notMemory
                }
                guard range.contains(value) else { throw .outside(range) }
                settings[keyPath: property] = value
            }, value: { String($0[keyPath: property]) },
            lines: { [DirectiveText.memory($0[keyPath: property])] })
    }

    /// `yes` or `no`.
    public static func bool(
        _ name: String, _ property: Property<Bool>, aliases: [String] = [],
        flags: DirectiveFlags = .mutable, why: String = "", _ help: String
    ) -> Directive {
        custom(
            name, aliases: aliases, flags: flags, shape: "yes|no", why: why, help,
            apply: { (settings, words, _) throws(DirectiveError) in
                guard let value = DirectiveText.boolean(try one(words)) else {
                    throw .notBoolean
                }
                settings[keyPath: property] = value
            }, value: { $0[keyPath: property] ? "yes" : "no" })
    }

    /// One of the cases of an enumeration, by its raw value in any case.
    public static func enumeration<Choice>(
        _ name: String, _ property: Property<Choice>, aliases: [String] = [],
        flags: DirectiveFlags = .mutable, why: String = "", _ help: String
    ) -> Directive
    where Choice: RawRepresentable<String> & CaseIterable & Sendable {
        let choices = Choice.allCases.map(\.rawValue)
        return custom(
            name, aliases: aliases, flags: flags, shape: choices.joined(separator: "|"),
            why: why, help,
            apply: { (settings, words, _) throws(DirectiveError) in
                guard let value = Choice(rawValue: try one(words).lowercased()) else {
                    throw .notOneOf(choices)
                }
                settings[keyPath: property] = value
            }, value: { $0[keyPath: property].rawValue })
    }

    /// Any text; `check` may refuse it.
    public static func string(
        _ name: String, _ property: Property<String>, aliases: [String] = [],
        flags: DirectiveFlags = .mutable, why: String = "", _ help: String,
        check: (@Sendable (String) throws(DirectiveError) -> Void)? = nil
    ) -> Directive {
        custom(
            name, aliases: aliases, flags: flags, shape: "text", why: why, help,
            apply: { (settings, words, _) throws(DirectiveError) in
                let value = try one(words)
                try check?(value)
                settings[keyPath: property] = value
            }, value: { $0[keyPath: property] },
            lines: { [ConfigLine.quoted($0[keyPath: property])] })
    }

    /// Any number of words within `count`; a lone empty word is an empty list.
    public static func list(
        _ name: String, _ property: Property<[String]>, count: ClosedRange<Int> = 0...Int.max,
        aliases: [String] = [], flags: DirectiveFlags = .mutable, why: String = "",
        _ help: String
    ) -> Directive {
        custom(
            name, aliases: aliases, flags: flags.union(.words), shape: "words", why: why, help,
            apply: { (settings, words, _) throws(DirectiveError) in
                let values = words == [""] ? [] : words
                guard count.contains(values.count) else { throw .wrongNumberOfArguments }
                settings[keyPath: property] = values
            }, value: { $0[keyPath: property].joined(separator: " ") },
            lines: {
                let words = $0[keyPath: property].map(ConfigLine.word)
                if words.isEmpty { return ["\"\""] }
                // A lone word is split once more when it is read.
                return [words.count == 1 ? ConfigLine.word(words[0]) : words.joined(separator: " ")]
            })
    }

    /// A directive that is accepted and kept but changes nothing here; its help says so.
    public static func accepted(
        _ name: String, _ store: Property<[String: String]>, default text: String,
        as shape: AcceptedShape, aliases: [String] = [], flags: DirectiveFlags = .mutable,
        why: String
    ) -> Directive {
        custom(
            name, aliases: aliases,
            flags: flags.union(.withoutEffect).union(shape == .words ? .words : []),
            shape: shape.description, why: why, "Accepted for compatibility; has no effect.",
            apply: { (settings, words, _) throws(DirectiveError) in
                let value = shape == .words ? words.joined(separator: " ") : try one(words)
                settings[keyPath: store][name] = try shape.normalized(value)
            }, value: { $0[keyPath: store][name] ?? text },
            lines: {
                let value = $0[keyPath: store][name] ?? text
                return [shape == .words && !value.isEmpty ? value : ConfigLine.word(value)]
            })
    }

    /// The only word of a line.
    private static func one(_ words: [String]) throws(DirectiveError) -> String {
        guard words.count == 1 else { throw .wrongNumberOfArguments }
        return words[0]
    }
}

/// How the value of an accepted directive is checked.
public enum AcceptedShape: Sendable, Equatable, CustomStringConvertible {
    /// `yes` or `no`.
    case bool
    /// A whole number within bounds.
    case integer(ClosedRange<Int>)
    /// A number of bytes; a minus sign makes it a percentage or a count elsewhere.
    case bytes
    /// One of these words.
    case oneOf([String])
    /// Any single word.
    case text
    /// Any words.
    case words

    /// The shape for people.
    public var description: String {
        switch self {
        case .bool: "yes|no"
        case .integer(let range): "\(range.lowerBound)..\(range.upperBound)"
        case .bytes: "bytes"
        case .oneOf(let words): words.joined(separator: "|")
        case .text: "text"
        case .words: "words"
        }
    }

    /// `text` as CONFIG GET shows it.
    func normalized(_ text: String) throws(DirectiveError) -> String {
        switch self {
        case .bool:
            guard let value = DirectiveText.boolean(text) else { throw .notBoolean }
            return value ? "yes" : "no"
        case .integer(let range):
            guard let value = DirectiveText.integer(text) else { throw .notAnInteger }
            guard range.contains(value) else { throw .outside(range) }
            return String(value)
        case .bytes:
            guard let value = DirectiveText.memory(text) else { throw .notMemory }
            return String(value)
        case .oneOf(let words):
            guard words.contains(text.lowercased()) else { throw .notOneOf(words) }
            return text.lowercased()
        case .text, .words:
            return text
        }
    }
}
