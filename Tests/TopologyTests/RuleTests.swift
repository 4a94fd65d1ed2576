import ControlModel
import Testing

@testable import Topology

/// The small rules one by one.
struct RuleTests {
    private func time(_ seconds: Int64) -> Timestamp { Timestamp(milliseconds: seconds * 1000) }

    private func decide(_ seconds: [Int64], perHour: Int = 3, now: Int64) -> FailoverBudget.Decision
    {
        FailoverBudget.decide(
            recoveries: seconds.map(time), perHour: perHour, now: time(now))
    }

    @Test func theFirstFailoverIsAllowedAtOnce() {
        #expect(decide([], now: 10_000) == .allowed)
        #expect(decide([1], now: 10_000) == .allowed)
    }

    @Test func theDistanceDoublesWithEachFailover() {
        guard case .blocked(let first, _) = decide([10_000], now: 10_000) else {
            Issue.record("not blocked")
            return
        }
        #expect(first == time(10_001))
        #expect(decide([10_000], now: 10_001) == .allowed)
        guard case .blocked(let second, _) = decide([9_990, 10_000], now: 10_001) else {
            Issue.record("not blocked")
            return
        }
        #expect(second == time(10_002))
        #expect(decide([9_990, 10_000], now: 10_002) == .allowed)
    }

    @Test func theDistanceIsAtMostItsShareOfTheHour() {
        // 36 per hour: never more than 100 s apart, however many there were.
        let many = (0..<20).map { 9_000 + Int64($0) }
        #expect(decide(many, perHour: 36, now: 9_019 + 100) == .allowed)
    }

    @Test func theBudgetIsFreedAnHourAfterTheOldest() {
        guard case .blocked(let until, let reason) = decide([7_000, 8_000, 9_000], now: 10_000)
        else {
            Issue.record("not blocked")
            return
        }
        #expect(until == time(7_000 + 3_600) && reason.contains("budget is 3"))
        #expect(decide([7_000, 8_000, 9_000], now: 10_601) == .allowed)
    }

    @Test func aBudgetOfZeroAllowsNothing() {
        #expect(decide([], perHour: 0, now: 10) != .allowed)
    }

    @Test func aWallClockThatWasSetBackBlocksNothingForEver() {
        #expect(decide([20_000], now: 10_000) == .allowed)
    }

    // MARK: - Trees

    private let edges = ["n2": "n1", "n3": "n1", "n4": "n2", "n5": "n4"]

    @Test func aReplicaOfTheMasterTakesItsPlace() {
        #expect(
            CascadePlan.rerooted(edges, from: "n1", to: "n2")
                == ["n1": "n2", "n3": "n2", "n4": "n2", "n5": "n4"])
    }

    @Test func aDeepNodeTakesThePlaceWithoutARing() {
        let result = CascadePlan.rerooted(edges, from: "n1", to: "n5")
        #expect(result == ["n1": "n5", "n2": "n5", "n3": "n5", "n4": "n2"])
        for node in result.keys {
            #expect(CascadePlan.ancestors(of: node, in: result).last == "n5")
        }
    }

    @Test func ancestorsEndAtTheMasterAndAtARing() {
        #expect(CascadePlan.ancestors(of: "n5", in: edges) == ["n4", "n2", "n1"])
        #expect(CascadePlan.ancestors(of: "a", in: ["a": "b", "b": "c", "c": "b"]) == ["b", "c"])
        #expect(CascadePlan.topDown(edges, master: "n1") == ["n1", "n2", "n3", "n4", "n5"])
    }

    // MARK: - Verdicts

    private func view(_ failures: [(ProbeFailure, Int64)], lastGood: Int64?) -> NodeView {
        var view = NodeView()
        view.lastGoodAt = lastGood
        for (failure, at) in failures { view.receive(failure, sentAt: at) }
        return view
    }

    private func verdict(_ view: NodeView, at now: Int64, since: Int64 = 0) -> NodeVerdict {
        var copy = view
        copy.judge(ClusterPolicy.Detection(), now: now, evidenceSince: since)
        return copy.verdict
    }

    @Test func refusalsCountAfterTheDeadlineAndSilenceAfterTwice() {
        let refused = view([(.refused, 1050), (.refused, 1150)], lastGood: 1000)
        #expect(verdict(refused, at: 1299) == .suspect)
        #expect(verdict(refused, at: 1300) == .down)
        let silent = view([(.timeout, 1050), (.timeout, 1150)], lastGood: 1000)
        #expect(verdict(silent, at: 1599) == .suspect)
        #expect(verdict(silent, at: 1600) == .down)
        let mixed = view([(.refused, 1050), (.timeout, 1150)], lastGood: 1000)
        #expect(verdict(mixed, at: 1599) == .suspect)
    }

    @Test func oneFailureIsNeverEnough() {
        #expect(verdict(view([(.refused, 1050)], lastGood: 1000), at: 9000) == .suspect)
    }

    @Test func whatWasSeenBeforeAStallDoesNotCount() {
        var stalled = view([(.refused, 1050), (.refused, 1150)], lastGood: 1000)
        stalled.judge(ClusterPolicy.Detection(), now: 1400, evidenceSince: 0)
        #expect(stalled.verdict == .down)
        stalled.discardEvidence(now: 9000)
        #expect(verdict(stalled, at: 9299, since: 9000) == .suspect)
        stalled.receive(.refused, sentAt: 9100)
        #expect(verdict(stalled, at: 9299, since: 9000) == .suspect)
        #expect(verdict(stalled, at: 9300, since: 9000) == .down)
    }
}
