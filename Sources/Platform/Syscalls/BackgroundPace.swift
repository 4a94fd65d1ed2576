// How a thread in the background shares a core with one that others wait for.

/// Breaks the work of a background thread into short stretches. A scheduler that looks around only
/// at its tick (every 4 ms at 250 Hz) lets a thread which never sleeps run from tick to tick, and
/// an engine on the same core stands still for so long, however low the other's priority is. A
/// sleep gives the core back at once.
public struct BackgroundPace: ~Copyable {
    /// Work in microseconds after which the thread sleeps.
    public static let stretchMicroseconds: Int64 = 200
    /// How long it sleeps, in microseconds; the kernel's timer slack of 50 µs comes on top.
    static let restMicroseconds: Int64 = 50

    private var start = Clock.monotonicMicroseconds()

    /// A pace whose first stretch begins now.
    public init() {}

    /// Begins a stretch: to be called after the thread waited for something.
    public mutating func begin() { start = Clock.monotonicMicroseconds() }

    /// Sleeps when the stretch was long enough; to be called between two pieces of work, neither of
    /// which should take longer than a stretch.
    public mutating func restIfDue() {
        guard Clock.monotonicMicroseconds() - start >= Self.stretchMicroseconds else { return }
        Clock.sleep(microseconds: Self.restMicroseconds)
        begin()
    }
}
