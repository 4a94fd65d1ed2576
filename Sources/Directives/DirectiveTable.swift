// A configuration table: rows by name, CONFIG GET and CONFIG SET.
//
// CONFIG SET works on a copy of the settings, so that several pairs change together or not at all.

/// The rows of one service, found by name or alias.
public struct DirectiveTable<Settings>: Sendable {
    /// The rows in their declared order.
    public let rows: [Directive<Settings>]
    private let indexByName: [String: Int]

    /// A table of `rows`; a name that occurs twice is a bug.
    public init(_ rows: [Directive<Settings>]) {
        self.rows = rows
        var indexByName: [String: Int] = [:]
        for (index, row) in rows.enumerated() {
            for name in row.names {
                precondition(name == name.lowercased(), "\(name) is not in lower case")
                precondition(
                    indexByName.updateValue(index, forKey: name) == nil, "\(name) occurs twice")
            }
        }
        self.indexByName = indexByName
    }

    /// The row called `name`, in any case, by its canonical name or an alias.
    public func row(_ name: String) -> Directive<Settings>? {
        indexByName[name.lowercased()].map { rows[$0] }
    }

    /// Names and values for CONFIG GET: each name and alias for which `isWanted` is true;
    /// hidden ones only when `exact` names them.
    public func values(
        of settings: Settings, exact: Set<String> = [], where isWanted: (String) -> Bool
    ) -> [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        for row in rows {
            for name in row.names
            where exact.contains(name) || (row.isListed && isWanted(name)) {
                found.append((name, row.value(settings)))
            }
        }
        return found
    }

    /// The value of the directive `name`; nil when there is none.
    public func value(of name: String, in settings: Settings) -> String? {
        row(name)?.value(settings)
    }

    /// CONFIG SET: all pairs or none. Returns the canonical names in the order given.
    public func set(
        _ pairs: [(name: String, value: String)], in settings: inout Settings,
        allowingProtected: Bool
    ) throws(ConfigSetError) -> [String] {
        var copy = settings
        var changed: [String] = []
        for (name, value) in pairs {
            guard let row = row(name) else { throw .unknown(name) }
            guard row.flags.contains(.mutable) else {
                throw .refused(name: name, reason: "can't set immutable config")
            }
            guard allowingProtected || !row.flags.contains(.protected) else {
                throw .refused(name: name, reason: "can't set protected config")
            }
            guard !changed.contains(row.name) else {
                throw .refused(name: name, reason: "duplicate parameter")
            }
            do throws(DirectiveError) {
                try row.apply(&copy, try Self.words(of: value, for: row), .command)
            } catch {
                throw .refused(name: name, reason: error.reason)
            }
            changed.append(row.name)
        }
        settings = copy
        return changed
    }

    /// The words of a value that came as one text; a row that takes one word gets it whole.
    static func words(
        of value: String, for row: Directive<Settings>
    ) throws(DirectiveError) -> [String] {
        guard row.flags.contains(.words) else { return [value] }
        guard let words = ConfigLine.split(text: value) else {
            throw DirectiveError("unbalanced quotes in the value")
        }
        return words.isEmpty ? [""] : words
    }
}
