// What ZADD and its kin do to the score of a member: the rules, apart from where it is stored.

/// A wish to set or raise a score, with its conditions.
public struct ScoreChange {
    /// The new score, or what is added to the old one. Not NaN.
    public var score: Double
    /// `score` is added to the old one (INCR).
    public var isIncrement = false
    /// Members are added (not XX).
    public var mayAdd = true
    /// Members that are there may change (not NX).
    public var mayUpdate = true
    /// Only a higher score is taken (GT).
    public var onlyIfGreater = false
    /// Only a lower score is taken (LT).
    public var onlyIfLess = false

    /// Sets the score, whatever was there.
    public init(_ score: Double) { self.score = score }

    /// What became of the wish, with the score that the member has now.
    public enum Outcome: Equatable, Sendable {
        /// The member is new.
        case added(Double)
        /// Its score changed.
        case updated(Double)
        /// It has this score already.
        case unchanged(Double)
        /// A condition does not hold.
        case refused
        /// The sum is not a number; nothing changed.
        case notANumber
    }

    /// What becomes of a member whose score is `old`.
    func outcome(from old: Double) -> Outcome {
        if !mayUpdate { return .refused }
        let new = isIncrement ? old + score : score
        if new.isNaN { return .notANumber }
        if (onlyIfLess && new >= old) || (onlyIfGreater && new <= old) { return .refused }
        return new == old ? .unchanged(new) : .updated(new)
    }
}
