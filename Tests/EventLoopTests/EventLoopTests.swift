import Bytes
import Platform
import Synchronization
import Testing

@testable import EventLoop

/// Runs turns until `condition` holds; fails after ten seconds.
func run(
    _ loop: EventLoop, until condition: () -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let deadline = Clock.monotonicMilliseconds() + 10_000
    while !condition() {
        guard Clock.monotonicMilliseconds() < deadline else {
            Issue.record("nothing happened within ten seconds", sourceLocation: sourceLocation)
            return
        }
        loop.runTurn(waitMillisecondsMax: 20)
    }
}

@Suite struct EventLoopTests {
    @Test func timersFireInTheOrderOfTheirDeadlines() throws {
        let loop = try EventLoop()
        var fired: [Int] = []
        for delay in [9, 3, 6, 3, 0] {
            loop.schedule(afterMilliseconds: Int64(delay)) { fired.append(delay) }
        }
        let cancelled = loop.schedule(afterMilliseconds: 4) { fired.append(4) }
        loop.cancel(cancelled)
        run(loop, until: { fired.count == 5 })
        #expect(fired == [0, 3, 3, 6, 9])
        loop.cancel(cancelled)
    }

    @Test func timersAreNeverEarlyAndRepeatUntilCancelled() throws {
        let loop = try EventLoop()
        let start = Clock.monotonicMicroseconds()
        var times: [Int64] = []
        let id = loop.schedule(afterMilliseconds: 5, repeatingMilliseconds: 2) {
            times.append(Clock.monotonicMicroseconds() - start)
        }
        run(loop, until: { times.count == 3 })
        loop.cancel(id)
        #expect(times[0] >= 5_000 && times[1] >= 7_000 && times[2] >= 9_000)
        var after = false
        loop.schedule(afterMilliseconds: 10) { after = true }
        run(loop, until: { after })
        #expect(times.count == 3)
    }

    @Test func aTimeThatNoClockReachesIsNeverDue() throws {
        let loop = try EventLoop()
        var isDone = false
        loop.schedule(afterMilliseconds: .max, repeatingMilliseconds: .max) {
            Issue.record("the end of time has come")
        }
        loop.schedule(afterMilliseconds: .max / 1_000) {
            Issue.record("the end of time has come")
        }
        loop.schedule(afterMilliseconds: 1) { isDone = true }
        while !isDone { loop.runTurn() }
        loop.runTurn(waitMillisecondsMax: 0)
    }

    @Test func timerQueueAgreesWithASortedArray() {
        var queue = TimerQueue()
        var model: [(deadline: Int64, order: Int, id: TimerID)] = []
        var state: UInt64 = 42
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var fired: [Int] = []
        for order in 0..<3_000 {
            switch random(4) {
            case 0 where !model.isEmpty:
                queue.cancel(model.remove(at: random(model.count)).id)
            case 1:
                let now = Int64(random(1_000))
                fired = []
                while let body = queue.takeDue(now: now) { body() }
                let due = model.filter { $0.deadline <= now }
                    .sorted { ($0.deadline, $0.order) < ($1.deadline, $1.order) }
                #expect(fired == due.map(\.order))
                model.removeAll { $0.deadline <= now }
            default:
                let deadline = Int64(random(1_000))
                let id = queue.schedule(at: deadline, periodMicroseconds: nil) {
                    fired.append(order)
                }
                model.append((deadline, order, id))
            }
            #expect(queue.count == model.count)
            #expect(queue.deadlineFirst == model.map(\.deadline).min())
        }
    }

    @Test func jobsOfOtherThreadsRunOnTheLoopInTheirOrder() throws {
        final class Engine {
            var values: [[Int]] = [[], [], []]
        }
        let loop = try EventLoop()
        let engine = Engine()
        let bound = LoopBound(engine, loop: loop)
        let threads = try (0..<3).map { index in
            try SystemThread.start(name: "poster") {
                for value in 0..<1_000 {
                    bound.post { $0.values[index].append(value) }
                }
            }
        }
        run(loop, until: { engine.values.allSatisfy { $0.count == 1_000 } })
        for thread in threads { thread.join() }
        #expect(engine.values == [[Int]](repeating: Array(0..<1_000), count: 3))
    }

    @Test func aBoundValueIsReleasedOnItsOwnThread() throws {
        final class Witness {
            let freedOn: (ThreadIdentity) -> Void
            init(_ freedOn: @escaping (ThreadIdentity) -> Void) { self.freedOn = freedOn }
            deinit { freedOn(ThreadIdentity.current) }
        }
        let loop = try EventLoop()
        var freedOn: ThreadIdentity?
        var bound: LoopBound? = LoopBound(Witness { freedOn = $0 }, loop: loop)
        let isReleased = Atomic(false)
        let thread = try SystemThread.start(name: "dropper") { [bound] in
            while !isReleased.load(ordering: .acquiring) {}
            withExtendedLifetime(bound) {}
        }
        bound = nil
        isReleased.store(true, ordering: .releasing)
        run(loop, until: { freedOn != nil })
        thread.join()
        #expect(freedOn == loop.thread)
    }

