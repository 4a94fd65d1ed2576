import Bytes
import Testing

@testable import Store

@Suite struct EvictionTests {
    private func fill(_ database: Database, _ count: Int, expiresAt: (Int) -> Int64 = { _ in -1 }) {
        for number in 0..<count {
            database.put(KeyShape.numbered.key(number), [1, 2, 3], expiresAt: expiresAt(number))
        }
    }

    private func number(of entry: Entry) -> Int {
        Int(String(decoding: entry.key.array.dropFirst(4), as: UTF8.self)) ?? -1
    }

    @Test func newAndChangedKeysCarryTheTime() throws {
        let keyspace = makeKeyspace()
        let database = keyspace.database(0)
        let key = KeyShape.numbered.key(1)
        keyspace.accessClock.setTime(milliseconds: 100_000)
        database.put(key, [1])
        keyspace.accessClock.setTime(milliseconds: 160_000)
        #expect(keyspace.accessClock.idleSeconds(of: try #require(database.entry(key))) == 60)
        database.put(key, [2])
        #expect(keyspace.accessClock.idleSeconds(of: try #require(database.entry(key))) == 0)
        keyspace.accessClock.setTime(milliseconds: 170_000)
        database.put(key, [UInt8](repeating: 1, count: 5_000))
        #expect(keyspace.accessClock.idleSeconds(of: try #require(database.entry(key))) == 0)
        // The clock wraps after 2^24 seconds.
        keyspace.accessClock.setTime(milliseconds: 170_000 + ((1 << 24) + 5) * 1_000)
        #expect(keyspace.accessClock.idleSeconds(of: try #require(database.entry(key))) == 5)
    }

    @Test func countersRiseAndFall() throws {
        let keyspace = makeKeyspace()
        let clock = keyspace.accessClock
        clock.countsAccesses = true
        clock.setTime(milliseconds: 60_000 * 1_000)
        keyspace.database(0).put([1], [1])
        var entry = try #require(keyspace.database(0).entry([1]))
        #expect(clock.frequency(of: entry) == 5)
        clock.logFactor = 0
        for _ in 0..<300 { clock.touch(entry) }
        #expect(clock.frequency(of: entry) == 255)
        clock.setTime(milliseconds: 60_000 * 1_010)
        #expect(clock.frequency(of: entry) == 245)
        clock.decayMinutes = 2
        #expect(clock.frequency(of: entry) == 250)
        clock.decayMinutes = 0
        #expect(clock.frequency(of: entry) == 255)
        clock.decayMinutes = 1
        clock.setTime(milliseconds: 60_000 * 2_000)
        #expect(clock.frequency(of: entry) == 0)
        // With the usual factor a counter of 10 needs about a hundred uses.
        clock.logFactor = 10
        for _ in 0..<1_000 { clock.touch(entry) }
        #expect(clock.frequency(of: entry) > 10 && clock.frequency(of: entry) < 40)
        // A value that is replaced keeps its counter.
        let before = clock.frequency(of: entry)
        keyspace.database(0).put([1], [UInt8](repeating: 1, count: 2_000))
        entry = try #require(keyspace.database(0).entry([1]))
        #expect(clock.frequency(of: entry) == before)
    }

    @Test func whatAFileKeptIsRestored() throws {
        let keyspace = makeKeyspace()
        let clock = keyspace.accessClock
        clock.setTime(milliseconds: 1_000_000)
        keyspace.database(0).put([1], [1])
        let entry = try #require(keyspace.database(0).entry([1]))
        clock.restore(entry, idleSeconds: 300, frequency: -1)
        #expect(clock.idleSeconds(of: entry) == 300)
        clock.restore(entry, idleSeconds: -1, frequency: 77)
        #expect(clock.idleSeconds(of: entry) == 300)
        clock.countsAccesses = true
        clock.restore(entry, idleSeconds: 300, frequency: 77)
        #expect(clock.frequency(of: entry) == 77)
    }

    @Test func entriesAreFoundByTheirHash() throws {
        for mask in [UInt64.max, 0xFFFF_0000_0000_00FF] {
            let keyspace = makeKeyspace(mask: mask)
            let database = keyspace.database(0)
            fill(database, 2_000)
            database.forEach { entry in
                let hash = keyspace.hash(entry.key)
                let found = database.find(hash: hash)
                #expect(found.map { keyspace.hash($0.key) } == hash)
            }
        }
    }

