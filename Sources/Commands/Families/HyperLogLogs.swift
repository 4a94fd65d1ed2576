// The commands on HyperLogLogs. PFDEBUG and PFSELFTEST are in HyperLogLogs+Debugging.swift.
internal import Bytes
internal import RESP
internal import Store

/// Memory that the commands on HyperLogLogs use again and again.
final class HyperLogLogWorkspace {
    /// All registers, one byte each.
    var registers = [UInt8](repeating: 0, count: HyperLogLog.registerCount)
    /// A value under construction.
    var value = ByteBuffer()
    /// The runs that replace one.
    var split = ByteBuffer()

    func clearRegisters() {
        for index in registers.indices { registers[index] = 0 }
    }
}

/// The commands on HyperLogLogs.
enum HyperLogLogs {
    static let table: [CommandSpec] =
        [
            CommandSpec(
                name: "pfadd", since: "2.8.9", group: .hyperLogLog,
                complexity: "O(1) to add every element.", arity: -2,
                flags: [.write, .denyOutOfMemory, .fast], categories: [.hyperLogLog],
                keys: [.one([.readWrite, .insert])], syntax: "key [element ...]",
                summary: """
                    Adds elements to a HyperLogLog key. Creates the key if it doesn't exist.
                    """, handler: add),
            CommandSpec(
                name: "pfcount", since: "2.8.9", group: .hyperLogLog,
                complexity: """
                    O(1) with a very small average constant time when called with a single key. \
                    O(N) with N being the number of keys, and much bigger constant times, when \
                    called with multiple keys.
                    """,
                arity: -2, flags: [.readOnly, .publishes], categories: [.hyperLogLog],
                keys: [
                    .range(
                        first: 1, last: -1, step: 1, [.readWrite, .access],
                        notes: """
                            RW because it may change the internal representation of the key, and \
                            propagate to replicas
                            """)
                ], syntax: "key [key ...]",
                summary: """
                    Returns the approximated cardinality of the set(s) observed by the HyperLogLog \
                    key(s).
                    """, handler: count),
            CommandSpec(
                name: "pfmerge", since: "2.8.9", group: .hyperLogLog,
                complexity: "O(N) to merge N HyperLogLogs, but with high constant times.",
                arity: -2, flags: [.write, .denyOutOfMemory], categories: [.hyperLogLog],
                keys: [
                    .one([.readWrite, .access, .insert]),
                    .range(first: 2, last: -1, step: 1, [.readOnly, .access]),
                ], syntax: "destkey [sourcekey [sourcekey ...]]",
                summary: "Merges one or more HyperLogLog values into a single key.",
                handler: merge),
        ] + debugging

    // MARK: PFADD

    private static func add(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let key = arguments[1]
        let hash = engine.keyHash
        let entry = try engine.stringForWrite(key, hash, client)
        let changes: Int64
        if let entry {
            let bytes = engine.text(of: entry)
            switch try HyperLogLog.encoding(of: bytes) {
            case .dense: changes = addDense(engine, client, arguments, entry)
            case .sparse: changes = try addSparse(engine, client, arguments, bytes)
            }
        } else {
            let workspace = engine.hyperLogLogs
            workspace.value.removeAll()
            HyperLogLog.appendEmpty(to: &workspace.value)
            let empty = workspace.value.readable.array
            changes =
                1
                + (try empty.withByteSlice { (bytes) throws(ReplyError) in
                    try addSparse(engine, client, arguments, bytes, isNew: true)
                })
        }
        if changes > 0 {
            engine.changed(key, client, count: changes)
            engine.propagate(arguments, client)
            engine.notify(.string, "pfadd", key, client)
        }
        client.writer.integer(changes > 0 ? 1 : 0)
    }

    /// Sets registers in place; returns how many were raised.
    private static func addDense(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, _ entry: Entry
    ) -> Int64 {
        var entry = entry
        var changes: Int64 = 0
        let database = engine.database(client)
        let workspace = engine.hyperLogLogs
        for position in 2..<max(2, arguments.count) {
            let bytes = engine.text(of: entry)
            let (index, count) = HyperLogLog.place(of: arguments[position])
            if HyperLogLog.denseRegister(bytes, index) >= count { continue }
            let offset = HyperLogLog.encodeRegister(bytes, index, count, into: &workspace.split)
            entry = database.setRange(
                entry, engine.keyHash, offset: offset, workspace.split.readable)
            changes += 1
        }
        if changes > 0 { _ = outdateCache(engine, client, entry) }
        return changes
    }

