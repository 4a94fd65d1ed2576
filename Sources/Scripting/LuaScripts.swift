// The interpreter of scripts: EVAL's cache, the libraries of FUNCTION, and what Lua calls.
//
//   EVAL text ──► hash of the text ──► cache ──► compiled function ──► run ──► client.output
//   FCALL name ──► table of functions ──────────────┘
//
// EVAL and functions have a Lua state each, as in Redis: nothing leaks from one to the other, and
// SCRIPT FLUSH or FUNCTION FLUSH drops a whole state. A state is made when it is first needed.
public import Bytes
public import Commands
public import RESP

/// The node's interpreter of scripts. Engine thread only.
public final class LuaScripts: ScriptHost {
    /// `redis.REDIS_VERSION`.
    static let version = "7.2.4"
    /// `redis.REDIS_VERSION_NUM`.
    static let versionNumber: UInt32 = 0x00_07_02_04
    /// Longest time that a library may take to register its functions.
    static let loadMillisecondsMax: Int64 = 500
    /// Most bytes of one Lua state: a script that wants more fails with "not enough memory".
    public static let stateBytesMaxDefault = 1 << 30

    /// Most bytes of each Lua state (`lua-memory-max`).
    public var stateBytesMax: Int {
        didSet {
            scripts?.limit(bytesMax: stateBytesMax)
            functions?.limit(bytesMax: stateBytesMax)
        }
    }
    /// After so many milliseconds a script is busy and other clients are served
    /// (`busy-reply-threshold`); 0: never.
    public var busyMilliseconds: Int64 = 5_000
    /// Serves other clients while a script is busy; the node sets it.
    public var serveOthers: (() -> Void)?
    /// Asked each time the hook runs: whether the script has to end now, whatever it has done. Once
    /// true it stays so until the script has ended. The node sets it.
    public var mustEnd: (() -> Bool)?
    /// The connection of a client that debugs; the node sets it.
    public var makeConsole: ((ClientState) -> (any ScriptConsole)?)?
    /// Begins a session of the debugger on a copy of the data set, which takes the connection over;
    /// the node sets it.
    public var debugOnCopy: ((ScriptCall, ClientState) throws(ReplyError) -> Void)?
    /// Tells other threads whether Lua is running.
    public let activity = ScriptActivity()

    unowned let engine: CommandEngine
    var commandArguments = ByteSliceList(capacity: 64)
    var cache = ScriptCache()
    var library = LibraryShelf()
    var evictedCount: Int64 = 0
    private var scripts: LuaState?
    private var functions: LuaState?
    private(set) var current: ScriptCall?
    /// A session of the debugger.
    var debugger: DebuggerSession?
    private var killedText = ByteBuffer()
    /// `mustEnd` has ended the script.
    private var isEndedByNode = false
    /// The script that `flags` has found for the command that is about to run it.
    private var remembered: (name: ByteSlice, number: Int32)?
    /// A library that registers its functions.
    var registration: LibraryRegistration?

    /// An interpreter for the commands of `engine`, which must outlive it.
    public init(engine: CommandEngine, stateBytesMax: Int = LuaScripts.stateBytesMaxDefault) {
        self.engine = engine
        self.stateBytesMax = stateBytesMax
    }

    /// The state of EVAL.
    private var scriptState: LuaState {
        if let scripts { return scripts }
        let made = LuaState(self, bytesMax: stateBytesMax, holdsLibraries: false)
        scripts = made
        return made
    }

    /// The state of functions.
    var functionState: LuaState {
        if let functions { return functions }
        let made = makeFunctionState()
        functions = made
        return made
    }

    func makeFunctionState() -> LuaState {
        LuaState(self, bytesMax: stateBytesMax, holdsLibraries: true)
    }

    func replaceFunctionState(_ state: LuaState?) { functions = state }

    // MARK: Calls

    /// What the script that a command names declares; nil when it is unknown or says nothing valid.
    public func flags(of kind: ScriptName, _ name: ByteSlice) -> ScriptFlags? {
        switch kind {
        case .body:
            let number = cache.find(engine.hash(ofName: name), name)
            if number < 0 { return try? Shebang.ofScript(name).flags }
            remembered = (name, number)
            return cache[number].flags
        case .digest:
            guard let digest = ScriptDigest(digits: name) else { return nil }
            let number = cache.find(digest)
            return number < 0 ? nil : cache[number].flags
        case .function:
            let place = library.find(name, engine.hash(ofName: name))
            return place < 0 ? nil : library[place].flags
        }
    }