    @Test func samplesOfExpiringKeysFindTheFewThereAre() {
        let keyspace = makeKeyspace()
        let database = keyspace.database(0)
        fill(database, 30_000) { $0 % 10_000 == 77 ? 5_000 : -1 }
        var random = SeededRandom(seed: 3)
        var seen: Set<Int> = []
        for _ in 0..<200 {
            var found = 0
            database.sample(2, onlyExpiring: true, random: &random) { entry in
                #expect(entry.hasExpiry)
                seen.insert(number(of: entry))
                found += 1
            }
            #expect(found == 2)
        }
        #expect(seen == [77, 10_077, 20_077])
    }

    /// Evicts half of the keys and says what share of the victims belonged to the right half.
    private func precision(_ policy: EvictionPolicy, prepare: (Keyspace) -> Void) -> Double {
        let keyspace = makeKeyspace(databases: 2)
        keyspace.accessClock.countsAccesses = policy.countsAccesses
        prepare(keyspace)
        var pool = EvictionPool()
        var random = SeededRandom(seed: 5)
        var right = 0
        for _ in 0..<1_000 {
            guard
                let victim = keyspace.chooseVictim(
                    policy, samples: 10, pool: &pool, random: &random)
            else { return 0 }
            #expect(keyspace.hash(victim.entry.key) == victim.hash)
            if number(of: victim.entry) < 1_000 { right += 1 }
            keyspace.database(victim.database).remove(victim.entry, victim.hash, .eviction)
            #expect(pool.count <= EvictionPool.countMax)
        }
        keyspace.checkInvariants()
        return Double(right) / 1_000
    }

    @Test func theOldestKeysGoFirst() {
        let share = precision(.allKeysLRU) { keyspace in
            for number in 0..<2_000 {
                keyspace.accessClock.setTime(milliseconds: Int64(number) * 1_000)
                keyspace.database(number % 2).put(KeyShape.numbered.key(number), [1])
            }
        }
        #expect(share > 0.9)
    }

    @Test func theLeastUsedKeysGoFirst() {
        let share = precision(.allKeysLFU) { keyspace in
            keyspace.accessClock.logFactor = 0
            for number in 0..<2_000 {
                keyspace.database(number % 2).put(KeyShape.numbered.key(number), [1])
            }
            for index in 0..<2 {
                keyspace.database(index).forEach { entry in
                    for _ in 0..<(self.number(of: entry) / 20) {
                        keyspace.accessClock.touch(entry)
                    }
                }
            }
        }
        #expect(share > 0.9)
    }

    @Test func theKeysThatExpireSoonestGoFirst() {
        let share = precision(.volatileTTL) { keyspace in
            for number in 0..<2_000 {
                keyspace.database(number % 2).put(
                    KeyShape.numbered.key(number), [1], expiresAt: Int64(number) + 1)
            }
        }
        #expect(share > 0.9)
    }

    @Test func volatilePoliciesTakeOnlyKeysThatExpire() {
        for policy in [
            EvictionPolicy.volatileLRU, .volatileLFU, .volatileRandom, .volatileTTL,
        ] {
            let keyspace = makeKeyspace(databases: 3)
            keyspace.accessClock.countsAccesses = policy.countsAccesses
            fill(keyspace.database(1), 500) { $0 % 5 == 0 ? 1_000 : -1 }
            var pool = EvictionPool()
            var random = SeededRandom(seed: 8)
            var victims = 0
            while let victim = keyspace.chooseVictim(
                policy, samples: 5, pool: &pool, random: &random)
            {
                #expect(victim.entry.hasExpiry && victim.database == 1)
                keyspace.database(1).remove(victim.entry, victim.hash, .eviction)
                victims += 1
            }
            #expect(victims == 100 && keyspace.count == 400)
        }
    }

    @Test func otherPoliciesTakeAllOrNothing() {
        for policy in [EvictionPolicy.allKeysLRU, .allKeysLFU, .allKeysRandom, .noEviction] {
            let keyspace = makeKeyspace(databases: 3)
            keyspace.accessClock.countsAccesses = policy.countsAccesses
            fill(keyspace.database(0), 50)
            fill(keyspace.database(2), 70)
            var pool = EvictionPool()
            var random = SeededRandom(seed: 8)
            while let victim = keyspace.chooseVictim(
                policy, samples: 5, pool: &pool, random: &random)
            {
                keyspace.database(victim.database).remove(victim.entry, victim.hash, .eviction)
            }
            #expect(keyspace.count == (policy == .noEviction ? 120 : 0))
        }
    }
}
