import Bytes
import Replication
import Testing

private let replicas = [
    FailoverCandidate(host: "a", port: 1, offset: 90),
    FailoverCandidate(host: "b", port: 2, offset: 100),
]

/// A machine with the effects of its last call.
private struct Driven {
    var machine = FailoverMachine()
    var effects: [FailoverEffect] = []

    mutating func start(_ order: FailoverMachine.Order, isMaster: Bool = true) -> String? {
        machine.start(
            order, candidates: replicas, isMaster: isMaster, now: 0, effects: &effects)
    }

    mutating func check(
        offset: Int64, _ candidates: [FailoverCandidate] = replicas, now: Int64 = 0
    ) {
        effects = []
        machine.check(offset: offset, candidates: candidates, now: now, effects: &effects)
    }
}

struct FailoverMachineTests {
    @Test func writesArePausedUntilAReplicaHasEverything() {
        var driven = Driven()
        #expect(driven.start(.init()) == nil)
        #expect(driven.effects == [.pauseWrites])
        driven.check(offset: 101)
        #expect(driven.effects.isEmpty)
        driven.check(offset: 100)
        #expect(driven.effects == [.handOver(host: "b", port: 2)])
        #expect(driven.machine.stateText.description == "failover-in-progress")
        driven.effects = []
        driven.machine.answered(accepted: true, "+CONTINUE", effects: &driven.effects)
        #expect(driven.effects.first == .resumeWrites)
        #expect(driven.machine.state == .none)
    }

    @Test func onlyTheTargetCounts() {
        var driven = Driven()
        _ = driven.start(.init(target: ("a", 1)))
        driven.check(offset: 100)
        #expect(driven.effects.isEmpty)
        driven.check(offset: 90)
        #expect(driven.effects == [.handOver(host: "a", port: 1)])
    }

    @Test func aTimeoutEndsItUnlessForced() {
        var driven = Driven()
        _ = driven.start(.init(timeoutMilliseconds: 50))
        driven.check(offset: 200, now: 49)
        #expect(driven.effects.isEmpty)
        driven.check(offset: 200, now: 50)
        #expect(
            driven.effects
                == [.resumeWrites, .ended("Replica never caught up before timeout")])
        var forced = Driven()
        _ = forced.start(.init(target: ("a", 1), isForced: true, timeoutMilliseconds: 50))
        forced.check(offset: 200, now: 50)
        #expect(forced.effects == [.timedOut, .handOver(host: "a", port: 1)])
    }

    @Test func aRefusedHandoverRestoresTheRole() {
        var driven = Driven()
        _ = driven.start(.init())
        driven.check(offset: 100)
        driven.effects = []
        driven.machine.answered(accepted: false, "-ERR no", effects: &driven.effects)
        let text = "Failover target rejected psync request: -ERR no"
        #expect(driven.effects == [.restoreRole(text), .resumeWrites, .ended(text)])
        #expect(driven.machine.state == .none)
    }

    @Test func anAbortEndsItInEitherState() {
        var driven = Driven()
        #expect(driven.machine.abort(effects: &driven.effects) == "ERR No failover in progress.")
        _ = driven.start(.init())
        driven.effects = []
        #expect(driven.machine.abort(effects: &driven.effects) == nil)
        #expect(driven.effects == [.resumeWrites, .ended("Failover manually aborted")])
    }

    @Test func impossibleOrdersAreErrors() {
        var driven = Driven()
        #expect(
            driven.start(.init(), isMaster: false)
                == "ERR FAILOVER is not valid when server is a replica.")
        #expect(
            driven.start(.init(target: ("c", 3)))
                == "ERR FAILOVER target HOST and PORT is not a replica.")
        #expect(driven.start(.init(isForced: true))?.contains("requires both") == true)
        _ = driven.start(.init())
        #expect(driven.start(.init()) == "ERR FAILOVER already in progress.")
    }
}

struct WaitBookTests {
    @Test func aWaiterEndsWhenEnoughReplicasHaveItsWrite() {
        var book = WaitBook()
        book.add(.init(client: 1, offset: 100, replicas: 2, deadline: nil))
        book.add(.init(client: 2, offset: 50, replicas: 1, deadline: 500))
        let early = book.settle(.init(acknowledged: [60, 99]), now: 0)
        #expect(early.map(\.client) == [2])
        #expect(early.map(\.replicas) == [2])
        let late = book.settle(.init(acknowledged: [100, 140]), now: 0)
        #expect(late.map(\.client) == [1])
        #expect(book.waiters.isEmpty)
    }

    @Test func aDeadlineEndsAWaitWithWhatWasReached() {
        var book = WaitBook()
        book.add(.init(client: 1, offset: 100, replicas: 3, deadline: 500))
        #expect(book.nextDeadline == 500)
        #expect(book.settle(.init(acknowledged: [100]), now: 499).isEmpty)
        #expect(book.settle(.init(acknowledged: [100]), now: 500).map(\.replicas) == [1])
    }

    @Test func durabilityCountsDisksAndTheLocalOneWhenAsked() {
        var book = WaitBook()
        book.add(
            .init(
                client: 1, offset: 100, replicas: 1, isDurable: true, needsLocal: true,
                deadline: nil))
        let memoryOnly = WaitBook.Progress(acknowledged: [100], durable: [90], local: 100)
        #expect(book.settle(memoryOnly, now: 0).isEmpty)
        let remoteOnly = WaitBook.Progress(acknowledged: [100], durable: [100], local: 99)
        #expect(book.settle(remoteOnly, now: 0).isEmpty)
        let both = WaitBook.Progress(acknowledged: [100], durable: [100], local: 100)
        #expect(book.settle(both, now: 0).map(\.isLocallyDurable) == [true])
    }

    @Test func clientsThatLeaveAreForgotten() {
        var book = WaitBook()
        book.add(.init(client: 1, offset: 1, replicas: 1, deadline: nil))
        book.add(.init(client: 2, offset: 1, replicas: 1, deadline: nil))
        book.remove(client: 1)
        #expect(book.giveUp().map(\.client) == [2])
        #expect(book.waiters.isEmpty)
    }
}
