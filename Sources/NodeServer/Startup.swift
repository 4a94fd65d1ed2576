// From the command line to a running node.
//
//   headwater-node [CONFIG-FILE | -] [--directive value …]
//
//   1. settings: file, then command line; an error ends with status 1 and Redis' message
//   2. working directory, pid file, signals
//   3. listeners; a port that is taken ends with `Failed listening on port` and status 1
//   4. control port
//   5. `Server initialized`, data set, `Ready to accept connections`
//   6. the loop, until a shutdown

import Diagnostics
import EventLoop
import Bytes
import Directives
import Logging
import Platform
import RESP

/// The program `headwater-node`.
enum Startup {
    /// Largest configuration file.
    static let configurationBytesMax = 16 << 20
    /// What messages call this server.
    static let serverName = "\(Version.name) \(Version.own), Redis \(Version.compatible)"

    /// Runs the program; returns its exit status.
    static func run(arguments: [String]) -> Int32 {
        let arguments = Array(arguments.dropFirst())
        switch arguments.first {
        case "-v", "--version":
            StandardStream.output.write(
                text:
                    "Headwater node v=\(Version.own) redis=\(Version.compatible) "
                    + "bits=\(Int.bitWidth)\n")
            return 0
        case "-h", "--help":
            StandardStream.output.write(
                text: usage + "\n")
            return 0
        case "--print-config":
            StandardStream.output.write(
                text: NodeDirectives.table.reference(NodeSettings()))
            return 0
        case DebuggerCopyProgram.option:
            return DebuggerCopyProgram.run(Array(arguments.dropFirst()))
        default: break
        }
        do throws(ConfigFileError) {
            let configuration = try load(arguments)
            return run(configuration)
        } catch {
            StandardStream.error.write(text: error.message(server: serverName))
            return 1
        }
    }

    /// The usage text.
    static let usage = """
        Usage: headwater-node [CONFIG-FILE | -] [--directive value ...]
               headwater-node --print-config    every directive with its default
               headwater-node --version

        Examples:
               headwater-node
               headwater-node /etc/headwater/node.conf
               headwater-node --port 7001 --appendonly yes
               headwater-node node.conf --replicaof 127.0.0.1 7001
        """

    // MARK: Settings

    struct Configuration {
        var settings: NodeSettings
        /// Absolute path; nil without a file.
        var file: String?
    }

    /// Reads the file and the options behind it.
    static func load(_ arguments: [String]) throws(ConfigFileError) -> Configuration {
        let commandLine = ConfigCommandLine(arguments)
        var text: [UInt8] = []
        var file: String?
        if let path = commandLine.file {
            do throws(SystemError) {
                if path == "-" {
                    text = try StandardInput.read(bytesMax: configurationBytesMax)
                } else {
                    text = try FileSystem.read(path, bytesMax: configurationBytesMax)
                    file = try absolute(path)
                }
            } catch {
                throw ConfigFileError(
                    line: 0, text: path, reason: "can't open config file '\(path)': \(error.reason)"
                )
            }
        }
        if !text.isEmpty && text.last != 0x0A { text.append(0x0A) }
        text += Array(commandLine.lines.utf8)
        var settings = NodeSettings()
        try NodeDirectives.table.load(text, into: &settings) { (pattern) throws(DirectiveError) in
            try include(pattern)
        }
        return Configuration(settings: settings, file: file)
    }

    private static func absolute(_ path: String) throws(SystemError) -> String {
        path.hasPrefix("/") ? path : try FileSystem.workingDirectory() + "/" + path
    }

    /// The contents of the files that an `include` pattern names, in the order of their names.
    private static func include(_ pattern: String) throws(DirectiveError) -> [[UInt8]] {
        do throws(SystemError) {
            guard pattern.contains(where: { "*?[".contains($0) }) else {
                return [try FileSystem.read(pattern, bytesMax: configurationBytesMax)]
            }
            let folder = FileSystem.directory(of: pattern)
            let slash = pattern.lastIndex(of: "/").map(pattern.index(after:))
            let namePattern = Array(pattern[(slash ?? pattern.startIndex)...].utf8)
            let names = try FileSystem.list(folder).sorted().filter { name in
                namePattern.withByteSlice { pattern in
                    Array(name.utf8).withByteSlice { Glob.matches(pattern: pattern, text: $0) }
                }
            }
            var contents: [[UInt8]] = []
            for name in names {
                contents.append(
                    try FileSystem.read("\(folder)/\(name)", bytesMax: configurationBytesMax))
            }
            return contents
        } catch {
            throw DirectiveError("can't open config file '\(pattern)': \(error.reason)")
        }
    }

