// The command line: each option has a flag and an environment variable; the flag wins.

import ArgumentParser
import Platform
import ServiceOptions

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

    @OptionGroup var service: ServiceOptions

    mutating func run() throws {
        do {
            try CoordinatorProcess(options: try resolved()).run()
        } catch let error as StateStoreError {
            throw StartError(description: error.description)
        }
    }

    /// The options with the environment and the defaults filled in.
    func resolved() throws -> CoordinatorOptions {
        let environment = ServiceEnvironment()
        return CoordinatorOptions(
            address: try environment.address(
                host: bind ?? environment["HEADWATER_COORDINATOR_BIND"] ?? "127.0.0.1",
                port: port ?? environment.number("HEADWATER_COORDINATOR_PORT") ?? 7200),
            stateDirectory: stateDir ?? environment["HEADWATER_STATE_DIR"]
                ?? "headwater-coordinator",
            service: try service.resolved())
    }
}
