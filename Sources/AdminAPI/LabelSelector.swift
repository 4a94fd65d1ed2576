// Chooses by labels: `zone=a,tier!=cache,ssd,!spot`; all terms must hold.

/// A conjunction of terms on labels.
struct LabelSelector: Equatable {
    /// One term.
    enum Term: Equatable {
        /// The label has this value.
        case equal(String, String)
        /// The label is absent or has another value.
        case notEqual(String, String)
        /// The label is there.
        case present(String)
        /// The label is not there.
        case absent(String)
    }

    let terms: [Term]

    /// Takes everything.
    static let everything = LabelSelector(terms: [])

    private init(terms: [Term]) { self.terms = terms }

    /// Reads a selector; nil when it is malformed.
    init?(_ text: String) {
        var terms: [Term] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let term = Self.term(part) else { return nil }
            terms.append(term)
        }
        self.terms = terms
    }

    private static func term(_ text: Substring) -> Term? {
        if let equals = text.firstIndex(of: "=") {
            var name = text[..<equals]
            let value = String(text[text.index(after: equals)...])
            let isNegated = name.last == "!"
            if isNegated { name.removeLast() }
            guard isName(name) else { return nil }
            return isNegated ? .notEqual(String(name), value) : .equal(String(name), value)
        }
        if text.first == "!" {
            let name = text.dropFirst()
            return isName(name) ? .absent(String(name)) : nil
        }
        return isName(text) ? .present(String(text)) : nil
    }

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty && !text.contains("!") && !text.contains("=")
    }

    /// Whether all terms hold.
    func matches(_ labels: [String: String]) -> Bool {
        terms.allSatisfy { term in
            switch term {
            case .equal(let name, let value): labels[name] == value
            case .notEqual(let name, let value): labels[name] != value
            case .present(let name): labels[name] != nil
            case .absent(let name): labels[name] == nil
            }
        }
    }
}