    /// The holder outlives the loop, and a job that waits holds the holder.
    @Test func theEndOfALoopReleasesWhatIsBoundToIt() throws {
        final class Witness {}
        let loop = try EventLoop()
        weak var witness: Witness?
        weak var holder: LoopBound<Witness>?
        do {
            let value = Witness()
            let bound = LoopBound(value, loop: loop)
            witness = value
            holder = bound
            bound.post { _ in }
            loop.releaseAll()
            #expect(holder != nil)
            bound.post { _ in Issue.record("the loop has ended") }
        }
        #expect(witness == nil && holder == nil)
        loop.runTurn(waitMillisecondsMax: 0)
    }

    @Test func aBoundValueIsReleasedAtTheEndOfItsThread() throws {
        final class Witness {
            let freedOn: Handoff<ThreadIdentity>
            init(_ freedOn: Handoff<ThreadIdentity>) { self.freedOn = freedOn }
            deinit { freedOn.give(ThreadIdentity.current) }
        }
        let freedOn = try Handoff<ThreadIdentity>()
        let started = try LoopThread.start(name: "ends") { loop throws(SystemError) in
            (LoopBound(Witness(freedOn), loop: loop), loop.thread)
        }
        started.thread.stop()
        #expect(freedOn.take() == started.made.1)
        withExtendedLifetime(started.made.0) {}
    }

    @Test func aSetupThatFailsLeavesNothingOpen() throws {
        let port = Mutex<UInt16>(0)
        #expect(throws: SystemError.self) {
            _ = try LoopThread.start(name: "fails") { loop throws(SystemError) -> UInt16 in
                let first = try Listener(
                    loop: loop, address: .version4(address: [127, 0, 0, 1], port: 0)
                ) { _ in }
                port.withLock { $0 = first.address.port }
                throw SystemError(call: "test", code: 1)
            }
        }
        // Whoever comes next gets the port.
        let loop = try EventLoop()
        let address = SocketAddress.version4(
            address: [127, 0, 0, 1], port: port.withLock { $0 })
        let next = try Listener(loop: loop, address: address) { _ in }
        #expect(next.address == address)
        loop.releaseAll()
    }

    @Test func stopEndsRunAfterTheTurnAndHooksFrameIt() throws {
        let loop = try EventLoop()
        var trace: [String] = []
        loop.afterWait = { trace.append("afterWait") }
        loop.beforeWait = { trace.append("beforeWait") }
        loop.runNextTurn {
            trace.append("deferred")
            loop.stop()
        }
        loop.schedule(afterMilliseconds: 0) { trace.append("timer") }
        let mailbox = loop.mailbox
        mailbox.post { _ in }
        loop.run()
        #expect(trace == ["afterWait", "deferred", "timer", "beforeWait"])
    }

    @Test func pollingFollowsTheDensityOfTheTraffic() {
        var poll = AdaptivePoll()
        for _ in 0..<16 { poll.note(idleMicroseconds: 0) }
        #expect(!poll.isWorthwhile, "a loop that may not poll does not")
        poll = AdaptivePoll(microsecondsMax: 20)
        #expect(!poll.isWorthwhile)
        for _ in 0..<9 { poll.note(idleMicroseconds: 40) }
        #expect(!poll.isWorthwhile)
        poll.note(idleMicroseconds: 3)
        #expect(poll.isWorthwhile)
        // A single long wait does not end it, several do, and one short wait does not begin it.
        for _ in 0..<6 { poll.note(idleMicroseconds: 5) }
        for count in 1...8 {
            poll.note(idleMicroseconds: 41)
            #expect(poll.isWorthwhile == (count <= 6), "after \(count) long waits")
        }
        poll.note(idleMicroseconds: 1)
        #expect(!poll.isWorthwhile)
    }

    @Test func aLoopThatPollsFiresItsTimersAndNeverEarly() throws {
        let loop = try EventLoop()
        // Waits of a millisecond are short for this limit, so the loop polls from the tenth on.
        loop.pollMicrosecondsMax = 1_000
        var fired = 0
        loop.schedule(afterMilliseconds: 1, repeatingMilliseconds: 1) { fired += 1 }
        let start = Clock.monotonicMicroseconds()
        while fired < 40 { loop.runTurn() }
        #expect(Clock.monotonicMicroseconds() - start >= 40_000)
    }

    @Test func staleEventsOfAReusedDescriptorAreDropped() throws {
        final class Reader: Channel {
            var onReady: () -> Void = {}
            override func ready(_ readiness: Readiness) { onReady() }
        }
        let loop = try EventLoop()
        let pairs = [try TestPair(), try TestPair()]
        let readers = [Reader(), Reader()]
        let successor = Reader()
        var runs = 0
        var successorRuns = 0
        successor.onReady = { successorRuns += 1 }
        for (index, reader) in readers.enumerated() {
            try loop.register(reader, descriptor: pairs[index].near, interest: .readable)
            try pairs[index].write("x")
            // Whichever runs first gives the other's descriptor to a new channel: the event that
            // was fetched for the other must reach nobody.
            reader.onReady = {
                runs += 1
                for reader in readers { loop.deregister(reader) }
                try? loop.register(
                    successor, descriptor: pairs[1 - index].near, interest: .readable)
            }
        }
        loop.runTurn(waitMillisecondsMax: 1_000)
        #expect(runs == 1)
        #expect(successorRuns == 0)
        loop.runTurn(waitMillisecondsMax: 1_000)
        #expect(runs == 1)
        #expect(successorRuns == 1)
        loop.deregister(successor)
        #expect(loop.channelCount == 0)
        // The closures hold the readers.
        for reader in readers { reader.onReady = {} }
    }
}
