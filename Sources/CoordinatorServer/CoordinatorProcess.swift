// The process: reads the secret, locks the directory, starts coordinator and API on the main
// thread, and ends both in order when SIGTERM or SIGINT comes.

import ArgumentParser
import Diagnostics
import EventLoop
import Foundation
import Logging
import Platform
import ServiceOptions

/// Options with everything filled in.
struct CoordinatorOptions {
    var address: SocketAddress
    var stateDirectory: String
    var service: ServiceSettings
}

/// Runs the coordinator.
public enum CoordinatorMain {
    /// Parses the command line, runs until the process is told to end, and exits.
    public static func run() -> Never {
        CoordinatorCommand.main()
        // Not `_exit`: what was printed may still be buffered.
        exit(0)
    }
}

/// What keeps the coordinator from starting.
struct StartError: Error, CustomStringConvertible {
    var description: String
}

struct CoordinatorProcess {
    let options: CoordinatorOptions

    /// Runs until the end of the service; throws what keeps it from starting.
    func run() throws {
        let signals: [Signal] = [.terminate, .interrupt]
        Signals.ignoreBrokenPipe()
        try Signals.block(signals)
        let output = LogOutput(
            format: options.service.logFormat, level: options.service.logLevel, role: "C")
        let logger = Logger(label: "coordinator", output: output)
        let secret = try ClusterSecret.read(options.service.secretPath)
        let directory = try StateDirectory(path: options.stateDirectory)
        defer { directory.release() }
        let loop = try EventLoop()
        let store = try SQLiteStateStore(directory: directory.path)
        let coordinator = try Coordinator(
            store: store, secret: secret, loop: loop, logger: logger
        ) { error in
            logger.critical("\(error); the process ends, and goes on from the store when started")
            exit(1)
        }
        let api = try InternalAPI(
            coordinator: coordinator, secret: secret, address: options.address, loop: loop)
        logger.notice(
            "ready",
            metadata: [
                "address": "\(options.address.with(port: api.port))",
                "state": "\(directory.path)",
            ])
        var isEnding = false
        let channel = try SignalChannel(loop: loop, signals: signals) { signal, _ in
            guard !isEnding else { return }
            isEnding = true
            logger.notice("ending", metadata: ["signal": "\(signal)"])
            api.drain(deadlineMilliseconds: options.service.drainMilliseconds) { loop.stop() }
        }
        loop.run()
        loop.deregister(channel)
        coordinator.stop()
        logger.notice("ended")
    }
}
