// One value from one thread to another that waits for it.
import Synchronization

/// A place where one thread leaves a value and another waits for it.
public final class Handoff<Value: Sendable>: Sendable {
    // Written once by the giver, taken once by the waiter.
    private let value = Mutex<Value?>(nil)
    private let counter: WakeCounter

    /// An empty place.
    public init() throws(SystemError) { counter = try WakeCounter() }

    /// Leaves the value; once.
    public func give(_ value: Value) {
        self.value.withLock { stored in
            precondition(stored == nil, "a value was left already")
            stored = value
        }
        counter.raise()
    }

    /// Waits for the value and takes it; once. Never on an event loop's thread.
    public func take() -> Value {
        while true {
            if let value = value.withLock({ $0.take() }) { return value }
            counter.waitUntilRaised()
        }
    }
}
