// The options that every control-plane service has. Each has a flag and an environment variable;
// the flag wins.

public import ArgumentParser
public import Diagnostics
public import Logging
public import Platform

/// Secret, end and log of a service, as they stand on its command line.
public struct ServiceOptions: ParsableArguments {
    /// Longest time for the end that can be asked for.
    static let drainSecondsMax: Int64 = 3_600

    @Option(help: "File with the cluster secret. [env HEADWATER_SECRET_FILE]")
    var secretFile: String?

    @Option(
        help: """
            Seconds that answers under way get at the end. \
            [env HEADWATER_DRAIN_SECONDS, default 10]
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

    /// No option is given.
    public init() {}

    /// The options with the environment and the defaults filled in.
    public func resolved(
        environment: ServiceEnvironment = ServiceEnvironment()
    ) throws -> ServiceSettings {
        guard let secretPath = secretFile ?? environment["HEADWATER_SECRET_FILE"] else {
            throw ValidationError("--secret-file or HEADWATER_SECRET_FILE is needed")
        }
        let seconds = try drainSeconds ?? environment.number("HEADWATER_DRAIN_SECONDS") ?? 10
        guard (0...Self.drainSecondsMax).contains(seconds) else {
            throw ValidationError("--drain-seconds takes 0 to \(Self.drainSecondsMax)")
        }
        let level = logLevel ?? environment["HEADWATER_LOG_LEVEL"] ?? "info"
        guard let logLevel = Logger.Level(rawValue: level) else {
            let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--log-level takes \(levels), not \(level)")
        }
        let format = logFormat ?? environment["HEADWATER_LOG_FORMAT"] ?? "server"
        guard let logFormat = LogOutput.Format(rawValue: format) else {
            throw ValidationError("--log-format takes server or json, not \(format)")
        }
        return ServiceSettings(
            secretPath: secretPath, drainMilliseconds: seconds * 1_000, logLevel: logLevel,
            logFormat: logFormat)
    }
}

/// The options of a service with everything filled in.
public struct ServiceSettings: Equatable, Sendable {
    /// Where the cluster secret is.
    public var secretPath: String
    /// How long answers under way may take at the end.
    public var drainMilliseconds: Int64
    /// Least level that is logged.
    public var logLevel: Logger.Level
    /// What log lines look like.
    public var logFormat: LogOutput.Format
}

/// The environment of the process, or what a test puts in its place.
public struct ServiceEnvironment {
    private let value: (String) -> String?

    /// Reads the environment of the process unless `value` is given.
    public init(_ value: @escaping (String) -> String? = ProcessFacts.environment) {
        self.value = value
    }

    /// The value of a variable.
    public subscript(_ name: String) -> String? { value(name) }

    /// The value of a variable as a number; nil if it is not set.
    public func number<Number: FixedWidthInteger>(_ name: String) throws -> Number? {
        guard let text = value(name) else { return nil }
        guard let number = Number(text) else {
            throw ValidationError("\(name) is no number in range: \(text)")
        }
        return number
    }

    /// The place that `--bind` and `--port`, or their variables, name.
    public func address(host: String, port: UInt16) throws -> SocketAddress {
        guard let address = SocketAddress(numeric: host, port: port) else {
            throw ValidationError("--bind takes a numeric address, not \(host)")
        }
        return address
    }
}
