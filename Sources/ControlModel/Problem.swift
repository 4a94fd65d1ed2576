// Errors that cross a service boundary, in the form of RFC 9457 (problem details).

/// A problem document (`application/problem+json`, RFC 9457) with the fields of this API.
public struct Problem: Error, Codable, Hashable, Sendable {
    /// One offending place of a request body.
    public struct Detail: Codable, Hashable, Sendable {
        /// JSON Pointer (RFC 6901) into the body.
        public var pointer: String
        /// What is wrong there.
        public var detail: String

        /// Creates a detail for one place of the body.
        public init(pointer: String, detail: String) {
            self.pointer = pointer
            self.detail = detail
        }
    }

    /// Stable URI reference of the kind of problem.
    public var type: String
    /// Short summary of the kind; the same for each occurrence.
    public var title: String
    /// HTTP status code.
    public var status: Int
    /// What happened this time and what to do next.
    public var detail: String
    /// URI of this occurrence (the request's identity), when known.
    public var instance: String?
    /// Upper-snake code for scripts, for example `NO_ELIGIBLE_CANDIDATE`.
    public var code: String
    /// Offending places of the body.
    public var errors: [Detail]?
    /// Whether the same request may succeed later without a change.
    public var retryable: Bool

    /// Creates a problem; `type` follows from the code.
    public init(
        status: Int, code: String, title: String, detail: String, errors: [Detail]? = nil,
        retryable: Bool = false, instance: String? = nil
    ) {
        type = "/problems/" + code.lowercased().split(separator: "_").joined(separator: "-")
        self.title = title
        self.status = status
        self.detail = detail
        self.instance = instance
        self.code = code
        self.errors = errors
        self.retryable = retryable
    }
}

extension Problem {
    /// What a request names does not exist; `what` with its kind, such as "the cluster demo".
    public static func notFound(_ what: String) -> Problem {
        Problem(
            status: 404, code: "NOT_FOUND", title: "Not found",
            detail: "\(what) does not exist; list the collection to see what does")
    }
}
