// Big sets: a table of members outside the entry. Clients see it as "hashtable".
//
//   entry │ … key │ reference ──► SetObject ──► MemberTable ──► member entries without values

public import Bytes

/// The members of a set that is too big to be packed. Confined to the engine's thread.
public final class SetObject: StoredObject {
    private var members: MemberTable

    /// Bytes of the object itself: header, table and counters, with the allocator's rounding.
    private static let overheadBytes = 112

    /// An empty set; the hasher is the keyspace's.
    public init(hasher: KeyHasher) {
        members = MemberTable(hasher: hasher)
        super.init()
    }

    private init(_ members: consuming MemberTable) {
        self.members = members
        super.init()
    }

    /// Number of members.
    public var count: Int { members.count }
    /// Whether there is no member.
    public override var isEmpty: Bool { members.count == 0 }
    /// Bytes of memory.
    public override var memoryUsage: Int { SetObject.overheadBytes + members.memoryBytes }
    /// What OBJECT ENCODING answers.
    public override var encodingName: StaticString { "hashtable" }
    /// One block per member.
    public override var freeEffort: Int { members.count }

    /// Slots of the table.
    public override var tableSlotCount: Int? { members.slotCount }
    /// An independent copy.
    public override func copy() -> StoredObject { SetObject(members.copy()) }

    // MARK: Snapshots

    /// Freezes the members: see `StoredObject`.
    public override func beginWalk(_ visit: @escaping (Entry) -> Void) -> Bool {
        members.beginWalk(visit)
        return true
    }
    /// Hands over some members.
    public override func advanceWalk(bucketBudget: Int) -> Bool {
        members.advanceWalk(bucketBudget: bucketBudget)
    }
    /// Ends the walk.
    public override func endWalk() { members.endWalk() }

    // MARK: Members

    /// Whether `member` belongs to the set.
    public func contains(_ member: ByteSlice) -> Bool {
        members.find(member, members.hash(member)) != nil
    }

    /// Adds a member, which must not lie in this set; false when it was there already.
    public func insert(_ member: ByteSlice) -> Bool {
        let hash = members.hash(member)
        if members.find(member, hash) != nil { return false }
        _ = members.set(member, hash, value: ByteSlice())
        return true
    }

    /// Removes a member; false when it was not there.
    public func remove(_ member: ByteSlice) -> Bool {
        members.remove(member, members.hash(member))
    }

    /// Removes a member that `randomMember` gave.
    public func remove(_ entry: Entry) { members.remove(entry, members.hash(entry.member)) }

    /// A random member, each equally likely; nil when there is none.
    public func randomMember(_ random: inout SeededRandom) -> Entry? {
        members.randomEntry(&random)
    }

    /// Visits some members; see `MemberTable.scan`.
    public func scan(cursor: UInt64, count: Int, _ visit: (Entry) -> Void) -> UInt64 {
        members.scan(cursor: cursor, count: count, visit)
    }

    /// Visits every member; `visit` must not change the set.
    public func forEach(_ visit: (Entry) -> Void) { members.forEach(visit) }

    /// Stops the process when an invariant is broken; for tests.
    public func checkInvariants() { members.checkInvariants() }
}
