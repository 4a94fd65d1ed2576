import Bytes
import Foundation
import Persistence
import RESP
import Store
import TestKit
import Testing

@testable import Commands

/// Random commands on streams: beside an engine that gets the effects, through files, and beside
/// real servers.
@Suite struct StreamCommandTests {
    @Test(arguments: 0..<6) func aReplicaThatGetsTheEffectsIsEqual(seed: UInt64) throws {
        let target = EngineTarget()
        target.engine.settings.encoding.streamNodeEntriesMax = [100, 5, 1, 7, 0, 10][Int(seed)]
        if seed == 4 { target.engine.settings.encoding.streamNodeBytesMax = 200 }
        let replica = EngineTarget()
        replica.engine.settings = target.engine.settings
        replica.engine.isReplica = true
        let upstream = ClientState(id: 99, isMaster: true)
        replica.engine.welcome(upstream)
        var workload = StreamWorkload(seed: seed)
        for round in 0..<1_500 {
            _ = try target.answer(to: workload.next())
            for effect in try target.takeEffects() ?? [] {
                apply(effect, to: replica, as: upstream)
            }
            if round % 300 == 299 {
                target.keyspace.checkInvariants()
                replica.keyspace.checkInvariants()
                checkStreams(target.keyspace)
                #expect(
                    try target.streamState(withDeliveries: false)
                        == replica.streamState(withDeliveries: false))
                _ = try target.takeEffects()
            }
        }
    }

    private func apply(_ words: [String], to target: EngineTarget, as client: ClientState) {
        var request = ByteBuffer()
        RequestWriter.begin(words.count, into: &request)
        for word in words {
            // Characters stand for bytes.
            word.unicodeScalars.map { UInt8($0.value) }.withByteSlice {
                RequestWriter.argument($0, into: &request)
            }
        }
        var batch = RequestBatch(keyspace: target.keyspace)
        var parser = RequestParser()
        batch.fill(from: request.readable, parser: &parser)
        _ = target.engine.execute(&batch, client: client)
    }

    private func checkStreams(_ keyspace: Keyspace) {
        keyspace.database(0).forEach { entry in
            (entry.object as? StreamObject)?.checkInvariants()
        }
    }

    @Test(arguments: 10..<14) func whatIsDumpedIsRestored(seed: UInt64) throws {
        let target = EngineTarget()
        target.engine.settings.encoding.streamNodeEntriesMax = 6
        var workload = StreamWorkload(seed: seed)
        for _ in 0..<600 { _ = try target.answer(to: workload.next()) }
        let copy = EngineTarget()
        for key in StreamWorkload.keys {
            guard let payload = try target.payload(of: key) else { continue }
            #expect(try copy.restore(key, payload) == "+OK")
        }
        checkStreams(copy.keyspace)
        copy.keyspace.checkInvariants()
        #expect(try target.streamState() == copy.streamState())
    }

    /// Damaged payloads are refused, or what they give is sound.
    @Test func damagedPayloadsDoNoHarm() throws {
        let target = EngineTarget()
        var workload = StreamWorkload(seed: 77)
        for _ in 0..<400 { _ = try target.answer(to: workload.next()) }
        var random = SeededRandom(seed: 3)
        var taken = 0
        for key in StreamWorkload.keys {
            guard let payload = try target.payload(of: key) else { continue }
            let value = Array(payload.dropLast(10))
            for _ in 0..<1_500 {
                var damaged = value
                for _ in 0...random.below(3) {
                    damaged[1 + random.below(damaged.count - 1)] = UInt8(random.below(256))
                }
                if random.below(6) == 0 { damaged.removeLast(random.below(damaged.count - 1)) }
                let copy = EngineTarget()
                guard try copy.restore(key, withFooter(damaged)) == "+OK" else { continue }
                taken += 1
                checkStreams(copy.keyspace)
                _ = try copy.streamState()
                for words in [["XTRIM", key, "MAXLEN", "3"], ["XRANGE", key, "-", "+"]] {
                    _ = try copy.answer(to: words)
                }
                checkStreams(copy.keyspace)
            }
        }
        #expect(taken > 100)
    }

    /// A value as DUMP frames it: version 10, checksum.
    private func withFooter(_ value: [UInt8]) -> [UInt8] {
        let framed = value + [10, 0]
        var crc = CRC64()
        framed.withByteSlice { crc.update($0) }
        return framed + (0..<8).map { UInt8(truncatingIfNeeded: crc.value >> (8 * $0)) }
    }

    /// The streams of the fixture files against what a real server says of them.
    @Test(arguments: ["redis-7.0.15", "redis-7.2.4", "valkey-8.0.1", "valkey-9.1.2"])
    func streamsOfRealServersAreLoaded(producer: String) throws {
        struct Replies: Codable { let digest, stream, groups, pending: String }
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Fixtures")
        let expected = try JSONDecoder().decode(
            [String: [String: Replies]].self,
            from: Data(contentsOf: folder.appending(path: "streams.json")))
        let target = EngineTarget()
        var visitor = StreamsOnly(keyspace: target.keyspace)
        var reader = RDBReader()
        var buffer = ByteBuffer()
        [UInt8](try Data(contentsOf: folder.appending(path: "\(producer)-types.rdb")))
            .withByteSlice { buffer.append($0) }
        #expect(try reader.receive(&buffer, patient: false, visitor: &visitor) == .finished)
        let replies = try #require(expected[producer])
        #expect(replies.count == 3)
        for (database, reply) in replies {
            _ = try target.answer(to: ["SELECT", database])
            #expect(try target.run("DEBUG", "DIGEST-VALUE", "stream") == reply.digest)
            #expect(try target.run("XINFO", "STREAM", "stream") == reply.stream)
            #expect(try target.run("XINFO", "GROUPS", "stream") == reply.groups)
            #expect(try target.run("XPENDING", "stream", "g1") == reply.pending)
        }
        checkStreams(target.keyspace)
    }
}

