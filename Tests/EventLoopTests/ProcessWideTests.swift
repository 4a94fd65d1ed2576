// What changes the whole process (descriptor limits, signal masks) runs in a process of its own.
import EventLoop
import Glibc
import Platform
import Testing

private final class Client: StreamConnection {
    var reason: CloseReason?
    override func closed(_ reason: CloseReason) { self.reason = reason }
}

@Suite struct ProcessWideTests {
    @Test func withoutDescriptorsConnectionsAreRefusedAndLaterOnesServed() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            var accepted: [Client] = []
            let listener = try Listener(
                loop: loop, address: .version4(address: [127, 0, 0, 1], port: 0)
            ) { descriptor in
                if let client = try? Client(loop: loop, accepted: descriptor) {
                    accepted.append(client)
                }
            }
            let unlucky = try Client(
                loop: loop, connectingTo: listener.address, timeoutMilliseconds: 5_000)
            var limit = rlimit(rlim_cur: 128, rlim_max: 128)
            precondition(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            var hoard: [Int32] = []
            while let taken = try? Descriptor.reserve() { hoard.append(taken.release()) }
            run(loop, until: { unlucky.isClosed })
            precondition(accepted.isEmpty && listener.refusedCount == 1)
            for number in hoard { close(number) }
            let lucky = try Client(
                loop: loop, connectingTo: listener.address, timeoutMilliseconds: 5_000)
            run(loop, until: { accepted.count == 1 && lucky.isOpen })
            precondition(listener.refusedCount == 1)
            ProcessFacts.exit(code: 0)
        }
    }

    @Test func signalsArriveOnTheLoop() async {
        await #expect(processExitsWith: .success) {
            // On a thread of its own: a signal sent to this thread alone finds it blocked there.
            let thread = try SystemThread.start(name: "signals") {
                do {
                    try Signals.block([.terminate, .hangup])
                    let loop = try EventLoop()
                    var seen: [Signal] = []
                    let channel = try SignalChannel(loop: loop, signals: [.terminate, .hangup]) {
                        signal, sender in
                        precondition(sender == ProcessFacts.processID)
                        seen.append(signal)
                    }
                    try Signals.sendToThisThread(.hangup)
                    try Signals.sendToThisThread(.terminate)
                    run(loop, until: { seen.count == 2 })
                    precondition(Set(seen) == [.hangup, .terminate] && channel.isRegistered)
                    ProcessFacts.exit(code: 0)
                } catch {
                    ProcessFacts.exit(code: 2)
                }
            }
            thread.join()
        }
    }

    @Test func aBoundValueIsNotReadOnAnotherThread() async {
        await #expect(processExitsWith: .failure) {
            let loop = try EventLoop()
            let bound = LoopBound(1, loop: loop)
            try SystemThread.start(name: "thief") { _ = bound.value }.join()
            ProcessFacts.exit(code: 0)
        }
    }
}
