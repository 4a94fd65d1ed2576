// A path with named holes, as route tables write it: /v1/clusters/{c}/nodes/{n}. A hole matches
// exactly one segment; the parser has already decoded it once and refused slashes in it.

/// A path template.
public struct RouteTemplate: Sendable, Equatable {
    /// One part of the path.
    public enum Segment: Sendable, Equatable {
        /// Matches only this text.
        case literal(String)
        /// Matches any segment and gives it a name.
        case parameter(String)
    }

    /// The template as it was written.
    public let text: String
    /// Its parts.
    public let segments: [Segment]

    /// Reads a template; a malformed one is a mistake in the route table and stops the process.
    public init(_ text: String) {
        precondition(text.utf8.first == 0x2F, "a template begins with a slash")
        self.text = text
        segments = text.split(separator: "/").map { part in
            guard part.first == "{" else { return .literal(String(part)) }
            precondition(part.last == "}" && part.count > 2, "unclosed parameter in a template")
            return .parameter(String(part.dropFirst().dropLast()))
        }
    }

    /// Names of the holes, in order.
    public var parameterNames: [String] {
        segments.compactMap { segment in
            if case .parameter(let name) = segment { name } else { nil }
        }
    }

    /// The values of the holes by name when `path` fits; nil otherwise.
    public func match(_ path: [String]) -> [String: String]? {
        guard path.count == segments.count else { return nil }
        var values: [String: String] = [:]
        for (segment, part) in zip(segments, path) {
            switch segment {
            case .literal(let text):
                if text != part { return nil }
            case .parameter(let name):
                if part.isEmpty { return nil }
                values[name] = part
            }
        }
        return values
    }
}
