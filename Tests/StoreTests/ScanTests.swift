// SCAN's promise, random sampling, and hashes that do not spread.
import Bytes
import Testing

@testable import Store

@Suite struct ScanTests {
    @Test(arguments: [UInt64.max, 0xFFFF_0000_0000_00FF, 0xFFFF])
    func keysThatStayAreSeenWhateverChangesMeanwhile(mask: UInt64) {
        let keyspace = makeKeyspace(seed: 4, mask: mask)
        let database = keyspace.database(0)
        var random = SeededRandom(seed: 8)
        let scale = mask == 0xFFFF ? 10 : 1
        let staying = 2000 / scale
        for number in 0..<staying { database.put(KeyShape.numbered.key(number), [1]) }
        for phase in 0..<6 {
            var seen: [[UInt8]: Int] = [:]
            var cursor: UInt64 = 0
            var next = 1_000_000
            repeat {
                cursor = database.scan(cursor: cursor, count: 10) {
                    seen[$0.key.array, default: 0] += 1
                }
                #expect(cursor < 1 << 48)
                // Grow in even phases, shrink in odd ones.
                for _ in 0..<(200 / scale) {
                    if phase % 2 == 0 {
                        database.put(KeyShape.numbered.key(next), [2])
                        next += 1
                    } else {
                        let number = 1_000_000 + random.below(40_000 / scale)
                        database.delete(KeyShape.numbered.key(number))
                    }
                }
            } while cursor != 0 && next < 1_040_000
            while cursor != 0 {
                cursor = database.scan(cursor: cursor, count: 100) {
                    seen[$0.key.array, default: 0] += 1
                }
            }
            for number in 0..<staying {
                #expect(seen[KeyShape.numbered.key(number), default: 0] >= 1)
            }
            keyspace.checkInvariants()
        }
    }

    @Test func aScanOfATableAtRestSeesEachKeyOnce() {
        let keyspace = makeKeyspace()
        let database = keyspace.database(0)
        for number in 0..<20_000 { database.put(KeyShape.numbered.key(number), [1]) }
        var seen: [[UInt8]: Int] = [:]
        var cursor: UInt64 = 0
        var calls = 0
        repeat {
            cursor = database.scan(cursor: cursor, count: 100) {
                seen[$0.key.array, default: 0] += 1
            }
            calls += 1
        } while cursor != 0
        #expect(seen.count == 20_000 && seen.values.allSatisfy { $0 == 1 })
        #expect(calls <= 201)
    }

    @Test func foreignCursorsAreHarmless() {
        let keyspace = makeKeyspace()
        let database = keyspace.database(0)
        for number in 0..<100 { database.put(KeyShape.numbered.key(number), [1]) }
        for cursor: UInt64 in [1, 12_345, 1 << 48, .max, (1 << 48) - 1] {
            let next = database.scan(cursor: cursor, count: 10) { _ in }
            #expect(next < 1 << 48)
        }
    }

    @Test func aRandomEntryIsUniform() throws {
        let keyspace = makeKeyspace()
        let database = keyspace.database(0)
        var random = SeededRandom(seed: 2)
        #expect(database.randomEntry(&random) == nil)
        let keys = 5000
        for number in 0..<keys { database.put(KeyShape.numbered.key(number), [1]) }
        var drawn: [[UInt8]: Int] = [:]
        for _ in 0..<(keys * 40) {
            let entry = try #require(database.randomEntry(&random))
            drawn[entry.key.array, default: 0] += 1
        }
        // 40 expected each, deviation 6.3: the square sum has its mean at `keys`.
        var square = 0.0
        for number in 0..<keys {
            let times = Double(drawn[KeyShape.numbered.key(number), default: 0])
            square += (times - 40) * (times - 40) / 40
        }
        #expect(square > 4500 && square < 5500, "chi-square \(square)")
        for number in 1..<keys { database.delete(KeyShape.numbered.key(number)) }
        #expect(try #require(database.randomEntry(&random)).key.array == KeyShape.numbered.key(0))
    }

    @Test(arguments: [0, 0xFF, 0xFF00_0000_0000_0000, 0x00FF_0000_0000_0000, 0xFFFF])
    func keysWhoseHashesCollideStillWork(mask: UInt64) {
        let keyspace = makeKeyspace(seed: 6, mask: mask)
        let database = keyspace.database(0)
        let empty = keyspace.usedBytes
        let total = 6000
        for number in 0..<total {
            database.put(KeyShape.sixteen.key(number), Array("\(number)".utf8))
        }
        keyspace.checkInvariants()
        #expect(database.count == total)
        for number in stride(from: 0, to: total, by: 7) {
            #expect(database.entry(KeyShape.sixteen.key(number))?.text == "\(number)")
            #expect(database.entry(KeyShape.sixteen.key(total + number)) == nil)
        }
        #expect(keyspace.tableBytes < total * 40, "splitting did not stop")
        let sink = RecordingSink()
        _ = keyspace.beginSnapshot(sink)
        while keyspace.advanceSnapshot(bucketBudget: 16) == .running {}
        #expect(sink.saved.count == total)
        for number in 0..<total { #expect(database.delete(KeyShape.sixteen.key(number))) }
        keyspace.checkInvariants()
        #expect(keyspace.usedBytes == empty)
    }
}
