// A sorted set in either form, for reading: everything that a command asks is a range of ranks.

public import Bytes

/// The members of a key in their order; valid until the next change of its database.
public enum SortedSetView {
    /// A small one.
    case packed(PackedView)
    /// A big one.
    case indexed(SortedSet)

    /// The value of an entry whose type is a sorted set.
    @inline(__always)
    public init(_ entry: Entry) {
        if let packed = entry.packed {
            self = .packed(packed)
        } else if let object = entry.object(as: SortedSet.self) {
            self = .indexed(object)
        } else {
            preconditionFailure("the entry is no sorted set")
        }
    }

    /// Number of members.
    public var count: Int {
        switch self {
        case .packed(let view): PackedSortedSet.count(view)
        case .indexed(let set): set.count
        }
    }

    /// The score of a member; nil if it is not in the set.
    public func score(of member: ByteSlice) -> Double? {
        switch self {
        case .packed(let view): PackedSortedSet.score(view, of: member)
        case .indexed(let set): set.score(of: member)
        }
    }

    /// The score of a member and how many members lie before it.
    public func place(of member: ByteSlice) -> (score: Double, rank: Int)? {
        switch self {
        case .packed(let view): PackedSortedSet.place(view, of: member)
        case .indexed(let set): set.place(of: member)
        }
    }

    private func rank(_ probe: OrderedProbe) -> Int {
        switch self {
        case .packed(let view): PackedSortedSet.rank(view, probe)
        case .indexed(let set): set.rank(probe)
        }
    }

    /// The ranks of the members whose score lies in `range`; empty if there are none.
    public func ranks(_ range: ScoreRange) -> Range<Int> {
        if range.isEmpty { return 0..<0 }
        let first = rank(.score(range.min, isBehind: range.excludesMin))
        let end = rank(.score(range.max, isBehind: !range.excludesMax))
        return first..<max(first, end)
    }

    /// The ranks of the members that lie in `range`, in a set in which all scores are equal.
    public func ranks(_ range: MemberRange) -> Range<Int> {
        let first: Int
        switch range.min {
        case .lowest: first = 0
        case .highest: first = count
        case .at(let member): first = rank(.member(member, isBehind: false))
        case .behind(let member): first = rank(.member(member, isBehind: true))
        }
        let end: Int
        switch range.max {
        case .lowest: end = 0
        case .highest: end = count
        case .at(let member): end = rank(.member(member, isBehind: true))
        case .behind(let member): end = rank(.member(member, isBehind: false))
        }
        return first..<max(first, end)
    }

    /// Calls `body` with the members at `ranks` with their scores, from the last on when
    /// `isReversed`. `body` must not change the database.
    @inline(__always)
    public func forEach(
        _ ranks: Range<Int>, isReversed: Bool = false,
        _ body: (_ member: PackedElement, _ score: Double) -> Void
    ) {
        switch self {
        case .indexed(let set):
            let start = isReversed ? ranks.upperBound - 1 : ranks.lowerBound
            set.forEach(from: start, limit: ranks.count, isReversed: isReversed) {
                body(.bytes($0), $1)
            }
        case .packed(let view):
            if isReversed {
                SortedSetView.forEachReversed(view, ranks, body)
            } else {
                var offset = PackedSortedSet.offset(view, rank: ranks.lowerBound)
                for _ in ranks {
                    let scoreOffset = view.next(after: offset)
                    body(view.element(at: offset), PackedSortedSet.score(view, at: scoreOffset))
                    offset = view.next(after: scoreOffset)
                }
            }
        }
    }

    /// Elements cannot be read backwards: their offsets are noted on the way forward.
    private static func forEachReversed(
        _ view: PackedView, _ ranks: Range<Int>, _ body: (PackedElement, Double) -> Void
    ) {
        var offsets = TrivialList<Int32>(capacity: max(ranks.count, 1))
        var offset = PackedSortedSet.offset(view, rank: ranks.lowerBound)
        for _ in ranks {
            offsets.append(Int32(truncatingIfNeeded: offset))
            offset = PackedSortedSet.nextPair(view, after: offset)
        }
        var index = offsets.count
        while index > 0 {
            index -= 1
            let place = Int(offsets[index])
            body(
                view.element(at: place),
                PackedSortedSet.score(view, at: view.next(after: place)))
        }
    }
}

extension PackedElement {
    /// The text; that of a number is written to `scratch`.
    @inlinable
    public func text(in scratch: inout ByteBuffer) -> ByteSlice {
        switch self {
        case .bytes(let bytes): return bytes
        case .integer(let number):
            scratch.removeAll()
            scratch.append(decimal: number)
            return scratch.readable
        case .sevenBits(let text):
            scratch.removeAll()
            scratch.append(text)
            return scratch.readable
        }
    }
}

/// A range of scores.
public struct ScoreRange {
    /// The lower bound.
    public var min: Double
    /// The upper bound.
    public var max: Double
    /// The lower bound itself is not in the range.
    public var excludesMin = false
    /// The upper bound itself is not in the range.
    public var excludesMax = false

    /// A range with both bounds in it.
    public init(_ min: Double, _ max: Double) {
        self.min = min
        self.max = max
    }

    var isEmpty: Bool { min > max || (min == max && (excludesMin || excludesMax)) }
}

/// A range of members in the order of their bytes.
public struct MemberRange {
    /// One end of the range.
    public enum Bound {
        /// Before every member.
        case lowest
        /// Behind every member.
        case highest
        /// This member, which is in the range.
        case at(ByteSlice)
        /// This member, which is not in the range.
        case behind(ByteSlice)
    }

    /// The lower end.
    public var min: Bound
    /// The upper end.
    public var max: Bound

    /// A range.
    public init(_ min: Bound, _ max: Bound) {
        self.min = min
        self.max = max
    }
}
