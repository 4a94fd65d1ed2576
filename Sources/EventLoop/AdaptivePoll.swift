// Whether to ask for events a little longer before the thread sleeps.
//
//   events ──► turn ──► idle: asks again and again, `microsecondsMax` at most ──► sleeps
//                        └── only while most of the last 16 idle times were short
//
// The peer waits for the wake-up that follows a sleep, longer than for the answer itself. Under
// dense traffic asking is faster, for some processor time; when traffic ceases, the history forgets
// within eight turns, and an idle loop sleeps at once.

/// Decides by the idle times of the last turns; one per loop.
struct AdaptivePoll {
    /// Longest time to ask before sleeping, in microseconds; 0 sleeps at once.
    var microsecondsMax: Int64
    /// One bit for each of the last 16 waits, set where it was short.
    private var history: UInt16 = 0
    /// Waits of the last 16 that must have been short.
    static let shortCountMin = 10

    init(microsecondsMax: Int64 = 0) { self.microsecondsMax = microsecondsMax }

    /// Whether to ask before sleeping.
    var isWorthwhile: Bool {
        microsecondsMax > 0 && history.nonzeroBitCount >= AdaptivePoll.shortCountMin
    }

    /// A wait has ended. One that slept counts as short up to twice the limit: its length has the
    /// time in it that waking up takes.
    mutating func note(idleMicroseconds: Int64) {
        history = history &<< 1 | (idleMicroseconds <= 2 &* microsecondsMax ? 1 : 0)
    }
}
