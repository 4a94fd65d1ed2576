// The problems that this service itself reports, in one place; those of the coordinator are passed
// on. Each says what to do next.

import APIContract
import ControlModel
import HTTPWire

enum Problems {
    static func noRoute(_ path: String) -> Problem {
        Problem(
            status: 404, code: "NO_SUCH_PATH", title: "No such path",
            detail: "there is no \(path); /openapi.json lists what there is")
    }

    static func methodNotAllowed(_ allow: String) -> Problem {
        Problem(
            status: 405, code: "METHOD_NOT_ALLOWED", title: "Method not allowed",
            detail: "this path has: \(allow)")
    }

    static func notAcceptable(_ offered: [String]) -> Problem {
        Problem(
            status: 406, code: "NOT_ACCEPTABLE", title: "No acceptable form",
            detail: "Accept allows none of: " + offered.joined(separator: ", "))
    }

    static func unsupportedMediaType(_ accepted: String) -> Problem {
        Problem(
            status: 415, code: "UNSUPPORTED_MEDIA_TYPE", title: "Unsupported media type",
            detail: "send the body as \(accepted) with that Content-Type")
    }

    static func invalidParameters(_ violations: [SchemaViolation]) -> Problem {
        Problem(
            status: 400, code: "INVALID_PARAMETER", title: "Invalid parameter",
            detail: violations.map { violation in
                let name = violation.pointer.split(separator: "/").last ?? ""
                return "\(name) \(violation.detail)"
            }.joined(separator: "; "), errors: violations.map(\.problemDetail))
    }

    static func invalidParameter(_ name: String, _ detail: String) -> Problem {
        invalidParameters([SchemaViolation(pointer: "/query/\(name)", detail: detail)])
    }

    static let invalidJSON = Problem(
        status: 400, code: "INVALID_JSON", title: "The body is not JSON",
        detail: "the body cannot be read as JSON in UTF-8; check quotes and commas")

    static let bodyRequired = Problem(
        status: 400, code: "BODY_REQUIRED", title: "The body is missing",
        detail: "send a JSON document; /openapi.json describes it")

    static func invalidBody(_ errors: [Problem.Detail]) -> Problem {
        // The document as a whole has no place to name.
        let first =
            errors.first.map { "\($0.pointer.isEmpty ? "the body" : $0.pointer) \($0.detail)" }
            ?? "the body does not fit"
        return Problem(
            status: 422, code: "INVALID_BODY", title: "The body does not fit", detail: first,
            errors: errors)
    }

    static func unauthorized(_ detail: String) -> Problem {
        Problem(
            status: 401, code: "UNAUTHORIZED", title: "A valid token is needed",
            detail: "\(detail); send Authorization: Bearer <token>")
    }

    static func forbidden(needs role: String, has: String) -> Problem {
        Problem(
            status: 403, code: "FORBIDDEN", title: "The token may not do this",
            detail: "this needs a token of role \(role); yours is \(has)")
    }

    static let tooManyFailures = Problem(
        status: 429, code: "TOO_MANY_FAILURES", title: "Too many failed attempts",
        detail: "wait a few seconds and send a valid token", retryable: true)

    static let preconditionRequired = Problem(
        status: 428, code: "PRECONDITION_REQUIRED", title: "If-Match is required",
        detail: "read the resource and send its ETag as If-Match, or If-Match: * to overwrite")

    static let preconditionFailed = Problem(
        status: 412, code: "STALE_GENERATION", title: "Changed since it was read",
        detail: "If-Match names another version; read the resource again and repeat the change")

    static let alreadyExists = Problem(
        status: 412, code: "ALREADY_EXISTS", title: "It exists already",
        detail: "If-None-Match: * creates only; change it with If-Match and its ETag")

    static func eventsGone(oldest: Int64) -> Problem {
        Problem(
            status: 410, code: "EVENTS_EXPIRED", title: "Those events are not kept any more",
            detail: "the oldest event is \(oldest); read the state anew and go on from there")
    }

    static func unavailable(_ detail: String) -> Problem {
        Problem(
            status: 503, code: "COORDINATOR_UNAVAILABLE", title: "The coordinator does not answer",
            detail: "\(detail); the data nodes go on serving, try again", retryable: true)
    }

    static let unknownOutcome = Problem(
        status: 504, code: "OUTCOME_UNKNOWN", title: "The coordinator did not answer in time",
        detail: "the command may have been carried out; repeat it with the same Idempotency-Key, "
            + "or look at /v1/operations", retryable: true)

    static let starting = Problem(
        status: 503, code: "NOT_READY", title: "Not ready",
        detail: "the state of the coordinator was not read yet", retryable: true)

    static let draining = Problem(
        status: 503, code: "DRAINING", title: "Shutting down",
        detail: "this process ends; send the request again", retryable: true)

    static func noRouteTarget(_ detail: String) -> Problem {
        Problem(
            status: 503, code: "NO_TARGET", title: "No such node now", detail: detail,
            retryable: true)
    }

    /// A refusal of the HTTP layer.
    static func transport(_ status: HTTPStatus, _ text: String) -> Problem {
        let code = status.reason.uppercased().split(separator: " ").joined(separator: "_")
        return Problem(
            status: status.code, code: code, title: status.reason, detail: text,
            retryable: [408, 503, 504].contains(status.code))
    }
}

extension SchemaViolation {
    /// The violation as a problem carries it.
    var problemDetail: Problem.Detail { Problem.Detail(pointer: pointer, detail: detail) }
}
