// Waiting for one socket without an event loop: for the few conversations that hold a thread.
internal import Bytes
import Glibc

extension Socket {
    /// What a socket is waited for.
    public enum Readiness: Sendable {
        /// Bytes, the end or an error can be read.
        case readable
        /// The kernel takes bytes, or the connection has failed.
        case writable
    }

    /// Waits until the socket is ready, at most so long; false when the time is over.
    public static func wait(
        for readiness: Readiness, _ descriptor: borrowing Descriptor, milliseconds: Int64
    ) -> Bool {
        let end = Clock.monotonicMicroseconds().addingClamped(
            milliseconds.multipliedClamped(by: 1_000))
        while true {
            let left = max(
                0, end.subtractingClamped(Clock.monotonicMicroseconds()).addingClamped(999) / 1_000)
            var entry = pollfd(
                fd: descriptor.number,
                events: Int16(readiness == .readable ? POLLIN : POLLOUT), revents: 0)
            let count = unsafe poll(&entry, 1, Int32(clamping: left))
            if count > 0 { return true }
            // An interrupted call goes on with the time that is left.
            if count == 0 || left == 0 { return false }
        }
    }
}
