// Choosing the key that goes next. Removing it, and telling about it, is the caller's.

public import Bytes

/// A key that was chosen to go.
public struct EvictionVictim {
    /// Number of its database.
    public let database: Int
    /// Its entry; valid until the next change of the database.
    public let entry: Entry
    /// Its hash.
    public let hash: KeyHash
}

extension Keyspace {
    /// The next key to evict; nil when `policy` finds none.
    ///
    /// - Parameters:
    ///   - samples: keys looked at per database before the pool decides.
    ///   - pool: what earlier calls have found; the caller keeps it.
    ///   - random: where samples begin.
    public func chooseVictim(
        _ policy: EvictionPolicy, samples: Int, pool: inout EvictionPool,
        random: inout SeededRandom
    ) -> EvictionVictim? {
        if policy == .noEviction { return nil }
        if policy.isRandom { return randomVictim(policy, random: &random) }
        while true {
            guard fill(&pool, policy, samples: samples, random: &random) else { return nil }
            while let candidate = pool.popBest() {
                let hash = KeyHash(value: candidate.hash)
                guard let entry = database(candidate.database).find(hash: hash),
                    !policy.isVolatile || entry.hasExpiry
                else { continue }
                return EvictionVictim(database: candidate.database, entry: entry, hash: hash)
            }
        }
    }

    /// Samples every database; false when none has a key that may go.
    private func fill(
        _ pool: inout EvictionPool, _ policy: EvictionPolicy, samples: Int,
        random: inout SeededRandom
    ) -> Bool {
        var hasKeys = false
        for index in 0..<databaseCount {
            let database = database(index)
            let count = policy.isVolatile ? database.expiringCount : database.count
            if count == 0 { continue }
            hasKeys = true
            database.sample(
                min(samples, count), onlyExpiring: policy.isVolatile, random: &random
            ) { entry in
                pool.insert(
                    EvictionPool.Candidate(
                        score: score(entry, policy), hash: hash(entry.key).value,
                        database: index))
            }
        }
        return hasKeys
    }

    /// The higher, the sooner it goes.
    private func score(_ entry: Entry, _ policy: EvictionPolicy) -> UInt64 {
        if policy == .volatileTTL {
            return UInt64.max - UInt64(max(0, entry.expiresAt))
        }
        if policy.countsAccesses { return 255 - UInt64(accessClock.frequency(of: entry)) }
        return UInt64(accessClock.idleSeconds(of: entry))
    }

    /// A key at random, the databases in turn.
    private func randomVictim(
        _ policy: EvictionPolicy, random: inout SeededRandom
    ) -> EvictionVictim? {
        for _ in 0..<databaseCount {
            evictionDatabase = (evictionDatabase + 1) % databaseCount
            let index = evictionDatabase
            let database = database(index)
            var found: Entry?
            if !policy.isVolatile {
                found = database.randomEntry(&random)
            } else if database.expiringCount > 0 {
                database.sample(1, onlyExpiring: true, random: &random) { found = $0 }
            }
            if let found {
                return EvictionVictim(database: index, entry: found, hash: hash(found.key))
            }
        }
        return nil
    }
}

extension Database {
    /// The entry whose key has this hash; nil if there is none.
    public func find(hash: KeyHash) -> Entry? { storage.table.find(hash: hash.value) }

    /// Visits `count` entries from random places, maybe one of them twice; fewer if there are not
    /// so many. `visit` must not change the database.
    public func sample(
        _ count: Int, onlyExpiring: Bool, random: inout SeededRandom, _ visit: (Entry) -> Void
    ) {
        if onlyExpiring {
            storage.table.sampleExpiring(count, from: random.next() >> 16, visit)
            return
        }
        for _ in 0..<count {
            guard let entry = storage.table.randomEntry(&random) else { return }
            visit(entry)
        }
    }
}

extension HashTable {
    /// The entry whose key has this hash. Two keys with the same 64 bits are told apart by nobody
    /// here: either may be meant.
    func find(hash: UInt64) -> Entry? {
        let segment = directory.segment(for: hash)
        let bits = segment.positionBits(hash)
        let tag = Bucket.tag(hash)
        var index = segment.home(bits)
        for _ in 0..<segment.bucketCount {
            let bucket = segment.bucket(index)
            var matches = bucket.matches(tag)
            while !matches.isEmpty {
                let slot = bucket.slot(matches.first)
                if slot.positionBits == bits && hasher.hash(slot.entry.key).value == hash {
                    return slot.entry
                }
                matches.removeFirst()
            }
            if bucket.overflow == 0 { return nil }
            index = segment.following(index)
        }
        return nil
    }

    /// Visits the next `count` entries with an expiry time from `place` on, around the table. The
    /// flags in the slots lead to them, and segments in which nothing expires are skipped.
    func sampleExpiring(_ count: Int, from place: UInt64, _ visit: (Entry) -> Void) {
        var place = place
        var missing = count
        var passed: UInt64 = 0
        while missing > 0 && passed < HashTable.placeEnd {
            let segment = directory.segment(for: place << 16)
            let start = HashTable.placeStart(of: segment, place)
            let next = start + (1 << UInt64(48 - segment.depth))
            if segment.expiryMin != .max {
                // The first segment is looked at as a whole, wherever the place lies in it.
                let first = segment.home(segment.positionBits(place << 16))
                missing = HashTable.visitExpiring(segment, from: first, missing, visit)
            }
            passed += next - start
            place = next >= HashTable.placeEnd ? 0 : next
        }
    }

    private static func visitExpiring(
        _ segment: Segment, from first: Int, _ count: Int, _ visit: (Entry) -> Void
    ) -> Int {
        var missing = count
        var index = first
        for _ in 0..<segment.bucketCount {
            forEachSlot(of: segment.bucket(index)) { slot, _, _ in
                guard missing > 0, slot.hasExpiry else { return }
                missing -= 1
                visit(slot.entry)
            }
            if missing == 0 { return 0 }
            index = segment.following(index)
        }
        return missing
    }
}
