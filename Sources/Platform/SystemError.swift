// What Platform throws: which system call failed, how, and on which path.
import CLinux
import Glibc

/// A system call that failed for an operating reason (full disk, refused connection, …).
public struct SystemError: Error, Sendable {
    /// Name of the call, as in its manual page.
    public let call: StaticString
    /// The value of `errno`.
    public let code: Int32
    /// The path or address the call was about; empty if none.
    public let subject: String

    /// An error of `call` with an `errno` value.
    public init(call: StaticString, code: Int32, subject: String = "") {
        self.call = call
        self.code = code
        self.subject = subject
    }

    /// The same error with the path or address it was about.
    public func about(_ subject: String) -> SystemError {
        SystemError(call: call, code: code, subject: subject)
    }

    /// The system's text for the code, such as "No such file or directory".
    public var reason: String { SystemError.reason(of: code) }

    /// Whether there is no such file or directory.
    public var isNotFound: Bool { code == ENOENT }
    /// Whether the file exists already.
    public var isExisting: Bool { code == EEXIST }
    /// Whether the disk or the quota is full, or a file would become too large.
    public var isDiskFull: Bool { code == ENOSPC || code == EDQUOT || code == EFBIG }
    /// Whether the process or the system has no descriptor left.
    public var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE }
    /// Whether nobody listens at the address.
    public var isRefused: Bool { code == ECONNREFUSED }
    /// Whether the peer reset the connection or closed its reading end.
    public var isReset: Bool { code == ECONNRESET || code == EPIPE }
    /// Whether the address is taken by another socket.
    public var isAddressInUse: Bool { code == EADDRINUSE }
    /// Whether the connection attempt or the transport timed out.
    public var isTimedOut: Bool { code == ETIMEDOUT }
    /// Whether permission is missing.
    public var isDenied: Bool { code == EACCES || code == EPERM }
}

extension SystemError: Equatable {
    /// Whether both are the same failure of the same call on the same subject.
    public static func == (left: SystemError, right: SystemError) -> Bool {
        left.code == right.code && left.call.description == right.call.description
            && left.subject == right.subject
    }
}

extension SystemError: CustomStringConvertible {
    /// Call, subject and reason: `open /data/dump.rdb: No such file or directory`.
    public var description: String {
        subject.isEmpty ? "\(call): \(reason)" : "\(call) \(subject): \(reason)"
    }
}

/// A write that stored only a part: the caller cuts the part off or goes on behind it.
public struct ShortWrite: Error, Equatable, Sendable, CustomStringConvertible {
    /// Bytes that did reach the file.
    public let written: Int
    /// Why the rest did not.
    public let cause: SystemError

    /// A write of which only `written` bytes were stored.
    public init(written: Int, cause: SystemError) {
        self.written = written
        self.cause = cause
    }

    /// The cause and how far the write came.
    public var description: String { "\(cause) after \(written) bytes" }
}
