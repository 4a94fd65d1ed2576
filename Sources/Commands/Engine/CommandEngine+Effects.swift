// The replication stream: what a unit of execution (a command, a transaction) does to the data.
//
//   one effect          [SELECT n]  effect
//   two or more         MULTI  [SELECT n]  effect  [SELECT m]  effect  …  EXEC
//
// The first effect of a unit is written bare; when a second follows, MULTI is put before it. SELECT
// is written when the database of an effect is not the one the stream selected last, or unknown.
public import Bytes
internal import RESP
internal import Store

extension CommandEngine {
    // MARK: For the node

    /// The bytes produced since the last drain.
    public var stream: ByteSlice { effects.readable }

    /// Offset of the last byte produced. Set it when the history changes hands: a full sync, a
    /// promotion, a replica that follows its master.
    public var streamOffset: Int64 {
        get { effectBase + Int64(effects.count) }
        set { effectBase = newValue - Int64(effects.count) }
    }

    /// The database that the stream selected last; -1 when that is unknown and the next effect must
    /// begin with SELECT.
    public var streamDatabase: Int {
        get { effectDatabase }
        set { effectDatabase = newValue }
    }

    /// Hands the produced bytes to `body` and forgets them.
    public func drainStream<Failure: Error>(
        _ body: (ByteSlice) throws(Failure) -> Void
    ) throws(Failure) {
        if effects.isEmpty { return }
        try body(effects.readable)
        effectBase += Int64(effects.count)
        effects.removeAll()
    }

    /// Adds a command that is no change (PING, REPLCONF GETACK) to the stream.
    public func appendToStream(_ request: ByteSlice) {
        precondition(isPropagating, "nobody wants the stream")
        effects.append(request)
    }

    // MARK: For handlers

    /// Begins a unit: call `endUnit` when it is over.
    @inline(__always)
    func beginUnit() {
        unitStart = effects.count
        unitEffectCount = 0
    }

    @inline(__always)
    func endUnit(_ client: ClientState) {
        if unitEffectCount == 0 { return }
        if unitEffectCount > 1 { effects.append("*1\r\n$4\r\nEXEC\r\n") }
        client.lastWriteOffset = streamOffset
        unitEffectCount = 0
    }

    /// Makes ready for one effect on `database`; false when nobody wants it.
    @inline(__always)
    func beginEffect(database: Int) -> Bool {
        guard isPropagating else { return false }
        unitEffectCount &+= 1
        if unitEffectCount == 2 { insertMulti() }
        if effectDatabase != database { selectInStream(database) }
        return true
    }

    private func insertMulti() {
        scratch.removeAll()
        scratch.append(effects.readable.dropFirst(unitStart))
        effects.truncate(to: unitStart)
        effects.append("*1\r\n$5\r\nMULTI\r\n")
        effects.append(scratch.readable)
        if scratch.capacity > CommandEngine.scratchBytesMax { scratch.release() }
    }

    /// A larger scratch buffer is given back after use.
    private static var scratchBytesMax: Int { 1 << 20 }

    private func selectInStream(_ database: Int) {
        effectDatabase = database
        RequestWriter.begin(2, into: &effects)
        RequestWriter.argument("SELECT", into: &effects)
        RequestWriter.argument(Int64(database), into: &effects)
    }

    /// The effect is the command itself, as it came.
    @inline(__always)
    func propagate(_ arguments: Arguments, _ client: ClientState) {
        guard beginEffect(database: client.databaseIndex) else { return }
        if rawRequest.isEmpty {
            RequestWriter.command(arguments, into: &effects)
        } else {
            effects.append(rawRequest)
        }
    }

    /// The effect `name key`.
    func propagate(_ name: StaticString, _ key: ByteSlice, database: Int) {
        guard beginEffect(database: database) else { return }
        RequestWriter.begin(2, into: &effects)
        RequestWriter.argument(name, into: &effects)
        RequestWriter.argument(key, into: &effects)
    }

    /// The effect `name key number`.
    func propagate(_ name: StaticString, _ key: ByteSlice, _ number: Int64, database: Int) {
        guard beginEffect(database: database) else { return }
        RequestWriter.begin(3, into: &effects)
        RequestWriter.argument(name, into: &effects)
        RequestWriter.argument(key, into: &effects)
        RequestWriter.argument(number, into: &effects)
    }

    /// `count` changes of `key` were made: counts them, breaks transactions that watch the key and
    /// wakes clients that wait for it.
    @inline(__always)
    func changed(_ key: ByteSlice, _ client: ClientState, count: Int64 = 1) {
        changeCount &+= count
        if observesChanges { noteChange(key, database: client.databaseIndex) }
    }

    /// As `changed`, for another database than the client's.
    func changed(_ key: ByteSlice, database: Int) {
        changeCount &+= 1
        if observesChanges { noteChange(key, database: database) }
    }
}
