// FUNCTION: libraries come and go as wholes.
//
//   1. the first line names the library
//   2. its text runs once and registers functions: nothing is visible yet
//   3. names are compared with those of other libraries
//   4. the shelf is built anew; functions of a replaced library are released
public import Bytes
public import Commands
public import RESP

/// A library that registers its functions.
struct LibraryRegistration {
    let startedNanoseconds: Int64
    /// It may not take longer than `LuaScripts.loadMillisecondsMax`.
    let isLimited: Bool
    var functions: [ScriptFunction] = []
}

/// The functions of all libraries, found by name without allocation.
struct LibraryShelf: ~Copyable {
    /// What a call needs of a function.
    struct Place: BitwiseCopyable {
        fileprivate var nameStart: Int
        fileprivate var nameCount: Int
        var reference: Int32
        var flags: ScriptFlags
    }

    private var places = TrivialList<Place>()
    private var names = ByteBuffer()
    private var table = NameTable()
    /// Sorted by name.
    fileprivate(set) var libraries: [ScriptLibrary] = []

    /// Number of functions.
    var count: Int { places.count }

    /// The function at `place`.
    subscript(place: Int32) -> Place {
        @inline(__always) get { places[Int(place)] }
    }

    /// The place of a function; -1 if there is none.
    @inline(__always)
    func find(_ name: ByteSlice, _ hash: UInt64) -> Int32 {
        table.find(hash) { number in
            let place = places[Int(number)]
            return names.readable.slice(from: place.nameStart, count: place.nameCount) == name
        }
    }

    /// Replaces everything.
    fileprivate mutating func set(_ libraries: [ScriptLibrary], hash: (ByteSlice) -> UInt64) {
        self.libraries = libraries.sorted {
            $0.name.lexicographicallyPrecedes($1.name)
        }
        places.removeAll()
        names.removeAll()
        table.removeAll()
        for library in libraries {
            for function in library.functions {
                let start = names.count
                names.append(function.name)
                table.insert(function.name.withByteSlice { hash($0) }, Int32(places.count))
                places.append(
                    Place(
                        nameStart: start, nameCount: function.name.count,
                        reference: function.reference, flags: function.flags))
            }
        }
    }
}

extension LuaScripts {
    /// Libraries in the order of their names.
    public var libraries: [ScriptLibrary] { library.libraries }

    private func set(_ libraries: [ScriptLibrary]) {
        library.set(libraries) { engine.hash(ofName: $0) }
    }

    // MARK: Loading

    /// redis.register_function: a problem, or nothing.
    func register(
        _ name: ByteSlice, _ description: ByteSlice?, flags: UInt32, reference: Int32
    ) -> ByteSlice {
        guard registration != nil else { preconditionFailure("no library is loaded") }
        let bytes = name.array
        guard Shebang.isValidName(bytes) else {
            return ByteSlice(
                """
                Library names can only contain letters, numbers, or underscores(_) and must be \
                at least one character long
                """)
        }
        if registration?.functions.contains(where: { $0.name == bytes }) == true {
            return ByteSlice("Function already exists in the library")
        }
        registration?.functions.append(
            ScriptFunction(
                name: bytes, description: description?.array,
                flags: ScriptFlags(rawValue: flags), reference: reference))
        return ByteSlice()
    }

    /// Runs a library in `state`; it is not on the shelf yet.
    private func make(
        _ source: ByteSlice, in state: LuaState, isLimited: Bool
    ) throws(ReplyError) -> ScriptLibrary {
        let shebang = try Shebang.ofLibrary(source)
        registration = LibraryRegistration(
            startedNanoseconds: engine.host.monotonicNanoseconds(), isLimited: isLimited)
        activity.begin()
        let isLoaded = state.loadLibrary(source.dropFirst(shebang.length))
        activity.end()
        let functions = registration?.functions ?? []
        registration = nil
        guard isLoaded else {
            release(functions, of: state)
            throw ReplyError(composed: "ERR " + state.output.string)
        }
        if functions.isEmpty { throw ReplyError("ERR No functions registered") }
        return ScriptLibrary(name: shebang.name, source: source.array, functions: functions)
    }

