import Bytes
import Log
import Replication
import Testing

private let own = PeerIdentity(
    clusterID: "c1", nodeID: "n1", epoch: 4, lineageIsEmpty: false)
private let history = StreamHistory(id: id(idA), offset: 1000, firstOffset: 501)

/// A link to a replica, driven by a test.
private struct Driven {
    var link = DownstreamLink(timeoutMilliseconds: 60_000, now: 0)
    var effects: [DownstreamEffect] = []

    mutating func configure(_ words: String..., at now: Int64 = 0) -> [String] {
        configure(words, at: now)
    }

    mutating func configure(_ words: [String], at now: Int64 = 0) -> [String] {
        var link = self.link
        var effects: [DownstreamEffect] = []
        slices(["REPLCONF"] + words) {
            link.configure($0, identity: own, now: now, effects: &effects)
        }
        self.link = link
        return effects.map { line($0) }
    }

    mutating func attach(
        _ request: ResyncRequest?, history: StreamHistory = history,
        role: ServingRole = .master, identity: PeerIdentity = own
    ) -> [String] {
        var effects: [DownstreamEffect] = []
        link.attach(
            request, history: history, role: role, identity: identity, now: 0, effects: &effects)
        return effects.map { line($0) }
    }

    mutating func perform(
        _ body: (inout DownstreamLink, inout [DownstreamEffect]) -> Void
    ) -> [String] {
        var effects: [DownstreamEffect] = []
        body(&link, &effects)
        return effects.map { line($0) }
    }
}

