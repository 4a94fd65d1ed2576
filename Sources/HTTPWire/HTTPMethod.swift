// The request methods this server knows (RFC 9110 §9, RFC 5789). A method outside the list is
// answered 501, as RFC 9110 §9.1 asks; one that a resource lacks is answered 405 by the router.

/// A request method.
public enum HTTPMethod: String, CaseIterable, Sendable {
    /// Reads a resource.
    case get = "GET"
    /// Reads a resource without its content.
    case head = "HEAD"
    /// Creates below a resource, or starts an action.
    case post = "POST"
    /// Creates or replaces a resource.
    case put = "PUT"
    /// Changes a part of a resource.
    case patch = "PATCH"
    /// Removes a resource.
    case delete = "DELETE"
    /// Asks which methods a resource has.
    case options = "OPTIONS"
    /// Echoes the request; no resource here has it, which is 405 and not 501.
    case trace = "TRACE"
    /// Asks with content (draft-ietf-httpbis-safe-method-w-body); as TRACE.
    case query = "QUERY"

    /// Whether the method only reads (RFC 9110 §9.2.1).
    public var isSafe: Bool { self == .get || self == .head || self == .options }
}
