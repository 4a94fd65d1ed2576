// When and how often keys were used: the meaning of the 24 bits in each entry.
//
//   recency      seconds of the wall clock, modulo 2^24 (194 days), of the last use
//   frequency    bits 8–23 minutes of the wall clock, modulo 2^16, of the last use
//                bits 0–7  logarithmic counter: it rises by one with the probability
//                          1 / ((counter - 5) * logFactor + 1) and falls by one each decayMinutes
//
// A new key begins with the present second, or with a counter of 5, so that it is not evicted
// before it had a chance. The formulas are those of Redis; so is the meaning of the bits after the
// policy changed: wrong for a while, then right again.

internal import Bytes

/// The clock of accesses, shared by all databases. Confined to the engine's thread.
public final class AccessClock {
    /// The counter of a new key.
    public static let frequencyInitial: UInt32 = 5
    private static let frequencyMax: UInt32 = 255
    private static let clockMask: UInt32 = 0xFF_FFFF
    private static let minutesMask: UInt32 = 0xFFFF

    /// What a new entry gets, and a changed one unless accesses are counted.
    @usableFromInline private(set) var initial: UInt32 = 0
    /// Accesses are counted (LFU); otherwise the time of the last one is kept (LRU).
    public var countsAccesses = false { didSet { updateInitial() } }
    /// The policy needs the clocks: files keep them with the keys.
    public var isSaved = false
    /// How slowly the counter rises (`lfu-log-factor`).
    public var logFactor = 10
    /// Minutes in which an unused counter falls by one; 0: it never falls (`lfu-decay-time`).
    public var decayMinutes = 1
    private var seconds: UInt32 = 0
    private var minutes: UInt32 = 0
    private var random = SeededRandom(seed: 0x4C46_55)

    /// A clock at the beginning of time.
    public init() { updateInitial() }

    /// Sets the time, in milliseconds of the wall clock.
    public func setTime(milliseconds: Int64) {
        let now = UInt32(truncatingIfNeeded: milliseconds / 1_000) & AccessClock.clockMask
        if now == seconds { return }
        seconds = now
        minutes =
            UInt32(truncatingIfNeeded: milliseconds / 60_000) & AccessClock.minutesMask
        updateInitial()
    }

    private func updateInitial() {
        initial = countsAccesses ? minutes << 8 | AccessClock.frequencyInitial : seconds
    }

    /// Notes a use of `entry`.
    @inline(__always)
    public func touch(_ entry: Entry) {
        if countsAccesses { count(entry) } else { entry.accessClock = initial }
    }

    @inline(never)
    private func count(_ entry: Entry) {
        var counter = frequency(of: entry)
        if counter < AccessClock.frequencyMax {
            let base =
                counter > AccessClock.frequencyInitial
                ? Int(counter - AccessClock.frequencyInitial) : 0
            // One draw out of base * logFactor + 1.
            let (product, overflowed) = base.multipliedReportingOverflow(by: max(0, logFactor))
            if !overflowed && random.below(product + 1) == 0 { counter += 1 }
        }
        entry.accessClock = minutes << 8 | counter
    }

    /// The counter of `entry` now, after what it lost since its last use; below 256.
    public func frequency(of entry: Entry) -> UInt32 {
        let clock = entry.accessClock
        let counter = clock & 0xFF
        guard decayMinutes > 0 else { return counter }
        let then = clock >> 8
        let elapsed = minutes >= then ? minutes - then : AccessClock.minutesMask - then + minutes
        let lost = Int(elapsed) / decayMinutes
        return lost >= Int(counter) ? 0 : counter - UInt32(lost)
    }

    /// Seconds since the last use of `entry`, below 2^24.
    public func idleSeconds(of entry: Entry) -> Int64 {
        Int64((seconds &- entry.accessClock) & AccessClock.clockMask)
    }

    /// Gives `entry` what a file or RESTORE says; -1 for nothing. What belongs to the other policy
    /// is ignored.
    public func restore(_ entry: Entry, idleSeconds: Int64, frequency: Int) {
        if countsAccesses {
            guard frequency >= 0 else { return }
            let counter = UInt32(min(frequency, Int(AccessClock.frequencyMax)))
            entry.accessClock = minutes << 8 | counter
        } else if idleSeconds >= 0 {
            let idle = UInt32(min(idleSeconds, Int64(AccessClock.clockMask - 1)))
            entry.accessClock = (seconds &- idle) & AccessClock.clockMask
        }
    }
}
