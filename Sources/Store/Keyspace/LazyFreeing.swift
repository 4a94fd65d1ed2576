// Freeing big objects where nobody waits.
//
//   removal ──► occasion ──► lazy? and freeEffort > 64? ──► handler (another thread)
//                              else: freed at once
//
// The occasions are those of redis.conf's `lazyfree-lazy-*` directives. An object is handed over
// only when no other entry shares it; small ones cost less to free than to hand over.

/// Decides where objects are freed; one for all databases of a keyspace. Confined to its thread.
public final class LazyFreeing {
    /// Why an object goes.
    public enum Occasion: Sendable {
        /// Whatever the settings: the caller wants it gone when the call returns.
        case atOnce
        /// Whatever the settings: UNLINK.
        case elsewhere
        /// DEL and its kin: `lazyfree-lazy-user-del`.
        case deletion
        /// Another value takes its place: `lazyfree-lazy-server-del`.
        case overwrite
        /// Its time is over: `lazyfree-lazy-expire`.
        case expiry
        /// Memory is short: `lazyfree-lazy-eviction`.
        case eviction
    }

    /// An object with less work than this is always freed at once.
    public static let effortMin = 64

    /// Whether the occasion of this name is lazy.
    public var freesDeletedLazily = false
    /// Whether the occasion of this name is lazy.
    public var freesOverwrittenLazily = false
    /// Whether the occasion of this name is lazy.
    public var freesExpiredLazily = false
    /// Whether the occasion of this name is lazy.
    public var freesEvictedLazily = false

    /// Gets the objects that are to be freed elsewhere; nil frees all at once.
    public var handler: ((DetachedObject) -> Void)?

    /// Nothing is lazy, and nobody takes anything.
    public init() {}

    private func isLazy(_ occasion: Occasion) -> Bool {
        switch occasion {
        case .atOnce: false
        case .elsewhere: true
        case .deletion: freesDeletedLazily
        case .overwrite: freesOverwrittenLazily
        case .expiry: freesExpiredLazily
        case .eviction: freesEvictedLazily
        }
    }

    /// Gives up a reference.
    func release(_ object: consuming StoredObject, _ occasion: Occasion) {
        guard let handler, isLazy(occasion), object.freeEffort > LazyFreeing.effortMin else {
            return
        }
        guard isKnownUniquelyReferenced(&object) else { return }
        handler(DetachedObject(consume object))
    }
}

/// An object that no entry names any more, on its way to the thread that frees it.
///
/// `@unchecked Sendable`: the engine gives its only reference away and never looks at it again.
public final class DetachedObject: @unchecked Sendable {
    private var object: StoredObject?

    init(_ object: StoredObject) { self.object = object }

    /// Frees the object now, on the calling thread. Only for the one to whom it was given.
    public func free() { object = nil }
}