/// Loads the streams of a file and passes over the rest.
private struct StreamsOnly: RDBVisitor {
    let keyspace: Keyspace
    var index = 0
    mutating func auxiliary(_ name: ByteSlice, _ value: ByteSlice) {}
    mutating func function(_ source: ByteSlice) {}
    mutating func moduleAuxiliary(_ item: ByteSlice) {}
    mutating func select(database: UInt64) { index = Int(database) }
    mutating func resize(keys: UInt64, expires: UInt64) {}
    mutating func entry(
        _ key: RDBKey, codec: RDBValueCodec, value: ByteSlice, scratch: inout RDBScratch
    ) throws(RDBCorruption) {
        guard codec.name.description == "stream", let load = codec.load else { return }
        var cursor = RDBCursor(value)
        do throws(RDBFault) {
            let existed = try load(
                &cursor, &scratch, key, keyspace.database(index), keyspace.hash(key.bytes))
            #expect(!existed)
        } catch {
            throw .badStructure("value")
        }
    }
}

extension TranscriptTarget {
    /// What DUMP gives; nil when there is no such key.
    func payload(of key: String) throws -> [UInt8]? {
        guard case .bulk(let bytes) = try answer(to: ["DUMP", key]) else { return nil }
        return bytes
    }

    func restore(_ key: String, _ payload: [UInt8]) throws -> String? {
        var request = ByteBuffer()
        RequestWriter.begin(5, into: &request)
        for word in ["RESTORE", key, "0"] {
            Array(word.utf8).withByteSlice { RequestWriter.argument($0, into: &request) }
        }
        payload.withByteSlice { RequestWriter.argument($0, into: &request) }
        RequestWriter.argument("REPLACE", into: &request)
        try send(request.readable.array, connection: 1)
        return try receive(connection: 1)?.rendered
    }
}

/// The same workload on our engine and on real servers (`TRANSCRIPT_TARGETS`): one after the other
/// with everything else that uses them.
extension PeerTranscriptTests {
    private func prepare(_ peer: Peer, entriesMax: Int) throws -> (EngineTarget, TCPTarget) {
        let target = EngineTarget()
        let other = try TCPTarget(host: peer.host, port: peer.port)
        for one in [target, other] as [any TranscriptTarget] {
            _ = try one.answer(to: ["CONFIG", "SET", "stream-node-max-entries", "\(entriesMax)"])
        }
        return (target, other)
    }

    @Test(.enabled(if: !Peer.all.isEmpty), arguments: Peer.all, 20..<26 as Range<UInt64>)
    func answersAndDataAreThoseOfTheServer(peer: Peer, seed: UInt64) throws {
        let (target, other) = try prepare(peer, entriesMax: [100, 5, 1, 3, 7, 20][Int(seed - 20)])
        var workload = StreamWorkload(seed: seed)
        for round in 0..<1_200 {
            let words = workload.next()
            let ours = StreamWorkload.comparable(try target.answer(to: words), to: words)
            let theirs = StreamWorkload.comparable(try other.answer(to: words), to: words)
            #expect(ours == theirs, "\(words)")
            if ours != theirs { return }
            if round % 200 == 199 { #expect(try target.streamState() == other.streamState()) }
        }
        // Files of each are read by the other.
        let copy = EngineTarget()
        for key in StreamWorkload.keys {
            guard let payload = try target.payload(of: key) else { continue }
            let theirs = try #require(try other.payload(of: key))
            #expect(try other.restore(key, payload) == "+OK")
            // A newer server's payload is not for our version of the format.
            if other.peer?.isValkey == false {
                #expect(try copy.restore(key, theirs) == "+OK")
            }
        }
        #expect(try target.streamState() == other.streamState())
        if other.peer?.isValkey == false {
            #expect(try target.streamState() == copy.streamState())
        }
        _ = try other.answer(to: ["CONFIG", "SET", "stream-node-max-entries", "100"])
    }

    @Test(.enabled(if: !Peer.all.isEmpty), arguments: Peer.all, 30..<33 as Range<UInt64>)
    func effectsGiveTheServerTheSameData(peer: Peer, seed: UInt64) throws {
        let (target, other) = try prepare(peer, entriesMax: 6)
        var workload = StreamWorkload(seed: seed)
        for _ in 0..<800 {
            _ = try target.answer(to: workload.next())
            for effect in try target.takeEffects() ?? [] { _ = try other.answer(to: effect) }
        }
        #expect(
            try target.streamState(withDeliveries: false)
                == other.streamState(withDeliveries: false))
        _ = try other.answer(to: ["CONFIG", "SET", "stream-node-max-entries", "100"])
    }
}
