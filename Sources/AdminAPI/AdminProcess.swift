// The process: reads secrets, starts the service on the main thread, and ends it in order when
// SIGTERM or SIGINT comes.

import ArgumentParser
import Diagnostics
import EventLoop
import Glibc
import Logging
import Platform
import ServiceOptions

/// Options with everything filled in.
struct AdminOptions {
    var address: SocketAddress
    var coordinator: String
    var tokenPath: String?
    var token: String?
    var service: ServiceSettings
}

/// Runs the admin service.
public enum AdminMain {
    /// Parses the command line, runs until the process is told to end, and exits.
    public static func run() -> Never {
        AdminCommand.main()
        // Not `_exit`: what was printed may still be buffered.
        exit(0)
    }
}

struct AdminProcess {
    let options: AdminOptions

    /// Runs until the end of the service; throws what keeps it from starting.
    func run() throws {
        let signals: [Signal] = [.terminate, .interrupt]
        Signals.ignoreBrokenPipe()
        try Signals.block(signals)
        let output = LogOutput(
            format: options.service.logFormat, level: options.service.logLevel, role: "A")
        let logger = Logger(label: "admin", output: output)
        let loop = try EventLoop()
        var settings = AdminSettings(
            coordinator: options.coordinator,
            secret: try ClusterSecret.read(options.service.secretPath))
        settings.bootstrapToken = try bootstrapToken()
        settings.drainMilliseconds = options.service.drainMilliseconds
        let service = try AdminService(settings: settings, loop: loop, logger: logger)
        try service.listen(at: options.address)
        var isEnding = false
        let channel = try SignalChannel(loop: loop, signals: signals) { signal, sender in
            if isEnding { return }
            isEnding = true
            logger.notice("ending", metadata: ["signal": "\(signal)", "sender": "\(sender)"])
            service.drain { loop.stop() }
        }
        loop.run()
        loop.deregister(channel)
        logger.notice("ended")
    }

    private func bootstrapToken() throws -> String? {
        let token = try options.token ?? options.tokenPath.map { try BootstrapToken.secret(at: $0) }
        if let token, token.count < ClusterSecret.charactersMin {
            throw ValidationError(
                "the bootstrap token is shorter than \(ClusterSecret.charactersMin) characters")
        }
        return token
    }
}
