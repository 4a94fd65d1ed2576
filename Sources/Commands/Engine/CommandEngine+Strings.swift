// Strings as handlers need them: stored as a number when their text is one, read as text always.
internal import Bytes
internal import RESP
internal import Store

extension CommandEngine {
    /// Longest text that may be a 64-bit integer.
    private static var integerTextMax: Int { 20 }

    /// Stores a string; texts of integers take the integer representation.
    @inline(__always)
    func store(
        _ key: ByteSlice, _ hash: KeyHash, _ value: ByteSlice, _ client: ClientState,
        expiresAt: Int64 = Entry.never, keepingExpiry: Bool = false
    ) {
        let database = database(client)
        if countsAccesses, !client.leavesAccessTimes, let old = database.find(key, hash) {
            touch(old)
        }
        if eventMask.contains(.newKey) && database.find(key, hash) == nil {
            notify(.newKey, "new", key, client)
        }
        if value.count <= CommandEngine.integerTextMax, let number = Numbers.integer(value) {
            database.set(
                key, hash, integer: number, expiresAt: expiresAt, keepingExpiry: keepingExpiry)
        } else {
            _ = database.set(
                key, hash, value, expiresAt: expiresAt, keepingExpiry: keepingExpiry)
        }
    }

    /// The entry of a string for a change; nil when there is no such key.
    @inline(__always)
    func stringForWrite(
        _ key: ByteSlice, _ hash: KeyHash, _ client: ClientState
    ) throws(ReplyError) -> Entry? {
        guard let entry = lookUp(key, hash, client) else { return nil }
        if entry.type != .string { throw .wrongType }
        return entry
    }

    /// The entry of a string for a read; nil when there is no such key.
    @inline(__always)
    func stringForRead(
        _ key: ByteSlice, _ hash: KeyHash, _ client: ClientState
    ) throws(ReplyError) -> Entry? {
        guard let entry = read(key, hash, client) else { return nil }
        if entry.type != .string { throw .wrongType }
        return entry
    }

    /// The entry of a string for a change in place; an empty one when there is no such key.
    func stringToEdit(
        _ key: ByteSlice, _ hash: KeyHash, _ client: ClientState
    ) throws(ReplyError) -> (entry: Entry, isNew: Bool) {
        if let entry = try stringForWrite(key, hash, client) { return (entry, false) }
        if eventMask.contains(.newKey) { notify(.newKey, "new", key, client) }
        let database = database(client)
        _ = database.set(key, hash, ByteSlice())
        guard let entry = database.find(key, hash) else {
            preconditionFailure("a key vanished")
        }
        return (entry, true)
    }

    /// Stores a string that is no text: it stays bytes even when it reads as a number.
    func storeBytes(
        _ key: ByteSlice, _ hash: KeyHash, _ value: ByteSlice, _ client: ClientState,
        keepingExpiry: Bool = false
    ) {
        let database = database(client)
        if eventMask.contains(.newKey) && peek(key, hash, client) == nil {
            notify(.newKey, "new", key, client)
        }
        _ = database.set(key, hash, value, keepingExpiry: keepingExpiry)
        // An edit of nothing marks it as raw.
        if let entry = database.find(key, hash) {
            _ = database.setRange(entry, hash, offset: 0, ByteSlice())
        }
    }

    /// Writes the value of a string entry as a bulk string.
    @inline(__always)
    func writeString(_ entry: Entry, _ client: ClientState) {
        switch entry.stringValue {
        case .bytes(let bytes): client.writer.bulk(bytes)
        case .integer(let number): client.writer.bulk(integer: number)
        }
    }

    /// The text of a string entry, valid until the next call and the next change of the database.
    func text(of entry: Entry) -> ByteSlice {
        switch entry.stringValue {
        case .bytes(let bytes): return bytes
        case .integer(let number):
            numberText.removeAll()
            numberText.append(decimal: number)
            return numberText.readable
        }
    }

    /// Length of the text of a string entry.
    func textCount(of entry: Entry) -> Int {
        switch entry.stringValue {
        case .bytes(let bytes): bytes.count
        case .integer(let number): Numbers.decimalCount(number)
        }
    }

    /// Refuses strings beyond `proto-max-bulk-len`; what the master sends is taken.
    func checkStringLength(_ count: Int, _ client: ClientState) throws(ReplyError) {
        if count > settings.bulkBytesMax && !client.isMaster { throw .stringTooLong }
    }

    /// The argument as integer.
    @inline(__always)
    func integer(_ argument: ByteSlice) throws(ReplyError) -> Int64 {
        guard let value = Numbers.integer(argument) else { throw .notInteger }
        return value
    }

    /// A change that goes into the stream as the command itself.
    @inline(__always)
    func wrote(
        _ kind: KeyspaceEvents, _ event: StaticString, _ arguments: Arguments,
        _ client: ClientState
    ) {
        changed(arguments[1], client)
        propagate(arguments, client)
        notify(kind, event, arguments[1], client)
    }
}
