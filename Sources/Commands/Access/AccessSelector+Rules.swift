// Rules: how a selector becomes what it is. Words and errors are those of ACL SETUSER.
//
//   +get -get +config|get +select|0    commands, subcommands, first arguments
//   +@read -@read +@all allcommands    categories
//   ~k* %R~k* %W~k* %RW~k* allkeys     keys
//   &c* allchannels resetchannels      channels
internal import Bytes

/// Why a rule was refused.
enum AccessRuleError: Error, Equatable {
    case unknownCommand, syntax, patternBehindAllKeys, channelBehindAllChannels, noSuchPassword
    case invalidHash, duplicateUser, firstArgumentOfSubcommand

    /// What a client is told.
    var text: String {
        switch self {
        case .unknownCommand: "Unknown command or category name in ACL"
        case .syntax: "Syntax error"
        case .patternBehindAllKeys:
            "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does "
                + "not have any effect. Try 'resetkeys' to start with an empty list of patterns"
        case .channelBehindAllChannels:
            "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and "
                + "does not have any effect. Try 'resetchannels' to start with an empty list of "
                + "channels"
        case .noSuchPassword:
            "The password you are trying to remove from the user does not exist"
        case .invalidHash:
            "The password hash must be exactly 64 characters and contain only lowercase "
                + "hexadecimal characters"
        case .duplicateUser:
            "Duplicate user found. A user can only be defined once in config files"
        case .firstArgumentOfSubcommand:
            "Allowing first-arg of a subcommand is not supported"
        }
    }
}

extension AccessSelector {
    /// Applies one rule.
    mutating func apply(
        _ rule: [UInt8], _ table: CommandTable
    ) throws(AccessRuleError) {
        let word = String(decoding: rule, as: UTF8.self)
        switch word.lowercased() {
        case "allkeys", "~*":
            allowsAllKeys = true
            keyPatterns = []
        case "resetkeys":
            allowsAllKeys = false
            keyPatterns = []
        case "allchannels", "&*":
            allowsAllChannels = true
            channelPatterns = []
        case "resetchannels":
            allowsAllChannels = false
            channelPatterns = []
        case "allcommands", "+@all": setAll(true, table)
        case "nocommands", "-@all": setAll(false, table)
        default:
            switch rule.first {
            case UInt8(ascii: "~"), UInt8(ascii: "%"): try addKeyPattern(rule)
            case UInt8(ascii: "&"): try addChannelPattern(Array(rule.dropFirst()))
            case UInt8(ascii: "+"), UInt8(ascii: "-"):
                try applyCommandRule(word.lowercased(), table)
            default: throw .syntax
            }
        }
    }

    // MARK: Keys and channels

    /// Whether a name could not be written into a file of rules.
    static func hasBlanks(_ name: some Sequence<UInt8>) -> Bool {
        name.contains { $0 == 0 || $0 == 0x20 || (0x09...0x0D).contains($0) }
    }

    private mutating func addKeyPattern(_ rule: [UInt8]) throws(AccessRuleError) {
        if allowsAllKeys { throw .patternBehindAllKeys }
        var permission = KeyPermission.all
        var start = 1
        if rule[0] == UInt8(ascii: "%") {
            permission = []
            while start < rule.count && rule[start] != UInt8(ascii: "~") {
                let isRead = rule[start] | 0x20 == UInt8(ascii: "r")
                guard isRead || rule[start] | 0x20 == UInt8(ascii: "w") else { throw .syntax }
                guard permission.insert(isRead ? .read : .write).inserted else { throw .syntax }
                start += 1
            }
            guard start < rule.count, !permission.isEmpty else { throw .syntax }
            start += 1
        }
        let pattern = Array(rule[start...])
        if AccessSelector.hasBlanks(pattern) { throw .syntax }
        if let place = keyPatterns.firstIndex(where: { $0.pattern == pattern }) {
            keyPatterns[place].permission.formUnion(permission)
        } else {
            keyPatterns.append(KeyPattern(pattern: pattern, permission: permission))
        }
    }

    private mutating func addChannelPattern(_ pattern: [UInt8]) throws(AccessRuleError) {
        if allowsAllChannels { throw .channelBehindAllChannels }
        if AccessSelector.hasBlanks(pattern) { throw .syntax }
        if !channelPatterns.contains(pattern) { channelPatterns.append(pattern) }
    }

    // MARK: Commands

    private mutating func setAll(_ isAllowed: Bool, _ table: CommandTable) {
        commands = CommandSet(count: table.specs.count, isFull: isAllowed)
        allowsAllCommands = isAllowed
        allowsFutureCommands = isAllowed
        firstArguments = [:]
        commandRules = []
    }

    private mutating func applyCommandRule(
        _ word: String, _ table: CommandTable
    ) throws(AccessRuleError) {
        let isAllowed = word.first == "+"
        let name = String(word.dropFirst())
        if name.first == "@" {
            guard
                let row = ACLCategory.names.first(where: {
                    "@" + $0.name.description == name
                })
            else { throw .unknownCommand }
            for number in table.specs.indices
            where table.specs[number].categories.contains(row.category) {
                change(number, to: isAllowed, table)
            }
            note(name, isAllowed: isAllowed)
            return
        }
        if let number = AccessSelector.number(of: name, table) {
            change(number, to: isAllowed, table)
            note(name, isAllowed: isAllowed)
            return
        }
        guard isAllowed, let bar = name.lastIndex(of: "|") else { throw .unknownCommand }
        let parent = String(name[..<bar])
        let argument = String(name[name.index(after: bar)...])
        guard let number = AccessSelector.number(of: parent, table) else { throw .unknownCommand }
        if table.facts[number].parent >= 0 { throw .firstArgumentOfSubcommand }
        if argument.isEmpty { throw .syntax }
        if table.facts[number].childCount > 0 { throw .unknownCommand }
        if !(firstArguments[number, default: []].contains(argument)) {
            firstArguments[number, default: []].append(argument)
        }
        note(name, isAllowed: true)
    }

    /// The number of `get` or `config|get`; nil if there is none.
    static func number(of name: String, _ table: CommandTable) -> Int? {
        let number = Array(name.utf8).withByteSlice { table.number(ofFullName: $0) }
        return number < 0 ? nil : number
    }

    private mutating func change(_ number: Int, to isAllowed: Bool, _ table: CommandTable) {
        commands[number] = isAllowed
        for child in table.children(of: number) { commands[child] = isAllowed }
        if !isAllowed { allowsAllCommands = false }
        firstArguments[number] = nil
    }

    /// Remembers a rule. It replaces an earlier one for the same name or, of a container, for its
    /// subcommands; the order of the others stays.
    private mutating func note(_ name: String, isAllowed: Bool) {
        commandRules.removeAll { rule in
            let old = rule.dropFirst()
            return old == name || old.hasPrefix(name + "|")
        }
        commandRules.append((isAllowed ? "+" : "-") + name)
    }
}
