// TLS of a node: certificates, the TLS port, and what is said when a handshake fails.

import Commands
import Directives
import EventLoop
import Logging
import Platform
import TLS

extension Node {
    /// Certificates for both directions, as far as the settings ask for them.
    typealias Security = (server: TLSContext?, client: TLSContext?)

    private func load(_ settings: NodeSettings) throws(TLSProblem) -> Security {
        guard settings.tlsPort > 0 || settings.encryptsReplication else { return (nil, nil) }
        let server = try TLSContext(settings.tls, role: .server)
        let client =
            settings.encryptsReplication ? try TLSContext(settings.tls, role: .client) : nil
        return (server, client)
    }

    /// As a CONFIG SET: the log tells what is wrong.
    func security(for settings: NodeSettings) throws(ConfigSetError) -> Security {
        do throws(TLSProblem) {
            return try load(settings)
        } catch {
            log.warning("\(error.message)")
            throw .refused(
                name: "tls", reason: "Unable to update TLS configuration. Check server logs.")
        }
    }

    /// As part of the start: loads the certificates and opens the TLS port.
    func startEncryption() throws(StartFailure) {
        do throws(TLSProblem) {
            (serverSecurity, clientSecurity) = try load(settings)
        } catch {
            log.warning("\(error.message)")
            throw StartFailure("Failed to configure TLS. Check logs for more info.")
        }
        guard settings.tlsPort > 0 else { return }
        do throws(ListenFailure) {
            listeners.replaceEncrypted(
                try Listeners.open(
                    settings.bind, port: settings.tlsPort, backlog: settings.listenBacklog,
                    node: self, isEncrypted: true))
        } catch {
            log.warning(
                """
                Warning: Could not create server TCP listening socket \
                \(error.address):\(error.port): \(error.error.call): \(error.error.reason)
                """)
            throw StartFailure("Failed listening on port \(settings.tlsPort) (tls), aborting.")
        }
    }

    /// Moves the TLS port.
    func listenEncrypted(
        as new: NodeSettings, portChanged: Bool
    ) throws(ConfigSetError) {
        guard new.tlsPort > 0 else { return listeners.replaceEncrypted([]) }
        if !portChanged { listeners.replaceEncrypted([]) }
        do throws(ListenFailure) {
            listeners.replaceEncrypted(
                try Listeners.open(
                    new.bind, port: new.tlsPort, backlog: new.listenBacklog, node: self,
                    isEncrypted: true))
        } catch {
            log.warning("\(error)")
            throw .refused(
                name: "tls-port", reason: "Unable to listen on this port, check server logs")
        }
    }

    /// A handshake failed, or what came over an encrypted connection made no sense.
    func noteFailedEncryption(_ error: SystemError, of client: ClientState) {
        log.info(
            "Error accepting a client connection: \(error.subject) (addr=\(client.addressText))")
    }
}
