// Whether the interpreter is at work, for threads that must not ask the engine.
import Synchronization

/// Written by the engine thread, read by any.
public final class ScriptActivity: Sendable {
    private let isActive = Atomic<Bool>(false)

    init() {}

    /// Whether Lua is running: the engine may not answer for as long as one function of C takes.
    public var isRunning: Bool { isActive.load(ordering: .relaxed) }

    @inline(__always)
    func begin() { isActive.store(true, ordering: .relaxed) }

    @inline(__always)
    func end() { isActive.store(false, ordering: .relaxed) }
}
