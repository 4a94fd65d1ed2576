// The database against a Dictionary, under random operations and several shapes of keys.
import Bytes
import Testing

@testable import Store

@Suite struct DatabaseTests {
    /// One random operation on both.
    static func step(
        _ database: Database, _ model: inout [[UInt8]: ModelValue], _ key: [UInt8],
        _ random: inout SeededRandom
    ) {
        let length = [0, 1, 8, 32, 44, 200, 1024, 1025, 5000][random.below(9)]
        let value = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let expiry = random.below(3) == 0 ? Int64(random.below(1_000_000)) : -1
        switch random.below(12) {
        case 0, 1, 2:
            database.put(key, value, expiresAt: expiry)
            model[key] = ModelValue(bytes: value, expiresAt: expiry)
        case 3:
            database.put(key, value, expiresAt: expiry, keepingExpiry: true)
            model[key] = ModelValue(bytes: value, expiresAt: model[key]?.expiresAt ?? expiry)
        case 4, 5, 6:
            #expect(database.delete(key) == (model.removeValue(forKey: key) != nil))
        case 7:
            let number = Int64(bitPattern: random.next() >> UInt64(random.below(60)))
            database.with(key) { _ = database.set($0, $1, integer: number, expiresAt: expiry) }
            model[key] = ModelValue(bytes: Array(String(number).utf8), expiresAt: expiry)
        case 8:
            guard let entry = database.entry(key) else { return }
            let changed = database.with(key) { _, hash in
                value.withByteSlice { database.append(entry, hash, $0) }
            }
            model[key]?.bytes += value
            #expect(changed.array == model[key]?.bytes)
        case 9:
            guard let entry = database.entry(key), var old = model[key] else { return }
            let offset = random.below(1200)
            let part = Array(value.prefix(300))
            database.with(key) { _, hash in
                part.withByteSlice { _ = database.setRange(entry, hash, offset: offset, $0) }
            }
            let missing = offset + part.count - old.bytes.count
            if missing > 0 { old.bytes += [UInt8](repeating: 0, count: missing) }
            old.bytes.replaceSubrange(offset..<(offset + part.count), with: part)
            model[key] = old
        case 10:
            guard let entry = database.entry(key) else { return }
            database.with(key) { _, hash in
                _ = database.setExpiry(entry, hash, expiresAt: expiry)
            }
            model[key]?.expiresAt = expiry
        default:
            let entry = database.entry(key)
            #expect(entry?.array == model[key]?.bytes)
            #expect(entry?.expiresAt == model[key]?.expiresAt)
        }
    }

    @Test(arguments: KeyShape.allCases)
    func behavesLikeADictionary(shape: KeyShape) {
        let keyspace = makeKeyspace(seed: 3)
        let database = keyspace.database(0)
        let empty = keyspace.usedBytes
        var model: [[UInt8]: ModelValue] = [:]
        var random = SeededRandom(seed: 11)
        let distinct = shape == .huge ? 60 : 700
        for round in 0..<12_000 {
            Self.step(database, &model, shape.key(random.below(distinct)), &random)
            if round % 1500 == 0 { keyspace.checkInvariants() }
        }
        keyspace.checkInvariants()
        #expect(database.count == model.count)
        #expect(database.expiringCount == model.values.count { $0.expiresAt >= 0 })
        #expect(contents(of: database) == model)
        for key in model.keys { #expect(database.delete(key)) }
        keyspace.checkInvariants()
        #expect(database.count == 0 && database.expiringCount == 0)
        #expect(keyspace.usedBytes == empty, "memory was not given back exactly")
    }

    @Test func growsAndShrinksWithoutLosingAKey() {
        let keyspace = makeKeyspace()
        let database = keyspace.database(0)
        let empty = keyspace.usedBytes
        let total = 60_000
        for number in 0..<total {
            database.put(KeyShape.numbered.key(number), Array("v\(number)".utf8))
        }
        keyspace.checkInvariants()
        #expect(database.count == total)
        for number in 0..<total {
            #expect(database.entry(KeyShape.numbered.key(number))?.text == "v\(number)")
        }
        for number in 0..<total where number % 100 != 0 {
            #expect(database.delete(KeyShape.numbered.key(number)))
        }
        keyspace.checkInvariants()
        for number in 0..<total {
            #expect(
                (database.entry(KeyShape.numbered.key(number)) != nil) == (number % 100 == 0))
        }
        #expect(keyspace.tableBytes < 600 * 64, "the table did not shrink")
        for number in stride(from: 0, to: total, by: 100) {
            database.delete(KeyShape.numbered.key(number))
        }
        #expect(keyspace.usedBytes == empty)
    }

    @Test func anEntryOfSixteenAndThirtyTwoBytesTakesFiftySix() {
        let keyspace = makeKeyspace()
        let database = keyspace.database(0)
        database.put(KeyShape.sixteen.key(1), [UInt8](repeating: 1, count: 32))
        #expect(database.entry(KeyShape.sixteen.key(1))?.memoryUsage == 56)
        #expect(database.storage.slab.usedBytes == 56)
    }
}
