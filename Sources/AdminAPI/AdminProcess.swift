// The process: reads secrets, starts the service on the main thread, and ends it in order when
// SIGTERM or SIGINT comes.

import ArgumentParser
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
        let logger = Self.logger(options.logLevel)
        let loop = try EventLoop()
        var settings = AdminSettings(
            coordinator: options.coordinator, secret: try secret(at: options.secretPath))
        settings.bootstrapToken = try bootstrapToken()
        settings.drainMilliseconds = options.drainMilliseconds
        let service = try AdminService(settings: settings, loop: loop, logger: logger)
        try service.listen(at: options.address)
        let channel = try SignalChannel(signals, loop: loop) {
            logger.info("ending", metadata: ["signal": "\($0)"])
            service.drain { loop.stop() }
        }
        loop.run()
        channel.close()
    }

    private static func logger(_ level: Logger.Level) -> Logger {
        var logger = Logger(label: "admin") { JSONLogHandler(label: $0) }
        logger.logLevel = level
        return logger
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

/// Watches for signals; the first one runs the body, later ones nothing.
private final class SignalChannel: Channel {
    private let loop: EventLoop
    private let descriptor: Descriptor
    private var body: ((Signal) -> Void)?

    init(_ signals: [Signal], loop: EventLoop, _ body: @escaping (Signal) -> Void) throws {
        self.loop = loop
        self.body = body
        descriptor = try Signals.descriptor(for: signals)
        super.init()
        try loop.register(self, descriptor: descriptor, interest: .readable)
    }

    override func ready(_ readiness: Readiness) {
        while let arrived = try? Signals.next(from: descriptor) {
            let first = body
            body = nil
            first?(arrived.signal)
        }
    }

    func close() { loop.deregister(self) }
}
