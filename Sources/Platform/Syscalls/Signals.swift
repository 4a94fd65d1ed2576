// Signals as data: they are blocked for the whole process and read from a descriptor in the loop,
// so that no code ever runs in a signal handler.
//
// Order at start: 1. `ignoreBrokenPipe`, 2. `block` on the main thread before any other thread is
// made (threads inherit the mask), 3. `descriptor`, registered with the loop.
import CLinux
import Glibc

/// A signal this suite handles.
public enum Signal: Int32, Sendable, CaseIterable {
    /// Reload, or the terminal went away.
    case hangup = 1
    /// Control-C.
    case interrupt = 2
    /// A user's request.
    case user1 = 10
    /// Please end.
    case terminate = 15
}

/// Signals of the process.
public enum Signals {
    /// Makes a write to a closed pipe or socket an error instead of the end of the process.
    public static func ignoreBrokenPipe() { _ = signal(SIGPIPE, SIG_IGN) }

    /// Makes writes beyond the process' file size limit fail like those on a full disk, instead of
    /// ending the process.
    public static func ignoreFileSizeLimit() { _ = signal(SIGXFSZ, SIG_IGN) }

    /// Blocks signals for the calling thread and all that it starts later.
    public static func block(_ signals: [Signal]) throws(SystemError) {
        var set = mask(signals)
        let code = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        if code != 0 { throw SystemError(call: "pthread_sigmask", code: code) }
    }

    /// A nonblocking descriptor that becomes readable when one of the blocked signals arrives.
    public static func descriptor(for signals: [Signal]) throws(SystemError) -> Descriptor {
        var set = mask(signals)
        let number = try attempt("signalfd") {
            unsafe signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        }
        return Descriptor(owning: number)
    }

    /// The next signal that arrived and the process that sent it (0: the kernel); nil if none.
    public static func next(
        from descriptor: borrowing Descriptor
    ) throws(SystemError) -> (signal: Signal, sender: Int32)? {
        let number = descriptor.number
        var record = signalfd_siginfo()
        let count = try attemptNonblocking("read") {
            unsafe read(number, &record, MemoryLayout<signalfd_siginfo>.size)
        }
        guard count != nil, let signal = Signal(rawValue: Int32(record.ssi_signo)) else {
            return nil
        }
        return (signal, Int32(bitPattern: record.ssi_pid))
    }

    /// Sends a signal to a process.
    public static func send(_ signal: Signal, to process: Int32) throws(SystemError) {
        _ = try attempt("kill") { kill(process, signal.rawValue) }
    }

    /// Sends a signal to the calling thread: it stays pending there while it is blocked.
    public static func sendToThisThread(_ signal: Signal) throws(SystemError) {
        let code = pthread_kill(pthread_self(), signal.rawValue)
        if code != 0 { throw SystemError(call: "pthread_kill", code: code) }
    }

    private static func mask(_ signals: [Signal]) -> sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal.rawValue) }
        return set
    }
}
