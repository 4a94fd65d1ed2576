// A small sorted set in packed form: member, score, member, score, … in order.
//
//   score   integer element      a whole number below 2^53
//           08 b0 … b7           any other double, little-endian
//
// The score's bytes are no text: a string element of eight bytes at an odd place is a double. They
// are written here and nowhere else. Zero has no sign in this form, as in Redis.

public import Bytes

/// Reading packed sorted sets, and writing their elements.
public enum PackedSortedSet {
    /// Whole numbers up to here are stored as such: every one of them is a double.
    private static var wholeMax: Double { 9_007_199_254_740_992 }

    // MARK: Reading

    /// Number of members.
    @inline(__always)
    public static func count(_ view: PackedView) -> Int { view.count / 2 }

    /// The score in the element at `offset`.
    @inline(__always)
    static func score(_ view: PackedView, at offset: Int) -> Double {
        switch view.element(at: offset) {
        case .integer(let number): Double(number)
        case .bytes(let bytes): Double(bitPattern: bytes.littleEndian(at: 0))
        case .sevenBits: preconditionFailure("a score is no text")
        }
    }

    /// Calls `body` with each member and its score.
    @inline(__always)
    public static func forEach(
        _ view: PackedView, _ body: (_ member: PackedElement, _ score: Double) -> Void
    ) {
        var offset = PackedView.start
        while offset < view.end {
            let scoreOffset = view.next(after: offset)
            body(view.element(at: offset), score(view, at: scoreOffset))
            offset = view.next(after: scoreOffset)
        }
    }

    /// The offset behind the pair at `offset`.
    @inline(__always)
    static func nextPair(_ view: PackedView, after offset: Int) -> Int {
        view.next(after: view.next(after: offset))
    }

    /// Where a member's pair lies, and its score.
    static func find(
        _ view: PackedView, _ member: PackedNeedle
    ) -> (offset: Int, score: Double)? {
        guard let offset = view.find(member, stride: 2) else { return nil }
        return (offset, score(view, at: view.next(after: offset)))
    }

    static func find(_ view: PackedView, _ member: ByteSlice) -> (offset: Int, score: Double)? {
        find(view, PackedNeedle(member))
    }

    /// The score of a member; nil if it is not in the set.
    public static func score(_ view: PackedView, of member: ByteSlice) -> Double? {
        find(view, member)?.score
    }

    /// The score of a member and how many members lie before it.
    public static func place(
        _ view: PackedView, of member: ByteSlice
    ) -> (score: Double, rank: Int)? {
        guard let found = find(view, member) else { return nil }
        var rank = 0
        var offset = PackedView.start
        while offset < found.offset {
            rank += 1
            offset = nextPair(view, after: offset)
        }
        return (found.score, rank)
    }

    /// The offset at which a new pair belongs.
    static func insertionOffset(_ view: PackedView, _ score: Double, _ member: ByteSlice) -> Int {
        var offset = PackedView.start
        while offset < view.end {
            let scoreOffset = view.next(after: offset)
            let present = self.score(view, at: scoreOffset)
            if present > score { return offset }
            if present == score && view.element(at: offset).compare(member) > 0 { return offset }
            offset = view.next(after: scoreOffset)
        }
        return offset
    }

    /// How many members lie before the probe.
    static func rank(_ view: PackedView, _ probe: OrderedProbe) -> Int {
        var rank = 0
        var offset = PackedView.start
        while offset < view.end {
            let scoreOffset = view.next(after: offset)
            let score = self.score(view, at: scoreOffset)
            let isBefore: Bool
            switch probe {
            case .score(let bound, let isBehind):
                isBefore = isBehind ? score <= bound : score < bound
            case .member(let bound, let isBehind):
                let order = view.element(at: offset).compare(bound)
                isBefore = isBehind ? order <= 0 : order < 0
            case .item(let bound, let member, let isBehind):
                let order = score == bound ? view.element(at: offset).compare(member) : 0
                isBefore =
                    score < bound
                    || (score == bound && (isBehind ? order <= 0 : order < 0))
            }
            if !isBefore { return rank }
            rank += 1
            offset = view.next(after: scoreOffset)
        }
        return rank
    }

    /// The offset of the pair at `rank`; the end for the rank behind the last.
    static func offset(_ view: PackedView, rank: Int) -> Int {
        var offset = PackedView.start
        var rest = rank
        while rest > 0 {
            offset = nextPair(view, after: offset)
            rest -= 1
        }
        return offset
    }

    // MARK: Writing

    /// Appends a pair to a packed sorted set, or to what is spliced into one.
    public static func append(
        _ member: ByteSlice, _ score: Double, to buffer: inout ByteBuffer
    ) {
        PackedEncoder.append(member, to: &buffer)
        append(score, to: &buffer)
    }

    /// Appends a pair whose member is an element already.
    public static func append(
        _ member: PackedElement, _ score: Double, to buffer: inout ByteBuffer
    ) {
        PackedEncoder.append(member, to: &buffer)
        append(score, to: &buffer)
    }

    static func append(_ score: Double, to buffer: inout ByteBuffer) {
        if score.magnitude < wholeMax, score == score.rounded(.towardZero) {
            PackedEncoder.append(integer: Int64(score), to: &buffer)
        } else {
            buffer.append(8)
            buffer.append(littleEndian: score.bitPattern)
        }
    }
}
