// A reference to an object that lives on a loop's thread, for holders on other threads.
//
// Other threads can only post jobs. Neither reading the value nor its release ever happens
// elsewhere: the first is checked, the second is posted.
import Platform

/// Carries a value that is not Sendable past other threads, back to its own.
///
/// Other threads can only `post` jobs; `value` stops the process when it is read elsewhere than on
/// the loop's thread. The value is released on the loop's thread: when the last holder is gone, or
/// at the end of the loop (`EventLoop.releaseAll`), whichever comes first.
public final class LoopBound<Value>: Sendable {
    private let parcel: ThreadParcel
    private let mailbox: Mailbox
    private let owner: ThreadIdentity

    /// Binds `value` to `loop`; called on the loop's thread.
    public init(_ value: Value, loop: EventLoop) {
        loop.assertOnThread()
        parcel = ThreadParcel(value)
        mailbox = loop.mailbox
        owner = loop.thread
        mailbox.keep(parcel)
    }

    /// The value; only on the loop's thread, and not after the loop's end.
    public var value: Value {
        precondition(ThreadIdentity.current == owner, "read outside the loop's thread")
        precondition(mailbox.keeps(parcel), "read after the end of the loop")
        return parcel.value(as: Value.self)
    }

    /// Runs `job` with the value on the loop's thread; from any thread.
    public func post(_ job: @escaping @Sendable (Value) -> Void) {
        mailbox.post { [self] _ in job(value) }
    }

    deinit {
        if ThreadIdentity.current == owner {
            mailbox.release(parcel)
        } else {
            mailbox.post { [mailbox, parcel] _ in mailbox.release(parcel) }
        }
    }
}
