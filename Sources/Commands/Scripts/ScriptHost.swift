// What the command core asks of the interpreter of scripts, which lives in a module above it.
//
//   EVAL, FCALL, SCRIPT, FUNCTION ──► ScriptHost ──► interpreter
//                                                        │ redis.call
//          CommandEngine.runFromScript ◄─────────────────┘
public import Bytes
public import RESP

/// What a script or function declares about itself (`#!lua flags=…`, `flags = {…}`).
public struct ScriptFlags: OptionSet, Sendable, BitwiseCopyable {
    /// The bits: those of the interpreter's binding.
    public let rawValue: UInt32
    /// From bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// It calls no command that writes.
    public static let noWrites = ScriptFlags(rawValue: 1 << 0)
    /// It may run when memory is short.
    public static let allowOutOfMemory = ScriptFlags(rawValue: 1 << 1)
    /// It may run on a replica whose data may be old.
    public static let allowStale = ScriptFlags(rawValue: 1 << 2)
    /// It must not run in cluster mode.
    public static let noCluster = ScriptFlags(rawValue: 1 << 3)
    /// It may use keys of several slots.
    public static let allowCrossSlotKeys = ScriptFlags(rawValue: 1 << 4)
    /// It declares nothing: a script without `#!`, whose commands are checked one by one.
    public static let undeclared = ScriptFlags(rawValue: 1 << 31)

    /// Flags with the names that scripts use, in Redis' order.
    public static let names: [(flag: ScriptFlags, name: StaticString)] = [
        (.noWrites, "no-writes"), (.allowOutOfMemory, "allow-oom"), (.allowStale, "allow-stale"),
        (.noCluster, "no-cluster"), (.allowCrossSlotKeys, "allow-cross-slot-keys"),
    ]
}

/// How a script is named in a command.
public enum ScriptName: Sendable {
    /// By its text: EVAL.
    case body
    /// By the digest of its text: EVALSHA.
    case digest
    /// As a function of a library: FCALL.
    case function
}

/// One call of a script.
public struct ScriptCall {
    /// What `name` is.
    public let kind: ScriptName
    /// Text, digest or name of the function; valid until the command ends.
    public let name: ByteSlice
    /// Names of keys.
    public let keys: Arguments
    /// Further arguments.
    public let arguments: Arguments
    /// The command was one that only reads (`_RO`).
    public let isReadOnly: Bool
    /// All arguments of the command, for FUNCTION STATS.
    public let command: Arguments
}

/// A function of a library.
public struct ScriptFunction: Sendable {
    /// Name that FCALL uses.
    public let name: [UInt8]
    /// What the library says about it.
    public let description: [UInt8]?
    /// What it declares.
    public let flags: ScriptFlags
    /// Where the interpreter keeps it.
    public let reference: Int32

    /// A function.
    public init(name: [UInt8], description: [UInt8]?, flags: ScriptFlags, reference: Int32) {
        self.name = name
        self.description = description
        self.flags = flags
        self.reference = reference
    }
}

/// A library of functions.
public struct ScriptLibrary: Sendable {
    /// Its name.
    public let name: [UInt8]
    /// Its text, the line `#!lua name=…` included.
    public let source: [UInt8]
    /// Its functions in the order of their registration.
    public let functions: [ScriptFunction]

    /// A library.
    public init(name: [UInt8], source: [UInt8], functions: [ScriptFunction]) {
        self.name = name
        self.source = source
        self.functions = functions
    }
}

/// What FUNCTION RESTORE and a loaded file do with libraries that exist.
public enum LibraryPolicy: Sendable {
    /// Those that exist stay; a name that occurs twice is an error.
    case append
    /// Libraries of the same name are replaced.
    case replace
    /// All that exist are removed.
    case flush
}

/// Figures of the interpreter for INFO.
public struct ScriptFigures: Sendable {
    /// Bytes of the interpreter that runs EVAL.
    public var scriptBytes = 0
    /// Bytes of the interpreter that runs functions.
    public var functionBytes = 0
    /// Bytes of the texts of scripts and their entries in the cache.
    public var cacheBytes = 0
    /// Bytes of the texts of libraries.
    public var libraryBytes = 0
    /// Scripts in the cache.
    public var scriptCount = 0
    /// Functions of all libraries.
    public var functionCount = 0
    /// Libraries.
    public var libraryCount = 0
    /// Scripts that were dropped from the cache to make room.
    public var evictedScriptCount: Int64 = 0
    /// No scripts.
    public init() {}
}

/// What SCRIPT DEBUG has asked for.
public enum ScriptDebugging: Sendable {
    /// Scripts just run.
    case off
    /// The next EVAL runs under the debugger, in the engine (SYNC).
    case inEngine
    /// The next EVAL runs under the debugger, on a copy of the data set (YES).
    case onCopy
}

/// The interpreter of scripts. Engine thread only.
public protocol ScriptHost: AnyObject {
    /// What the script that a command names declares; nil when it is unknown or says nothing valid.
    func flags(of kind: ScriptName, _ name: ByteSlice) -> ScriptFlags?
    /// Runs a script and writes its reply to `client`.
    func run(_ call: ScriptCall, client: ClientState) throws(ReplyError)
    /// SCRIPT LOAD: returns the digest in hexadecimal.
    func load(_ source: ByteSlice) throws(ReplyError) -> [UInt8]
    /// SCRIPT EXISTS.
    func holds(digest: ByteSlice) -> Bool
    /// SCRIPT SHOW: the text of a script.
    func source(digest: ByteSlice) -> [UInt8]?
    /// SCRIPT FLUSH.
    func removeScripts()

    /// Libraries in the order of their names.
    var libraries: [ScriptLibrary] { get }
    /// FUNCTION LOAD: returns the library's name. `isLimited`: it may not take long.
    func loadLibrary(
        _ source: ByteSlice, replacing: Bool, isLimited: Bool
    ) throws(ReplyError) -> [UInt8]
    /// FUNCTION DELETE; false when there is no such library.
    func removeLibrary(_ name: ByteSlice) -> Bool
    /// FUNCTION FLUSH.
    func removeLibraries()
    /// FUNCTION RESTORE: all of `sources` or none.
    func restoreLibraries(_ sources: [[UInt8]], _ policy: LibraryPolicy) throws(ReplyError)

    /// Figures for INFO.
    var figures: ScriptFigures { get }
}
