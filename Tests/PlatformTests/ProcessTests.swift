@testable import Platform
import Synchronization
import Testing

@Suite struct ProcessTests {
    @Test func factsAreThoseOfThisProcess() {
        #expect(ProcessFacts.processID > 1)
        #expect(ProcessFacts.residentBytes() > 1_000_000)
        #expect(ProcessFacts.machineBytes() > ProcessFacts.residentBytes())
        #expect(ProcessFacts.processorCount >= 1)
        #expect(ProcessFacts.systemName().hasPrefix("Linux "))
        #expect(!ProcessFacts.hostName().isEmpty)
        #expect(ProcessFacts.executablePath().hasPrefix("/"))
        #expect(ProcessFacts.environment("PATH")?.isEmpty == false)
        #expect(ProcessFacts.environment("HEADWATER_NO_SUCH_VARIABLE") == nil)
        #expect(ProcessFacts.raiseDescriptorLimit(to: 64) >= 64)
    }

    @Test func processorTimeGrowsWithWork() {
        let before = ProcessFacts.threadProcessorTime()
        let start = Clock.threadProcessorMicroseconds()
        while Clock.threadProcessorMicroseconds() - start < 20_000 {}
        let after = ProcessFacts.threadProcessorTime()
        let used =
            after.userMicroseconds + after.systemMicroseconds - before.userMicroseconds
            - before.systemMicroseconds
        #expect(used > 0)
        let whole = ProcessFacts.processorTime()
        #expect(whole.userMicroseconds + whole.systemMicroseconds >= used)
    }

    @Test func backgroundWorkRestsAfterAStretchAndNotBefore() {
        var pace = BackgroundPace()
        let start = Clock.monotonicMicroseconds()
        while Clock.monotonicMicroseconds() - start < BackgroundPace.stretchMicroseconds {}
        let due = Clock.monotonicMicroseconds()
        pace.restIfDue()
        #expect(Clock.monotonicMicroseconds() - due >= BackgroundPace.restMicroseconds)
        // The machine may take the thread away just then, so one of many calls must come back fast.
        let fastest = (0..<1_000).map { _ in
            pace.begin()
            let before = Clock.monotonicNanoseconds()
            pace.restIfDue()
            return Clock.monotonicNanoseconds() - before
        }.min()!
        #expect(fastest < BackgroundPace.restMicroseconds * 1_000)
    }

    @Test func clocksAgreeWithEachOther() {
        let milliseconds = Clock.monotonicMilliseconds()
        let microseconds = Clock.monotonicMicroseconds()
        #expect(microseconds / 1_000 - milliseconds < 1_000)
        #expect(microseconds >= milliseconds * 1_000)
        #expect(Clock.bootMicroseconds() >= microseconds)
        #expect(Clock.wallMilliseconds() > 1_700_000_000_000)
        #expect(Clock.wallMicroseconds() / 1_000 >= Clock.wallMilliseconds() - 1_000)
    }

    @Test func randomValuesDiffer() {
        #expect(Random.word() != Random.word())
        #expect(Random.bytes(40).count == 40)
        #expect(Random.bytes(0).isEmpty)
        let text = Random.hexadecimal(byteCount: 20)
        #expect(text.count == 40 && text.allSatisfy { $0.isHexDigit && !$0.isUppercase })
    }

    @Test func threadsRunTheirBodyOnceAndCanBeJoined() throws {
        let runs = Atomic(0)
        let other = Mutex<ThreadIdentity?>(nil)
        let thread = try SystemThread.start(name: "a long thread name") {
            runs.add(1, ordering: .relaxed)
            other.withLock { $0 = ThreadIdentity.current }
        }
        thread.join()
        thread.join()
        #expect(runs.load(ordering: .relaxed) == 1)
        #expect(other.withLock { $0 } != ThreadIdentity.current)
    }

    @Test func blockedSignalsAreReadFromTheirDescriptor() throws {
        // On a thread of its own: the mask is the thread's, and a signal sent to the thread stays
        // its own.
        let received = Mutex<(Signal, Int32)?>(nil)
        let thread = try SystemThread.start(name: "signals") {
            do {
                try Signals.block([.user1])
                let descriptor = try Signals.descriptor(for: [.user1])
                guard try Signals.next(from: descriptor) == nil else { return }
                try Signals.sendToThisThread(.user1)
                let next = try Signals.next(from: descriptor)
                received.withLock { $0 = next.map { ($0.signal, $0.sender) } }
            } catch {
                Issue.record(error)
            }
        }
        thread.join()
        let result = received.withLock { $0 }
        #expect(result?.0 == .user1)
        #expect(result?.1 == ProcessFacts.processID)
    }
}
