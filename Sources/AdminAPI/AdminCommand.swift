// The command line: each option has a flag and an environment variable; the flag wins.

import ArgumentParser
import Platform
import ServiceOptions

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

    @Option(
        help: """
            File with the bootstrap token, made readable by its owner only if it does not exist. \
            [env HEADWATER_ADMIN_TOKEN_FILE; HEADWATER_ADMIN_TOKEN holds a token itself]
            """)
    var adminTokenFile: String?

    @OptionGroup var service: ServiceOptions

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
        let environment = ServiceEnvironment()
        return AdminOptions(
            address: try environment.address(
                host: bind ?? environment["HEADWATER_ADMIN_BIND"] ?? "127.0.0.1",
                port: port ?? environment.number("HEADWATER_ADMIN_PORT") ?? 8_080),
            coordinator: coordinator ?? environment["HEADWATER_COORDINATOR"]
                ?? "http://127.0.0.1:7200",
            tokenPath: adminTokenFile ?? environment["HEADWATER_ADMIN_TOKEN_FILE"],
            token: environment["HEADWATER_ADMIN_TOKEN"], service: try service.resolved())
    }
}
