// Which keys clients wait for, and which of them have changed since their clients were looked at.
//
//   (database, hash) ──► AwaitedKey ──► AwaitedKey …      keys with equal hashes are chained
//                          │ queue
//                          └──► KeyWait, KeyWait, …
//
//   ready   AwaitedKey, AwaitedKey …      in the order of their first change
//
// Invariants
//   a key is in the table as long as somebody waits for it; `key.isReady` says whether it is in
//   `ready`, where it may stand although nobody waits for it any more.
internal import Bytes
internal import Store

/// All waits of the server.
struct WaitTable {
    private struct Name: Hashable {
        let database: Int
        let hash: UInt64
    }

    private var keysByName: [Name: AwaitedKey] = [:]
    private var ready: [AwaitedKey] = []
    private var deadlines = DeadlineHeap()
    private var ticketLast: UInt64 = 0
    /// Number of keys that somebody waits for.
    private(set) var keyCount = 0
    /// Number of those that somebody waits for who is also woken when the key is gone.
    private(set) var keyCountWakingWithoutKey = 0

    /// Whether nobody waits.
    var isEmpty: Bool { keysByName.isEmpty }
    /// Whether a key has changed that somebody waits for.
    var hasReadyKeys: Bool { !ready.isEmpty }
    /// Number of waits that end by themselves.
    var timedCount: Int { deadlines.count }
    /// The wait that ends first by itself.
    var firstTimed: KeyWait? { deadlines.first }

    // MARK: Waits

    /// Begins to wait for `keys` of `database`, behind all others.
    mutating func add(_ wait: KeyWait, database: Int, keys: Arguments, keyspace: Keyspace) {
        ticketLast += 1
        wait.ticket = ticketLast
        for index in 0..<keys.count {
            let awaited = awaitedKey(database, keys[index], keyspace.hash(keys[index]))
            // The same key twice.
            if awaited.queue.endsWith(wait.ticket) { continue }
            awaited.queue.append(wait)
            wait.keys.append(awaited)
            if wait.wakesWithoutKey {
                awaited.wakingWithoutKey += 1
                if awaited.wakingWithoutKey == 1 { keyCountWakingWithoutKey += 1 }
            }
        }
        if wait.deadline != nil { deadlines.insert(wait) }
    }

    /// Ends a wait; does nothing if it has ended.
    mutating func remove(_ wait: KeyWait) {
        deadlines.remove(wait)
        for awaited in wait.keys {
            awaited.queue.remove(ticket: wait.ticket)
            if wait.wakesWithoutKey {
                awaited.wakingWithoutKey -= 1
                if awaited.wakingWithoutKey == 0 { keyCountWakingWithoutKey -= 1 }
            }
            if awaited.queue.count == 0 { forget(awaited) }
        }
        wait.keys = []
    }

    private mutating func awaitedKey(
        _ database: Int, _ key: ByteSlice, _ hash: KeyHash
    ) -> AwaitedKey {
        let name = Name(database: database, hash: hash.value)
        let first = keysByName[name]
        var candidate = first
        while let awaited = candidate {
            if awaited.key.withByteSlice({ $0 == key }) { return awaited }
            candidate = awaited.next
        }
        let made = AwaitedKey(database: database, key: key.array, hash: hash)
        made.next = first
        keysByName[name] = made
        keyCount += 1
        return made
    }

    private mutating func forget(_ awaited: AwaitedKey) {
        keyCount -= 1
        let name = Name(database: awaited.database, hash: awaited.hash.value)
        guard let first = keysByName[name], first !== awaited else {
            keysByName[name] = awaited.next
            return
        }
        var before = first
        while let next = before.next, next !== awaited { before = next }
        before.next = awaited.next
    }

    /// All waits in the order of their beginning.
    var all: [KeyWait] {
        var waits: [UInt64: KeyWait] = [:]
        for first in keysByName.values {
            var candidate: AwaitedKey? = first
            while let awaited = candidate {
                awaited.queue.forEach { waits[$0.ticket] = $0 }
                candidate = awaited.next
            }
        }
        return waits.values.sorted { $0.ticket < $1.ticket }
    }

    // MARK: Changes

    /// A key has changed. Keys with the same hash are looked at as well, which does no harm.
    mutating func noteChange(database: Int, hash: KeyHash) {
        var candidate = keysByName[Name(database: database, hash: hash.value)]
        while let awaited = candidate {
            noteReady(awaited)
            candidate = awaited.next
        }
    }

    /// Any key of a database may have changed.
    mutating func noteChanges(database: Int) {
        let keys = keysByName.values.filter { $0.database == database }
        for first in keys.sorted(by: { $0.queue.lastTicket < $1.queue.lastTicket }) {
            var candidate: AwaitedKey? = first
            while let awaited = candidate {
                noteReady(awaited)
                candidate = awaited.next
            }
        }
    }

    /// The key's clients are to be looked at.
    mutating func noteReady(_ awaited: AwaitedKey) {
        if awaited.isReady { return }
        awaited.isReady = true
        ready.append(awaited)
    }

    /// The keys that changed since the last call, in the order of their first change. Each is to be
    /// marked as not ready before its clients are looked at.
    mutating func takeReadyKeys() -> [AwaitedKey] {
        let keys = ready
        ready = []
        return keys
    }
}
