// Conditional requests (RFC 9110 §13.1): the entity tag of a resource is its generation.

import ControlModel
import HTTPWire

/// What a change is conditional on.
enum Condition: Equatable {
    /// It must exist in any version (`If-Match: *`).
    case anyVersion
    /// It must have this generation.
    case generation(Int64)
    /// It must not exist (`If-None-Match: *`).
    case absent

    /// The generation that the coordinator compares with.
    var expectedGeneration: Int64? {
        if case .generation(let value) = self { value } else { nil }
    }
}

extension Exchange {
    /// The entity tag of a generation.
    static func entityTag(_ generation: Int64) -> (String, String) { ("ETag", "\"\(generation)\"") }

    /// The condition of a change; nil after a problem was answered. `current` is the generation of
    /// the resource, for a list of entity tags.
    func condition(allowsCreation: Bool = false, current: Int64?) -> Condition? {
        if allowsCreation, request.fields["if-none-match"] == "*" { return .absent }
        guard let field = request.fields["if-match"] else {
            fail(Problems.preconditionRequired)
            return nil
        }
        switch Self.generations(of: field) {
        case nil: return .anyVersion
        case let wanted?:
            // Strong comparison (RFC 9110 §8.8.3.2): weak tags and texts of others never match.
            if let current, wanted.contains(current) { return .generation(current) }
            fail(Problems.preconditionFailed)
            return nil
        }
    }

    /// The generations that an If-Match names; nil for `*`.
    static func generations(of field: String) -> [Int64]? {
        let members = field.split(separator: ",").map { $0.filter { $0 != " " && $0 != "\t" } }
        if members == ["*"] { return nil }
        return members.compactMap { member in
            guard member.count > 2, member.first == "\"", member.last == "\"" else { return nil }
            return Int64(member.dropFirst().dropLast())
        }
    }
}
