// A big sorted set: its members in a table that gives the score, and in an index that gives order.
//
//   member ──► MemberTable ──► entry │ member │ score (8 bytes) │
//                                ▲
//   score, rank ──► OrderedIndex ┘
//
// Invariants
//   the entries of the table are the entries of the index; an entry's word is the bit pattern of
//   its score in the index; no score is NaN.
//
// Small sorted sets are packed: see PackedSortedSet.swift.

public import Bytes

/// The members and scores of a sorted set that is too big for the packed form. Confined to the
/// engine's thread.
public final class SortedSet: StoredObject {
    private var members: MemberTable
    private var index = OrderedIndex()

    /// Bytes of the object itself: header, table and index, with the allocator's rounding.
    private static let overheadBytes = 144

    /// A sorted set without members; the hasher is the keyspace's.
    public init(hasher: KeyHasher) {
        members = MemberTable(hasher: hasher)
        super.init()
    }

    /// A sorted set with the members of a packed one.
    public init(_ packed: PackedView, hasher: KeyHasher) {
        members = MemberTable(hasher: hasher)
        super.init()
        var member = ByteBuffer()
        PackedSortedSet.forEach(packed) { element, score in
            member.removeAll()
            element.append(to: &member)
            add(member.readable, score)
        }
    }

    /// A sorted set of the members of a table, whose words are the bit patterns of their scores.
    public init(_ members: consuming MemberTable) {
        self.members = members
        super.init()
        self.members.forEach { entry in index.insert(SortedSet.score(entry), entry) }
    }

    /// Writes the packed form of the set into `buffer`; false when the set is too big for it.
    public func packed(_ limits: EncodingLimits, into buffer: inout ByteBuffer) -> Bool {
        guard count <= limits.sortedSetPackedEntriesMax else { return false }
        var isShort = true
        buffer.removeAll()
        PackedEncoder.begin(&buffer, count: count * 2)
        forEach { member, score in
            if member.count > limits.sortedSetPackedValueBytesMax { isShort = false }
            PackedSortedSet.append(member, score, to: &buffer)
        }
        return isShort
    }

    /// Number of members.
    public var count: Int { index.count }
    /// Whether there is no member.
    public override var isEmpty: Bool { index.count == 0 }
    /// Bytes of memory.
    public override var memoryUsage: Int {
        SortedSet.overheadBytes + members.memoryBytes + index.memoryBytes
    }
    /// What OBJECT ENCODING answers.
    public override var encodingName: StaticString { "skiplist" }
    /// One block per member.
    public override var freeEffort: Int { index.count }

    /// See `StoredObject`: the members come in no order, their words are their scores.
    public override func beginWalk(_ visit: @escaping (Entry) -> Void) -> Bool {
        members.beginWalk(visit)
        return true
    }

    /// See `StoredObject`.
    public override func advanceWalk(bucketBudget: Int) -> Bool {
        members.advanceWalk(bucketBudget: bucketBudget)
    }

    /// See `StoredObject`.
    public override func endWalk() { members.endWalk() }

    /// An independent copy.
    public override func copy() -> StoredObject {
        let copy = SortedSet(hasher: members.hasher)
        index.forEach(from: 0, limit: .max, isReversed: false) { item in
            copy.add(item.entry.member, item.score)
        }
        return copy
    }

    // MARK: Members

    private static func score(_ entry: Entry) -> Double { Double(bitPattern: entry.word) }

    /// The score of a member; nil if it is not in the set.
    public func score(of member: ByteSlice) -> Double? {
        members.find(member, members.hash(member)).map(SortedSet.score)
    }

    /// The score of a member and how many members lie before it.
    public func place(of member: ByteSlice) -> (score: Double, rank: Int)? {
        guard let entry = members.find(member, members.hash(member)) else { return nil }
        let score = SortedSet.score(entry)
        return (score, index.rank(.item(score, member, isBehind: false)))
    }

    /// Adds a member that is not in the set.
    public func add(_ member: ByteSlice, _ score: Double) {
        add(member, members.hash(member), score)
    }

    private func add(_ member: ByteSlice, _ hash: KeyHash, _ score: Double) {
        let entry = members.insert(member, hash, word: score.bitPattern)
        index.insert(score, entry)
    }

    /// Adds a member or changes its score, as `change` says; the member must not lie in this set.
    public func apply(_ change: ScoreChange, to member: ByteSlice) -> ScoreChange.Outcome {
        let hash = members.hash(member)
        guard let entry = members.find(member, hash) else {
            guard change.mayAdd else { return .refused }
            add(member, hash, change.score)
            return .added(change.score)
        }
        let old = SortedSet.score(entry)
        let outcome = change.outcome(from: old)
        if case .updated(let new) = outcome {
            members.willModify(entry, hash)
            if !index.replaceScore(old, entry, by: new) {
                index.remove(old, entry)
                index.insert(new, entry)
            }
            entry.word = new.bitPattern
        }
        return outcome
    }

    /// Removes a member; says whether it was there. It must not lie in this set.
    public func remove(_ member: ByteSlice) -> Bool {
        let hash = members.hash(member)
        guard let entry = members.find(member, hash) else { return false }
        index.remove(SortedSet.score(entry), entry)
        members.remove(entry, hash)
        return true
    }

    /// Removes the members at these ranks.
    public func remove(ranks: Range<Int>) {
        index.remove(ranks) { item in members.remove(item.entry, members.hash(item.entry.member)) }
    }

    // MARK: Order

    /// How many members lie before the bound.
    func rank(_ probe: OrderedProbe) -> Int { index.rank(probe) }

    /// Calls `body` with `limit` members (or all there are) from `rank` on, upwards or downwards.
    /// `body` must not change the set.
    public func forEach(
        from rank: Int = 0, limit: Int = .max, isReversed: Bool = false,
        _ body: (_ member: ByteSlice, _ score: Double) -> Void
    ) {
        index.forEach(from: rank, limit: limit, isReversed: isReversed) { item in
            body(item.entry.member, item.score)
        }
    }

    /// The member at `rank`, which exists.
    public func member(at rank: Int) -> (member: ByteSlice, score: Double) {
        let item = index.item(at: rank)
        return (item.entry.member, item.score)
    }

    /// Visits some members in no order; see `MemberTable.scan`.
    public func scan(
        cursor: UInt64, count: Int, _ visit: (_ member: ByteSlice, _ score: Double) -> Void
    ) -> UInt64 {
        members.scan(cursor: cursor, count: count) { visit($0.member, SortedSet.score($0)) }
    }

    /// Stops the process when an invariant is broken; for tests.
    public func checkInvariants() {
        members.checkInvariants()
        index.checkInvariants()
        precondition(members.count == index.count, "table and index differ")
        index.forEach(from: 0, limit: .max, isReversed: false) { item in
            precondition(item.entry.word == item.score.bitPattern, "the scores differ")
            precondition(
                members.find(item.entry.member, members.hash(item.entry.member)) == item.entry)
        }
    }
}
