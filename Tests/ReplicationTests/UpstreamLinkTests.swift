import Bytes
import Log
import Replication
import Testing

private let announcement =
    "*3\\r\\n$8\\r\\nREPLCONF\\r\\n$14\\r\\nlistening-port\\r\\n$4\\r\\n7002\\r\\n"
    + "*7\\r\\n$8\\r\\nREPLCONF\\r\\n$4\\r\\ncapa\\r\\n$3\\r\\neof\\r\\n$4\\r\\ncapa\\r\\n"
    + "$6\\r\\npsync2\\r\\n$4\\r\\ncapa\\r\\n$9\\r\\nheadwater\\r\\n"
    + "*11\\r\\n$8\\r\\nREPLCONF\\r\\n$9\\r\\nheadwater\\r\\n$1\\r\\n1\\r\\n$7\\r\\ncluster\\r\\n"
    + "$1\\r\\n-\\r\\n$4\\r\\nnode\\r\\n$2\\r\\nn2\\r\\n$5\\r\\nepoch\\r\\n$1\\r\\n0\\r\\n"
    + "$7\\r\\nlineage\\r\\n$5\\r\\nempty\\r\\n"
private let unknownOption = "-ERR Unrecognized REPLCONF option: headwater\r\n"
private let fullSyncRequest = "*3\\r\\n$5\\r\\nPSYNC\\r\\n$1\\r\\n?\\r\\n$2\\r\\n-1\\r\\n"

private func ack(_ offset: Int64) -> String {
    "send " + shown(command("REPLCONF", "ACK", "\(offset)"))
}

/// A link to a foreign master that is online at `offset`.
private func onlineLink(at offset: Int64 = 1000) -> DrivenLink {
    var driven = DrivenLink(
        settings(), position: ReplicationPosition(id: id(idA), offset: offset, database: 0))
    driven.receive("+PONG\r\n+OK\r\n+OK\r\n" + unknownOption + "+CONTINUE\r\n")
    _ = driven.trace()
    return driven
}

/// A link to a master of our own kind that is online at 1000.
private func kindredLink(cluster: String? = "c1", epoch: Int64 = 3) -> DrivenLink {
    var driven = DrivenLink(
        settings(cluster: cluster, epoch: epoch, holdsData: true),
        position: ReplicationPosition(id: id(idA), offset: 1000, database: 0))
    driven.receive(
        "+PONG\r\n+OK\r\n+OK\r\n+HEADWATER 1 cluster c1 node n1 epoch 3 lineage written\r\n"
            + "+CONTINUE \(idA)\r\n")
    _ = driven.trace()
    return driven
}

struct UpstreamHandshakeTests {
    @Test func handshakeBytesAreThoseOfTheProtocol() {
        var driven = DrivenLink(settings())
        #expect(driven.trace() == ["connect", "send *1\\r\\n$4\\r\\nPING\\r\\n"])
        driven.receive("+PONG\r\n")
        #expect(driven.trace() == ["send " + announcement])
        driven.receive("+OK\r\n+OK\r\n")
        #expect(driven.trace() == [])
        driven.receive(unknownOption)
        #expect(driven.trace() == ["send " + fullSyncRequest])
        #expect(driven.link.peer == nil)
        #expect(driven.link.stateText.description == "handshake")
    }

