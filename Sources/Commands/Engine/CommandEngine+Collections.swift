// Collections as handlers need them: looked up by type, stored in either form, removed when empty.
//
//   guard let entry = try engine.collectionForWrite(key, hash, .hash, client) else { … }
//   if let packed = entry.packed { … } else if let object = entry.object(as: HashObject.self) { … }
internal import Bytes
internal import RESP
internal import Store

extension CommandEngine {
    /// The entry of a collection for a read: counts hits and misses and notes the access. Nil when
    /// there is no such key.
    @inline(__always)
    func collectionForRead(
        _ key: ByteSlice, _ hash: KeyHash, _ type: ValueType, _ client: ClientState
    ) throws(ReplyError) -> Entry? {
        guard let entry = read(key, hash, client) else { return nil }
        if entry.type != type { throw .wrongType }
        return entry
    }

    /// The entry of a collection for a change; nil when there is no such key.
    @inline(__always)
    func collectionForWrite(
        _ key: ByteSlice, _ hash: KeyHash, _ type: ValueType, _ client: ClientState
    ) throws(ReplyError) -> Entry? {
        guard let entry = lookUp(key, hash, client) else { return nil }
        if entry.type != type { throw .wrongType }
        return entry
    }

    /// Stores a packed collection under a key, whatever was there; the event `new` included. The
    /// bytes must not lie in the database. Returns the entry.
    @discardableResult
    func store(
        _ key: ByteSlice, _ hash: KeyHash, packed: ByteSlice, _ type: ValueType,
        _ client: ClientState, expiresAt: Int64 = Entry.never, keepingExpiry: Bool = false
    ) -> Entry {
        let database = database(client)
        noticeNew(key, hash, client)
        return database.set(
            key, hash, packed: packed, type: type, expiresAt: expiresAt,
            keepingExpiry: keepingExpiry)
    }

    /// Stores an object under a key, whatever was there; the event `new` included. Returns the
    /// entry.
    @discardableResult
    func store(
        _ key: ByteSlice, _ hash: KeyHash, object: StoredObject, _ type: ValueType,
        _ client: ClientState, expiresAt: Int64 = Entry.never, keepingExpiry: Bool = false
    ) -> Entry {
        let database = database(client)
        noticeNew(key, hash, client)
        return database.set(
            key, hash, object: object, type: type, expiresAt: expiresAt,
            keepingExpiry: keepingExpiry)
    }

    @inline(__always)
    private func noticeNew(_ key: ByteSlice, _ hash: KeyHash, _ client: ClientState) {
        if eventMask.contains(.newKey) && database(client).find(key, hash) == nil {
            notify(.newKey, "new", key, client)
        }
    }

    /// Removes the key of a collection in which nothing is left; says whether it did. The caller
    /// tells of the event `del` after that of its command.
    @inline(__always)
    func removeIfEmpty(_ entry: Entry, _ hash: KeyHash, _ client: ClientState) -> Bool {
        let isEmpty: Bool
        if let packed = entry.packed {
            isEmpty = packed.isEmpty
        } else {
            isEmpty = entry.object?.isEmpty ?? false
        }
        if isEmpty { database(client).remove(entry, hash, .overwrite) }
        return isEmpty
    }
}

extension ReplyWriter {
    /// An element of a packed collection as a bulk string.
    @inline(__always)
    mutating func bulk(_ element: PackedElement) {
        switch element {
        case .bytes(let bytes): bulk(bytes)
        case .integer(let number): bulk(integer: number)
        case .sevenBits(let text): bulk(text)
        }
    }
}
