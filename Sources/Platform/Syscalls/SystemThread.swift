// Threads of the operating system. (Foundation's `Thread` is not available below the assemblies,
// and its name would clash in modules that import Foundation.)
import CLinux
import Glibc
import Synchronization

/// A started thread of the operating system.
public final class SystemThread: Sendable {
    // Taken by the new thread, so that what the closure holds is released there.
    private let body: Mutex<(@Sendable () -> Void)?>
    private let name: String
    // Written once by `start` before anybody else sees the object; read by `join`.
    private let handle = Mutex<pthread_t?>(nil)

    private init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = Mutex(body)
    }

    /// Starts a thread that runs `body` and ends with it. `name` is shown by `top -H` (15 bytes).
    public static func start(
        name: String, _ body: @escaping @Sendable () -> Void
    ) throws(SystemError) -> SystemThread {
        let thread = SystemThread(name: name, body: body)
        var handle = pthread_t()
        let context = unsafe Unmanaged.passRetained(thread).toOpaque()
        let code = unsafe pthread_create(&handle, nil, { unsafe threadMain($0) }, context)
        guard code == 0 else {
            unsafe Unmanaged<SystemThread>.fromOpaque(context).release()
            throw SystemError(call: "pthread_create", code: code)
        }
        thread.handle.withLock { $0 = handle }
        return thread
    }

    /// How long a thread in the background runs at a stretch while others wait. The scheduler's own
    /// stretch is about 3 ms, a pause that clients of an engine on the same core would feel.
    static let backgroundStretchNanoseconds: UInt64 = 100_000

    /// Lets other threads of the machine go before the calling one, for work in the background.
    public static func lowerPriority() {
        // On Linux both are a thread's own; raising the nice value cannot fail.
        if hw_lower_priority(10, backgroundStretchNanoseconds) != 0 {
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
        }
    }

    /// Waits until the thread has ended. A second call returns at once.
    public func join() {
        guard let handle = handle.withLock({ $0.take() }) else { return }
        pthread_join(handle, nil)
    }

    deinit {
        if let handle = handle.withLock({ $0.take() }) { pthread_detach(handle) }
    }

    fileprivate func run() {
        unsafe hw_set_thread_name(name)
        body.withLock { $0.take() }?()
    }
}

private func threadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let context = unsafe context {
        unsafe Unmanaged<SystemThread>.fromOpaque(context).takeRetainedValue().run()
    }
    return nil
}

/// Identity of a thread: for assertions that a method runs where it must.
public struct ThreadIdentity: Equatable, Sendable {
    private let value: pthread_t

    /// The calling thread.
    public static var current: ThreadIdentity { ThreadIdentity(value: pthread_self()) }
}
