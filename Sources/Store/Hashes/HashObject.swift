// A big hash: its fields in a table. Small hashes are packed: field, value, field, value, …

public import Bytes

/// The fields of a hash that is too big for the packed form. Confined to the engine's thread.
public final class HashObject: StoredObject {
    private var fields: MemberTable

    /// Bytes of the object itself: header, table and counters, with the allocator's rounding.
    private static let overheadBytes = 112

    /// A hash without fields; the hasher is the keyspace's.
    public init(hasher: KeyHasher) {
        fields = MemberTable(hasher: hasher)
        super.init()
    }

    private init(_ fields: consuming MemberTable) {
        self.fields = fields
        super.init()
    }

    /// A hash with the fields and values of a packed one.
    public init(_ packed: PackedView, hasher: KeyHasher) {
        fields = MemberTable(hasher: hasher)
        super.init()
        var field = ByteBuffer()
        var value = ByteBuffer()
        var offset = PackedView.start
        while offset < packed.end {
            field.removeAll()
            packed.element(at: offset).append(to: &field)
            offset = packed.next(after: offset)
            value.removeAll()
            packed.element(at: offset).append(to: &value)
            offset = packed.next(after: offset)
            let name = field.readable
            _ = fields.set(name, fields.hash(name), value: value.readable)
        }
    }

    /// Number of fields.
    public var count: Int { fields.count }
    /// Whether there is no field.
    public override var isEmpty: Bool { fields.count == 0 }
    /// Bytes of memory.
    public override var memoryUsage: Int { HashObject.overheadBytes + fields.memoryBytes }
    /// What OBJECT ENCODING answers.
    public override var encodingName: StaticString { "hashtable" }
    /// One block per field.
    public override var freeEffort: Int { fields.count }

    /// Slots of the table.
    public override var tableSlotCount: Int? { fields.slotCount }
    /// An independent copy.
    public override func copy() -> StoredObject { HashObject(fields.copy()) }

    // MARK: Snapshots

    /// Freezes the fields: see `StoredObject`.
    public override func beginWalk(_ visit: @escaping (Entry) -> Void) -> Bool {
        fields.beginWalk(visit)
        return true
    }
    /// Hands over some fields.
    public override func advanceWalk(bucketBudget: Int) -> Bool {
        fields.advanceWalk(bucketBudget: bucketBudget)
    }
    /// Ends the walk.
    public override func endWalk() { fields.endWalk() }

    // MARK: Fields

    /// The hash of a field's name.
    public func hash(_ field: ByteSlice) -> KeyHash { fields.hash(field) }

    /// The value of a field, valid until the next change; nil if there is none.
    public func value(of field: ByteSlice) -> ByteSlice? {
        fields.find(field, fields.hash(field))?.memberValue
    }

    /// Sets a field; says whether it was there. Name and value must not lie in this hash.
    public func set(_ field: ByteSlice, _ value: ByteSlice) -> Bool {
        fields.set(field, fields.hash(field), value: value)
    }

    /// Removes a field; says whether it was there.
    public func remove(_ field: ByteSlice) -> Bool { fields.remove(field, fields.hash(field)) }

    /// Asks for the bucket of a field: first step of a batch.
    public func prefetchBucket(_ hash: KeyHash) { fields.prefetchBucket(hash) }

    /// Visits some fields; see `MemberTable.scan`.
    public func scan(cursor: UInt64, count: Int, _ visit: (Entry) -> Void) -> UInt64 {
        fields.scan(cursor: cursor, count: count, visit)
    }

    /// A random field, each equally likely; nil when there is none.
    public func randomField(_ random: inout SeededRandom) -> Entry? {
        fields.randomEntry(&random)
    }

    /// Visits every field; `visit` must not change the hash.
    public func forEach(_ visit: (Entry) -> Void) { fields.forEach(visit) }

    /// Stops the process when an invariant is broken; for tests.
    public func checkInvariants() { fields.checkInvariants() }
}
