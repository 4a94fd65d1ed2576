// A thread that runs an event loop: for control ports, log writers, test servers.
//
//   1. the thread makes its loop and runs `setup` there (objects made in it never leave the thread)
//   2. `start` returns once that is done, or throws what was thrown
//   3. `stop` posts the end, waits for the thread, and everything the loop held is released there
public import Platform
import Synchronization

/// A thread of its own with an event loop on it.
public final class LoopThread: Sendable {
    /// Takes jobs for the thread's loop.
    public let mailbox: Mailbox
    private let thread: SystemThread

    private init(mailbox: Mailbox, thread: SystemThread) {
        self.mailbox = mailbox
        self.thread = thread
    }

    /// Starts the thread and waits until `setup` has run on it. What `setup` returns is what others
    /// need to know of it: a port, a `LoopBound`. The thread holds it until its end.
    public static func start<Made: Sendable>(
        name: String, _ setup: @escaping @Sendable (EventLoop) throws(SystemError) -> Made
    ) throws(SystemError) -> (thread: LoopThread, made: Made) {
        let handoff = try Handoff<Result<(Mailbox, Made), SystemError>>()
        let thread = try SystemThread.start(name: name) {
            do throws(SystemError) {
                let loop = try EventLoop()
                let made = try LoopThread.prepare(loop, setup)
                handoff.give(.success((loop.mailbox, made)))
                loop.run()
                loop.releaseAll()
                withExtendedLifetime(made) {}
            } catch {
                handoff.give(.failure(error))
            }
        }
        let (mailbox, made) = try handoff.take().get()
        return (LoopThread(mailbox: mailbox, thread: thread), made)
    }

    /// Runs `setup`; what one that failed has registered is released again.
    private static func prepare<Made>(
        _ loop: EventLoop, _ setup: (EventLoop) throws(SystemError) -> Made
    ) throws(SystemError) -> Made {
        do throws(SystemError) {
            return try setup(loop)
        } catch {
            loop.releaseAll()
            throw error
        }
    }

    /// Ends the loop after the jobs posted so far and waits for the thread. Not from the thread
    /// itself.
    public func stop() {
        mailbox.post { $0.stop() }
        thread.join()
    }
}
