// Scripts: whether one may run, its commands, and its end.
//
//   beginScript   gates of the whole script; the script's client gets the caller's database
//   runFromScript one command: checks of Redis' scripts, then the command's handler
//   endScript
//
// All commands of a script belong to the unit of the command that called it, so its effects are one
// transaction of the stream. Time stands still meanwhile: `now` is set once per turn.
public import Bytes
public import RESP
internal import Store

extension CommandEngine {
    // MARK: For the interpreter

    /// The interpreter. Set it once, before the first command.
    public var scripts: (any ScriptHost)? {
        get { scriptHost }
        set { scriptHost = newValue }
    }

    /// The hash of a script's text or a function's name: keyed with the server's secret.
    public func hash(ofName name: ByteSlice) -> UInt64 { keyspace.hash(name).value }

    /// Asks whether the script may run, and makes ready for its commands; `endScript` must follow.
    ///
    /// - Parameters:
    ///   - call: what the client has sent.
    ///   - flags: what the script declares.
    ///   - client: who calls.
    public func beginScript(
        _ call: ScriptCall, flags: ScriptFlags, client: ClientState
    ) throws(ReplyError) {
        if script.isActive { throw ReplyError("ERR scripts can not be nested") }
        if flags.contains(.undeclared) {
            if refusesStaleReads && !client.isMaster { throw .masterDown }
        } else if let error = refusal(flags, call.isReadOnly, client) {
            throw error
        }
        script.caller = client
        script.isFunction = call.kind == .function
        script.flags = flags
        script.isReadOnly = call.isReadOnly || flags.contains(.noWrites)
        script.ignoresMemory = flags.contains(.allowOutOfMemory)
        script.hasWritten = false
        script.isKilled = false
        script.propagates = isPropagating
        let runner = script.runner
        runner.databaseIndex = client.databaseIndex
        if runner.user !== client.user { runner.user = client.user }
        runner.leavesAccessTimes = client.leavesAccessTimes
        runner.writer.isRESP3 = false
        rawRequest = ByteSlice()
        script.startedNanoseconds = owner.monotonicNanoseconds()
    }

    /// The script has ended, in whatever way.
    public func endScript() {
        precondition(script.isActive, "no script runs")
        let runner = script.runner
        runner.writer.buffer.removeAll()
        if runner.writer.buffer.capacity > CommandEngine.scriptReplyBytesMax {
            runner.writer.buffer.release()
        }
        isPropagating = script.propagates
        if script.isBusy { setScriptBusy(false) }
        script.caller = nil
    }

    /// A larger buffer for replies to scripts is given back after use.
    private static var scriptReplyBytesMax: Int { 1 << 20 }

    /// Runs one command of the script; returns its reply, valid until the next call.
    public func runFromScript(_ arguments: Arguments) -> ByteSlice {
        let client = script.runner
        client.writer.buffer.removeAll()
        let number = resolve(table.number(of: arguments[0]), arguments)
        if let error = scriptRefusal(number, arguments, client) {
            if number >= 0 { statistics[number].rejectedCalls &+= 1 }
            fail(error, client)
            return client.writer.buffer.readable
        }
        let facts = table.facts[number]
        if facts.flags.contains(.write) { script.hasWritten = true }
        let firstKey = Int(facts.firstKey)
        if firstKey > 0 && firstKey < arguments.count {
            keyHash = keyspace.hash(arguments[firstKey])
        }
        let started = owner.monotonicNanoseconds()
        runHandler(number, arguments, client)
        if let caller = script.caller, caller.tracking != nil {
            rememberReads(number, arguments, caller)
        }
        count(number, since: started)
        if let caller = script.caller, caller.tracking != nil {
            rememberReads(number, arguments, caller)
        }
        if !monitors.isEmpty { feedMonitors(number, arguments, client) }
        return client.writer.buffer.readable
    }

    /// Writes the error that has ended the script. `isCounted`: the command of the script was
    /// counted as failed with it.
    public func failScript(
        _ reply: ByteSlice, _ call: ScriptCall, _ client: ClientState, isCounted: Bool
    ) {
        client.writer.buffer.append(reply)
        let number = table.number(of: call.command[0])
        if number >= 0 { statistics[number].failedCalls &+= 1 }
        if isCounted { return }
        counts.errors &+= 1
        let end = reply.firstIndex(of: UInt8(ascii: " ")) ?? max(1, reply.count - 2)
        if reply.count > 1 {
            errorCounts[reply.slice(from: 1, count: end - 1).string, default: 0] += 1
        }
    }

    /// `redis.setresp`.
    public func setScriptProtocol(_ version: Int) { script.runner.writer.isRESP3 = version == 3 }

    /// `redis.set_repl`: whether effects go into the stream. Log and replicas share one stream, so
    /// either of them brings the effects into it.
    public func setScriptPropagation(_ isOn: Bool) {
        isPropagating = isOn && script.propagates
    }

