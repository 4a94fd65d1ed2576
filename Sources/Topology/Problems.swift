// The problems that the decision core reports, each with its status and code in one place.

internal import ControlModel

/// Constructors of problem documents.
enum Problems {
    static func nameTaken(_ what: String) -> Problem {
        Problem(
            status: 409, code: "NAME_TAKEN", title: "Name taken",
            detail: "\(what) exists; change it with PUT or PATCH, or choose another name")
    }

    static func staleGeneration(now: Int64) -> Problem {
        Problem(
            status: 412, code: "STALE_GENERATION", title: "Changed since it was read",
            detail: "the generation is \(now) now; read it again and repeat the change")
    }

    static func operationInProgress(_ id: String) -> Problem {
        Problem(
            status: 409, code: "OPERATION_IN_PROGRESS", title: "Another operation is running",
            detail: "\(id) is running; wait for it or cancel it", retryable: true)
    }

    static func invalid(_ code: String, _ detail: String, at pointer: String) -> Problem {
        Problem(
            status: 422, code: code, title: "The request cannot be carried out", detail: detail,
            errors: [Problem.Detail(pointer: pointer, detail: detail)])
    }

    static func noEligibleCandidate(_ detail: String) -> Problem {
        Problem(
            status: 422, code: "NO_ELIGIBLE_CANDIDATE", title: "No node may become master",
            detail: detail)
    }

    static func wouldLoseData(_ detail: String) -> Problem {
        Problem(
            status: 422, code: "WOULD_LOSE_DATA", title: "Data would be lost", detail: detail)
    }

    static func isolated(_ detail: String) -> Problem {
        Problem(
            status: 503, code: "COORDINATOR_ISOLATED", title: "The coordinator is isolated",
            detail: detail, retryable: true)
    }

    static func superseded(_ why: String) -> Problem {
        Problem(
            status: 409, code: "SUPERSEDED", title: "Given up for something more urgent",
            detail: why, retryable: true)
    }

    static func cancelled(by actor: String) -> Problem {
        Problem(
            status: 409, code: "CANCELLED", title: "Cancelled", detail: "cancelled by \(actor)")
    }

    static func notCancellable(_ detail: String) -> Problem {
        Problem(
            status: 409, code: "NOT_CANCELLABLE", title: "Too late to cancel", detail: detail)
    }

    static func promotionFailed(_ detail: String) -> Problem {
        Problem(
            status: 503, code: "PROMOTION_FAILED", title: "The promotion was not carried out",
            detail: detail, retryable: true)
    }

    static func switchoverNotPossible(_ detail: String) -> Problem {
        Problem(
            status: 409, code: "SWITCHOVER_NOT_POSSIBLE", title: "The switchover cannot begin",
            detail: detail, retryable: true)
    }

    static func switchoverTimeout(_ detail: String) -> Problem {
        Problem(
            status: 504, code: "SWITCHOVER_TIMEOUT", title: "The pause of writes was not enough",
            detail: "\(detail); writes were resumed", retryable: true)
    }

    static func notConverged(_ detail: String) -> Problem {
        Problem(
            status: 504, code: "NOT_CONVERGED", title: "Some nodes are not in their place",
            detail: "\(detail); the coordinator keeps trying", retryable: true)
    }

    static func rootNotAvailable(_ detail: String) -> Problem {
        Problem(
            status: 503, code: "ROOT_NOT_AVAILABLE", title: "The first master is not there",
            detail: detail, retryable: true)
    }

    static func coordinatorRestarted() -> Problem {
        Problem(
            status: 503, code: "COORDINATOR_RESTARTED", title: "The coordinator restarted",
            detail: "the coordinator restarted before the decision was stored; writes were "
                + "resumed", retryable: true)
    }
}
