// The command line: each option has a flag and an environment variable; the flag wins.

import ArgumentParser
import Platform

struct AdminCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "headwater-admin",
        abstract: "The HTTP API that people and scripts manage clusters with.",
        version: ServiceVersion.program)

    @Option(help: "Numeric address to listen at. [env HEADWATER_ADMIN_BIND, default 127.0.0.1]")
    var bind: String?

    @Option(help: "Port to listen at. [env HEADWATER_ADMIN_PORT, default 8080]")
    var port: UInt16?

    @Option(
        help: """
            Origin of the coordinator's internal API. \
            [env HEADWATER_COORDINATOR, default http://127.0.0.1:7200]
            """)
    var coordinator: String?

    @Option(help: "File with the cluster secret. [env HEADWATER_SECRET_FILE]")
    var secretFile: String?

    @Option(
        help: """
            File with the bootstrap token, made readable by its owner only if it does not exist. \
            [env HEADWATER_ADMIN_TOKEN_FILE; HEADWATER_ADMIN_TOKEN holds a token itself]
            """)
    var adminTokenFile: String?

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

    @Flag(help: "Print the contract as YAML and exit.")
    var printOpenapi = false

    mutating func run() throws {
        if printOpenapi {
            StandardStream.output.write(text: OpenAPI.yaml)
            return
        }
        try AdminProcess(options: try resolved()).run()
    }

    /// The options with the environment and the defaults filled in.
    func resolved() throws -> AdminOptions {
        let environment = ProcessFacts.environment
        let level = logLevel ?? environment("HEADWATER_LOG_LEVEL") ?? "info"
        guard let secretPath = secretFile ?? environment("HEADWATER_SECRET_FILE") else {
            throw ValidationError("--secret-file or HEADWATER_SECRET_FILE is needed")
        }
        let host = bind ?? environment("HEADWATER_ADMIN_BIND") ?? "127.0.0.1"
        let port = try port ?? number("HEADWATER_ADMIN_PORT") ?? 8_080
        guard let address = SocketAddress(numeric: host, port: port) else {
            throw ValidationError("--bind takes a numeric address, not \(host)")
        }
        guard let logLevel = AdminOptions.level(level) else {
            throw ValidationError("\(level) is no log level")
        }
        let seconds = try drainSeconds ?? number("HEADWATER_DRAIN_SECONDS") ?? 10
        guard (0...3_600).contains(seconds) else {
            throw ValidationError("--drain-seconds takes 0 to 3600")
        }
        return AdminOptions(
            address: address,
            coordinator: coordinator ?? environment("HEADWATER_COORDINATOR")
                ?? "http://127.0.0.1:7200",
            secretPath: secretPath,
            tokenPath: adminTokenFile ?? environment("HEADWATER_ADMIN_TOKEN_FILE"),
            token: environment("HEADWATER_ADMIN_TOKEN"), drainMilliseconds: seconds * 1_000,
            logLevel: logLevel)
    }

    private func number<Number: FixedWidthInteger>(_ name: String) throws -> Number? {
        guard let text = ProcessFacts.environment(name) else { return nil }
        guard let value = Number(text) else {
            throw ValidationError("\(name) is no number in range: \(text)")
        }
        return value
    }
}