struct DownstreamLinkTests {
    @Test func aReplicaThatNamesOurHistoryGoesOnAtOnce() {
        var driven = Driven()
        #expect(driven.configure("capa", "eof", "capa", "psync2") == ["send +OK\\r\\n"])
        #expect(
            driven.attach(ResyncRequest(id: id(idA), offset: 1001))
                == ["send +CONTINUE \(idA)\\r\\n", "feed from 1001"])
        #expect(driven.link.isOnline)
        #expect(driven.link.acknowledgedOffset == 1000)
    }

    @Test func aReplicaWithoutPsync2IsNotToldTheHistory() {
        var driven = Driven()
        #expect(
            driven.attach(ResyncRequest(id: id(idA), offset: 501))
                == ["send +CONTINUE\\r\\n", "feed from 501"])
    }

    @Test func aFullSyncIsAnnouncedWhenItsSnapshotExists() {
        var driven = Driven()
        #expect(driven.attach(ResyncRequest(id: nil, offset: -1)) == ["request snapshot"])
        #expect(driven.link.stateText.description == "wait_bgsave")
        #expect(driven.perform { $0.tick(now: 999, effects: &$1) } == [])
        #expect(driven.perform { $0.tick(now: 1000, effects: &$1) } == ["send \\n"])
        let cut = ReplicationPosition(id: id(idA), offset: 1200, database: 0)
        #expect(
            driven.perform {
                $0.snapshotReady(cut, framing: .length(5), now: 1100, effects: &$1)
            } == ["send +FULLRESYNC \(idA) 1200\\r\\n", "send $5\\r\\n", "send snapshot"])
        #expect(driven.link.stateText.description == "send_bulk")
        #expect(
            driven.perform { $0.snapshotSent(now: 1200, effects: &$1) } == ["feed from 1201"])
        #expect(driven.link.isOnline)
    }

    @Test func nothingFollowsAMarkBeforeTheFirstAcknowledgement() {
        var driven = Driven()
        _ = driven.attach(ResyncRequest(id: nil, offset: -1))
        let mark = [UInt8](repeating: 0x61, count: 40)
        let cut = ReplicationPosition(id: id(idA), offset: 1000, database: 0)
        let ready = driven.perform {
            $0.snapshotReady(cut, framing: .mark(mark), now: 0, effects: &$1)
        }
        #expect(ready[1] == "send $EOF:" + shown(mark) + "\\r\\n")
        #expect(
            driven.perform { $0.snapshotSent(now: 0, effects: &$1) } == ["send " + shown(mark)])
        #expect(!driven.link.isOnline)
        #expect(driven.configure("ACK", "1000") == ["feed from 1001", "acknowledged"])
        #expect(driven.link.isOnline)
    }

    @Test func onlyWhoAcknowledgesItsEndGetsASnapshotOfUnknownLength() {
        var driven = Driven()
        _ = driven.attach(ResyncRequest(id: nil, offset: -1))
        #expect(!driven.link.acceptsMarkedSnapshot)
        for (words, request, isTaken) in [
            (["capa", "eof"], ResyncRequest(id: nil, offset: -1), true),
            (["capa", "eof"], nil, false),
            (["capa", "eof", "rdb-only", "1"], ResyncRequest(id: nil, offset: -1), false),
            (["capa", "psync2"], ResyncRequest(id: nil, offset: -1), false),
        ] {
            driven = Driven()
            _ = driven.configure(words)
            #expect(driven.attach(request) == ["request snapshot"])
            #expect(driven.link.acceptsMarkedSnapshot == isTaken)
        }
    }

    /// Who may take the file and go needs one that has everything.
    @Test func whoMayTakeTheFileAloneIsKnown() {
        for (words, request, mayTakeAlone) in [
            (["capa", "eof"], ResyncRequest(id: nil, offset: -1), false),
            (["capa", "eof", "rdb-only", "1"], ResyncRequest(id: nil, offset: -1), true),
            (["rdb-only", "1", "rdb-only", "0"], ResyncRequest(id: nil, offset: -1), false),
            (["rdb-only", "1"], nil, true),
            (["capa", "eof"], nil, true),
        ] {
            var driven = Driven()
            _ = driven.configure(words)
            _ = driven.attach(request)
            #expect(driven.link.mayTakeSnapshotAlone == mayTakeAlone)
        }
    }

    @Test func aMarkIsDrawnAnew() {
        var random = SystemRandomNumberGenerator()
        let marks = (0..<2).map { _ in SnapshotFraming.makeMark(using: &random) }
        #expect(marks.allSatisfy { $0.count == 40 } && marks[0] != marks[1])
    }

    @Test func bareSyncGetsNoStatusLineAndIsNotTimedOut() {
        var driven = Driven()
        #expect(driven.attach(nil) == ["request snapshot"])
        let cut = ReplicationPosition(id: id(idA), offset: 1000, database: 0)
        #expect(
            driven.perform {
                $0.snapshotReady(cut, framing: .length(5), now: 0, effects: &$1)
            } == ["send $5\\r\\n", "send snapshot"])
        _ = driven.perform { $0.snapshotSent(now: 0, effects: &$1) }
        #expect(driven.perform { $0.tick(now: 1_000_000, effects: &$1) } == [])
    }

    @Test func acknowledgementsOnlyGrowAndRefreshTheLink() {
        var driven = Driven()
        _ = driven.attach(ResyncRequest(id: id(idA), offset: 1001))
        #expect(driven.configure("ACK", "1500", "FACK", "1400", at: 10) == ["acknowledged"])
        _ = driven.configure("ack", "1300", "fack", "1200", at: 20)
        #expect(driven.link.acknowledgedOffset == 1500)
        #expect(driven.link.durableOffset == 1400)
        #expect(driven.link.acknowledgedAt == 20)
        _ = driven.configure("ACK", "1600", "HEARTBEAT", "4:777", at: 30)
        #expect(driven.link.echo == Heartbeat(epoch: 4, clock: 777))
        #expect(driven.configure("ACK", "junk", at: 40) == [])
    }

    @Test func acknowledgementsBeforeTheStreamAreIgnored() {
        var driven = Driven()
        #expect(driven.configure("ACK", "1500") == [])
        #expect(driven.link.acknowledgedOffset == 0)
    }

    @Test func aSilentReplicaIsDroppedAndANewlineKeepsIt() {
        var driven = Driven()
        _ = driven.attach(ResyncRequest(id: id(idA), offset: 1001))
        driven.link.receivedNewline(now: 50_000)
        #expect(driven.perform { $0.tick(now: 100_000, effects: &$1) } == [])
        #expect(driven.perform { $0.tick(now: 110_001, effects: &$1) } == ["close timeout"])
        #expect(driven.perform { $0.tick(now: 999_999, effects: &$1) } == [])
    }

    @Test func aSocketThatTakesNothingEndsTheTransfer() {
        var driven = Driven()
        _ = driven.attach(ResyncRequest(id: nil, offset: -1))
        let cut = ReplicationPosition(id: id(idA), offset: 1000, database: 0)
        _ = driven.perform { $0.snapshotReady(cut, framing: .length(5), now: 0, effects: &$1) }
        driven.link.progressed(now: 30_000)
        #expect(driven.perform { $0.tick(now: 90_000, effects: &$1) } == [])
        #expect(driven.perform { $0.tick(now: 90_001, effects: &$1) } == ["close timeout"])
    }

    @Test func aSnapshotAloneEndsTheConnection() {
        var driven = Driven()
        #expect(driven.configure("rdb-only", "1") == ["send +OK\\r\\n"])
        _ = driven.attach(ResyncRequest(id: nil, offset: -1))
        let cut = ReplicationPosition(id: id(idA), offset: 1000, database: 0)
        _ = driven.perform { $0.snapshotReady(cut, framing: .length(5), now: 0, effects: &$1) }
        #expect(
            driven.perform { $0.snapshotSent(now: 0, effects: &$1) } == ["close complete"])
    }

    @Test func aSecondRequestOnAReplicaIsIgnored() {
        var driven = Driven()
        _ = driven.attach(ResyncRequest(id: id(idA), offset: 1001))
        #expect(driven.attach(ResyncRequest(id: nil, offset: -1)) == [])
    }

    @Test func identitiesAreExchangedAndAnotherClusterIsTurnedAway() {
        var driven = Driven()
        #expect(
            driven.configure("headwater", "1", "cluster", "c9", "node", "n7", "epoch", "2")
                == ["send +HEADWATER 1 cluster c1 node n1 epoch 4 lineage written\\r\\n"])
        #expect(driven.link.options.identity?.nodeID == "n7")
        #expect(
            driven.attach(ResyncRequest(id: id(idA), offset: 1001))
                == [
                    "send -ERR this node belongs to cluster c1, the replica to c9\\r\\n"
                ])
        #expect(!driven.link.isReplica)
    }

    @Test func aTakeoverComesBeforeTheDecision() {
        var driven = Driven()
        let request = ResyncRequest(id: id(idA), offset: 1001, takesOver: true)
        let free = PeerIdentity(clusterID: nil, nodeID: "n1", epoch: 0, lineageIsEmpty: false)
        #expect(
            driven.attach(request, role: .replica(isLinked: true)) == [
                "send -ERR PSYNC FAILOVER is not allowed: a coordinator manages this node\\r\\n"
            ])
        #expect(
            driven.attach(request, identity: free)
                == ["send -ERR PSYNC FAILOVER can't be sent to a master.\\r\\n"])
        let role = ServingRole.replica(isLinked: true)
        #expect(driven.attach(request, role: role, identity: free) == ["take over"])
        let promoted = StreamHistory(
            id: id(idB), secondID: id(idA), secondOffset: 1001, offset: 1000, firstOffset: 501)
        #expect(
            driven.perform { $0.tookOver(history: promoted, effects: &$1) }
                == ["send +CONTINUE\\r\\n", "feed from 1001"])
    }
}