    @Test func credentialsComeFirstAndTheirErrorEndsTheAttempt() {
        var wanted = settings()
        wanted.user = "repl"
        wanted.password = "secret"
        wanted.announcedAddress = "10.0.0.2"
        var driven = DrivenLink(wanted)
        driven.receive("-NOAUTH Authentication required.\r\n")
        let sent = driven.trace().last ?? ""
        #expect(sent.hasPrefix("send " + shown(command("AUTH", "repl", "secret"))))
        #expect(sent.contains("10.0.0.2"))
        driven.receive("-WRONGPASS invalid username-password pair\r\n")
        #expect(
            driven.trace() == [
                "close Unable to AUTH to MASTER: -WRONGPASS invalid username-password pair"
            ])
        #expect(driven.link.state == .waiting(until: 0))
    }

    @Test(arguments: ["-LOADING Redis is loading the dataset in memory\r\n", "-MISCONF x\r\n"])
    func aMasterThatIsNotReadyIsTriedAgain(reply: String) {
        var driven = DrivenLink(settings())
        driven.receive(reply)
        driven.tick(after: 0)
        let trace = driven.trace()
        #expect(trace.last == "connect")
        #expect(trace.contains { $0.hasPrefix("close -") })
    }

    @Test func aPositionIsAskedForWithItsNextByte() {
        var driven = DrivenLink(
            settings(), position: ReplicationPosition(id: id(idA), offset: 1000, database: 3))
        driven.receive("+PONG\r\n+OK\r\n+OK\r\n" + unknownOption)
        #expect(driven.trace().last == "send " + shown(command("PSYNC", idA, "1001")))
        driven.receive("+CONTINUE \(idB)\r\n")
        #expect(driven.trace() == ["resumed after 1000 in a new history", ack(1000)])
        #expect(
            driven.link.position
                == ReplicationPosition(id: id(idB), offset: 1000, database: 3))
        driven.receive(command("SET", "x", "2"))
        #expect(driven.trace() == ["stream 27 db 3"])
    }

    @Test func anUnknownDatabaseMakesThePositionUseless() {
        var driven = DrivenLink(
            settings(), position: ReplicationPosition(id: id(idA), offset: 1000, database: -1))
        driven.receive("+PONG\r\n+OK\r\n+OK\r\n" + unknownOption)
        #expect(driven.trace().last == "send " + fullSyncRequest)
    }

    @Test(arguments: ["-NOMASTERLINK Can't SYNC\r\n", "-LOADING x\r\n", "-ERR unknown\r\n"])
    func aRefusedRequestKeepsThePosition(reply: String) {
        let position = ReplicationPosition(id: id(idA), offset: 5, database: 0)
        var driven = DrivenLink(settings(), position: position)
        driven.receive("+PONG\r\n+OK\r\n+OK\r\n" + unknownOption + "\n\n" + reply)
        #expect(driven.trace().last?.hasPrefix("close -") == true)
        #expect(driven.link.position == position)
    }

    @Test func anEndlessLineEndsTheAttempt() {
        var driven = DrivenLink(settings())
        driven.receive(String(repeating: "x", count: ReplicationLimits.lineBytesMax + 1))
        #expect(driven.trace().last == "close an endless status line")
    }

    @Test func aRequestToTakeOverIsSentOnce() {
        var link = UpstreamLink(
            settings: settings(),
            position: ReplicationPosition(id: id(idA), offset: 9, database: 0), seed: 1)
        var effects: [UpstreamEffect] = []
        link.start(now: 0, handover: true, effects: &effects)
        link.connected(now: 0, effects: &effects)
        for text in ["+PONG\r\n", "+OK\r\n", "+OK\r\n", unknownOption] {
            _ = Array(text.utf8).withByteSlice { link.receive($0, now: 0, effects: &effects) }
        }
        #expect(
            effects.last.map { line($0) } == "send "
                + shown(command("PSYNC", idA, "10", "FAILOVER")))
        effects = []
        link.disconnected(now: 0, effects: &effects)
        #expect(effects.map { line($0) } == ["handover refused", "close connection lost"])
    }
}

struct UpstreamIdentityTests {
    private func offered(_ identity: String, to settings: UpstreamSettings) -> DrivenLink {
        var driven = DrivenLink(settings)
        driven.receive("+PONG\r\n+OK\r\n+OK\r\n+HEADWATER 1 \(identity)\r\n")
        return driven
    }

    @Test func anotherClusterIsRefused() {
        let driven = offered(
            "cluster c2 node n1 epoch 9 lineage written", to: settings(cluster: "c1"))
        #expect(driven.link.refusal == .otherCluster(own: "c1", upstream: "c2"))
        #expect(!driven.link.isConnected)
    }

