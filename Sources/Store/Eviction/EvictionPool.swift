// The best candidates that samples have found so far.
//
//   sample (5 keys) ──► score ──► pool of 16, rising ──► the last one is evicted
//
// With a pool, each sample adds to what earlier ones have learned; sixteen candidates and samples
// of five come close to a true order. A candidate is a hash: whoever has it when its turn comes is
// evicted, and a candidate that is gone by then is passed over.

internal import Bytes

/// Keys that are worth evicting.
public struct EvictionPool: ~Copyable {
    struct Candidate: BitwiseCopyable {
        var score: UInt64
        var hash: UInt64
        var database: Int
    }

    /// Most candidates.
    static let countMax = 16

    private var candidates = TrivialList<Candidate>(capacity: EvictionPool.countMax)

    /// An empty pool.
    public init() {}

    var count: Int { candidates.count }

    /// Forgets all candidates: the policy has changed, or the data were replaced.
    public mutating func removeAll() { candidates.removeAll() }

    /// Adds a candidate if it is better than the worst or there is room.
    mutating func insert(_ candidate: Candidate) {
        var place = 0
        while place < candidates.count {
            let other = candidates[place]
            if other.hash == candidate.hash && other.database == candidate.database { return }
            if other.score >= candidate.score { break }
            place += 1
        }
        if candidates.count == EvictionPool.countMax {
            if place == 0 { return }
            candidates.remove(at: 0)
            place -= 1
        }
        candidates.insert(candidate, at: place)
    }

    /// Takes the best candidate out; nil when there is none.
    mutating func popBest() -> Candidate? {
        guard candidates.count > 0 else { return nil }
        let best = candidates[candidates.count - 1]
        candidates.truncate(to: candidates.count - 1)
        return best
    }
}
