// Builds a sorted set from members in any order: for loaders.
//
//   small   pairs in packed form as they come, with a list of where each lies; sorted at the end
//   big     a SortedSet, as soon as the limits of the packed form are exceeded

public import Bytes

/// Collects the members of one sorted set.
public struct SortedSetBuilder: ~Copyable {
    private let limits: EncodingLimits
    private let hasher: KeyHasher
    private var pairs = ByteBuffer()
    /// Where each pair lies in `pairs`. Two lists of plain numbers: the compiler cannot emit the
    /// end of a list of a private type in other modules.
    private var starts = TrivialList<Int>(capacity: 16)
    private var scores = TrivialList<Double>(capacity: 16)
    private var object: SortedSet?

    /// A builder without members that expects so many.
    public init(limits: EncodingLimits, hasher: KeyHasher, expectedCount: Int) {
        self.limits = limits
        self.hasher = hasher
        PackedEncoder.begin(&pairs)
        if expectedCount > limits.sortedSetPackedEntriesMax { object = SortedSet(hasher: hasher) }
    }

    /// Number of members.
    public var count: Int { object?.count ?? starts.count }

    /// Adds a member; false when it is there already.
    public mutating func add(_ member: ByteSlice, _ score: Double) -> Bool {
        if object == nil {
            let view = PackedView(pairs.readable)
            if view.find(member, stride: 2) != nil { return false }
            if starts.count < limits.sortedSetPackedEntriesMax,
                member.count <= limits.sortedSetPackedValueBytesMax
            {
                starts.append(pairs.count)
                scores.append(score)
                PackedSortedSet.append(member, score, to: &pairs)
                return true
            }
            object = SortedSet(view, hasher: hasher)
        }
        guard let object else { return false }
        var change = ScoreChange(score)
        change.mayUpdate = false
        return object.apply(change, to: member) != .refused
    }

    /// Puts the set under a key, whatever was there. It must have a member.
    public mutating func store(
        in database: Database, _ key: ByteSlice, _ hash: KeyHash, expiresAt: Int64
    ) {
        precondition(count > 0, "a sorted set without members")
        if let object {
            database.set(key, hash, object: object, type: .sortedSet, expiresAt: expiresAt)
        } else {
            var sorted = ByteBuffer(capacity: pairs.count)
            writeSorted(&sorted)
            database.set(
                key, hash, packed: sorted.readable, type: .sortedSet, expiresAt: expiresAt)
        }
    }

    private func isBefore(_ left: Int, _ right: Int, _ view: PackedView) -> Bool {
        if scores[left] != scores[right] { return scores[left] < scores[right] }
        var text = ByteBuffer()
        let member = view.element(at: starts[right]).text(in: &text)
        return view.element(at: starts[left]).compare(member) < 0
    }

    private func writeSorted(_ buffer: inout ByteBuffer) {
        let view = PackedView(pairs.readable)
        var order = Array(0..<starts.count)
        // Files hold them with the highest score first, or the lowest.
        if order.count > 1, isBefore(1, 0, view) { order.reverse() }
        let isSorted = zip(order, order.dropFirst()).allSatisfy { isBefore($0, $1, view) }
        if !isSorted { order.sort { isBefore($0, $1, view) } }
        PackedEncoder.begin(&buffer, count: order.count * 2)
        for index in order {
            let start = starts[index]
            let end = PackedSortedSet.nextPair(view, after: start)
            buffer.append(view.bytes.slice(from: start, count: end - start))
        }
    }
}
