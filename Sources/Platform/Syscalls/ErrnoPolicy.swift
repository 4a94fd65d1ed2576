// The rule for errno, in one place:
//
//   EINTR                    the call is repeated
//   EAGAIN, EWOULDBLOCK      a value (nil), never an error
//   EBADF, EFAULT, ENOTSOCK  a bug in this program: stop
//   the rest                 thrown as `SystemError` with the call's name
import CLinux
import Glibc

/// Runs `body` until it is not interrupted; throws for every failure.
@inline(__always)
func attempt<Result: SignedInteger>(
    _ call: StaticString, _ subject: @autoclosure () -> String = "", _ body: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        if code != EINTR { throw failure(call, code, subject()) }
    }
}

/// As `attempt`, but a call that would block gives nil.
@inline(__always)
func attemptNonblocking<Result: SignedInteger>(
    _ call: StaticString, _ body: () -> Result
) throws(SystemError) -> Result? {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        if code == EAGAIN { return nil }
        if code != EINTR { throw failure(call, code, "") }
    }
}

@inline(never)
func failure(_ call: StaticString, _ code: Int32, _ subject: String) -> SystemError {
    precondition(
        code != EBADF && code != EFAULT && code != ENOTSOCK,
        "system call with a bad descriptor or address")
    return SystemError(call: call, code: code, subject: subject)
}

extension SystemError {
    /// The system's text for an error number.
    public static func reason(of code: Int32) -> String {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard let base = buffer.baseAddress else { return "error \(code)" }
            return unsafe String(cString: hw_error_text(code, base, buffer.count))
        }
    }
}
