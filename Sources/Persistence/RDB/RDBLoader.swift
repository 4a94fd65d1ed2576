// Loads an RDB file into a keyspace.
//
//   keys that expired   dropped when a master starts without a position; kept otherwise: a replica
//                       waits for its master's DEL, and a master whose history goes on must send
//                       one
//   unknown names       ignored
//   functions, modules  kept as bytes, so that they can be written again

public import Bytes
public import Log
public import Store

/// What a file says about itself and what was loaded of it.
public struct RDBFacts: Equatable, Sendable {
    /// Names with their values.
    public var auxiliaries: [String: String] = [:]
    /// Sources of function libraries.
    public var functions: [[UInt8]] = []
    /// Opaque data of modules, with their opcodes.
    public var moduleAuxiliaries: [[UInt8]] = []
    /// Keys loaded.
    public var keysLoaded = 0
    /// Keys dropped because their time was over.
    public var keysExpired = 0
    /// Keys skipped because their collection had no elements.
    public var keysEmpty = 0
    /// The first of them, for the log.
    public var emptyKeys: [String] = []
    /// How many of them are named.
    static let emptyKeysNamedMax = 10

    /// Nothing yet.
    public init() {}

    /// The place in a replication history that the data belong to. Nil when the file has none, or
    /// does not know the selected database: such a place cannot be resumed.
    public var position: ReplicationPosition? {
        guard let id = auxiliaries["repl-id"].flatMap({ ReplicationID($0) }),
            let offset = auxiliaries["repl-offset"].flatMap({ Int64($0) }),
            (0...LogLimits.positionMax).contains(offset),
            let database = auxiliaries["repl-stream-db"].flatMap({ Int($0) }), database >= 0
        else { return nil }
        return ReplicationPosition(id: id, offset: offset, database: database)
    }

    /// Whether the file is the base of an append-only log.
    public var isLogBase: Bool { auxiliaries["aof-base"] == "1" }
}

/// Puts what a reader finds into a keyspace.
public struct RDBLoader: RDBVisitor, ~Copyable {
    /// What to do with keys that are over.
    public enum Expired: Equatable, Sendable {
        /// They are loaded.
        case kept
        /// They are dropped if they expired before this time (absolute milliseconds), unless the
        /// file has a position.
        case droppedBefore(Int64)
    }

    private let keyspace: Keyspace
    private let expired: Expired
    private let replaces: Bool
    private var dropsBefore = Int64.min
    private var database: Database
    /// Runs after each key.
    public var keyLoaded: (() -> Void)?
    /// What was found so far.
    public private(set) var facts = RDBFacts()

    /// A loader into `keyspace`. With `replaces`, a key that exists already is replaced; otherwise
    /// it is an error, since no server writes a key twice.
    public init(keyspace: Keyspace, expired: Expired, replaces: Bool = false) {
        self.keyspace = keyspace
        self.expired = expired
        self.replaces = replaces
        database = keyspace.database(0)
        if case .droppedBefore(let time) = expired { dropsBefore = time }
    }

    /// Keeps a name with its value.
    public mutating func auxiliary(_ name: ByteSlice, _ value: ByteSlice) {
        facts.auxiliaries[name.string] = value.string
        if facts.position != nil { dropsBefore = .min }
    }

    /// Keeps the source of a library, which must say what it is.
    public mutating func function(_ source: ByteSlice) throws(RDBCorruption) {
        guard source.count > 2, source[0] == 0x23, source[1] == 0x21 else {
            throw .badStructure("function library")
        }
        facts.functions.append(source.array)
    }

    /// Keeps data of a module.
    public mutating func moduleAuxiliary(_ item: ByteSlice) {
        facts.moduleAuxiliaries.append(item.array)
    }

    /// Chooses the database of the keys that follow.
    public mutating func select(database number: UInt64) throws(RDBCorruption) {
        guard number < UInt64(keyspace.databaseCount) else { throw .databaseOutOfRange(number) }
        database = keyspace.database(Int(number))
    }

    /// A hint, not to be trusted for allocation.
    public mutating func resize(keys: UInt64, expires: UInt64) {}

    /// Stores a key.
    public mutating func entry(
        _ key: RDBKey, codec: RDBValueCodec, value: ByteSlice, scratch: inout RDBScratch
    ) throws(RDBCorruption) {
        defer { keyLoaded?() }
        if key.expiresAt >= 0, key.expiresAt < dropsBefore {
            facts.keysExpired += 1
            return
        }
        guard let load = codec.load else { throw .unsupportedType(name: "\(codec.name)") }
        let hash = keyspace.hash(key.bytes)
        var cursor = RDBCursor(value)
        scratch.limits = keyspace.encodingLimits
        do throws(RDBFault) {
            let existed = try load(&cursor, &scratch, key, database, hash)
            guard !existed || replaces else { throw .corrupt(.duplicateKey) }
            if key.idleSeconds >= 0 || key.frequency >= 0 { restoreAccess(key, hash) }
        } catch {
            switch error {
            case .corrupt(.emptyCollection):
                facts.keysEmpty += 1
                if facts.emptyKeys.count < RDBFacts.emptyKeysNamedMax {
                    facts.emptyKeys.append(key.bytes.string)
                }
                return
            case .corrupt(let reason): throw reason
            case .needMore: throw .badStructure("value")
            }
        }
        facts.keysLoaded += 1
    }

    /// Gives a loaded key the age or the counter that the file has kept.
    private func restoreAccess(_ key: RDBKey, _ hash: KeyHash) {
        guard let entry = database.find(key.bytes, hash) else { return }
        keyspace.accessClock.restore(
            entry, idleSeconds: key.idleSeconds, frequency: key.frequency)
    }
}
