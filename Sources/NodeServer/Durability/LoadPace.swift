// `key-load-delay`: makes loading slow, so that tests of other servers can look at a node that
// loads. The thread sleeps, as in those servers; the directive may change while a file is loaded.

import Platform

/// Waits at each key that is loaded. Engine thread only.
final class LoadPace {
    private let snapshots: Snapshots
    private var keysSinceSleep = 0

    init(_ snapshots: Snapshots) { self.snapshots = snapshots }

    /// A key was loaded, or a command of a log was executed.
    func keyLoaded() {
        let delay = snapshots.settings.loadDelayMicroseconds
        if delay > 0 {
            Clock.sleep(microseconds: Int64(delay))
        } else if delay < 0 {
            keysSinceSleep += 1
            guard keysSinceSleep >= -delay else { return }
            keysSinceSleep = 0
            Clock.sleep(microseconds: 1)
        }
    }
}