    /// `redis.acl_check_cmd`: whether the caller may run the command; nil when there is no such
    /// command.
    public func scriptMayRun(_ arguments: Arguments) -> Bool? {
        let number = resolve(table.number(of: arguments[0]), arguments)
        guard number >= 0 else { return nil }
        guard let user = script.caller?.user else { return true }
        return user.refusal(number, arguments, table) == nil
    }

    /// What TIME answers: within a transaction always the same. In a script it goes on, or one that
    /// waits for a moment would never end.
    func wallMicroseconds(for client: ClientState) -> Int64 {
        let isInTransaction = client.deniesBlocking && client !== script.runner
        guard isInTransaction else { return owner.wallMicroseconds() }
        if transactionMicroseconds == 0 { transactionMicroseconds = owner.wallMicroseconds() }
        return transactionMicroseconds
    }

    // MARK: Gates

    /// Why a script that declares its flags must not run now.
    private func refusal(
        _ flags: ScriptFlags, _ isReadOnly: Bool, _ client: ClientState
    ) -> ReplyError? {
        if refusesStaleReads && !flags.contains(.allowStale) && !client.isMaster {
            return ReplyError(
                """
                MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' \
                and 'allow-stale' flag is not set on the script.
                """)
        }
        if !flags.contains(.noWrites) {
            if !client.isMaster, let error = writeRefusal { return error }
            if isReadOnly {
                return ReplyError(
                    "ERR Can not execute a script with write flag using *_ro command.")
            }
        }
        if isOutOfMemory && !client.isMaster
            && flags.isDisjoint(with: [.allowOutOfMemory, .noWrites])
        {
            return ReplyError(
                """
                OOM allow-oom flag is not set on the script, can not run it when used memory > \
                'maxmemory'
                """)
        }
        return nil
    }

    private var writeRefusal: ReplyError? {
        switch writeGate {
        case .readOnlyReplica:
            ReplyError("READONLY Can not run script with write flag on readonly replica.")
        case .snapshotFailed:
            ReplyError(
                """
                MISCONF Redis is configured to save RDB snapshots, but it's currently unable to \
                persist to disk. Writable scripts are blocked. Use 'no-writes' flag for read \
                only scripts.
                """)
        default: writeGate.error
        }
    }

    /// Why a command of the script must not run.
    @inline(__always)
    private func scriptRefusal(
        _ number: Int, _ arguments: Arguments, _ client: ClientState
    ) -> ReplyError? {
        guard number >= 0 else {
            return ReplyError("ERR Unknown Redis command called from script")
        }
        let facts = table.facts[number]
        guard facts.accepts(arguments.count) && facts.childCount == 0 else {
            return ReplyError("ERR Wrong number of args calling Redis command from script")
        }
        if facts.flags.contains(.noScript) && !allowsAllFromScripts {
            return ReplyError("ERR This Redis command is not allowed from script")
        }
        if refusesStaleReads && !facts.flags.contains(.stale) && !client.isMaster {
            return ReplyError("ERR Can not execute the command on a stale replica")
        }
        if let caller = script.caller,
            let error = scriptAccessError(number, arguments, caller)
        {
            return error
        }
        let changes: CommandFlags = [.write, .mayReplicate, .publishes]
        if script.isReadOnly && !facts.flags.isDisjoint(with: changes) {
            return ReplyError("ERR Write commands are not allowed from read-only scripts.")
        }
        // What a script has begun to change it may finish.
        if script.hasWritten || client.isMaster { return nil }
        if facts.flags.contains(.write), let error = writeGate.error { return error }
        if isOutOfMemory && facts.flags.contains(.denyOutOfMemory) && !script.ignoresMemory {
            return .outOfMemory
        }
        return nil
    }

    /// The flags of a command that runs a script: what the script declares replaces what the
    /// command says.
    func flags(ofScriptCommand number: Int, _ arguments: Arguments) -> CommandFlags {
        var flags = table.facts[number].flags
        guard let scriptHost, arguments.count > 1 else { return flags }
        let spec = ByteSlice(table.specs[number].name)
        let kind: ScriptName =
            spec[0] == UInt8(ascii: "f")
            ? .function
            : (spec.count > 7 || spec == "evalsha")
                ? .digest : .body
        guard let declared = scriptHost.flags(of: kind, arguments[1]),
            !declared.contains(.undeclared)
        else { return flags }
        flags.subtract([.stale, .denyOutOfMemory, .write, .mayReplicate, .publishes])
        if declared.isDisjoint(with: [.allowOutOfMemory, .noWrites]) {
            flags.insert(.denyOutOfMemory)
        }
        if !declared.contains(.noWrites) { flags.insert(.write) }
        if declared.contains(.allowStale) { flags.insert(.stale) }
        return flags
    }
}
