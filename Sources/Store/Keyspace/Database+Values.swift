// How commands store values.

public import Bytes

extension Database {
    /// Stores bytes under a key, whatever was there; says whether the key existed.
    ///
    /// `expiresAt` is absolute milliseconds, -1 for none; with `keepingExpiry` an existing key
    /// keeps its own.
    public func set(
        _ key: ByteSlice, _ hash: KeyHash, _ value: ByteSlice, expiresAt: Int64 = Entry.never,
        keepingExpiry: Bool = false
    ) -> Bool {
        storage.set(
            key, hash.value, value, expiresAt: expiresAt, keepingExpiry: keepingExpiry)
    }

    /// Stores an integer under a key, whatever was there; returns the entry.
    @discardableResult
    public func set(
        _ key: ByteSlice, _ hash: KeyHash, integer: Int64, expiresAt: Int64 = Entry.never,
        keepingExpiry: Bool = false
    ) -> Entry {
        storage.put(key, hash.value, expiresAt: expiresAt, keepingExpiry: keepingExpiry) {
            $0.makeInteger(key, integer, $1)
        }
    }

    /// Stores an object under a key, whatever was there; the entry takes a reference.
    @discardableResult
    public func set(
        _ key: ByteSlice, _ hash: KeyHash, object: StoredObject, type: ValueType,
        expiresAt: Int64 = Entry.never, keepingExpiry: Bool = false
    ) -> Entry {
        precondition(type != .string, "strings are not objects")
        return storage.put(key, hash.value, expiresAt: expiresAt, keepingExpiry: keepingExpiry) {
            $0.makeObject(key, object, type, $1)
        }
    }

    /// Replaces the value of an entry by an integer; key and expiry time stay. Returns the entry,
    /// which may have moved.
    public func replace(_ entry: Entry, _ hash: KeyHash, integer: Int64) -> Entry {
        if entry.representation == .integer {
            storage.willChange(entry, hash.value)
            entry.integer = integer
            return entry
        }
        return set(entry.key, hash, integer: integer, keepingExpiry: true)
    }

    /// Adds bytes at the end of a string; returns the entry, which may have moved. The bytes must
    /// not lie in the database.
    public func append(_ entry: Entry, _ hash: KeyHash, _ bytes: ByteSlice) -> Entry {
        let count =
            switch entry.stringValue {
            case .bytes(let old): old.count
            case .integer(let number): Database.decimalCount(number)
            }
        let changed = storage.write(entry, hash.value, bytes, at: count)
        changed.noteEdit()
        return changed
    }

    /// Overwrites bytes of a string from `offset`; a shorter string is filled up with zeros.
    /// Returns the entry, which may have moved. The bytes must not lie in the database.
    public func setRange(
        _ entry: Entry, _ hash: KeyHash, offset: Int, _ bytes: ByteSlice
    ) -> Entry {
        precondition(offset >= 0)
        let changed = storage.write(entry, hash.value, bytes, at: offset)
        changed.noteEdit()
        return changed
    }

    private static func decimalCount(_ number: Int64) -> Int {
        var text = ByteBuffer()
        text.append(decimal: number)
        return text.count
    }

    /// Announces that the object of an entry is about to change in place: a running snapshot gets
    /// it first.
    public func willModify(_ entry: Entry, _ hash: KeyHash) {
        storage.willChange(entry, hash.value)
    }

    /// Accounts for a change of `object.memoryUsage` of an entry of this database.
    public func noteMemoryChange(_ bytes: Int) { storage.externalBytes += bytes }
}
