// Signals as events of a loop.
public import Platform

/// Delivers signals of the process on a loop's thread.
///
/// The signals must be blocked (`Signals.block`) on the main thread before any thread is started:
/// where one thread leaves a signal unblocked, the kernel may deliver it there and end the process.
public final class SignalChannel: Channel {
    private let descriptor: Descriptor
    private let handler: (Signal, _ sender: Int32) -> Void

    /// Watches `signals` on `loop`; `handler` gets each with the id of the process that sent it (0:
    /// the kernel, such as a terminal).
    public init(
        loop: EventLoop, signals: [Signal],
        handler: @escaping (_ signal: Signal, _ sender: Int32) -> Void
    ) throws(SystemError) {
        descriptor = try Signals.descriptor(for: signals)
        self.handler = handler
        super.init()
        try loop.register(self, descriptor: descriptor, interest: .readable)
    }

    /// Reads and delivers all signals that wait.
    public override func ready(_ readiness: Readiness) {
        while let next = try? Signals.next(from: descriptor) { handler(next.signal, next.sender) }
    }
}