    /// Runs a script and writes its reply to `client`.
    public func run(_ call: ScriptCall, client: ClientState) throws(ReplyError) {
        if call.kind == .function {
            let place = library.find(call.name, engine.hash(ofName: call.name))
            guard place >= 0 else { throw ReplyError("ERR Function not found") }
            let function = library[place]
            try run(
                call, functionState, function.reference, function.flags, name: call.name, client)
        } else if client.scriptDebugging != .off {
            try debug(call, scriptState, client: client) { () throws(ReplyError) in
                try runScript(call, client)
            }
        } else {
            try runScript(call, client)
        }
    }

    @inline(__always)
    private func runScript(_ call: ScriptCall, _ client: ClientState) throws(ReplyError) {
        let number = try find(call)
        let script = cache[number]
        try run(
            call, scriptState, script.reference, script.flags, name: cache.name(number), client)
    }

    @inline(__always)
    private func run(
        _ call: ScriptCall, _ state: LuaState, _ reference: Int32, _ flags: ScriptFlags,
        name: ByteSlice, _ client: ClientState
    ) throws(ReplyError) {
        try engine.beginScript(call, flags: flags, client: client)
        current = call
        activity.begin()
        let outcome = state.run(
            reference, keys: call.keys, arguments: call.arguments, name: name,
            isRESP3: client.output.isRESP3)
        activity.end()
        current = nil
        engine.endScript()
        switch outcome {
        case .replied: client.output.buffer.append(state.output)
        case .failed: engine.failScript(state.output, call, client, isCounted: false)
        case .failedCounted: engine.failScript(state.output, call, client, isCounted: true)
        }
        state.trimOutput()
    }

    /// The script of the cache that EVAL or EVALSHA means; EVAL compiles what is not there.
    @inline(__always)
    private func find(_ call: ScriptCall) throws(ReplyError) -> Int32 {
        if call.kind == .digest {
            guard let digest = ScriptDigest(digits: call.name) else { throw .noScript }
            let number = cache.find(digest)
            if number < 0 { throw .noScript }
            cache.use(number)
            return number
        }
        let hint = remembered
        remembered = nil
        if let hint, hint.name.isIdentical(to: call.name) {
            cache.use(hint.number)
            return hint.number
        }
        let hash = engine.hash(ofName: call.name)
        let known = cache.find(hash, call.name)
        if known >= 0 {
            cache.use(known)
            return known
        }
        let number = try compile(call.name, hash, staying: false)
        while cache.surplus >= 0 {
            drop(cache.surplus)
            evictedCount += 1
        }
        return number
    }

    private func drop(_ number: Int32) {
        scriptState.release(cache[number].reference)
        cache.remove(number)
    }

    private func compile(
        _ body: ByteSlice, _ hash: UInt64, staying: Bool
    ) throws(ReplyError) -> Int32 {
        let shebang = try Shebang.ofScript(body)
        guard let reference = scriptState.compile(body.dropFirst(shebang.length)) else {
            throw ReplyError(
                composed: "ERR Error compiling script (new function): "
                    + scriptState.output.string)
        }
        return cache.insert(
            CachedScript(
                digest: ScriptDigest(of: body), bodyHash: hash, reference: reference,
                flags: shebang.flags), body, staying: staying)
    }

    // MARK: SCRIPT

    /// SCRIPT LOAD: returns the digest in hexadecimal.
    public func load(_ source: ByteSlice) throws(ReplyError) -> [UInt8] {
        let hash = engine.hash(ofName: source)
        var number = cache.find(hash, source)
        if number >= 0 {
            cache.keep(number)
        } else {
            number = try compile(source, hash, staying: true)
        }
        return cache[number].digest.text
    }

    /// SCRIPT EXISTS.
    public func holds(digest: ByteSlice) -> Bool {
        ScriptDigest(digits: digest).map { cache.find($0) >= 0 } ?? false
    }