    /// Sets the flag that the cached cardinality is out of date.
    private static func outdateCache(
        _ engine: CommandEngine, _ client: ClientState, _ entry: Entry
    ) -> Entry {
        let flag = engine.text(of: entry)[HyperLogLog.cacheFlagOffset] | 0x80
        let workspace = engine.hyperLogLogs
        workspace.split.removeAll()
        workspace.split.append(flag)
        return engine.database(client).setRange(
            entry, engine.keyHash, offset: HyperLogLog.cacheFlagOffset,
            workspace.split.readable)
    }

    /// Adds to a sparse value and stores the result if it changed, which may be dense by then;
    /// returns how many registers were raised. Nothing is stored when the value is corrupt.
    private static func addSparse(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ bytes: ByteSlice, isNew: Bool = false
    ) throws(ReplyError) -> Int64 {
        let workspace = engine.hyperLogLogs
        let bytesMax = engine.settings.hyperLogLogSparseBytesMax
        var changes: Int64 = 0
        var isCopied = false
        var isDense = false
        for position in 2..<max(2, arguments.count) {
            let (index, count) = HyperLogLog.place(of: arguments[position])
            if isDense {
                if workspace.registers[index] >= count { continue }
                workspace.registers[index] = count
                changes += 1
                continue
            }
            let current = isCopied ? workspace.value.readable : bytes
            guard let place = SparseRuns.find(index, in: current, from: .start) else {
                throw HyperLogLog.corrupt
            }
            if !SparseRuns.wouldChange(current, place, count) { continue }
            if !isCopied {
                workspace.value.removeAll()
                workspace.value.append(bytes)
                isCopied = true
            }
            switch SparseRuns.set(
                index, to: count, in: &workspace.value, at: place, bytesMax: bytesMax,
                split: &workspace.split)
            {
            case .unchanged: continue
            case .corrupt: throw HyperLogLog.corrupt
            case .changed: break
            case .promotes:
                workspace.clearRegisters()
                guard
                    HyperLogLog.merge(
                        workspace.value.readable, .sparse, into: &workspace.registers)
                else { throw HyperLogLog.corrupt }
                workspace.registers[index] = count
                isDense = true
            }
            changes += 1
        }
        if changes == 0 && !isNew { return 0 }
        if !isCopied {
            workspace.value.removeAll()
            workspace.value.append(bytes)
        }
        if isDense { makeDense(workspace) }
        storeOutdated(engine, client, arguments[1], engine.keyHash, isNew: isNew)
        return changes
    }

    // MARK: Values under construction

    /// Makes the value of the workspace dense, with its header and the workspace's registers.
    private static func makeDense(_ workspace: HyperLogLogWorkspace) {
        let header = workspace.value.readable.prefix(HyperLogLog.headerBytes).array
        workspace.value.removeAll()
        header.withByteSlice {
            HyperLogLog.appendDense(
                header: $0, workspace.registers, to: &workspace.value)
        }
    }

    /// Stores the value of the workspace, with its cache marked as out of date.
    private static func storeOutdated(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice, _ hash: KeyHash,
        isNew: Bool
    ) {
        let workspace = engine.hyperLogLogs
        let flag = workspace.value.readable[HyperLogLog.cacheFlagOffset] | 0x80
        workspace.value.replace(at: HyperLogLog.cacheFlagOffset, with: flag)
        engine.storeBytes(
            key, hash, workspace.value.readable, client, keepingExpiry: !isNew)
    }

    /// Turns a sparse value into a dense one; the cache stays as it is.
    static func convertToDense(
        _ engine: CommandEngine, _ client: ClientState, _ key: ByteSlice, _ hash: KeyHash,
        _ bytes: ByteSlice
    ) throws(ReplyError) {
        let workspace = engine.hyperLogLogs
        workspace.clearRegisters()
        guard HyperLogLog.merge(bytes, .sparse, into: &workspace.registers) else {
            throw HyperLogLog.corrupt
        }
        workspace.value.removeAll()
        workspace.value.append(bytes)
        makeDense(workspace)
        engine.storeBytes(
            key, hash, workspace.value.readable, client, keepingExpiry: true)
    }

