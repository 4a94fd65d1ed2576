import ControlModel
import Testing

@testable import ControlPort

@Suite struct FactBoardTests {
    @Test func agesGrowWithTheTimeSincePublication() {
        var report = masterReport()
        report.lastByteAgeMilliseconds = 7
        let board = FactBoard(NodeFacts(report: report, figures: NodeFigures()))
        let read = board.read(nowMicroseconds: 750_000).report
        #expect(read.clockMilliseconds == 750)
        #expect(read.lastByteAgeMilliseconds == 257)
        #expect(read.replicas[0].lastAckAgeMilliseconds == 270)
    }

    @Test func anAgeThatNeverBeganStaysUnknown() {
        let board = FactBoard(NodeFacts(report: masterReport(), figures: NodeFigures()))
        #expect(board.read(nowMicroseconds: 900_000).report.lastByteAgeMilliseconds == -1)
    }

    @Test func aRunningTurnShowsItsAgeAndAnEndedOneItsOffset() {
        let board = FactBoard(NodeFacts(report: masterReport(), figures: NodeFigures()))
        board.turnBegan(nowMicroseconds: 1_000_000)
        #expect(
            board.read(nowMicroseconds: 3_500_000).report.loop.currentCommandAgeMilliseconds
                == 2_500)
        board.turnEnded(offset: 2_000)
        let read = board.read(nowMicroseconds: 3_600_000).report
        #expect(read.loop == HealthReport.Heartbeat(ticks: 1, currentCommandAgeMilliseconds: 0))
        #expect(read.offset == 2_000)
        #expect(read.backlogLast == 2_000)
    }
}
