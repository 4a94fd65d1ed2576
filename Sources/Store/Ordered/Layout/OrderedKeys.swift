// The keys of a node of the ordered index: where a probe falls among them.
//
//   scores  │ s0 │ s1 │ … │        doubles, ascending; never NaN
//   entries │ e0 │ e1 │ … │        address of the entry whose key is the member
//
// Invariants
//   (s, member of e) is strictly ascending: by score, then by the bytes of the member.
//
// Members are looked at only where scores are equal, so that a search in a set with distinct scores
// touches nothing but the node.

internal import Bytes

/// A place between the items of an ordered index: everything before it lies below the probe.
enum OrderedProbe {
    /// Before the first item of this score, or behind its last.
    case score(Double, isBehind: Bool)
    /// Before or behind this member, whatever the scores: for sets in which all are equal.
    case member(ByteSlice, isBehind: Bool)
    /// Before or behind one item.
    case item(Double, ByteSlice, isBehind: Bool)
}

/// The sorted keys of one node; valid until the node changes.
@safe
struct OrderedKeys {
    private let scores: UnsafePointer<Double>
    private let entries: UnsafePointer<UInt>
    private let count: Int

    /// `count` keys whose parts lie at two places.
    @unsafe @inline(__always)
    init(scores: UnsafeRawPointer, entries: UnsafeRawPointer, count: Int) {
        unsafe self.scores = scores.assumingMemoryBound(to: Double.self)
        unsafe self.entries = entries.assumingMemoryBound(to: UInt.self)
        self.count = count
    }

    @inline(__always)
    private func score(_ index: Int) -> Double {
        assert(index >= 0 && index < count)
        return unsafe scores[index]
    }

    @inline(__always)
    private func member(_ index: Int) -> ByteSlice {
        assert(index >= 0 && index < count)
        let address = unsafe UnsafeMutableRawPointer(bitPattern: entries[index])
        return unsafe Entry(base: address.unsafelyUnwrapped).key
    }

    /// How many keys lie before the probe.
    @inline(__always)
    func countBefore(_ probe: OrderedProbe) -> Int {
        switch probe {
        case .score(let score, let isBehind):
            return isBehind ? countUpTo(score) : countBelow(score)
        case .member(let member, let isBehind):
            return countBefore(member, isBehind, from: 0, to: count)
        case .item(let score, let member, let isBehind):
            let first = countBelow(score)
            if first == count || self.score(first) != score { return first }
            return countBefore(member, isBehind, from: first, to: countUpTo(score))
        }
    }

    /// Keys with a lower score. The loop has no branch that depends on the data.
    @inline(__always)
    private func countBelow(_ score: Double) -> Int {
        var first = 0
        var rest = count
        while rest > 0 {
            let half = rest &>> 1
            let middle = first &+ half
            let isBelow = self.score(middle) < score
            first = isBelow ? middle &+ 1 : first
            rest = isBelow ? rest &- half &- 1 : half
        }
        return first
    }

    /// Keys with a lower score or this one.
    @inline(__always)
    private func countUpTo(_ score: Double) -> Int {
        var first = 0
        var rest = count
        while rest > 0 {
            let half = rest &>> 1
            let middle = first &+ half
            let isWithin = self.score(middle) <= score
            first = isWithin ? middle &+ 1 : first
            rest = isWithin ? rest &- half &- 1 : half
        }
        return first
    }

    private func countBefore(
        _ member: ByteSlice, _ isBehind: Bool, from start: Int, to end: Int
    ) -> Int {
        var first = start
        var last = end
        while first < last {
            let middle = (first + last) >> 1
            let order = self.member(middle).compare(member)
            if order < 0 || (isBehind && order == 0) {
                first = middle + 1
            } else {
                last = middle
            }
        }
        return first
    }
}
