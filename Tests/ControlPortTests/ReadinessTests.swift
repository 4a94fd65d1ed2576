import ControlModel
import Testing

@testable import ControlPort

@Suite struct ReadinessTests {
    private func isYes(_ question: RouteQuestion, _ report: HealthReport) -> Bool {
        question.answer(report).isYes
    }

    @Test func aMasterIsMasterUnlessItCannotTakeWrites() {
        var report = masterReport()
        #expect(isYes(.master, report))
        #expect(!isYes(.replica(maxLagMilliseconds: nil), report))
        report.paused = true
        #expect(!isYes(.master, report))
        report.paused = false
        report.leaseRemainingMilliseconds = 0
        #expect(!isYes(.master, report))
        report.leaseRemainingMilliseconds = 10
        #expect(isYes(.master, report))
        report.loading = true
        #expect(!isYes(.master, report))
        #expect(!isYes(.ready, report))
        #expect(isYes(.live, report))
    }

    @Test func aReplicaCountsWhileItFollowsCloselyEnough() {
        var report = replicaReport()
        #expect(isYes(.replica(maxLagMilliseconds: nil), report))
        #expect(isYes(.replica(maxLagMilliseconds: 30), report))
        #expect(!isYes(.replica(maxLagMilliseconds: 29), report))
        #expect(!isYes(.master, report))
        report.linkState = .connecting
        #expect(!isYes(.replica(maxLagMilliseconds: nil), report))
        #expect(isYes(.ready, report))
    }

    @Test func anEmptyReplicaInItsFirstSyncIsNotReady() {
        var report = replicaReport()
        report.linkState = .syncing
        report.syncing = true
        report.dataset.keys = 0
        #expect(!isYes(.ready, report))
    }

    @Test(arguments: [
        ("500", 500), ("500ms", 500), ("2s", 2_000), ("1m", 60_000), ("", nil), ("s", nil),
        ("-1", nil), ("1h", nil), ("99999999999999999m", nil),
    ])
    func timesHaveUnits(text: String, milliseconds: Int64?) {
        #expect(RouteQuestion.milliseconds(text) == milliseconds)
    }
}
