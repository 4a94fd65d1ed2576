import Bytes
import Log
import Replication
import Testing

private let history = StreamHistory(
    id: id(idB), secondID: id(idA), secondOffset: 801, offset: 1000, firstOffset: 501)

private func decide(
    _ text: String?, _ offset: Int64, role: ServingRole = .master,
    history: StreamHistory = history
) -> ResyncDecision {
    ResyncDecision.decide(
        ResyncRequest(id: text.map { id($0) }, offset: offset), history: history, role: role)
}

struct ResyncDecisionTests {
    @Test func theRangeIsInclusiveAtBothEnds() {
        #expect(decide(idB, 500) == .fullSync(.tooOld))
        #expect(decide(idB, 501) == .resume(from: 501))
        #expect(decide(idB, 1001) == .resume(from: 1001))
        #expect(decide(idB, 1002) == .fullSync(.ahead))
    }

    @Test func theSecondHistoryReachesToThePointOfDivergence() {
        #expect(decide(idA, 801) == .resume(from: 801))
        #expect(decide(idA, 802) == .fullSync(.diverged))
        #expect(decide(idA, 500) == .fullSync(.tooOld))
    }

    @Test func noSecondHistoryMatchesForthyZeros() {
        let zeros = String(repeating: "0", count: 40)
        let fresh = StreamHistory(id: id(idB), offset: 10, firstOffset: 1)
        #expect(decide(zeros, -1, history: fresh) == .fullSync(.otherHistory))
    }

    @Test func otherHistoriesAndQuestionMarksGetSnapshots() {
        #expect(decide(nil, -1) == .fullSync(.requested))
        #expect(decide(String(repeating: "c", count: 40), 1) == .fullSync(.otherHistory))
    }

    @Test func withoutABacklogNothingResumes() {
        let bare = StreamHistory(id: id(idB), offset: 1000, firstOffset: nil)
        #expect(decide(idB, 1001, history: bare) == .fullSync(.tooOld))
    }

    @Test func aReplicaWithoutItsUpstreamStillContinuesHistoryItHolds() {
        let role = ServingRole.replica(isLinked: false)
        #expect(decide(idB, 900, role: role) == .resume(from: 900))
        #expect(
            decide(nil, -1, role: role)
                == .refuse("NOMASTERLINK Can't SYNC while not connected with my master"))
    }

    @Test func aReplicaThatIsBehindAsksForPatience() {
        for isLinked in [true, false] {
            let answer = decide(idB, 1500, role: .replica(isLinked: isLinked))
            #expect(
                answer == .refuse("NOMASTERLINK Can't SYNC while behind the replica that asks"))
        }
    }

    @Test func duringAHandoverNobodyGetsASnapshot() {
        #expect(
            decide(nil, -1, role: .handingOver)
                == .refuse("NOMASTERLINK Can't SYNC while failover is in progress"))
    }

    @Test func onlyAReplicaOfTheSameHistoryTakesOver() {
        let request = ResyncRequest(id: id(idA), offset: 5, takesOver: true)
        #expect(
            ResyncDecision.mayTakeOver(
                request, history: history, role: .replica(isLinked: true))
                == "ERR PSYNC FAILOVER replid must match my replid.")
        let match = ResyncRequest(id: id(idB), offset: 5, takesOver: true)
        #expect(
            ResyncDecision.mayTakeOver(match, history: history, role: .replica(isLinked: true))
                == nil)
    }

    @Test func requestsAreReadFromTheirArguments() {
        func read(_ words: String...) -> ResyncRequest? { slices(words) { ResyncRequest($0) } }
        #expect(read("psync", "?", "-1") == ResyncRequest(id: nil, offset: -1))
        #expect(read("PSYNC", idA, "7") == ResyncRequest(id: id(idA), offset: 7))
        #expect(read("PSYNC", idA, "7", "failover")?.takesOver == true)
        #expect(read("PSYNC", idA, "7", "now") == nil)
        #expect(read("PSYNC", idA, "x") == nil)
        #expect(read("PSYNC", "short", "1")?.asksForSnapshot == false)
    }

    @Test func answersToPSYNCAreReadAsTheyAreWritten() {
        func read(_ text: String) -> PSYNCReply {
            Array(text.utf8).withByteSlice { PSYNCReply(line: $0) }
        }
        #expect(read("") == .keepalive)
        #expect(read("+FULLRESYNC \(idA) 12") == .fullResync(id: id(idA), offset: 12))
        #expect(read("+FULLRESYNC short 12") == .fullResync(id: nil, offset: 12))
        #expect(read("+CONTINUE") == .resume(id: nil))
        #expect(read("+CONTINUE \(idB)") == .resume(id: id(idB)))
        #expect(read("-NOMASTERLINK x") == .notNow("-NOMASTERLINK x"))
        #expect(read("-LOADING x") == .notNow("-LOADING x"))
        #expect(read("-ERR x") == .refused("-ERR x"))
        // What is counted on from there must stay in range.
        let last = "+FULLRESYNC \(idA) 9223372036854775807"
        #expect(read(last) == .refused(last))
        #expect(read("+FULLRESYNC \(idA) -3") == .refused("+FULLRESYNC \(idA) -3"))
        #expect(read("+DUALCHANNELSYNC") == .refused("+DUALCHANNELSYNC"))
    }
}

struct CascadeTests {
    @Test func replicasStayUnlessTheirHistoryEndsOrChangesItsName() {
        let staying: [HistoryEvent] = [
            .upstreamLost, .upstreamChanged, .demoted, .resumed(isNewHistory: false),
        ]
        let leaving: [HistoryEvent] = [.resumed(isNewHistory: true), .replaced, .promoted]
        #expect(staying.allSatisfy { !Cascade.disconnectsReplicas(on: $0) })
        #expect(leaving.allSatisfy { Cascade.disconnectsReplicas(on: $0) })
    }
}
