// A script that runs for too long: other clients are served meanwhile, with BUSY for almost
// everything, and one of them may end it.
internal import Bytes
internal import RESP
internal import Store

/// What a busy script has interrupted and must find unchanged.
public struct InterruptedUnit {
    fileprivate let now: Int64
    fileprivate let keyHash: KeyHash
    fileprivate let unitStart: Int
    fileprivate let unitEffectCount: Int
    fileprivate let isPropagating: Bool
    fileprivate let runningClient: ClientState?

    /// Whether the unit has put nothing into the stream yet: what is there may be drained.
    public var isWithoutEffects: Bool { unitEffectCount == 0 }
}

extension CommandEngine {
    /// The script that runs, for FUNCTION STATS and the log; nil when none does.
    public var runningScript: (name: [UInt8], isFunction: Bool, milliseconds: Int64)? {
        guard script.isActive else { return nil }
        let passed = owner.monotonicNanoseconds() - script.startedNanoseconds
        return (script.name, script.isFunction, passed / 1_000_000)
    }

    /// The client that has called the script; nil when none runs.
    public var scriptCaller: ClientState? { script.caller }

    /// Whether a script has run for longer than `busy-reply-threshold`.
    public var isScriptBusy: Bool { script.isBusy }

    /// Whether the script that runs was asked to end.
    public var isScriptKilled: Bool { script.isKilled }

    /// From now on other clients are told that a script runs.
    ///
    /// - Parameters:
    ///   - name: of the script, for FUNCTION STATS.
    ///   - command: what the client has sent.
    public func markScriptBusy(name: [UInt8], command: [[UInt8]]) {
        script.name = name
        script.command = command
        setScriptBusy(true)
    }

    func setScriptBusy(_ isBusy: Bool) {
        script.isBusy = isBusy
        scriptBusyChanged()
    }

    /// Sets the running script's unit aside so that other clients' commands may run.
    public func suspendUnit() -> InterruptedUnit {
        let unit = InterruptedUnit(
            now: now, keyHash: keyHash, unitStart: unitStart, unitEffectCount: unitEffectCount,
            isPropagating: isPropagating, runningClient: runningClient)
        isPropagating = script.propagates
        script.suspended = unit
        return unit
    }

    /// Whether the script that runs has called a command that writes.
    public var scriptHasWritten: Bool { script.hasWritten }

    /// Takes back what the script has put into the stream: the process ends before the script does.
    /// The unit has been suspended.
    public func abandonScript() {
        guard let unit = script.suspended, unit.unitEffectCount > 0 else { return }
        effects.truncate(to: unit.unitStart)
        beginUnit()
    }

    /// Goes on with a unit that was set aside.
    public func resumeUnit(_ unit: InterruptedUnit) {
        script.suspended = nil
        nowMilliseconds = unit.now
        keyHash = unit.keyHash
        rawRequest = ByteSlice()
        // Without effects of its own the unit begins anew behind what others have done.
        unitStart = unit.unitEffectCount == 0 ? effects.count : unit.unitStart
        unitEffectCount = unit.unitEffectCount
        isPropagating = unit.isPropagating
        runningClient = unit.runningClient
    }

    /// What a client is told whose command must wait for the end of the script.
    var busyError: ReplyError {
        script.isFunction
            ? ReplyError(
                """
                BUSY Redis is busy running a script. You can only call FUNCTION KILL or \
                SHUTDOWN NOSAVE.
                """)
            : ReplyError(
                """
                BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN \
                NOSAVE.
                """)
    }

    /// SCRIPT KILL and FUNCTION KILL.
    func killScript(isFunction: Bool) throws(ReplyError) {
        guard script.isActive else {
            throw ReplyError("NOTBUSY No scripts in execution right now.")
        }
        if script.caller?.isMaster == true {
            throw ReplyError(
                """
                UNKILLABLE The busy script was sent by a master instance in the context of \
                replication and cannot be killed.
                """)
        }
        if script.hasWritten {
            throw ReplyError(
                """
                UNKILLABLE Sorry the script already executed write commands against the \
                dataset. You can either wait the script termination or kill the server in a \
                hard way using the SHUTDOWN NOSAVE command.
                """)
        }
        if script.isFunction != isFunction { throw busyError }
        script.isKilled = true
    }
}
