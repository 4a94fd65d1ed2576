// The first line of a script or library, which says what it is.
//
//   #!lua flags=no-writes,allow-stale          a script of EVAL
//   #!lua name=mylibrary                       a library of FUNCTION LOAD
internal import Bytes
internal import Commands
internal import RESP

/// A parsed first line.
struct Shebang {
    /// Bytes before the line's end: what Lua must not see. The line end stays, for line numbers.
    var length = 0
    var flags: ScriptFlags = .undeclared
    /// The library's name.
    var name: [UInt8] = []

    /// Reads the first line of a script; one without such a line declares nothing.
    static func ofScript(_ text: ByteSlice) throws(ReplyError) -> Shebang {
        var result = Shebang()
        guard isPresent(text) else { return result }
        guard let end = text.firstIndex(of: 0x0A) else {
            throw ReplyError("ERR Invalid script shebang")
        }
        result.length = end
        result.flags = []
        let words = words(text.prefix(end))
        guard words.first == "#!lua" else {
            throw ReplyError(
                composed: "ERR Unexpected engine in script shebang: \(words.first ?? "")")
        }
        for word in words.dropFirst() {
            guard word.hasPrefix("flags=") else {
                throw ReplyError(composed: "ERR Unknown lua shebang option: \(word)")
            }
            let flags = word.dropFirst("flags=".count)
            if flags.isEmpty { continue }
            for name in flags.split(separator: ",", omittingEmptySubsequences: false) {
                guard let row = ScriptFlags.names.first(where: { $0.name.description == name })
                else {
                    throw ReplyError(
                        composed: "ERR Unexpected flag in script shebang: \(name)")
                }
                result.flags.insert(row.flag)
            }
        }
        return result
    }

    /// Reads the first line of a library.
    static func ofLibrary(_ text: ByteSlice) throws(ReplyError) -> Shebang {
        guard isPresent(text) else { throw ReplyError("ERR Missing library metadata") }
        guard let end = text.firstIndex(of: 0x0A) else {
            throw ReplyError("ERR Invalid library metadata")
        }
        var result = Shebang(length: end, flags: [])
        let words = words(text.prefix(end))
        var name: Substring?
        for word in words.dropFirst() {
            guard word.lowercased().hasPrefix("name=") else {
                throw ReplyError(composed: "ERR Invalid metadata value given: \(word)")
            }
            if name != nil {
                throw ReplyError(
                    """
                    ERR Invalid metadata value, name argument was given multiple times
                    """)
            }
            name = word.dropFirst("name=".count)
        }
        guard let name else { throw ReplyError("ERR Library name was not given") }
        result.name = Array(name.utf8)
        guard isValidName(result.name) else {
            throw ReplyError(composed: "ERR " + invalidName)
        }
        let engine = words.first?.dropFirst(2) ?? ""
        guard engine.lowercased() == "lua" else {
            throw ReplyError(composed: "ERR Engine '\(engine)' not found")
        }
        return result
    }

    /// What a wrong name of a library or function is answered with.
    static let invalidName = """
        Library names can only contain letters, numbers, or underscores(_) and must be at least \
        one character long
        """

    /// Whether these bytes may name a library or function.
    static func isValidName(_ name: [UInt8]) -> Bool {
        !name.isEmpty
            && name.allSatisfy { byte in
                byte == UInt8(ascii: "_") || byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26
            }
    }

    private static func isPresent(_ text: ByteSlice) -> Bool {
        text.count >= 2 && text[0] == UInt8(ascii: "#") && text[1] == UInt8(ascii: "!")
    }

    private static func words(_ line: ByteSlice) -> [Substring] {
        line.string.split { $0 == " " || $0 == "\t" || $0 == "\r" || $0 == "\r\n" }
    }
}
