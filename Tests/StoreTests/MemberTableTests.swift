// Member tables against dictionaries, their scans, and big objects that are freed elsewhere.
import Bytes
import Testing

@testable import Store

extension MemberTable {
    func entry(_ member: [UInt8]) -> Entry? {
        member.withByteSlice { find($0, hash($0)) }
    }

    mutating func put(_ member: [UInt8], _ value: [UInt8]) -> Bool {
        member.withByteSlice { member in
            value.withByteSlice { set(member, hash(member), value: $0) }
        }
    }

    mutating func delete(_ member: [UInt8]) -> Bool {
        member.withByteSlice { remove($0, hash($0)) }
    }

    var contents: [[UInt8]: [UInt8]] {
        var result: [[UInt8]: [UInt8]] = [:]
        forEach { result[$0.member.array] = $0.memberValue.array }
        return result
    }
}

private func makeHasher(mask: UInt64 = .max) -> KeyHasher {
    KeyHasher(key: SipKey(low: 3, high: 4), mask: mask)
}

@Suite struct MemberTableTests {
    @Test(arguments: KeyShape.allCases, [UInt64.max, 0xFFF0_0000_0000_000F])
    func behavesLikeADictionary(shape: KeyShape, mask: UInt64) {
        var table = MemberTable(hasher: makeHasher(mask: mask))
        let empty = table.memoryBytes
        var model: [[UInt8]: [UInt8]] = [:]
        var random = SeededRandom(seed: 5)
        let distinct = shape == .huge ? 40 : 600
        for round in 0..<2500 {
            let member = shape.key(random.below(distinct))
            switch random.below(10) {
            case 0...4:
                let count = random.below(30) == 0 ? 3000 : random.below(40)
                let value = [UInt8](repeating: UInt8(random.below(256)), count: count)
                #expect(
                    table.put(member, value) == (model.updateValue(value, forKey: member) != nil))
            case 5...7:
                #expect(table.delete(member) == (model.removeValue(forKey: member) != nil))
            case 8:
                if let entry = table.entry(member) {
                    table.remove(entry, table.hash(entry.member))
                    model[member] = nil
                }
            default: #expect(table.entry(member)?.memberValue.array == model[member])
            }
            if round % 1000 == 0 { table.checkInvariants() }
        }
        table.checkInvariants()
        #expect(table.count == model.count && table.contents == model)
        let copy = table.copy()
        copy.checkInvariants()
        for member in model.keys {
            let existed = table.delete(member)
            #expect(existed)
        }
        #expect(table.count == 0 && table.memoryBytes == empty)
        #expect(copy.count == model.count && copy.contents == model)
    }

    @Test func wordsStayWhereTheyAre() {
        var table = MemberTable(hasher: makeHasher())
        var entries: [Entry] = []
        for number in 0..<5000 {
            KeyShape.numbered.key(number).withByteSlice {
                entries.append(table.insert($0, table.hash($0), word: UInt64(number)))
            }
        }
        for (number, entry) in entries.enumerated() {
            #expect(entry.word == UInt64(number))
            entry.word = UInt64(number) << 40 | 7
            #expect(table.entry(KeyShape.numbered.key(number)) == entry)
        }
        for (number, entry) in entries.enumerated() where number % 3 == 0 {
            table.remove(entry, table.hash(entry.member))
        }
        table.checkInvariants()
        for (number, entry) in entries.enumerated() where number % 3 != 0 {
            #expect(entry.word == UInt64(number) << 40 | 7)
            #expect(entry.member.array == KeyShape.numbered.key(number))
        }
    }

    @Test(arguments: [UInt64.max, 0xFFFF])
    func membersThatStayAreSeenWhateverChangesMeanwhile(mask: UInt64) {
        var table = MemberTable(hasher: makeHasher(mask: mask))
        let staying = mask == .max ? 1000 : 100
        for number in 0..<staying { _ = table.put(KeyShape.numbered.key(number), []) }
        for phase in 0..<4 {
            var seen: [[UInt8]: Int] = [:]
            var cursor: UInt64 = 0
            var next = 1_000_000
            repeat {
                cursor = table.scan(cursor: cursor, count: 10) {
                    seen[$0.member.array, default: 0] += 1
                }
                for _ in 0..<(mask == .max ? 50 : 5) where next < 1_005_000 {
                    let member = KeyShape.numbered.key(next)
                    if phase % 2 == 0 {
                        _ = table.put(member, [1])
                    } else {
                        _ = table.delete(member)
                    }
                    next += 1
                }
            } while cursor != 0
            for number in 0..<staying {
                #expect(seen[KeyShape.numbered.key(number), default: 0] >= 1)
            }
            table.checkInvariants()
        }
    }

    @Test func everyMemberIsDrawnAboutEquallyOften() {
        var table = MemberTable(hasher: makeHasher())
        var random = SeededRandom(seed: 6)
        #expect(table.randomEntry(&random) == nil)
        for number in 0..<100 { _ = table.put(KeyShape.numbered.key(number), []) }
        var drawn: [[UInt8]: Int] = [:]
        for _ in 0..<50_000 {
            if let entry = table.randomEntry(&random) {
                drawn[entry.member.array, default: 0] += 1
            }
        }
        #expect(drawn.count == 100 && drawn.values.allSatisfy { (350...650).contains($0) })
    }

    @Test func prefetchingTouchesNothing() {
        var table = MemberTable(hasher: makeHasher())
        for number in 0..<3000 { _ = table.put(KeyShape.numbered.key(number), [1]) }
        for number in 0..<6000 {
            KeyShape.numbered.key(number).withByteSlice {
                table.prefetchBucket(table.hash($0))
                table.prefetchEntry(table.hash($0))
            }
        }
        table.checkInvariants()
        #expect(table.count == 3000)
    }
}

