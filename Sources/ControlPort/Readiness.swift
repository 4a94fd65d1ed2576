// The questions of load balancers, answered from a report: 200 or 503.
public import ControlModel

/// What a balancer may ask, and whether the answer is yes.
public enum RouteQuestion: Equatable, Sendable {
    /// The process runs and its control thread answers.
    case live
    /// It has its data and can serve clients.
    case ready
    /// It is a master that accepts writes.
    case master
    /// It is a replica whose link carried something within this many milliseconds (nil: any age).
    case replica(maxLagMilliseconds: Int64?)

    /// The answer for `report`, with the reason of a no.
    public func answer(_ report: HealthReport) -> (isYes: Bool, reason: String) {
        switch self {
        case .live: return (true, "live")
        case .ready:
            if report.loading { return (false, "loading the data set") }
            if report.role == .replica && report.syncing && report.dataset.keys == 0 {
                return (false, "receiving the first data set")
            }
            return (true, "ready")
        case .master:
            if report.role != .master { return (false, "this node is a replica") }
            if report.loading { return (false, "loading the data set") }
            if report.paused { return (false, "writes are paused") }
            if let lease = report.leaseRemainingMilliseconds, lease <= 0 {
                return (false, "the write lease has ended")
            }
            return (true, "master")
        case .replica(let lag):
            if report.role != .replica { return (false, "this node is the master") }
            if report.loading { return (false, "loading the data set") }
            if report.linkState != .connected {
                return (false, "the link is \(report.linkState.rawValue)")
            }
            if let lag, report.lastByteAgeMilliseconds < 0 || report.lastByteAgeMilliseconds > lag {
                return (false, "nothing came for \(report.lastByteAgeMilliseconds) ms")
            }
            return (true, "replica")
        }
    }

    /// Milliseconds from `500`, `500ms`, `2s` or `1m`; nil for other text.
    public static func milliseconds(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits) else { return nil }
        let factor: Int64
        switch text.dropFirst(digits.count) {
        case "", "ms": factor = 1
        case "s": factor = 1_000
        case "m": factor = 60_000
        default: return nil
        }
        let (value, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : value
    }
}