    // MARK: Running

    private static func run(_ configuration: Configuration) -> Int32 {
        var settings = configuration.settings
        let output = LogOutput(
            destination: settings.logFile.isEmpty
                ? .standardOutput : .file(path: settings.logFile),
            level: settings.logLevel.level, role: "M")
        let log = Logger(label: "node", output: output)
        log.notice("oO0OoO0OoO0Oo Headwater is starting oO0OoO0OoO0Oo")
        log.notice(
            """
            Headwater version=\(Version.own), Redis version=\(Version.compatible), \
            bits=\(Int.bitWidth), pid=\(ProcessFacts.processID), just started
            """)
        log.notice("Configuration loaded")
        do throws(StartFailure) {
            try prepareProcess(&settings)
            let node = try make(settings, file: configuration.file, output: output, log: log)
            try node.start()
            node.loop.run()
            return node.shutdown.exitStatus
        } catch {
            log.critical("\(error.message)")
            return 1
        }
    }

    private static func make(
        _ settings: NodeSettings, file: String?, output: LogOutput, log: Logger
    ) throws(StartFailure) -> Node {
        let folderLock = try lockFolder(settings.directory, log)
        do throws(SystemError) {
            let node = try Node(
                settings: settings, configurationFile: file, output: output, log: log)
            node.folderLock = folderLock
            return node
        } catch {
            throw StartFailure("Cannot set the node up: \(error)")
        }
    }

    private static func prepareProcess(_ settings: inout NodeSettings) throws(StartFailure) {
        do throws(SystemError) {
            Signals.ignoreBrokenPipe()
            Signals.ignoreFileSizeLimit()
            try Signals.block(Node.signals)
            try FileSystem.changeDirectory(settings.directory)
            settings.directory = try FileSystem.workingDirectory()
        } catch {
            throw StartFailure("Can't chdir to '\(settings.directory)': \(error.reason)")
        }
        if !settings.pidFile.isEmpty {
            // As in Redis, a node that cannot write its pid file still serves.
            try? FileSystem.replace(
                settings.pidFile, with: Array("\(ProcessFacts.processID)\n".utf8))
        }
        try readClusterSecret(&settings)
    }

    /// Locks the data folder against a second node. One that nothing can be written to needs no
    /// lock.
    private static func lockFolder(
        _ path: String, _ log: Logger
    ) throws(StartFailure) -> FolderLock? {
        do throws(FolderLock.Failure) {
            return try FolderLock(path, name: Node.lockName)
        } catch {
            switch error {
            case .held(let holder):
                throw StartFailure(
                    """
                    The data folder \(path) is in use by the node with process id \(holder): two \
                    nodes on one folder would destroy each other's data. Give this one a folder of \
                    its own with 'dir', or end the other first.
                    """)
            case .system(let error):
                log.warning("The data folder is not locked: \(error)")
                return nil
            }
        }
    }

    /// Reads the file of the cluster secret, unless the secret itself is given.
    static func readClusterSecret(_ settings: inout NodeSettings) throws(StartFailure) {
        guard settings.clusterSecret.isEmpty, !settings.clusterSecretFile.isEmpty else { return }
        do throws(SystemError) {
            let bytes = try FileSystem.read(settings.clusterSecretFile, bytesMax: 4096)
            let line = String(decoding: bytes.prefix { $0 != 0x0A && $0 != 0x0D }, as: UTF8.self)
            guard !line.isEmpty else {
                throw SystemError(call: "read", code: 0).about(settings.clusterSecretFile)
            }
            settings.clusterSecretOfFile = line
        } catch {
            throw StartFailure("Cannot read the cluster secret: \(error)")
        }
    }
}

/// Why a node does not start; the last line of its log.
struct StartFailure: Error {
    let message: String

    init(_ message: String) { self.message = message }
}

/// The entry point of the executable.
public enum NodeProgram {
    /// Runs the program with the arguments of the process and ends it.
    public static func runAndExit() -> Never {
        ProcessFacts.exit(code: Startup.run(arguments: ProcessFacts.arguments))
    }
}