    @Test func aLowerEpochIsRefusedInTheHandshakeAndInAHeartbeat() {
        let early = offered(
            "cluster c1 node n1 epoch 2 lineage written", to: settings(cluster: "c1", epoch: 3))
        #expect(early.link.refusal == .staleEpoch(own: 3, upstream: 2))
        var late = kindredLink()
        late.receive("+headwater 2 50\r\n")
        #expect(late.link.isOnline)
        #expect(late.link.heartbeat == nil)
        late.now += 1000
        late.receive("+headwater 2 1050\r\n")
        #expect(late.link.refusal == .staleEpoch(own: 3, upstream: 2))
    }

    @Test func anotherNodeAtTheAddressIsRefused() {
        var wanted = settings(cluster: "c1", epoch: 3)
        wanted.expectedNodeID = "n1"
        let other = offered("cluster c1 node n9 epoch 3 lineage written", to: wanted)
        #expect(other.link.refusal == .otherNode(expected: "n1", upstream: "n9"))
        let right = offered("cluster c1 node n1 epoch 3 lineage written", to: wanted)
        #expect(right.link.refusal == nil)
        #expect(right.link.isConnected)
    }

    @Test func aHigherEpochIsLearned() {
        var driven = kindredLink()
        driven.receive("+headwater 4 50\r\n")
        #expect(driven.trace() == ["learned epoch 4"])
        #expect(driven.link.settings.identity.epoch == 4)
    }

    @Test func anEmptyLineageMustNotWipeData() {
        var driven = offered(
            "cluster c1 node n1 epoch 3 lineage empty",
            to: settings(cluster: "c1", epoch: 3, holdsData: true))
        driven.receive("+FULLRESYNC \(idB) 0\r\n")
        #expect(driven.link.refusal == .emptyLineage(upstream: "n1"))
        #expect(!driven.trace().contains { $0.hasPrefix("begin") })
        // A replica of that very history gets again what it has.
        var behind = DrivenLink(
            settings(cluster: "c1", epoch: 3, holdsData: true),
            position: ReplicationPosition(id: id(idB), offset: 1000, database: 0))
        behind.receive(
            "+PONG\r\n+OK\r\n+OK\r\n+HEADWATER 1 cluster c1 node n1 epoch 3 lineage empty\r\n"
                + "+FULLRESYNC \(idB) 5000\r\n")
        #expect(behind.link.refusal == nil)
        #expect(behind.link.isSyncing)
        var fresh = offered(
            "cluster c1 node n1 epoch 3 lineage empty", to: settings(cluster: "c1", epoch: 3))
        fresh.receive("+FULLRESYNC \(idB) 0\r\n")
        #expect(fresh.link.refusal == nil)
        #expect(fresh.link.isSyncing)
    }

    @Test func aNodeNobodyManagesFollowsWhomItIsTold() {
        var driven = offered(
            "cluster c2 node n1 epoch 0 lineage empty", to: settings(holdsData: true))
        driven.receive("+FULLRESYNC \(idB) 0\r\n")
        #expect(driven.link.refusal == nil)
        #expect(driven.link.isSyncing)
    }
}

struct UpstreamSnapshotTests {
    private func promised() -> DrivenLink {
        var driven = DrivenLink(settings())
        driven.receive(
            "+PONG\r\n+OK\r\n+OK\r\n" + unknownOption + "+FULLRESYNC \(idA) 1000\r\n")
        _ = driven.trace()
        return driven
    }

