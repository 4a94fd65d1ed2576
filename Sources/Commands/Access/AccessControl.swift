// All users of a node, and the two forms in which they are kept: lines of the configuration file
// or a file of their own.
internal import Bytes

/// Why users could not be loaded.
public struct AccessLoadFailure: Error, Equatable, Sendable {
    /// What the log or the client is told.
    public let message: String
}

/// The users of a node.
final class AccessControl {
    private let table: CommandTable
    private var users: [[UInt8]: AccessUser]
    /// Who a client is before it logs in. Never deleted; keeps its identity when users are loaded.
    let defaultUser: AccessUser
    /// New users and selectors may use every channel (`acl-pubsub-default allchannels`).
    var allowsChannelsByDefault = false
    var log = AccessLog()
    var denials = AccessDenials()

    /// The one default user, who may do everything without a password.
    init(table: CommandTable) {
        self.table = table
        defaultUser = AccessUser(
            name: AccessControl.defaultName, rules: AccessControl.openRules(table))
        users = [AccessControl.defaultName: defaultUser]
    }

    static let defaultName = Array("default".utf8)

    private static func openRules(_ table: CommandTable) -> AccessUser.Rules {
        var rules = AccessUser.Rules(commandCount: table.specs.count, allChannels: false)
        rules.isEnabled = true
        rules.needsNoPassword = true
        for word in ["+@all", "~*", "&*"] {
            do throws(AccessRuleError) {
                try rules.selectors[0].apply(Array(word.utf8), table)
            } catch {
                preconditionFailure("a rule of the default user is wrong")
            }
        }
        return rules
    }

    /// Whether a new client needs no password.
    var isOpen: Bool { defaultUser.rules.needsNoPassword && defaultUser.rules.isEnabled }

    /// The users in the order of their names.
    var inOrder: [AccessUser] {
        users.values.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    func user(_ name: [UInt8]) -> AccessUser? { users[name] }

    /// Rules of a user that does not exist yet.
    var newRules: AccessUser.Rules {
        AccessUser.Rules(
            commandCount: table.specs.count, allChannels: allowsChannelsByDefault)
    }

    /// `rules` after the rules of `words`, of which the wrong one is told.
    func rules(
        _ rules: AccessUser.Rules, changedBy words: [[UInt8]]
    ) throws(AccessWordError) -> AccessUser.Rules {
        var changed = rules
        for (index, word) in words.enumerated() {
            do throws(AccessRuleError) {
                try changed.apply(word, table, allChannels: allowsChannelsByDefault)
            } catch {
                throw AccessWordError(index: index, word: word, problem: error)
            }
        }
        return changed
    }

    /// Creates the user or gives it other rules.
    func set(_ name: [UInt8], _ rules: AccessUser.Rules) {
        if let user = users[name] {
            user.replace(with: rules)
        } else {
            users[name] = AccessUser(name: name, rules: rules)
        }
    }

    func remove(_ name: [UInt8]) -> AccessUser? { users.removeValue(forKey: name) }

    /// `requirepass`: the one password of the default user; nil: none is needed.
    func setDefaultPassword(_ password: [UInt8]?) {
        var rules = defaultUser.rules
        rules.passwords = password.map { [$0.withByteSlice { AccessUser.hash(of: $0) }] } ?? []
        rules.needsNoPassword = password == nil
        defaultUser.replace(with: rules)
    }

    // MARK: Files

    /// Creates the users of configuration lines, each without the word `user`.
    func load(lines: [[String]]) throws(AccessLoadFailure) {
        for line in lines {
            let words = line.map { Array($0.utf8) }
            guard let name = words.first else { continue }
            if AccessSelector.hasBlanks(name) {
                throw AccessLoadFailure(message: "Spaces not allowed in ACL usernames")
            }
            do throws(AccessWordError) {
                let words = try AccessControl.merged(words.dropFirst())
                let rules = try rules(newRules, changedBy: words)
                set(name, rules)
            } catch {
                throw AccessLoadFailure(
                    message: "Error loading ACL rule '\(error.text)' for the user named "
                        + "'\(line[0])': \(error.problem.text)")
            }
        }
    }

    private static func merged(_ words: ArraySlice<[UInt8]>) throws(AccessWordError) -> [[UInt8]] {
        do throws(AccessWords.Unclosed) {
            return try AccessWords.merge(Array(words))
        } catch {
            let index = words.startIndex + error.index
            throw AccessWordError(index: error.index, word: words[index], problem: .syntax)
        }
    }

    /// Whether a configuration line may stand: unknown commands are told when it is loaded.
    static func problem(ofLine words: [String], _ table: CommandTable) -> AccessWordError? {
        let control = AccessControl(table: table)
        let words = words.map { Array($0.utf8) }
        do throws(AccessWordError) {
            var rules = control.newRules
            for word in try merged(words.dropFirst()) {
                do throws(AccessWordError) {
                    rules = try control.rules(rules, changedBy: [word])
                } catch  where error.problem == .unknownCommand {
                    continue
                }
            }
            return nil
        } catch {
            return error
        }
    }

    /// The users that the bytes of an access file describe; the default user is among them.
    ///
    /// - Parameter name: the file's name, for the messages.
    func parse(file bytes: [UInt8], name: String) throws(AccessLoadFailure) -> [(
        name: [UInt8], rules: AccessUser.Rules
    )] {
        var parsed: [(name: [UInt8], rules: AccessUser.Rules)] = []
        var errors = ""
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let words = AccessWords.split(line)
            guard let first = words.first else { continue }
            let place = "\(name):\(index + 1)"
            guard first == Array("user".utf8), words.count > 1 else {
                errors += "\(place) should start with user keyword followed by the username. "
                continue
            }
            if parsed.contains(where: { $0.name == words[1] }) {
                let user = String(decoding: words[1], as: UTF8.self)
                errors += "WARNING: Duplicate user '\(user)' found on line \(index + 1). "
                continue
            }
            guard let merged = try? AccessWords.merge(Array(words.dropFirst(2))) else {
                errors += "\(place): Unmatched parenthesis in selector definition."
                continue
            }
            var rules = newRules
            for word in merged {
                do throws(AccessWordError) {
                    rules = try self.rules(rules, changedBy: [word])
                } catch {
                    errors += "\(place): \(error.problem.text). "
                }
            }
            parsed.append((words[1], rules))
        }
        guard errors.isEmpty else {
            throw AccessLoadFailure(
                message: errors + "WARNING: ACL errors detected, no change to the previously "
                    + "active ACL rules was performed")
        }
        if !parsed.contains(where: { $0.name == AccessControl.defaultName }) {
            parsed.append((AccessControl.defaultName, AccessControl.openRules(table)))
        }
        return parsed
    }

    /// Every user as a line of an access file.
    var fileText: [UInt8] {
        Array(inOrder.map { "user \($0.line)\n" }.joined().utf8)
    }
}

/// A rule that was refused.
struct AccessWordError: Error, Equatable {
    let index: Int
    let word: [UInt8]
    let problem: AccessRuleError

    var text: String { String(decoding: word, as: UTF8.self) }
}
