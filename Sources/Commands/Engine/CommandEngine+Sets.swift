// Sets as handlers need them.
internal import Bytes
internal import RESP
internal import Store

extension CommandEngine {
    /// An empty set that takes the form of a result.
    func makeSetBuilder() -> SetBuilder {
        SetBuilder(limits: settings.encoding, hasher: keyspace.hasher)
    }

    /// Adds the arguments from `first` on to a stored set; returns how many were new.
    func addMembers(
        _ arguments: Arguments, from first: Int, to entry: Entry, _ hash: KeyHash,
        _ client: ClientState
    ) -> Int {
        let database = database(client)
        let limits = settings.encoding
        var entry = entry
        var added = 0
        for index in first..<arguments.count {
            let change = database.addMember(
                entry, hash, arguments[index], limits: limits, scratch: &scratch)
            entry = change.entry
            if change.isChanged { added += 1 }
        }
        return added
    }

    /// Stores a new set of the arguments from `first` on; returns how many members it has.
    func createSet(
        _ arguments: Arguments, from first: Int, _ key: ByteSlice, _ hash: KeyHash,
        _ client: ClientState
    ) -> Int {
        notify(.newKey, "new", key, client)
        var builder = SetBuilder(
            limits: settings.encoding, hasher: keyspace.hasher, first: arguments[first],
            expectedCount: arguments.count - first)
        for index in first..<arguments.count { _ = builder.add(arguments[index]) }
        builder.store(in: database(client), key, hash)
        return builder.count
    }

    /// What deletes a key in the stream that a command has emptied.
    var ownDeletionName: StaticString { settings.overwritesLazily ? "UNLINK" : "DEL" }
}

extension ByteBuffer {
    /// An element of a collection as a bulk string.
    mutating func appendBulk(element: PackedElement) {
        switch element {
        case .bytes(let bytes): appendBulkString(bytes)
        case .integer(let value): RequestWriter.argument(value, into: &self)
        case .sevenBits(let text): appendBulkString(text)
        }
    }
}
