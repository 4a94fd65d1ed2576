// The command line: each option has a flag and an environment variable; the flag wins.

import ArgumentParser
import Diagnostics
import Logging
import Platform

struct CoordinatorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "headwater-coordinator",
        abstract: "Watches clusters of headwater nodes, decides who is master, and wires the rest.",
        version: "headwater-coordinator 0.1.0")

    @Option(
        help: """
            Numeric address of the internal API. \
            [env HEADWATER_COORDINATOR_BIND, default 127.0.0.1]
            """)
    var bind: String?

    @Option(
        help: "Port of the internal API. [env HEADWATER_COORDINATOR_PORT, default 7200]")
    var port: UInt16?

    @Option(
        help: """
            Directory of the state; made if needed, used by one coordinator at a time. \
            [env HEADWATER_STATE_DIR, default ./headwater-coordinator]
            """)
    var stateDir: String?

    @Option(help: "File with the cluster secret. [env HEADWATER_SECRET_FILE]")
    var secretFile: String?

    @Option(
        help: """
            Seconds that answers under way get at the end. \
            [env HEADWATER_DRAIN_SECONDS, default 5]
            """)
    var drainSeconds: Int64?

    @Option(
        help: """
            Least level that is logged: trace, debug, info, notice, warning, error or critical. \
            [env HEADWATER_LOG_LEVEL, default info]
            """)
    var logLevel: String?

    @Option(
        help: "Form of log lines: server or json. [env HEADWATER_LOG_FORMAT, default server]")
    var logFormat: String?

    mutating func run() throws {
        do {
            try CoordinatorProcess(options: try resolved()).run()
        } catch let error as StateStoreError {
            throw StartError(description: error.description)
        }
    }

    /// The options with the environment and the defaults filled in.
    func resolved() throws -> CoordinatorOptions {
        let environment = ProcessFacts.environment
        guard let secretPath = secretFile ?? environment("HEADWATER_SECRET_FILE") else {
            throw ValidationError("--secret-file or HEADWATER_SECRET_FILE is needed")
        }
        let host = bind ?? environment("HEADWATER_COORDINATOR_BIND") ?? "127.0.0.1"
        let port = try port ?? number("HEADWATER_COORDINATOR_PORT") ?? 7200
        guard let address = SocketAddress(numeric: host, port: port) else {
            throw ValidationError("--bind takes a numeric address, not \(host)")
        }
        let level = logLevel ?? environment("HEADWATER_LOG_LEVEL") ?? "info"
        guard let logLevel = Logger.Level(rawValue: level) else {
            throw ValidationError("\(level) is no log level")
        }
        let format = logFormat ?? environment("HEADWATER_LOG_FORMAT") ?? "server"
        guard let logFormat = LogOutput.Format(rawValue: format) else {
            throw ValidationError("--log-format takes server or json, not \(format)")
        }
        let seconds = try drainSeconds ?? number("HEADWATER_DRAIN_SECONDS") ?? 5
        guard (0...3600).contains(seconds) else {
            throw ValidationError("--drain-seconds takes 0 to 3600")
        }
        return CoordinatorOptions(
            address: address,
            stateDirectory: stateDir ?? environment("HEADWATER_STATE_DIR")
                ?? "headwater-coordinator",
            secretPath: secretPath, drainMilliseconds: seconds * 1000, logLevel: logLevel,
            logFormat: logFormat)
    }

    private func number<Number: FixedWidthInteger>(_ name: String) throws -> Number? {
        guard let text = ProcessFacts.environment(name) else { return nil }
        guard let value = Number(text) else {
            throw ValidationError("\(name) is no number in range: \(text)")
        }
        return value
    }
}
