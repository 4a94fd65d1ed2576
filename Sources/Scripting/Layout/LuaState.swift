// One Lua state behind a safe face.
//
//   LuaState ──owns──► hw_lua ──► host functions ──► LuaScripts (unowned context)
//
// Invariants
//   `base` is valid from init to deinit;
//   the context is the `LuaScripts` that owns the state, so it lives longer;
//   a slice that C hands out is valid until the next call into the state.

internal import Bytes
internal import CLua

/// How a run has ended.
enum LuaOutcome {
    /// The output is the reply.
    case replied
    /// The output is an error reply.
    case failed
    /// The output is an error reply that was counted when the command failed.
    case failedCounted
}

/// A Lua state with its sandbox. Engine thread only.
@safe
final class LuaState {
    private let base: OpaquePointer
    private var arguments: UnsafeMutablePointer<hw_bytes>
    private var argumentCapacity = 64

    /// A new state whose scripts call `scripts`; a machine without memory for it ends the process.
    init(_ scripts: LuaScripts, bytesMax: Int, holdsLibraries: Bool) {
        let context = unsafe Unmanaged.passUnretained(scripts).toOpaque()
        let host = unsafe LuaState.host(context)
        // The text is copied while the sandbox is built.
        let made = unsafe LuaScripts.version.withCString { version in
            unsafe hw_lua_create(
                host,
                hw_lua_options(
                    version: version, version_number: LuaScripts.versionNumber,
                    bytes_max: bytesMax, holds_libraries: holdsLibraries))
        }
        guard let made = unsafe made else { preconditionFailure("no memory for an interpreter") }
        unsafe base = made
        unsafe arguments = .allocate(capacity: argumentCapacity)
    }

    deinit {
        unsafe hw_lua_destroy(base)
        unsafe arguments.deallocate()
    }

    // MARK: Calls

    /// Compiles a script; nil: `output` says why not.
    func compile(_ source: ByteSlice) -> Int32? {
        let reference = unsafe hw_lua_compile(base, LuaState.bytes(source))
        return reference >= 0 ? reference : nil
    }

    /// Runs a library so that it registers its functions; false: `output` says why not.
    func loadLibrary(_ source: ByteSlice) -> Bool {
        unsafe hw_lua_load_library(base, LuaState.bytes(source))
    }

    /// Forgets a script or function.
    func release(_ reference: Int32) { unsafe hw_lua_release(base, reference) }

    /// Runs a script or function; the reply or error is in `output`.
    func run(
        _ reference: Int32, keys: ByteSliceView, arguments values: ByteSliceView, name: ByteSlice,
        isRESP3: Bool
    ) -> LuaOutcome {
        let count = keys.count + values.count
        if count > argumentCapacity { grow(to: count) }
        for index in 0..<keys.count {
            unsafe arguments[index] = LuaState.bytes(keys[index])
        }
        for index in 0..<values.count {
            unsafe arguments[keys.count + index] = LuaState.bytes(values[index])
        }
        let call = unsafe hw_lua_call(
            keys: UnsafePointer(arguments), key_count: keys.count,
            arguments: UnsafePointer(arguments + keys.count), argument_count: values.count,
            name: LuaState.bytes(name), reply_protocol: isRESP3 ? 3 : 2)
        switch unsafe hw_lua_run(base, reference, call) {
        case HW_LUA_REPLIED: return .replied
        case HW_LUA_FAILED_COUNTED: return .failedCounted
        default: return .failed
        }
    }

    private func grow(to count: Int) {
        unsafe arguments.deallocate()
        argumentCapacity = count * 2
        unsafe arguments = .allocate(capacity: argumentCapacity)
    }

    // MARK: The debugger

    /// Begins a session for the next run of the script `source`, which stays where it is until
    /// `endDebugging`; false when there is no memory for it.
    func beginDebugging(_ source: ByteSlice) -> Bool {
        unsafe hw_lua_debug_begin(base, LuaState.bytes(source))
    }

    /// Ends the session.
    func endDebugging() { unsafe hw_lua_debug_end(base) }