    /// SCRIPT SHOW.
    public func source(digest: ByteSlice) -> [UInt8]? {
        guard let digest = ScriptDigest(digits: digest) else { return nil }
        let number = cache.find(digest)
        return number < 0 ? nil : cache.text(number).array
    }

    /// SCRIPT FLUSH. A script cannot take away what it runs on.
    public func removeScripts() {
        guard current == nil else { return }
        cache.removeAll()
        remembered = nil
        scripts = nil
    }

    /// Whether a script or function runs.
    var isRunning: Bool { current != nil }

    // MARK: What Lua calls

    /// redis.call: runs the command in `commandArguments`.
    @inline(__always)
    func call() -> ByteSlice {
        engine.runFromScript(commandArguments.view(from: 0, count: commandArguments.count))
    }

    /// redis.acl_check_cmd.
    func check() -> Int32 {
        let mayRun = engine.scriptMayRun(
            commandArguments.view(from: 0, count: commandArguments.count))
        return mayRun.map { $0 ? 1 : 0 } ?? -1
    }

    func setProtocol(_ version: Int) { engine.setScriptProtocol(version) }

    func setPropagation(_ flags: Int) { engine.setScriptPropagation(flags != 0) }

    func log(_ level: Int, _ text: ByteSlice) {
        let levels: [LogLevel] = [.debug, .verbose, .notice, .warning]
        engine.host.log(levels[level], text.string)
    }

    /// Runs each `HW_LUA_HOOK_INSTRUCTIONS`; true ends the script.
    func interrupts() -> Bool {
        if let registration {
            let passed = engine.host.monotonicNanoseconds() - registration.startedNanoseconds
            guard registration.isLimited else { return false }
            return passed / 1_000_000 > LuaScripts.loadMillisecondsMax
        }
        guard let call = current, let running = engine.runningScript else { return false }
        if mustEnd?() == true {
            isEndedByNode = true
            return true
        }
        if !engine.isScriptBusy {
            guard busyMilliseconds > 0 && running.milliseconds >= busyMilliseconds else {
                return false
            }
            begin(busy: call, running.milliseconds)
        }
        serveOthers?()
        return engine.isScriptKilled
    }

    private func begin(busy call: ScriptCall, _ milliseconds: Int64) {
        let name = name(of: call)
        let command = call.kind == .function ? "FUNCTION KILL" : "SCRIPT KILL"
        engine.host.log(
            .warning,
            """
            Slow script detected: still in execution after \(milliseconds) milliseconds. You can \
            try killing the script using the \(command) command. Script name is: \
            \(String(decoding: name, as: UTF8.self)).
            """)
        markBusy(call)
    }

    /// From now on others are told that the script runs.
    func markBusy(_ call: ScriptCall) {
        engine.markScriptBusy(
            name: name(of: call), command: (0..<call.command.count).map { call.command[$0].array })
    }

    private func name(of call: ScriptCall) -> [UInt8] {
        call.kind == .function ? call.name.array : digest(of: call).text
    }

    private func digest(of call: ScriptCall) -> ScriptDigest {
        ScriptDigest(digits: call.kind == .digest ? call.name : ByteSlice())
            ?? ScriptDigest(of: call.name)
    }

    /// Why `interrupts` has ended the script.
    var interruption: ByteSlice {
        killedText.removeAll()
        if registration != nil {
            killedText.append("FUNCTION LOAD timeout")
            return killedText.readable
        }
        let text: StaticString =
            isEndedByNode
            ? "Script ended because the server shuts down."
            : current?.kind == .function
                ? "Script killed by user with FUNCTION KILL."
                : "Script killed by user with SCRIPT KILL."
        isEndedByNode = false
        killedText.append(text)
        engine.host.log(.notice, text.description)
        return killedText.readable
    }

    // MARK: Figures

    /// Figures for INFO.
    public var figures: ScriptFigures {
        var figures = ScriptFigures()
        figures.scriptBytes = scripts?.byteCount ?? 0
        figures.functionBytes = functions?.byteCount ?? 0
        figures.cacheBytes = cache.textBytes + cache.count * MemoryLayout<CachedScript>.stride
        figures.libraryBytes = libraries.reduce(0) { $0 + $1.source.count }
        figures.scriptCount = cache.count
        figures.functionCount = library.count
        figures.libraryCount = libraries.count
        figures.evictedScriptCount = evictedCount
        return figures
    }
}