    @Test func aSnapshotOfKnownLengthHasNoLineEnd() {
        var driven = promised()
        driven.receive("\n\n$5\r\nREDIS" + String(decoding: command("PING"), as: UTF8.self))
        #expect(
            driven.trace() == ["begin snapshot at 1000 of 5 bytes", "snapshot 5", "end snapshot"])
        driven.link.loaded(database: 2, now: 0, effects: &driven.effects)
        driven.receive([])
        #expect(driven.trace() == [ack(1000), "stream 14 db 2"])
        #expect(
            driven.link.position
                == ReplicationPosition(id: id(idA), offset: 1014, database: 2))
    }

    @Test func aSnapshotCutBeforeAnythingWasSelectedCanBeContinuedAfterPings() {
        var driven = promised()
        driven.receive("$5\r\nREDIS")
        driven.link.loaded(database: -1, now: 0, effects: &driven.effects)
        driven.receive(command("PING"))
        #expect(
            driven.link.position
                == ReplicationPosition(id: id(idA), offset: 1014, database: 0))
    }

    @Test func aMarkedSnapshotEndsWhereverTheMarkIsSplit() {
        let mark = "0123456789abcdefghij0123456789ABCDEFGHIJ"
        let payload = "REDIS0010" + String(repeating: "0123456789abcdefghi", count: 9)
        let bytes = Array("$EOF:\(mark)\r\n\(payload)\(mark)".utf8)
        for size in 1...bytes.count {
            var driven = promised()
            var start = 0
            while start < bytes.count {
                driven.receive(Array(bytes[start..<min(bytes.count, start + size)]))
                start += size
            }
            let trace = driven.trace()
            #expect(trace.first == "begin snapshot at 1000 of unknown bytes")
            #expect(trace.last == "end snapshot")
            let count = trace.dropFirst().dropLast().compactMap { Int($0.dropFirst(9)) }
            #expect(count.reduce(0, +) == payload.utf8.count)
            #expect(driven.input.isEmpty)
        }
    }

    @Test func theFirstAcknowledgementIsRepeatedUntilTheStreamStarts() {
        var driven = promised()
        let mark = String(repeating: "m", count: 40)
        driven.receive("$EOF:\(mark)\r\nRDB\(mark)")
        driven.link.loaded(database: 0, now: 0, effects: &driven.effects)
        _ = driven.trace()
        driven.tick(after: 100)
        driven.tick(after: 100)
        #expect(driven.trace() == [ack(1000), ack(1000)])
        driven.receive(command("PING"))
        _ = driven.trace()
        driven.tick(after: 100)
        #expect(driven.trace() == [])
    }

    @Test func newlinesGoUpOnceASecondWhileLoading() {
        var driven = promised()
        driven.receive("$10\r\nREDIS")
        _ = driven.trace()
        for _ in 0..<25 { driven.tick(after: 100) }
        #expect(driven.trace() == ["send \\n", "send \\n"])
    }

    @Test func aLostLinkThrowsTheUnfinishedSnapshotAwayAndKeepsThePosition() {
        let old = ReplicationPosition(id: id(idB), offset: 77, database: 1)
        var driven = DrivenLink(settings(holdsData: true), position: old)
        driven.receive("+PONG\r\n+OK\r\n+OK\r\n" + unknownOption)
        driven.receive("+FULLRESYNC \(idA) 1000\r\n$10\r\nREDIS")
        _ = driven.trace()
        driven.link.disconnected(now: 0, effects: &driven.effects)
        #expect(driven.trace() == ["abort snapshot", "close connection lost"])
        #expect(driven.link.position == old)
    }

    @Test func aMasterThatGivesUpItsSnapshotIsAskedAgain() {
        var driven = promised()
        driven.receive("-ERR Unable to perform background save\r\n")
        #expect(driven.trace().last?.hasPrefix("close the upstream gave up") == true)
    }

    @Test func silenceEndsTheTransfer() {
        var driven = promised()
        driven.receive("$10\r\nREDIS")
        driven.tick(after: 60_001)
        let text = "close Timeout connecting to the MASTER, or no data nor PING received from it"
        #expect(driven.trace().contains(text))
    }
}

struct UpstreamStreamTests {
    @Test func theWorkedSampleIsAcknowledgedWithOneThousandAndSixtyFour() {
        var driven = onlineLink()
        driven.receive(command("SELECT", "0") + command("SET", "x", "2") + command("PING"))
        driven.tick(after: 1000)
        #expect(driven.trace() == ["stream 64 db 0", ack(1064)])
    }

    @Test func anAcknowledgementRequestIsAnsweredWithTheOffsetBeforeIt() {
        var driven = onlineLink(at: 1050)
        driven.receive(command("REPLCONF", "GETACK", "*"))
        driven.tick(after: 1000)
        #expect(driven.trace() == [ack(1050), "stream 37 db 0", ack(1087)])
    }

