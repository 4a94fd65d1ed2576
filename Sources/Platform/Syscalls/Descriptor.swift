// An owned file descriptor: closed exactly once, by `close` or when its owner goes away.
//
// Invariant: `number` is open and belongs to this value alone, or is -1 after `close`. Using it
// after `close` stops the process (EBADF is a bug, see ErrnoPolicy).
import CLinux
import Glibc

/// A file descriptor that is closed when it goes out of scope.
public struct Descriptor: ~Copyable, Sendable {
    /// The kernel's number; valid while this value lives and is not closed; then -1.
    public private(set) var number: Int32

    /// Takes the ownership of an open descriptor.
    public init(owning number: Int32) {
        precondition(number >= 0, "not a descriptor")
        self.number = number
    }

    deinit { if number >= 0 { _ = Glibc.close(number) } }

    /// Whether it was not closed yet.
    public var isOpen: Bool { number >= 0 }

    /// Gives the ownership away: the caller closes the number.
    public consuming func release() -> Int32 {
        let released = number
        discard self
        return released
    }

    /// Closes before the owner goes away; does nothing the second time. Linux frees the number
    /// whatever close() returns, so that it is not repeated after EINTR; file writers learn late
    /// write errors from their fsync.
    public mutating func close() {
        guard number >= 0 else { return }
        _ = Glibc.close(number)
        number = -1
    }

    /// Makes reads and writes return instead of waiting.
    public borrowing func setNonblocking() throws(SystemError) {
        let number = number
        _ = try attempt("fcntl") { hw_set_nonblocking(number) }
    }
}

extension Descriptor {
    /// A descriptor of /dev/null, held to be closed when the process has none left.
    public static func reserve() throws(SystemError) -> Descriptor {
        Descriptor(
            owning: try attempt("open", "/dev/null") {
                unsafe hw_open("/dev/null", O_RDONLY, 0)
            })
    }
}
