// The reader against files of four servers, cut into pieces and damaged.
import Bytes
import Foundation
import Persistence
import Testing

@Suite struct RDBReaderTests {
    private func sorted(_ keys: [Fixture.Key]) -> [Fixture.Key] {
        keys.sorted { ($0.database, $0.key) < ($1.database, $1.key) }
    }

    @Test func persistedOpcodesAreStable() {
        #expect(RDBOpcode.end == 255 && RDBOpcode.selectDatabase == 254)
        #expect(RDBOpcode.expirySeconds == 253 && RDBOpcode.expiryMilliseconds == 252)
        #expect(RDBOpcode.resizeDatabase == 251 && RDBOpcode.auxiliary == 250)
        #expect(RDBOpcode.frequency == 249 && RDBOpcode.idle == 248)
        #expect(RDBOpcode.moduleAuxiliary == 247 && RDBOpcode.function2 == 245)
        let names = (UInt8(0)...30).map { code in
            RDBValueCodec.find(code, dialect: .redis).map { "\($0.name)" } ?? "-"
        }
        #expect(
            names.prefix(26).joined(separator: ",")
                == "string,list,set,zset,hash,zset,-,module,-,hash,list,set,zset,hash,list,stream,"
                + "hash,zset,list,stream,set,stream,-,-,hash with field expiry,"
                + "hash with field expiry")
        #expect(names.dropFirst(26).allSatisfy { $0 == "-" })
        #expect(RDBValueCodec.find(22, dialect: .valkey) != nil)
        #expect(RDBValueCodec.find(24, dialect: .valkey) == nil)
    }

    @Test(arguments: Fixture.producers)
    func everyKeyOfARealServerIsFound(producer: String) throws {
        var visitor = RecordingVisitor()
        try read(Fixture.dump(producer), into: &visitor)
        #expect(sorted(visitor.keys) == sorted(try Fixture.keys(producer)))
        #expect(visitor.functions.count == 1)
        #expect(visitor.functions[0].hasPrefix("#!lua name=fixture"))
        #expect(visitor.auxiliaries["redis-bits"] == "64")
        #expect(visitor.sizes.reduce(0, +) == UInt64(visitor.keys.count))
    }

    @Test(arguments: Fixture.producers)
    func theBaseOfALogIsReadToo(producer: String) throws {
        var visitor = RecordingVisitor()
        try read(
            Fixture.bytes("\(producer)-appendonlydir/appendonly.aof.2.base.rdb"), into: &visitor)
        #expect(visitor.auxiliaries["aof-base"] == "1")
        #expect(visitor.keys.count == (try Fixture.keys(producer).count))
    }

    @Test(arguments: [1, 7, 100, 4096])
    func pieceSizesDoNotMatter(step: Int) throws {
        let bytes = try Fixture.dump("redis-7.0.15")
        // One byte at a time is slow in a debug build: the first part holds every item kind.
        let part = step == 1 ? [UInt8](bytes.prefix(20_000)) : bytes
        var whole = RecordingVisitor()
        var pieces = RecordingVisitor()
        func reason(_ step: Int, _ visitor: inout RecordingVisitor) -> RDBCorruption? {
            do throws(RDBError) {
                try read(part, step: step, into: &visitor)
                return nil
            } catch {
                return error.reason
            }
        }
        #expect(reason(.max, &whole) == (step == 1 ? .truncated : nil))
        #expect(reason(step, &pieces) == (step == 1 ? .truncated : nil))
        #expect(whole.keys == pieces.keys && !whole.keys.isEmpty)
        #expect(whole.auxiliaries == pieces.auxiliaries)
    }

    @Test(arguments: [
        ("REDIS0013", RDBCorruption.unsupportedVersion(13)),
        ("REDIS0000", .unsupportedVersion(0)), ("VALKEY011", .unsupportedVersion(11)),
        ("VALKEY081", .unsupportedVersion(81)), ("RADIS0010", .badMagic),
        ("REDIS00a0", .badMagic), ("VALKEY08x", .badMagic),
    ])
    func magicAndVersionComeFirst(text: String, reason: RDBCorruption) {
        var visitor = RecordingVisitor()
        do throws(RDBError) {
            try read([UInt8](text.utf8) + [0xFB, 0xFF], into: &visitor)
            Issue.record("accepted")
        } catch {
            #expect(error.reason == reason)
            #expect(error.offset == 0)
        }
    }

    @Test func aDamagedChecksumIsNamedAndAMissingOneAccepted() throws {
        var bytes = try Fixture.dump("redis-7.0.15")
        var visitor = RecordingVisitor()
        bytes[bytes.count - 1] ^= 1
        do throws(RDBError) {
            try read(bytes, into: &visitor)
            Issue.record("accepted")
        } catch {
            #expect(error.description.contains("CRC error"))
            #expect(error.offset == Int64(bytes.count - 8))
        }
        for index in bytes.count - 8..<bytes.count { bytes[index] = 0 }
        try read(bytes, into: &visitor)
    }

    @Test func refusedItemsAreNamedWithTheirPlace() {
        let cases: [([UInt8], RDBCorruption)] = [
            ([246, 1, 0x61], .unknownOpcode(246)), ([243, 0], .unknownOpcode(243)),
            ([6, 1, 0x61], .unknownType(6)), ([99, 1, 0x61], .unknownType(99)),
            ([0, 0x82, 0], .badLength), ([0, 0xC4], .badStringEncoding(4)),
            ([254, 16], .databaseOutOfRange(16)), ([0, 0xC3, 1, 1, 5], .badCompression),
            ([11, 1, 0x61, 3, 1, 2, 3], .badStructure("intset")),
            ([16, 1, 0x61, 7, 7, 0, 0, 0, 1, 0, 0xFF], .badStructure("listpack")),
            ([18, 1, 0x61, 1, 9, 0], .badStructure("quicklist node")),
        ]
        for (item, reason) in cases {
            var visitor = RecordingVisitor()
            do throws(RDBError) {
                try read([UInt8]("REDIS0010".utf8) + item, into: &visitor)
                Issue.record("accepted \(item)")
            } catch {
                #expect(error.reason == reason && error.offset == 9 && error.opcode == item[0])
            }
        }
    }

    @Test func bothMeaningsOfType22AreToldApart() {
        let value: [UInt8] =
            [22, 1, 0x6B, 1, 1, 0x66, 1, 0x76] + [UInt8](repeating: 0xFF, count: 8) + [0xFF]
        var visitor = RecordingVisitor()
        #expect(throws: Never.self) {
            try read(
                [UInt8]("VALKEY080".utf8) + value + [UInt8](repeating: 0, count: 8), into: &visitor)
        }
        #expect(visitor.keys.map(\.type) == ["hash"])
        #expect(throws: RDBError.self) {
            try read([UInt8]("REDIS0011".utf8) + value, into: &visitor)
        }
    }

    /// A small file with every encoding of a real one: cut and damaged at every byte.
    @Test func damagedFilesEndInAnErrorAndNeverInACrash() throws {
        let bytes = try Fixture.dump("valkey-9.1.2")
        var state: UInt64 = 2026
        for _ in 0..<300 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var damaged = bytes
            let position = Int(state >> 33) % bytes.count
            switch state >> 20 & 3 {
            case 0: damaged.removeSubrange(position...)
            case 1: damaged[position] = UInt8(truncatingIfNeeded: state >> 8)
            case 2: damaged[position] ^= 1 << UInt8(state >> 8 & 7)
            default: damaged.remove(at: position)
            }
            if damaged == bytes { continue }
            var visitor = RecordingVisitor()
            #expect(throws: RDBError.self) { try read(damaged, into: &visitor) }
        }
    }

    @Test func everyCutOfASmallFileIsTruncated() throws {
        let bytes = [UInt8](try Fixture.dump("redis-7.2.4").prefix(2500))
        for cut in 0..<bytes.count {
            var visitor = RecordingVisitor()
            do throws(RDBError) {
                try read([UInt8](bytes[..<cut]), into: &visitor)
                Issue.record("accepted \(cut) bytes")
            } catch {
                #expect(error.reason == .truncated)
            }
        }
    }
}
