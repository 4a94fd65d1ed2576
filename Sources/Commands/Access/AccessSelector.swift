// What one set of access rules allows: commands, keys, channels.
//
//   commands   one bit per number of the command table, subcommands included
//   keys       patterns, each for reading, writing or both
//   channels   patterns
//
// A user has a root selector and any number of further ones; a command is allowed when one of them
// allows all of it.
internal import Bytes

/// What a key pattern allows.
struct KeyPermission: OptionSet {
    let rawValue: UInt8

    static let read = KeyPermission(rawValue: 1)
    static let write = KeyPermission(rawValue: 2)
    static let all: KeyPermission = [.read, .write]

    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// What a command needs that does this to a key. Reading metadata alone needs nothing.
    init(_ access: KeySpec.Access) {
        var needed: KeyPermission = []
        if access.contains(.access) { needed.insert(.read) }
        if !access.isDisjoint(with: [.insert, .update, .delete]) { needed.insert(.write) }
        self = needed
    }
}

/// Keys that may be used, and how.
struct KeyPattern: Equatable {
    var pattern: [UInt8]
    var permission: KeyPermission

    /// The rule that makes the pattern.
    var rule: String {
        let text = String(decoding: pattern, as: UTF8.self)
        switch permission {
        case .read: return "%R~" + text
        case .write: return "%W~" + text
        default: return "~" + text
        }
    }
}

/// Numbers of commands.
struct CommandSet: Equatable {
    private var words: [UInt64]

    /// All or none of `count` commands.
    init(count: Int, isFull: Bool = false) {
        words = [UInt64](repeating: isFull ? .max : 0, count: (count + 63) / 64)
    }

    subscript(number: Int) -> Bool {
        get { words[number >> 6] >> UInt64(number & 63) & 1 == 1 }
        set {
            if newValue {
                words[number >> 6] |= 1 << UInt64(number & 63)
            } else {
                words[number >> 6] &= ~(1 << UInt64(number & 63))
            }
        }
    }
}

/// Why a command is refused; a greater one is told rather than a smaller one.
enum AccessDenial: Int, Comparable {
    case command = 1
    case key = 2
    case channel = 3

    static func < (left: AccessDenial, right: AccessDenial) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// A refusal and the argument that caused it.
struct AccessRefusal {
    var reason: AccessDenial
    var position = 0
}

/// One set of access rules.
struct AccessSelector: Equatable {
    var commands: CommandSet
    /// Every command, without looking at the bits; ends with the first `-command`.
    var allowsAllCommands = false
    /// The rules began with `+@all`: commands of later versions are allowed too.
    var allowsFutureCommands = false
    /// First arguments that are allowed of commands that are not, by command number.
    var firstArguments: [Int: [String]] = [:]
    /// The rules behind `+@all` or `-@all`, each with its sign, in the order that gives `commands`.
    var commandRules: [String] = []
    var allowsAllKeys = false
    var keyPatterns: [KeyPattern] = []
    var allowsAllChannels = false
    var channelPatterns: [[UInt8]] = []

    /// A selector that allows nothing of a table of `commandCount` commands.
    init(commandCount: Int, allChannels: Bool) {
        commands = CommandSet(count: commandCount)
        allowsAllChannels = allChannels
    }

    /// Nothing at all can be refused.
    var allowsEverything: Bool { allowsAllCommands && allowsAllKeys && allowsAllChannels }

    // MARK: Questions

    /// Why the command may not run; nil when it may.
    func refusal(
        _ number: Int, _ arguments: Arguments, _ table: CommandTable
    ) -> AccessRefusal? {
        if !allows(number, arguments, table) { return AccessRefusal(reason: .command) }
        if !allowsAllKeys, let position = deniedKey(table.specs[number], arguments) {
            return AccessRefusal(reason: .key, position: position)
        }
        if !allowsAllChannels, let position = deniedChannel(table.specs[number], arguments) {
            return AccessRefusal(reason: .channel, position: position)
        }
        return nil
    }