/// What was handed over to be freed elsewhere.
private final class Handed { var objects: [DetachedObject] = [] }

@Suite struct LazyFreeingTests {
    /// What is freed at once and what is handed over, when so many fields are removed so.
    private static func handedOver(
        _ occasion: LazyFreeing.Occasion, fields: Int,
        _ settings: (LazyFreeing) -> Void = { _ in }
    ) -> Int {
        let keyspace = makeKeyspace()
        let handed = Handed()
        keyspace.lazyFreeing.handler = { handed.objects.append($0) }
        settings(keyspace.lazyFreeing)
        let empty = keyspace.usedBytes
        fill(keyspace, fields)
        return finish(keyspace, empty, occasion, handed)
    }

    /// The only reference to the object is the entry's when this returns.
    private static func fill(_ keyspace: Keyspace, _ fields: Int) {
        let object = HashObject(hasher: keyspace.hasher)
        for number in 0..<fields {
            KeyShape.numbered.key(number).withByteSlice { _ = object.set($0, $0) }
        }
        keyspace.database(0).with([1]) {
            _ = keyspace.database(0).set($0, $1, object: object, type: .hash)
        }
    }

    private static func finish(
        _ keyspace: Keyspace, _ empty: Int, _ occasion: LazyFreeing.Occasion,
        _ handed: Handed
    ) -> Int {
        let database = keyspace.database(0)
        if occasion == .overwrite {
            database.put([1], [2])
            database.delete([1])
        } else {
            let key: [UInt8] = [1]
            #expect(key.withByteSlice { database.remove($0, keyspace.hash($0), occasion) })
        }
        #expect(keyspace.usedBytes == empty)
        for object in handed.objects { object.free() }
        return handed.objects.count
    }