    private func make(
        _ source: [UInt8], in state: LuaState
    ) throws(ReplyError) -> ScriptLibrary {
        // A closure that throws a library crashes the compiler (Swift 6.3.1).
        var outcome = Result<ScriptLibrary, ReplyError>.failure(.syntax)
        source.withByteSlice { slice in
            do throws(ReplyError) {
                outcome = .success(try make(slice, in: state, isLimited: false))
            } catch {
                outcome = .failure(error)
            }
        }
        return try outcome.get()
    }

    private func release(_ functions: [ScriptFunction], of state: LuaState) {
        for function in functions { state.release(function.reference) }
    }

    /// The first name of a function that occurs in two of `libraries`.
    private func duplicate(_ libraries: [ScriptLibrary]) -> [UInt8]? {
        var seen = Set<[UInt8]>()
        for library in libraries {
            for function in library.functions where !seen.insert(function.name).inserted {
                return function.name
            }
        }
        return nil
    }

    private func refuseNested() throws(ReplyError) {
        if isRunning { throw ReplyError("ERR libraries can not be changed by a script") }
    }

    /// FUNCTION LOAD: returns the library's name.
    public func loadLibrary(
        _ source: ByteSlice, replacing: Bool, isLimited: Bool
    ) throws(ReplyError) -> [UInt8] {
        try refuseNested()
        let name = try Shebang.ofLibrary(source).name
        let old = libraries.first { $0.name == name }
        if old != nil && !replacing {
            throw ReplyError(
                composed: "ERR Library '\(String(decoding: name, as: UTF8.self))' already exists")
        }
        let made = try make(source, in: functionState, isLimited: isLimited)
        let all = libraries.filter { $0.name != name } + [made]
        if let twice = duplicate(all) {
            release(made.functions, of: functionState)
            throw ReplyError(
                composed: "ERR Function \(String(decoding: twice, as: UTF8.self)) already exists")
        }
        set(all)
        if let old { release(old.functions, of: functionState) }
        return name
    }

    /// FUNCTION DELETE; false when there is no such library.
    public func removeLibrary(_ name: ByteSlice) -> Bool {
        let name = name.array
        guard !isRunning, let old = libraries.first(where: { $0.name == name }) else {
            return false
        }
        set(libraries.filter { $0.name != name })
        release(old.functions, of: functionState)
        return true
    }

    /// FUNCTION FLUSH.
    public func removeLibraries() {
        guard !isRunning else { return }
        set([])
        replaceFunctionState(nil)
    }

    /// FUNCTION RESTORE: all of `sources` or none.
    public func restoreLibraries(
        _ sources: [[UInt8]], _ policy: LibraryPolicy
    ) throws(ReplyError) {
        try refuseNested()
        let state = policy == .flush ? makeFunctionState() : functionState
        var made: [ScriptLibrary] = []
        do throws(ReplyError) {
            for source in sources {
                let library = try make(source, in: state)
                made.append(library)
                if made.dropLast().contains(where: { $0.name == library.name }) {
                    throw alreadyExists("Library", library.name)
                }
            }
            try join(made, policy, state)
        } catch {
            for library in made { release(library.functions, of: state) }
            throw error
        }
    }

    private func join(
        _ made: [ScriptLibrary], _ policy: LibraryPolicy, _ state: LuaState
    ) throws(ReplyError) {
        let names = Set(made.map(\.name))
        var kept = policy == .flush ? [] : libraries
        if policy == .append, let twice = kept.first(where: { names.contains($0.name) }) {
            throw alreadyExists("Library", twice.name)
        }
        let replaced = policy == .flush ? [] : kept.filter { names.contains($0.name) }
        kept.removeAll { names.contains($0.name) }
        if let twice = duplicate(kept + made) { throw alreadyExists("Function", twice) }
        set(kept + made)
        if policy == .flush {
            replaceFunctionState(state)
        } else {
            for library in replaced { release(library.functions, of: state) }
        }
    }

    private func alreadyExists(_ what: String, _ name: [UInt8]) -> ReplyError {
        ReplyError(
            composed: "ERR \(what) \(String(decoding: name, as: UTF8.self)) already exists")
    }
}
