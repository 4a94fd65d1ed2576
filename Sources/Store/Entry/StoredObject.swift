// Base class of the values that are more than bytes: lists, hashes, sets, sorted sets, streams.
//
// An entry owns one reference. The table moves, counts and frees objects without knowing what they
// are; a type brings its own subclass and registers its codecs elsewhere.

/// A value that lives outside its entry; confined to the engine's thread unless detached. A big
/// one may be freed on another thread (see LazyFreeing), so it touches nothing but its own memory.
open class StoredObject {
    /// An object that no entry owns yet.
    public init() {}

    /// Bytes that the object occupies beyond its entry.
    open var memoryUsage: Int { 0 }

    /// What OBJECT ENCODING answers.
    open var encodingName: StaticString { "raw" }

    /// Whether nothing is in it: a key with such a value is removed.
    open var isEmpty: Bool { false }

    /// How much work it is to free the object, in elements: decides on freeing it elsewhere.
    open var freeEffort: Int { 1 }

    /// Slots of the table of its members; nil when it has none.
    open var tableSlotCount: Int? { nil }

    // MARK: Snapshots

    /// Freezes the elements for a snapshot: each goes to `visit` once as it is now, some when
    /// `advanceWalk` comes to them, others right before they change. False when the object knows
    /// no such walk; it is then taken as a whole. One walk at a time.
    open func beginWalk(_ visit: @escaping (Entry) -> Void) -> Bool { false }

    /// Hands over the elements of at most `bucketBudget` buckets; true when that was all.
    open func advanceWalk(bucketBudget: Int) -> Bool { true }

    /// Ends the walk, complete or not.
    open func endWalk() {}

    /// A copy that shares its pages with the object, whatever its size cheap to make; nil when the
    /// type has no pages.
    open func sharingCopy() -> StoredObject? { nil }

    /// How many elements a snapshot writes.
    open var elementCount: Int { freeEffort }

    /// An independent copy, for COPY. A subclass that supports COPY overrides it.
    open func copy() -> StoredObject {
        preconditionFailure("the type of this object has no copy")
    }
}