    @Test func theOccasionDecides() {
        #expect(Self.handedOver(.elsewhere, fields: 65) == 1)
        #expect(Self.handedOver(.elsewhere, fields: 64) == 0)
        for occasion in [LazyFreeing.Occasion.atOnce, .deletion, .overwrite, .expiry, .eviction] {
            #expect(Self.handedOver(occasion, fields: 100) == 0)
        }
        #expect(Self.handedOver(.deletion, fields: 100) { $0.freesDeletedLazily = true } == 1)
        #expect(Self.handedOver(.overwrite, fields: 100) { $0.freesOverwrittenLazily = true } == 1)
        #expect(Self.handedOver(.expiry, fields: 100) { $0.freesExpiredLazily = true } == 1)
        #expect(Self.handedOver(.eviction, fields: 100) { $0.freesEvictedLazily = true } == 1)
        #expect(Self.handedOver(.atOnce, fields: 100) { $0.freesDeletedLazily = true } == 0)
    }

    @Test func anObjectThatOnlyMovesIsNotFreed() throws {
        let keyspace = makeKeyspace(databases: 2)
        var handed = 0
        keyspace.lazyFreeing.handler = { _ in handed += 1 }
        keyspace.lazyFreeing.freesOverwrittenLazily = true
        let database = keyspace.database(0)
        let counter = ProbeObject.Counter()
        let key: [UInt8] = [1]
        database.with(key) {
            _ = database.set($0, $1, object: ProbeObject(counter, size: 1), type: .list)
        }
        var entry = try #require(database.entry(key))
        entry = database.setExpiry(entry, keyspace.hash(entry.key), expiresAt: 5)
        _ = key.withByteSlice {
            database.move(
                entry, keyspace.hash($0), to: keyspace.database(1), key: $0, keyspace.hash($0))
        }
        #expect(handed == 0 && counter.living == 1)
        #expect(keyspace.database(1).entry(key)?.object(as: ProbeObject.self) != nil)
    }

    @Test func expiredObjectsAreHandedOverByTheSweep() {
        let keyspace = makeKeyspace()
        var handed = 0
        keyspace.lazyFreeing.handler = {
            handed += 1
            $0.free()
        }
        keyspace.lazyFreeing.freesExpiredLazily = true
        let database = keyspace.database(0)
        for key in 0..<3 {
            let object = HashObject(hasher: keyspace.hasher)
            for number in 0..<(key * 60) {
                KeyShape.numbered.key(number).withByteSlice { _ = object.set($0, $0) }
            }
            database.with([UInt8(key)]) {
                _ = database.set($0, $1, object: object, type: .hash, expiresAt: 1)
            }
        }
        while keyspace.removeExpired(now: 2, bucketBudget: 100, { _, _ in }).removed > 0 {}
        #expect(database.count == 0 && handed == 1)
        keyspace.checkInvariants()
    }
}

@Suite struct HashObjectTests {
    @Test func aPackedHashBecomesATable() {
        let keyspace = makeKeyspace()
        let database = keyspace.database(0)
        let empty = keyspace.usedBytes
        var elements: [[UInt8]] = []
        for number in 0..<200 { elements += [Array("f\(number)".utf8), Array("\(number)".utf8)] }
        let key: [UInt8] = [1]
        pack(elements).withByteSlice { bytes in
            database.with(key) {
                let entry = database.set($0, $1, packed: bytes, type: .hash, expiresAt: 50)
                guard let packed = entry.packed else { return }
                let object = HashObject(packed, hasher: database.hasher)
                let changed = database.replace(entry, $1, object: object)
                #expect(changed.expiresAt == 50 && changed.packed == nil)
                #expect(changed.encodingName.description == "hashtable")
            }
        }
        keyspace.checkInvariants()
        let object = database.entry(key)?.object(as: HashObject.self)
        #expect(object?.count == 200 && object?.freeEffort == 200)
        object?.checkInvariants()
        for number in 0..<200 {
            let value = Array("f\(number)".utf8).withByteSlice { object?.value(of: $0)?.array }
            #expect(value == Array("\(number)".utf8))
        }
        let copy = object?.copy() as? HashObject
        #expect(copy?.memoryUsage == object?.memoryUsage)
        database.delete(key)
        #expect(keyspace.usedBytes == empty && copy?.count == 200)
    }
}