struct ReplicaOptionsTests {
    private func taken(_ words: String...) -> (ReplicaOptions, ReplicaOptionsAnswer) {
        var options = ReplicaOptions()
        let answer = slices(["replconf"] + words) { options.take($0) }
        return (options, answer)
    }

    @Test func whatReplicasAnnounceIsKept() {
        let (options, answer) = taken(
            "LISTENING-PORT", "7002", "ip-address", "10.0.0.9", "capa", "eof", "capa",
            "dual-channel", "version", "8.0.1")
        #expect(answer == .ok)
        #expect(options.listeningPort == 7002)
        #expect(options.announcedAddress == "10.0.0.9")
        #expect(options.acceptsMarkedSnapshot)
        #expect(!options.acceptsHistoryChange)
        #expect(options.version == "8.0.1")
    }

    @Test func newerSnapshotsAreForThoseWhoProveThatTheyReadThem() {
        #expect(!ReplicaOptions().readsSnapshotsOfVersion11)
        #expect(!taken("capa", "eof", "capa", "psync2").0.readsSnapshotsOfVersion11)
        #expect(taken("version", "8.0.1").0.readsSnapshotsOfVersion11)
        #expect(taken("capa", "headwater").0.readsSnapshotsOfVersion11)
    }

    @Test func aFilterLeavesWhatItNames() {
        #expect(ReplicaOptions().snapshotContent == .everything)
        for (filter, content) in [
            ("functions", SnapshotContent.functions), (" FUNCTIONS  functions ", .functions),
            ("", .nothing),
        ] {
            let (options, answer) = taken("rdb-filter-only", filter)
            #expect(options.snapshotContent == content && answer == .ok)
        }
        // A second one gives nothing back, and takes nothing.
        let again = taken("rdb-filter-only", "functions", "rdb-filter-only", "").0
        #expect(again.snapshotContent == .functions)
        let (options, answer) = taken("rdb-filter-only", "keys functions", "rdb-only", "1")
        #expect(answer == .error("ERR Unsupported rdb-filter-only option: keys"))
        #expect(options.snapshotContent == .nothing && !options.wantsSnapshotOnly)
    }

    @Test func unknownOptionsStopTheCommandAndKeepWhatCameBefore() {
        let (options, answer) = taken("capa", "psync2", "colour", "blue", "capa", "eof")
        #expect(answer == .error("ERR Unrecognized REPLCONF option: colour"))
        #expect(options.acceptsHistoryChange)
        #expect(!options.acceptsMarkedSnapshot)
    }

    @Test func malformedValuesAreErrors() {
        #expect(taken("capa").1 == .error("ERR syntax error"))
        #expect(
            taken("listening-port", "x").1
                == .error("ERR value is not an integer or out of range"))
        #expect(taken("version", "8.0").1 == .error("ERR Unrecognized version format"))
        let address = String(repeating: "a", count: 256)
        #expect(taken("ip-address", address).0.announcedAddress == nil)
        #expect(
            taken("headwater", "2", "node", "n").1 == .error("ERR Unrecognized identity format"))
    }

    @Test func acknowledgementsAreNeverAnswered() {
        #expect(taken("getack", "*").1 == .silent)
        #expect(taken("ack", "5").1 == .acknowledgement(Acknowledgement(offset: 5)))
        #expect(taken("ack", "").1 == .silent)
    }
}