    @Test func theOffsetJumpsOverAWholeTransaction() {
        var driven = onlineLink()
        let transaction =
            command("MULTI") + command("SET", "a", "1") + command("SET", "b", "2")
        driven.receive(transaction)
        driven.tick(after: 1000)
        #expect(driven.trace() == [ack(1000)])
        driven.receive(command("EXEC"))
        let count = transaction.count + command("EXEC").count
        #expect(driven.trace() == ["stream \(count) db 0"])
        #expect(driven.link.position?.offset == 1000 + Int64(count))
    }

    @Test func newlinesInTheStreamAreCounted() {
        var driven = onlineLink()
        driven.receive(Array("\n\n\n".utf8))
        #expect(driven.link.position?.offset == 1000)
        driven.receive(command("SET", "x", "2"))
        #expect(driven.link.position?.offset == 1030)
    }

    @Test func inlineTextGivesThePositionUp() {
        var driven = onlineLink()
        driven.receive("PING\r\n")
        #expect(driven.link.position == nil)
        #expect(driven.link.failure == .poisoned(.inlineCommand))
        driven.tick(after: 10)
        driven.link.connected(now: 10, effects: &driven.effects)
        driven.receive("+PONG\r\n+OK\r\n+OK\r\n" + unknownOption)
        #expect(driven.trace().last == "send " + fullSyncRequest)
    }

    @Test func aLinkThatWorkedIsTriedAgainAtOnceThenWithGrowingPauses() {
        var driven = onlineLink()
        driven.link.disconnected(now: 0, effects: &driven.effects)
        #expect(driven.link.state == .waiting(until: 0))
        var pauses: [Int64] = []
        for _ in 0..<8 {
            driven.tick(after: 2000)
            #expect(driven.link.state == .connecting(since: driven.now))
            driven.link.disconnected(now: driven.now, effects: &driven.effects)
            if case .waiting(let until) = driven.link.state { pauses.append(until - driven.now) }
        }
        #expect(pauses.count == 8)
        #expect((37...63).contains(pauses[0]))
        #expect(pauses[7] >= 750 && pauses[7] <= 1251)
        #expect(driven.link.position?.offset == 1000)
    }

    @Test func silenceEndsTheLinkAndHeartbeatsKeepIt() {
        var quiet = onlineLink()
        quiet.tick(after: 60_001)
        #expect(quiet.link.failure == .timeout)
        var alive = kindredLink()
        for beat in 0..<1300 {
            alive.receive("+headwater 3 \(beat)\r\n")
            alive.tick(after: 100)
        }
        #expect(alive.link.isOnline)
        #expect(alive.link.position?.offset == 1000)
    }

    @Test func heartbeatsAreEchoedAndProgressIsToldWithinTenMilliseconds() {
        var driven = kindredLink()
        driven.now = 20
        driven.receive("+headwater 3 5555\r\n")
        driven.receive(command("PING"))
        #expect(driven.link.nextDeadline == 10)
        driven.link.durableOffset = 900
        driven.tick(after: 0)
        #expect(
            driven.trace() == [
                "stream 14 db 0",
                "send "
                    + shown(
                        command(
                            "REPLCONF", "ACK", "1014", "FACK", "900", "HEARTBEAT", "3:5555")),
            ])
        #expect(driven.link.nextDeadline == nil)
    }

    @Test func lineOfOurOwnKindFromAForeignMasterPoisonsTheStream() {
        var driven = onlineLink()
        driven.receive("+headwater 3 5555\r\n")
        #expect(driven.link.failure == .poisoned(.unexpectedLine))
    }

    @Test func mutatedConversationsNeverTrap() {
        let conversation = Array(
            ("+PONG\r\n+OK\r\n+OK\r\n" + unknownOption + "+FULLRESYNC \(idA) 10\r\n\n$3\r\nRDB")
                .utf8)
        var random = SeededRandom(seed: 5)
        for _ in 0..<3000 {
            var bytes = conversation + command("SELECT", "1") + command("PING")
            for _ in 0...random.below(3) {
                bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            var driven = DrivenLink(settings())
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + 1 + random.below(30))
                driven.receive(Array(bytes[start..<end]))
                if driven.link.state == .loading {
                    driven.link.loaded(database: 0, now: 0, effects: &driven.effects)
                }
                start = end
            }
            #expect(driven.link.position.map { $0.offset >= 0 } ?? true)
        }
    }
}
