// Which clients have read which keys, and which want to hear of prefixes.
//
//   readers    key ──► place in `keys`, IDs of the clients that read it
//   keys       every remembered key once, in no order: a random one is found at once
//   prefixes   prefix ──► clients, and the keys changed in this turn with who changed them last
//
// Keys are those of all databases together, as clients know them. IDs of clients that are gone or
// track no more stay until their key changes: taking them out would cost a pass over the table.
internal import Bytes

/// The table of tracked reads and prefixes.
struct TrackingTable {
    private struct Readers {
        var place: Int
        var clients: Set<Int64>
    }

    /// One prefix that clients want to hear of.
    struct Prefix {
        var clients: [ClientState] = []
        /// Changed keys, with the ID of the client that changed each last; 0 for nobody.
        var changes: [[UInt8]: Int64] = [:]
    }

    private var readers: [[UInt8]: Readers] = [:]
    private var keys: [[UInt8]] = []
    private(set) var prefixes: [[UInt8]: Prefix] = [:]
    /// Remembered pairs of key and client.
    private(set) var itemCount = 0
    /// The clients that track, in the order in which they began.
    private(set) var clients: [ClientState] = []

    /// Nobody tracks anything.
    var isEmpty: Bool { clients.isEmpty }
    /// Number of remembered keys.
    var keyCount: Int { keys.count }

    // MARK: Clients

    mutating func add(_ client: ClientState) {
        if !clients.contains(where: { $0 === client }) { clients.append(client) }
    }

    mutating func remove(_ client: ClientState) {
        clients.removeAll { $0 === client }
        for prefix in client.tracking?.prefixes ?? [] {
            prefixes[prefix]?.clients.removeAll { $0 === client }
            if prefixes[prefix]?.clients.isEmpty == true { prefixes[prefix] = nil }
        }
        // Without clients nobody can be told of what was read.
        if clients.isEmpty { forgetReads() }
    }

    mutating func add(prefix: [UInt8], of client: ClientState) {
        let isThere = prefixes[prefix]?.clients.contains { $0 === client } ?? false
        if !isThere { prefixes[prefix, default: Prefix()].clients.append(client) }
    }

    // MARK: Reads

    /// Remembers that the client has read the key.
    mutating func remember(_ key: [UInt8], client id: Int64) {
        if let known = readers[key] {
            if known.clients.contains(id) { return }
            readers[key]?.clients.insert(id)
        } else {
            readers[key] = Readers(place: keys.count, clients: [id])
            keys.append(key)
        }
        itemCount += 1
    }

    /// Forgets the key; returns the clients that had read it, in the order of their IDs.
    mutating func takeReaders(of key: [UInt8]) -> [Int64] {
        guard let found = readers.removeValue(forKey: key) else { return [] }
        itemCount -= found.clients.count
        let last = keys.removeLast()
        if found.place < keys.count {
            keys[found.place] = last
            readers[last]?.place = found.place
        }
        return found.clients.sorted()
    }

    /// Some remembered key; nil when there is none.
    func anyKey(_ random: inout SeededRandom) -> [UInt8]? {
        keys.isEmpty ? nil : keys[random.below(keys.count)]
    }

    mutating func forgetReads() {
        readers = [:]
        keys = []
        itemCount = 0
    }

    // MARK: Broadcast

    /// Notes a change for those who want to hear of the key's prefixes.
    mutating func noteChange(_ key: [UInt8], by id: Int64) {
        for prefix in prefixes.keys where key.starts(with: prefix) {
            prefixes[prefix]?.changes[key] = id
        }
    }

    /// The prefixes with changes since the last call, in the order of their bytes.
    mutating func takeChanges() -> [Prefix] {
        var taken: [(name: [UInt8], prefix: Prefix)] = []
        for (name, prefix) in prefixes where !prefix.changes.isEmpty {
            taken.append((name, prefix))
            prefixes[name]?.changes = [:]
        }
        return taken.sorted { $0.name.lexicographicallyPrecedes($1.name) }.map(\.prefix)
    }
}
