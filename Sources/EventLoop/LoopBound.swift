// A reference to an object that lives on a loop's thread, for holders on other threads.
//
// Why @unchecked: `stored` is read only on the loop's thread (checked at run time), and deinit hands
// it there before it lets go of it.
import Platform

/// Carries a value that is not Sendable past other threads, back to its own.
///
/// Other threads can only `post` jobs; `value` stops the process when it is read elsewhere than on
/// the loop's thread.
public final class LoopBound<Value>: @unchecked Sendable {
    private struct Parcel: @unchecked Sendable {
        var value: Value?
    }

    private var stored: Parcel
    private let mailbox: Mailbox
    private let owner: ThreadIdentity

    /// Binds `value` to `loop`; called on the loop's thread.
    public init(_ value: Value, loop: EventLoop) {
        loop.assertOnThread()
        stored = Parcel(value: value)
        mailbox = loop.mailbox
        owner = loop.thread
    }

    /// The value; only on the loop's thread.
    public var value: Value {
        precondition(ThreadIdentity.current == owner, "read outside the loop's thread")
        guard let value = stored.value else { preconditionFailure("emptied only by deinit") }
        return value
    }

    /// Runs `job` with the value on the loop's thread; from any thread.
    public func post(_ job: @escaping @Sendable (Value) -> Void) {
        mailbox.post { [self] _ in job(value) }
    }

    deinit {
        // The last holder may be another thread: the value must be released on its own.
        guard ThreadIdentity.current != owner else { return }
        let parcel = stored
        stored.value = nil
        mailbox.post { _ in _ = parcel }
    }
}