    /// Hands `words` to C, in the memory of the arguments: the script has taken those long ago.
    fileprivate func show(
        _ words: borrowing ByteSliceList, at place: UnsafeMutablePointer<UnsafePointer<hw_bytes>?>
    ) -> Int {
        let list = words.view(from: 0, count: words.count)
        if list.count > argumentCapacity { grow(to: list.count) }
        for index in 0..<list.count { unsafe arguments[index] = LuaState.bytes(list[index]) }
        unsafe place.pointee = UnsafePointer(arguments)
        return list.count
    }

    /// What the last call has left; valid until the next one.
    var output: ByteSlice { unsafe LuaState.slice(hw_lua_output(base)) }

    /// Gives the memory of a large output back.
    func trimOutput() { unsafe hw_lua_trim_output(base) }

    /// Sets the most memory that the state may use.
    func limit(bytesMax: Int) { unsafe hw_lua_limit(base, bytesMax) }

    /// Bytes of memory.
    var byteCount: Int { unsafe hw_lua_bytes(base) }

    /// Collects all garbage.
    func collect() { unsafe hw_lua_collect(base) }

    // MARK: Bytes of both sides

    @inline(__always)
    private static func bytes(_ slice: ByteSlice) -> hw_bytes {
        unsafe slice.withUnsafeBytes { raw in
            unsafe hw_bytes(
                base: raw.baseAddress?.assumingMemoryBound(to: UInt8.self), count: raw.count)
        }
    }

    @inline(__always)
    private static func slice(_ bytes: hw_bytes) -> ByteSlice {
        unsafe ByteSlice(base: bytes.count == 0 ? nil : bytes.base, count: bytes.count)
    }

    // MARK: What Lua calls

    @inline(__always)
    private static func scripts<Result>(
        _ context: UnsafeMutableRawPointer?, _ body: (LuaScripts) -> Result
    ) -> Result {
        guard let context = unsafe context else { preconditionFailure("a state without owner") }
        return unsafe Unmanaged<LuaScripts>.fromOpaque(context)._withUnsafeGuaranteedRef {
            body($0)
        }
    }

    private static func host(_ context: UnsafeMutableRawPointer) -> hw_lua_host {
        unsafe hw_lua_host(
            context: context,
            call: { context, words, count in
                unsafe LuaState.scripts(context) { scripts in
                    unsafe LuaState.collect(words, count, into: &scripts.commandArguments)
                    return unsafe LuaState.bytes(scripts.call())
                }
            },
            interrupt: { context in unsafe LuaState.scripts(context) { $0.interrupts() } },
            interruption: { context in
                unsafe LuaState.scripts(context) { unsafe LuaState.bytes($0.interruption) }
            },
            log: { context, level, text in
                unsafe LuaState.scripts(context) { $0.log(Int(level), unsafe LuaState.slice(text)) }
            },
            set_protocol: { context, version in
                unsafe LuaState.scripts(context) { $0.setProtocol(Int(version)) }
            },
            set_propagation: { context, flags in
                unsafe LuaState.scripts(context) { $0.setPropagation(Int(flags)) }
            },
            check: { context, words, count in
                unsafe LuaState.scripts(context) { scripts in
                    unsafe LuaState.collect(words, count, into: &scripts.commandArguments)
                    return scripts.check()
                }
            },
            digest: { _, text, digits in
                let digest = ScriptDigest(of: unsafe LuaState.slice(text))
                for index in 0..<ScriptDigest.digitCount { unsafe digits[index] = digest[index] }
            },
            debug_send: { context, text in
                unsafe LuaState.scripts(context) { scripts in
                    scripts.debugger?.console.send(unsafe LuaState.slice(text))
                }
            },
            debug_next: { context, words in
                unsafe LuaState.scripts(context) { scripts in
                    guard scripts.nextDebuggerCommand(), let session = scripts.debugger else {
                        return 0
                    }
                    return unsafe session.state.show(session.words, at: words)
                }
            },
            register_function: { context, name, description, flags, reference in
                unsafe LuaState.scripts(context) { scripts in
                    unsafe LuaState.bytes(
                        scripts.register(
                            LuaState.slice(name),
                            description.base == nil ? nil : LuaState.slice(description),
                            flags: flags, reference: reference))
                }
            })
    }

    @inline(__always)
    private static func collect(
        _ words: UnsafePointer<hw_bytes>, _ count: Int, into list: inout ByteSliceList
    ) {
        list.removeAll()
        var index = 0
        while index < count {
            list.append(unsafe slice(words[index]))
            index &+= 1
        }
    }
}