    // MARK: PFCOUNT

    private static func count(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard arguments.count == 2 else {
            _ = try mergeAll(engine, client, arguments)
            let histogram = HyperLogLog.histogram(engine.hyperLogLogs.registers)
            return client.writer.integer(HyperLogLog.cardinality(histogram))
        }
        let key = arguments[1]
        guard let entry = try engine.stringForRead(key, engine.keyHash, client) else {
            return client.writer.integer(0)
        }
        let bytes = engine.text(of: entry)
        let encoding = try HyperLogLog.encoding(of: bytes)
        if let cached = HyperLogLog.cachedCardinality(bytes) {
            return client.writer.integer(cached)
        }
        guard let histogram = HyperLogLog.histogram(bytes, encoding) else {
            throw HyperLogLog.corrupt
        }
        let cardinality = HyperLogLog.cardinality(histogram)
        let workspace = engine.hyperLogLogs
        workspace.split.removeAll()
        workspace.split.append(littleEndian: UInt64(bitPattern: cardinality))
        _ = engine.database(client).setRange(
            entry, engine.keyHash, offset: HyperLogLog.cacheOffset, workspace.split.readable)
        engine.changed(key, client)
        engine.propagate(arguments, client)
        client.writer.integer(cardinality)
    }

    /// Fills the workspace's registers with the largest of all keys; whether one of them is dense.
    private static func mergeAll(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) -> Bool {
        let workspace = engine.hyperLogLogs
        workspace.clearRegisters()
        var hasDense = false
        for index in 1..<arguments.count {
            let key = arguments[index]
            let hash = index == 1 ? engine.keyHash : engine.keyspace.hash(key)
            guard let entry = try engine.stringForRead(key, hash, client) else { continue }
            let bytes = engine.text(of: entry)
            let encoding = try HyperLogLog.encoding(of: bytes)
            if encoding == .dense { hasDense = true }
            guard HyperLogLog.merge(bytes, encoding, into: &workspace.registers) else {
                throw HyperLogLog.corrupt
            }
        }
        return hasDense
    }

    // MARK: PFMERGE

    private static func merge(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var isDense = try mergeAll(engine, client, arguments)
        let key = arguments[1]
        let hash = engine.keyHash
        let workspace = engine.hyperLogLogs
        workspace.value.removeAll()
        let found = engine.lookUp(key, hash, client)
        if let entry = found {
            workspace.value.append(engine.text(of: entry))
        } else {
            HyperLogLog.appendEmpty(to: &workspace.value)
        }
        if !isDense {
            isDense = !raiseSparse(workspace, engine.settings.hyperLogLogSparseBytesMax)
        }
        if isDense { makeDense(workspace) }
        storeOutdated(engine, client, key, hash, isNew: found == nil)
        engine.changed(key, client)
        engine.propagate(arguments, client)
        engine.notify(.string, "pfadd", key, client)
        client.writer.ok()
    }

    /// Raises the sparse value of the workspace to its registers, one after the other; false when
    /// only a dense one can hold them.
    private static func raiseSparse(_ workspace: HyperLogLogWorkspace, _ bytesMax: Int) -> Bool {
        // Runs in front of the last change stay as they are: the search goes on from there.
        var start = SparseRuns.Place.start
        for index in workspace.registers.indices {
            let count = workspace.registers[index]
            if count == 0 { continue }
            var found = SparseRuns.find(index, in: workspace.value.readable, from: start)
            if found == start && start != .start {
                // Joining made the run where the search began longer: who is in front of it?
                found = SparseRuns.find(index, in: workspace.value.readable, from: .start)
            }
            guard let place = found else { preconditionFailure("the value was checked") }
            switch SparseRuns.set(
                index, to: count, in: &workspace.value, at: place, bytesMax: bytesMax,
                split: &workspace.split)
            {
            case .promotes: return false
            case .corrupt: preconditionFailure("the value was checked")
            case .changed, .unchanged: break
            }
            if let before = place.before {
                start = SparseRuns.Place(
                    offset: before.offset, first: before.first, before: nil)
            }
        }
        return true
    }
}
