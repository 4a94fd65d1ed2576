// The manifest of a multi-part append-only file, exactly as Redis 7 and Valkey write and read it.
//
//   file appendonly.aof.2.base.rdb seq 2 type b        the snapshot the log starts from: at most
//   one file appendonly.aof.1.incr.aof seq 1 type h        history: may be deleted by the server
//   file appendonly.aof.2.incr.aof seq 2 type i        increments, sequence numbers rising
//
// Lines are `name value` pairs; `#` starts a comment; unknown names are skipped. The texts of the
// errors are those of redis-server, since operators and test suites look for them.

public import Bytes

/// What is wrong with a manifest, with the line that says so.
public struct AOFManifestError: Error, Equatable, Sendable {
    /// Number of the line, from 1.
    public let line: Int
    /// The line's text; empty when the file is empty.
    public let content: String
    /// redis-server's words for the problem.
    public let reason: String
}

/// The files of one append-only log, in the order in which they are loaded.
public struct AOFManifest: Equatable, Sendable {
    /// One file of the log.
    public struct File: Equatable, Sendable {
        /// Its name inside the folder.
        public var name: String
        /// Its sequence number.
        public var sequence: Int64

        /// A file.
        public init(name: String, sequence: Int64) {
            self.name = name
            self.sequence = sequence
        }
    }

    /// The snapshot that the increments start from.
    public var base: File?
    /// Files a rewrite has replaced and nobody has deleted yet.
    public var history: [File] = []
    /// The log files, oldest first.
    public var increments: [File] = []

    /// A manifest without files.
    public init() {}

    /// The name of the manifest of the log `appendfilename`.
    public static func fileName(_ appendFileName: String) -> String { "\(appendFileName).manifest" }
    /// The name under which a new manifest is written before it replaces the old one.
    public static func temporaryFileName(_ appendFileName: String) -> String {
        "temp-\(appendFileName).manifest"
    }
    /// The name of the base with `sequence`, an RDB file.
    public static func baseName(_ appendFileName: String, sequence: Int64) -> String {
        "\(appendFileName).\(sequence).base.rdb"
    }
    /// The name of the increment with `sequence`.
    public static func incrementName(_ appendFileName: String, sequence: Int64) -> String {
        "\(appendFileName).\(sequence).incr.aof"
    }

    /// The highest sequence number of a base, 0 without one.
    public var baseSequence: Int64 { base?.sequence ?? 0 }
    /// The highest sequence number of an increment, 0 without one.
    public var incrementSequence: Int64 { increments.last?.sequence ?? 0 }

    /// The text of the manifest.
    public func format(into output: inout ByteBuffer) {
        if let base { AOFManifest.append(base, type: "b", into: &output) }
        for file in history { AOFManifest.append(file, type: "h", into: &output) }
        for file in increments { AOFManifest.append(file, type: "i", into: &output) }
    }

    private static func append(_ file: File, type: StaticString, into output: inout ByteBuffer) {
        output.append("file ")
        QuotedText.append(file.name, into: &output)
        output.append(" seq ")
        output.append(decimal: file.sequence)
        output.append(" type ")
        output.append(type)
        output.append("\n")
    }

    /// Reads a manifest.
    public init(parsing text: ByteSlice) throws(AOFManifestError) {
        var lineNumber = 0
        var start = 0
        while start < text.count {
            lineNumber += 1
            let end = text.firstIndex(of: 0x0A, from: start)
            let line = text.slice(from: start, count: (end ?? text.count) - start)
            start = (end ?? text.count) + 1
            if !line.isEmpty, line[0] == 0x23 { continue }
            do throws(AOFManifestProblem) {
                guard end != nil, line.count < LogLimits.manifestLineBytesMax - 1 else {
                    throw AOFManifestProblem.tooLongLine
                }
                try add(line)
            } catch {
                throw AOFManifestError(
                    line: lineNumber, content: line.string, reason: error.rawValue)
            }
        }
        guard lineNumber > 0 else {
            throw AOFManifestError(
                line: 0, content: "", reason: AOFManifestProblem.empty.rawValue)
        }
    }

    private mutating func add(_ line: ByteSlice) throws(AOFManifestProblem) {
        guard let words = QuotedText.split(line), words.count >= 6, words.count % 2 == 0 else {
            throw .invalidFormat
        }
        var name = ""
        var sequence: Int64 = 0
        var type = ""
        for index in stride(from: 0, to: words.count, by: 2) {
            switch words[index].lowercased() {
            case "file": name = words[index + 1]
            case "seq": sequence = Int64(words[index + 1]) ?? 0
            case "type": type = String(words[index + 1].prefix(1))
            default: break
            }
        }
        guard !name.contains("/"), !name.contains("\\") else { throw .path }
        guard !name.isEmpty, sequence != 0, sequence <= LogLimits.positionMax, !type.isEmpty
        else { throw .invalidFormat }
        let file = File(name: name, sequence: sequence)
        switch type {
        case "b":
            guard base == nil else { throw .duplicateBase }
            base = file
        case "h":
            history.append(file)
        case "i":
            guard sequence > incrementSequence else { throw .notMonotonic }
            increments.append(file)
        default:
            throw .unknownType
        }
    }
}

/// redis-server's texts.
private enum AOFManifestProblem: String, Error {
    case empty = "Found an empty AOF manifest"
    case tooLongLine = "The AOF manifest file contains too long line"
    case invalidFormat = "Invalid AOF manifest file format"
    case path = "File can't be a path, just a filename"
    case duplicateBase = "Found duplicate base file information"
    case notMonotonic = "Found a non-monotonic sequence number"
    case unknownType = "Unknown AOF file type"
}
