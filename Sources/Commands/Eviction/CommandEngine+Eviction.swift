// Keeping the data within `maxmemory`.
//
//   before a command that needs memory, and at the end of a turn:
//     used > limit? ──no──► go on
//          │ yes
//     choose a key (Store's pool) ──► DEL into the stream, event "evicted" ──► until it is enough,
//                                     nothing is left to choose, or the slice is over
//
// A slice ends after 500 µs by default; the command runs all the same, and the node goes on between
// its turns. When the slices of one turn have taken a millisecond, each further command of the turn
// evicts a handful of keys at most, so that memory does not run away either.
internal import Bytes
internal import Store

/// What eviction remembers between two calls.
struct EvictionState: ~Copyable {
    var pool = EvictionPool()
    /// Bytes of the limit; 0 without one.
    var limit = 0
    /// Bytes beside the data: buffers of clients.
    var besideBytes = 0
    /// Time spent in this turn.
    var spentInTurn: Int64 = 0
    /// Since when the limit has been exceeded, on the monotonic clock; 0 when it is not.
    var exceededSince: Int64 = 0

    /// All slices of a turn together, before they become small.
    static let turnNanosecondsMax: Int64 = 1_000_000
    /// Keys between two looks at the clock.
    static let keysPerLook = 16
    /// Keys that a command may still evict when the turn's time is used up.
    static let keysBeyondTurn = 4
}

extension CommandEngine {
    /// Bytes of data, tables and buffers of clients: what `maxmemory` limits.
    public var usedMemoryBytes: Int { keyspace.usedBytes + eviction.besideBytes }

    /// Bytes of buffers of clients, which count with the data; the node sets it.
    public var memoryBytesBeside: Int {
        get { eviction.besideBytes }
        set { eviction.besideBytes = newValue }
    }

    /// Whether more memory is used than `maxmemory` allows.
    @inline(__always)
    public var exceedsMemoryLimit: Bool {
        eviction.limit > 0 && usedMemoryBytes > eviction.limit
    }

    /// Time during which the limit has been exceeded, in milliseconds: all in all, and since when
    /// it is now.
    public var exceededMilliseconds: (total: Int64, current: Int64) {
        guard eviction.exceededSince > 0 else {
            return (counts.evictionExceededNanoseconds / 1_000_000, 0)
        }
        let current = owner.monotonicNanoseconds() - eviction.exceededSince
        return (
            (counts.evictionExceededNanoseconds + current) / 1_000_000, current / 1_000_000
        )
    }

    /// Evicts keys between commands, as effects of their own, for one slice at most.
    public func evictSlice() -> MemoryRelief {
        let relief = relieveMemory()
        serveReadyKeys()
        return relief
    }

    /// Makes room if memory is short, and notes whether commands that need memory may run.
    @discardableResult
    func relieveMemory() -> MemoryRelief {
        let relief = makeRoom()
        if relief == .enough {
            if eviction.exceededSince > 0 {
                counts.evictionExceededNanoseconds +=
                    owner.monotonicNanoseconds() - eviction.exceededSince
                eviction.exceededSince = 0
            }
        } else if eviction.exceededSince == 0 {
            eviction.exceededSince = owner.monotonicNanoseconds()
        }
        if isOutOfMemory != (relief == .failed) { isOutOfMemory = relief == .failed }
        return relief
    }

    /// Keys go only where this node decides on its data: not while it loads or is paused, not on a
    /// replica that leaves it to its master, not without the right to write.
    private var mayEvict: Bool {
        if case .refused = writeGate { return false }
        return !isLoading && pause == .none
            && !(isReplica && settings.eviction.replicaIgnoresLimit)
    }

    private func makeRoom() -> MemoryRelief {
        guard exceedsMemoryLimit, mayEvict else { return .enough }
        let policy = settings.eviction.policy
        let samples = settings.eviction.samples
        if policy == .noEviction { return .failed }
        let started = owner.monotonicNanoseconds()
        let isLate = eviction.spentInTurn >= EvictionState.turnNanosecondsMax
        let slice = settings.eviction.sliceNanoseconds
        var removed = 0
        var relief = MemoryRelief.enough
        while exceedsMemoryLimit {
            guard
                let victim = keyspace.chooseVictim(
                    policy, samples: samples, pool: &eviction.pool, random: &random)
            else {
                relief = .failed
                break
            }
            evict(victim)
            removed += 1
            let isOver =
                isLate
                ? removed >= EvictionState.keysBeyondTurn
                : removed % EvictionState.keysPerLook == 0
                    && owner.monotonicNanoseconds() - started > slice
            if isOver {
                if exceedsMemoryLimit { relief = .unfinished }
                break
            }
        }
        let spent = owner.monotonicNanoseconds() - started
        eviction.spentInTurn += spent
        noteLatency("eviction-cycle", microseconds: spent / 1_000)
        return relief
    }

    private func evict(_ victim: EvictionVictim) {
        let index = victim.database
        let name: StaticString = settings.evictsLazily ? "UNLINK" : "DEL"
        if unitEffectCount == 0 {
            // An effect of its own, in front of what the command does.
            beginUnit()
            propagate(name, victim.entry.key, database: index)
            beginUnit()
        } else {
            propagate(name, victim.entry.key, database: index)
        }
        counts.evictedKeys += 1
        let database = keyspace.database(index)
        guard observesChanges || eventMask.contains(.evicted) else {
            return database.remove(victim.entry, victim.hash, .eviction)
        }
        victim.entry.key.array.withByteSlice { key in
            database.remove(victim.entry, victim.hash, .eviction)
            notify(.evicted, "evicted", key, database: index)
            if observesChanges { noteChange(key, database: index) }
        }
    }
}
