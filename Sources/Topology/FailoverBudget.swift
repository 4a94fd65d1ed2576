// How often a master may be replaced without being asked. Two rules, both visible as the
// finding FailoverBlocked with the time at which they end:
//
//   budget    at most N automatic failovers in any hour
//   distance  after the k-th failover of the hour wait 1 s · 2^(k-1), at most an N-th of an hour,
//             so that a cluster that dies again and again is given time

internal import ControlModel

/// The decision whether an automatic failover may be begun.
enum FailoverBudget {
    /// The answer, with what people are told.
    enum Decision: Equatable {
        case allowed
        case blocked(until: Timestamp, reason: String)
    }

    static let hourMilliseconds: Int64 = 3_600_000

    /// Failovers of the last hour, oldest first.
    static func recent(_ recoveries: [Timestamp], now: Timestamp) -> [Timestamp] {
        // A wall clock that was set back leaves times in the future: they count as now.
        recoveries.filter { $0.milliseconds > now.milliseconds - hourMilliseconds }
    }

    /// Decides for one cluster.
    static func decide(recoveries: [Timestamp], perHour: Int, now: Timestamp) -> Decision {
        let hour = recent(recoveries, now: now)
        guard perHour > 0 else {
            let end = now.adding(milliseconds: hourMilliseconds)
            return .blocked(until: end, reason: "the budget of automatic failovers is 0")
        }
        if hour.count >= perHour {
            let oldest = hour[hour.count - perHour]
            return .blocked(
                until: oldest.adding(milliseconds: hourMilliseconds),
                reason: "\(hour.count) automatic failovers in the last hour; "
                    + "the budget is \(perHour)")
        }
        guard let last = hour.last else { return .allowed }
        let doublings = min(hour.count - 1, 20)
        let longest = hourMilliseconds / Int64(perHour)
        let distance = min(Limits.failoverDistanceMilliseconds << Int64(doublings), longest)
        let end = last.adding(milliseconds: distance)
        guard now < end, last <= now else { return .allowed }
        return .blocked(
            until: end,
            reason: "the last failover was less than \(distance) ms ago, and each one in an "
                + "hour doubles the distance")
    }
}
