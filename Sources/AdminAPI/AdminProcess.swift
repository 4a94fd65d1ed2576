// The process: reads secrets, starts the service on the main thread, and ends it in order when
// SIGTERM or SIGINT comes.

import ArgumentParser
import Diagnostics
import EventLoop
import Glibc
import Logging
import Platform

/// Options with everything filled in.
struct AdminOptions {
    var address: SocketAddress
    var coordinator: String
    var secretPath: String
    var tokenPath: String?
    var token: String?
    var drainMilliseconds: Int64
    var logLevel: Logger.Level

    /// The level of a name.
    static func level(_ name: String) -> Logger.Level? { Logger.Level(rawValue: name) }
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
        let output = LogOutput(format: .json, level: options.logLevel)
        let logger = Logger(label: "admin", output: output)
        let loop = try EventLoop()
        var settings = AdminSettings(
            coordinator: options.coordinator, secret: try secret(at: options.secretPath))
        settings.bootstrapToken = try bootstrapToken()
        settings.drainMilliseconds = options.drainMilliseconds
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

    private func secret(at path: String) throws -> String {
        let bytes = try FileSystem.read(path, bytesMax: BootstrapToken.fileBytesMax)
        let secret = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        guard secret.count >= BootstrapToken.secretCharactersMin else {
            throw ValidationError("the secret in \(path) is shorter than 16 characters")
        }
        return secret
    }

    private func bootstrapToken() throws -> String? {
        let token = try options.token ?? options.tokenPath.map { try BootstrapToken.secret(at: $0) }
        if let token, token.count < BootstrapToken.secretCharactersMin {
            throw ValidationError("the bootstrap token is shorter than 16 characters")
        }
        return token
    }
}
