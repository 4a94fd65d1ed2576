// Finds the row of a request. Rows are grouped by template; a literal segment beats a hole, so
// that /route/{c}/master and /route/{c}/{x} could stand beside each other.

public import HTTPWire

/// Finds the route of a request.
public struct Router<Handler> {
    /// What was found.
    public enum Outcome {
        /// A row, with the values of its path parameters.
        case found(Route<Handler>, [String: String])
        /// No row has the path.
        case notFound
        /// The path exists and lacks the method; these it has.
        case methodNotAllowed([HTTPMethod])
        /// OPTIONS on a path that has these methods (RFC 9110 §9.3.7).
        case options([HTTPMethod])
    }

    /// All rows in the order of the table.
    public let routes: [Route<Handler>]

    /// A router over the table; two rows of one method and path, or of one operation, are mistakes
    /// in the table and stop the process.
    public init(_ routes: [Route<Handler>]) {
        self.routes = routes
        var places = Set<String>()
        var operations = Set<String>()
        for route in routes {
            let shape = route.template.segments.map { segment in
                if case .literal(let text) = segment { text } else { "{}" }
            }
            let place = route.method.rawValue + " " + shape.joined(separator: "/")
            precondition(places.insert(place).inserted, "two routes for \(place)")
            precondition(
                operations.insert(route.operation).inserted,
                "two operations named \(route.operation)")
        }
    }

    /// Finds the row for a method and decoded path segments.
    public func route(_ method: HTTPMethod, _ path: [String]) -> Outcome {
        var best: (weight: Int, rows: [(Route<Handler>, [String: String])]) = (-1, [])
        for route in routes {
            guard let values = route.template.match(path) else { continue }
            let weight = route.template.segments.count - values.count
            if weight > best.weight { best = (weight, []) }
            if weight == best.weight { best.rows.append((route, values)) }
        }
        guard !best.rows.isEmpty else { return .notFound }
        let wanted = method == .head ? HTTPMethod.get : method
        if let row = best.rows.first(where: { $0.0.method == wanted }) {
            return .found(row.0, row.1)
        }
        let methods = Self.allowed(best.rows.map(\.0.method))
        return method == .options ? .options(methods) : .methodNotAllowed(methods)
    }

    /// The value of an Allow field.
    public static func allow(_ methods: [HTTPMethod]) -> String {
        methods.map(\.rawValue).joined(separator: ", ")
    }

    private static func allowed(_ rows: [HTTPMethod]) -> [HTTPMethod] {
        HTTPMethod.allCases.filter { method in
            rows.contains(method) || method == .options || (method == .head && rows.contains(.get))
        }
    }
}

extension Router: Sendable where Handler: Sendable {}
