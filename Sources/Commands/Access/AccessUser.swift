// A user: who may log in, and what they may do then.
//
//   on nopass sanitize-payload #<sha256> … ~* &* +@all (~k* resetchannels -@all +get) …
//   └── flags ──────────────┘ └passwords┘ └─ root ──┘ └── further selectors ───────────┘
internal import Bytes

/// A user. Clients refer to it; changing it changes what they may do at once.
final class AccessUser {
    /// What changes together.
    struct Rules: Equatable {
        var isEnabled = false
        /// Any password is right.
        var needsNoPassword = false
        /// Payloads of RESTORE are trusted.
        var skipsPayloadChecks = false
        /// SHA-256 in lower-case hexadecimal digits.
        var passwords: [[UInt8]] = []
        /// The root first.
        var selectors: [AccessSelector]
    }

    let name: [UInt8]
    private(set) var rules: Rules
    /// Nothing can be refused: such a client takes the engine's straight path.
    private(set) var isUnrestricted = false

    /// A disabled user without rights.
    init(name: [UInt8], rules: Rules) {
        self.name = name
        self.rules = rules
        isUnrestricted = rules.selectors.contains(where: \.allowsEverything)
    }

    /// The name as text.
    var nameText: String { String(decoding: name, as: UTF8.self) }

    /// Takes new rules in place of the present ones.
    func replace(with rules: Rules) {
        self.rules = rules
        isUnrestricted = rules.selectors.contains(where: \.allowsEverything)
    }

    /// Why the command may not run; nil when it may.
    ///
    /// When no selector allows it, the refusal that came closest is told: a key or channel rather
    /// than the command, the last one if there are several.
    func refusal(
        _ number: Int, _ arguments: Arguments, _ table: CommandTable
    ) -> AccessRefusal? {
        if isUnrestricted { return nil }
        var closest = AccessRefusal(reason: .command)
        for selector in rules.selectors {
            guard let refusal = selector.refusal(number, arguments, table) else { return nil }
            if refusal.reason > closest.reason
                || (refusal.reason == closest.reason && refusal.position > closest.position)
            {
                closest = refusal
            }
        }
        return closest
    }

    /// Whether the password lets this user in. The comparison takes the same time wherever the
    /// passwords differ.
    func accepts(_ password: ByteSlice) -> Bool {
        guard rules.isEnabled else { return false }
        if rules.needsNoPassword { return true }
        let given = AccessUser.hash(of: password)
        var isRight = false
        for expected in rules.passwords {
            var difference: UInt8 = 0
            for index in expected.indices { difference |= expected[index] ^ given[index] }
            if difference == 0 { isRight = true }
        }
        return isRight
    }

    /// SHA-256 of a password in hexadecimal digits.
    static func hash(of password: ByteSlice) -> [UInt8] {
        Array(SHA256.hexadecimal(password.array).utf8)
    }

    // MARK: Description

    /// The flags as ACL GETUSER shows them.
    var flags: [StaticString] {
        var flags: [StaticString] = [rules.isEnabled ? "on" : "off"]
        if rules.needsNoPassword { flags.append("nopass") }
        flags.append(rules.skipsPayloadChecks ? "skip-sanitize-payload" : "sanitize-payload")
        return flags
    }

    /// The user in the form of a configuration file, behind the word `user`.
    var line: String {
        var words = [nameText] + flags.map(\.description)
        words += rules.passwords.map { "#" + String(decoding: $0, as: UTF8.self) }
        words.append(rules.selectors[0].text)
        words += rules.selectors.dropFirst().map { "(\($0.text))" }
        return words.joined(separator: " ")
    }
}

extension AccessUser.Rules {
    /// Rules of a new user: disabled and without rights, but for channels as the setting says.
    init(commandCount: Int, allChannels: Bool) {
        selectors = [AccessSelector(commandCount: commandCount, allChannels: allChannels)]
    }

    /// Applies one rule of ACL SETUSER; nothing has changed when it throws.
    mutating func apply(
        _ rule: [UInt8], _ table: CommandTable, allChannels: Bool
    ) throws(AccessRuleError) {
        guard let first = rule.first else { return }
        switch String(decoding: rule, as: UTF8.self).lowercased() {
        case "on": isEnabled = true
        case "off": isEnabled = false
        case "skip-sanitize-payload": skipsPayloadChecks = true
        case "sanitize-payload": skipsPayloadChecks = false
        case "nopass":
            needsNoPassword = true
            passwords = []
        case "resetpass":
            needsNoPassword = false
            passwords = []
        case "clearselectors": selectors.removeLast(selectors.count - 1)
        case "reset":
            self = AccessUser.Rules(
                commandCount: table.specs.count, allChannels: allChannels)
        default:
            switch first {
            case UInt8(ascii: ">"), UInt8(ascii: "#"): try addPassword(rule)
            case UInt8(ascii: "<"), UInt8(ascii: "!"): try removePassword(rule)
            case UInt8(ascii: "(") where rule.last == UInt8(ascii: ")"):
                try addSelector(rule, table, allChannels: allChannels)
            default: try selectors[0].apply(rule, table)
            }
        }
    }

    private func hash(of rule: [UInt8]) throws(AccessRuleError) -> [UInt8] {
        let text = Array(rule.dropFirst())
        if rule[0] == UInt8(ascii: ">") || rule[0] == UInt8(ascii: "<") {
            return text.withByteSlice { AccessUser.hash(of: $0) }
        }
        let isHash =
            text.count == 64
            && text.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
        guard isHash else { throw .invalidHash }
        return text
    }

    private mutating func addPassword(_ rule: [UInt8]) throws(AccessRuleError) {
        let hash = try hash(of: rule)
        if !passwords.contains(hash) { passwords.append(hash) }
        needsNoPassword = false
    }

    private mutating func removePassword(_ rule: [UInt8]) throws(AccessRuleError) {
        let hash = try hash(of: rule)
        guard let place = passwords.firstIndex(of: hash) else { throw .noSuchPassword }
        passwords.remove(at: place)
    }

    private mutating func addSelector(
        _ rule: [UInt8], _ table: CommandTable, allChannels: Bool
    ) throws(AccessRuleError) {
        var selector = AccessSelector(
            commandCount: table.specs.count, allChannels: allChannels)
        for word in AccessWords.split(rule.dropFirst().dropLast()) {
            try selector.apply(word, table)
        }
        selectors.append(selector)
    }
}