    /// Whether the command may run at all.
    func allows(_ number: Int, _ arguments: Arguments, _ table: CommandTable) -> Bool {
        if allowsAllCommands || commands[number] { return true }
        if table.facts[number].flags.contains(.noAuth) { return true }
        guard let allowed = firstArguments[number] else { return false }
        let place = table.facts[number].parent < 0 ? 1 : 2
        guard place < arguments.count else { return false }
        let argument = arguments[place].string.lowercased()
        return allowed.contains(argument)
    }

    private func deniedKey(_ spec: CommandSpec, _ arguments: Arguments) -> Int? {
        if spec.keys.isEmpty && spec.findKeys == nil { return nil }
        var denied: Int?
        _ = spec.forEachKey(arguments) { position, access in
            if denied == nil && !allows(key: arguments[position], KeyPermission(access)) {
                denied = position
            }
        }
        return denied
    }

    /// Whether a key may be used in this way.
    func allows(key: ByteSlice, _ permission: KeyPermission) -> Bool {
        if allowsAllKeys { return true }
        return keyPatterns.contains { candidate in
            guard candidate.permission.isSuperset(of: permission) else { return false }
            return candidate.pattern.withByteSlice { Glob.matches(pattern: $0, text: key) }
        }
    }

    private func deniedChannel(_ spec: CommandSpec, _ arguments: Arguments) -> Int? {
        guard let use = ChannelUse(spec) else { return nil }
        let last = use == .first ? 1 : arguments.count - 1
        for position in 1...max(1, last) {
            if !allows(channel: arguments[position], literally: use == .patterns) {
                return position
            }
        }
        return nil
    }

    /// Whether a channel may be used; a pattern must stand among the rules letter for letter,
    /// because nobody can tell whether one pattern covers another.
    func allows(channel: ByteSlice, literally: Bool) -> Bool {
        if allowsAllChannels { return true }
        return AccessSelector.isListed(channel, in: channelPatterns, literally: literally)
    }

    static func isListed(
        _ channel: ByteSlice, in patterns: [[UInt8]], literally: Bool
    ) -> Bool {
        patterns.contains { pattern in
            pattern.withByteSlice {
                literally ? $0 == channel : Glob.matches(pattern: $0, text: channel)
            }
        }
    }

    /// Whether every key may be read.
    var readsAllKeys: Bool {
        allowsAllKeys
            || keyPatterns.contains {
                $0.permission.contains(.read) && $0.pattern == [UInt8(ascii: "*")]
            }
    }

    // MARK: Description

    /// The command rules as one text: `+@all -@admin +info`.
    var commandText: String {
        ([allowsFutureCommands ? "+@all" : "-@all"] + commandRules).joined(separator: " ")
    }

    /// The key patterns as one text.
    var keyText: String {
        allowsAllKeys ? "~*" : keyPatterns.map(\.rule).joined(separator: " ")
    }

    /// The channel patterns as one text.
    var channelText: String {
        if allowsAllChannels { return "&*" }
        return channelPatterns.map { "&" + String(decoding: $0, as: UTF8.self) }
            .joined(separator: " ")
    }

    /// All rules as one text, in the order of ACL LIST.
    var text: String {
        var words: [String] = []
        if !keyText.isEmpty { words.append(keyText) }
        if !allowsAllChannels { words.append("resetchannels") }
        if !channelText.isEmpty { words.append(channelText) }
        words.append(commandText)
        return words.joined(separator: " ")
    }
}

/// Which arguments of a command are channels.
enum ChannelUse {
    /// The first.
    case first
    /// All.
    case all
    /// All, as patterns.
    case patterns

    /// Nil for commands without channels. Whoever ends a subscription needs no permission.
    init?(_ spec: CommandSpec) {
        guard spec.flags.contains(.pubSub) || spec.flags.contains(.publishes) else { return nil }
        let name = ByteSlice(spec.name)
        if name == "publish" || name == "spublish" {
            self = .first
        } else if name == "subscribe" || name == "ssubscribe" {
            self = .all
        } else if name == "psubscribe" {
            self = .patterns
        } else {
            return nil
        }
    }
}
