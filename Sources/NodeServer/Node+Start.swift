// Starting a node: listeners, control port, data set, housekeeping.

import Bytes
import Diagnostics
import ControlPort
import Directives
import EventLoop
import Logging
import Platform

extension Node {
    /// The signals that the node handles in its loop.
    static let signals: [Signal] = [.hangup, .interrupt, .terminate]

    /// Listens, loads the data set, and starts the housekeeping. Then run the loop.
    func start() throws(StartFailure) {
        raiseDescriptorLimit()
        do throws(IdentityProblem) {
            try loadIdentity()
        } catch {
            switch error {
            case .unreadable(let text), .foreign(let text): throw StartFailure(text)
            }
        }
        try loadUsers()
        try watchSignals()
        try openListeners()
        try startEncryption()
        guard listeners.isOpen else {
            throw StartFailure("Configured to not listen anywhere, exiting.")
        }
        try startControlPort()
        printBanner()
        log.notice("Server initialized")
        try openData()
        startCron()
        memorySettingsChanged()
        killScoreFollowsRole()
        let period = Node.factsMilliseconds
        loop.schedule(afterMilliseconds: period, repeatingMilliseconds: period) {
            [unowned self] in publishFacts()
        }
        publishFacts()
    }

    private func watchSignals() throws(StartFailure) {
        do throws(SystemError) {
            signalWatch = try SignalWatch.start(self)
        } catch {
            throw StartFailure("Cannot receive signals: \(error)")
        }
    }

    private func openListeners() throws(StartFailure) {
        if settings.port > 0 {
            do throws(ListenFailure) {
                listeners.replaceNetwork(
                    try Listeners.open(
                        settings.bind, port: settings.port, backlog: settings.listenBacklog,
                        node: self))
            } catch {
                log.warning(
                    """
                    Warning: Could not create server TCP listening socket \
                    \(error.address):\(error.port): \(error.error.call): \(error.error.reason)
                    """)
                throw StartFailure("Failed listening on port \(settings.port) (tcp), aborting.")
            }
        }
        guard !settings.unixSocket.isEmpty else { return }
        do throws(SystemError) {
            try listeners.openLocal(
                settings.unixSocket, permissions: settings.unixSocketPermissions, node: self)
        } catch {
            throw StartFailure(
                "Failed opening Unix socket \(settings.unixSocket): \(error.reason)")
        }
    }

    // MARK: Control port

    private func startControlPort() throws(StartFailure) {
        guard settings.httpPort > 0 else { return }
        do throws(SystemError) {
            var addresses: [SocketAddress] = []
            for host in settings.httpBind {
                addresses += try SocketAddress.resolve(host, port: UInt16(settings.httpPort))
            }
            try openControlPort(addresses)
        } catch {
            throw StartFailure("Failed listening on port \(settings.httpPort) (http): \(error)")
        }
    }

    /// Starts the thread of the control port, which takes orders from then on.
    func openControlPort(_ addresses: [SocketAddress]) throws(SystemError) {
        let bound = LoopBound(self, loop: loop)
        let secret =
            settings.clusterSecret.isEmpty ? settings.clusterSecretOfFile : settings.clusterSecret
        let handlers = ControlHandlers(
            perform: { order, answer in
                bound.post { node in node.perform(order, answer: answer) }
            },
            waitForOffset: { wait, answer in
                bound.post { node in node.waitForOffset(wait, answer: answer) }
            })
        let port = try ControlPort(
            ControlPort.Configuration(
                addresses: addresses, secret: secret, version: Version.own),
            board: board, handlers: handlers)
        controlPort = port
        log.notice("Control port: http \(port.ports.map(String.init).joined(separator: ", "))")
    }

    // MARK: Banner

    private func printBanner() {
        log.notice("monotonic clock: POSIX clock_gettime")
        let facts = """
            Headwater \(Version.own), compatible with Redis \(Version.compatible), \
            \(Int.bitWidth) bit
            Running in standalone mode
            Port: \(listeners.port)
            PID: \(ProcessFacts.processID)
            """
        guard settings.alwaysShowLogo else {
            log.notice("Running mode=standalone, port=\(listeners.port).")
            log.notice("PID: \(ProcessFacts.processID)")
            return
        }
        let waves = [
            "      ~  ~   ~    ", "   ~~~  ~~  ~~~   ", "  ~~  ~~~  ~~  ~  ", " ~~~~~~~~~~~~~~~  ",
        ]
        let lines = zip(waves, facts.split(separator: "\n")).map { "\($0) \($1)" }
        Array(("\n" + lines.joined(separator: "\n") + "\n\n").utf8).withByteSlice {
            logOutput.writeRaw($0)
        }
    }
}
