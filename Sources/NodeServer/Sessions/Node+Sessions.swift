// Accepting and closing of connections, and the limits of clients.

import Logging
import Bytes
import Commands
import EventLoop
import Platform
import RESP

extension Node {
    /// Takes a connection that a listener has accepted.
    func accept(
        _ descriptor: consuming Descriptor, isLocal: Bool, isEncrypted: Bool = false
    ) {
        statistics.connectionsReceived += 1
        let peer = isLocal ? nil : try? Socket.peerAddress(of: descriptor)
        if let refusal = refusal(isLocal: isLocal, peer: peer) {
            statistics.connectionsRejected += 1
            // One that waits for a handshake could not read it.
            if isEncrypted { return }
            // What does not fit into an empty socket buffer is not worth waiting for.
            _ = try? Socket.send(ByteSlice(refusal), to: descriptor)
            return
        }
        let client = ClientState(id: clients.nextID())
        client.connectedAtMilliseconds = wallMilliseconds
        client.lastInteractionMilliseconds = wallMilliseconds
        if isLocal {
            client.addressText = "\(settings.unixSocket):0"
            client.localAddressText = client.addressText
        } else {
            client.addressText = peer?.description ?? "?:0"
            client.isOnThisMachine = peer?.isLoopback ?? false
            client.localAddressText =
                (try? Socket.localAddress(of: descriptor))?.description ?? "?:0"
            // A socket that lacks an option still serves.
            try? Socket.setNoDelay(descriptor)
            try? Socket.setKeepAlive(
                descriptor, idleSeconds: Int32(clamping: settings.keepAliveSeconds))
        }
        engine.welcome(client)
        do throws(SystemError) {
            let session = try Session(
                node: self, client: client, descriptor: descriptor, isLocal: isLocal,
                security: isEncrypted ? serverSecurity : nil)
            clients.add(session)
        } catch {
            log.warning("Cannot serve a connection: \(error)")
        }
    }

    /// What a connection that may not be served is told.
    private func refusal(isLocal: Bool, peer: SocketAddress?) -> StaticString? {
        if clients.count >= settings.clientsMax {
            return "-ERR max number of clients reached\r\n"
        }
        if settings.protectedMode && engine.isOpenToAll && !isLocal,
            let peer, !peer.isLoopback
        {
            return Node.protectedModeText
        }
        return nil
    }

    /// The parser's limits for a client.
    func requestLimits(for client: ClientState) -> RequestLimits {
        var limits = RequestLimits()
        limits.bulkBytesMax = settings.bulkBytesMax
        limits.isAuthenticated = client.isAuthenticated
        return limits
    }

    /// The output limits of a client's class.
    func outputLimit(of client: ClientState) -> OutputBufferLimit {
        if client.isReplica { return settings.outputLimits.replica }
        return client.subscriptionCount > 0
            ? settings.outputLimits.subscriber : settings.outputLimits.normal
    }

    /// A session is closed: forgets everything about it.
    func forget(_ session: Session) {
        engine.forget(session.client)
        clients.remove(session)
        links.clientClosed(session.client.id)
    }

    func closeOverQueryLimit(_ session: Session) {
        statistics.queryLimitDisconnections += 1
        log.warning(
            """
            Closing client that reached max query buffer length: \
            id=\(session.client.id) addr=\(session.client.addressText) \
            (qbuf: \(session.inputCount))
            """)
        session.close()
    }

    func closeOverOutputLimit(_ session: Session) {
        statistics.outputLimitDisconnections += 1
        log.warning(
            """
            Client id=\(session.client.id) addr=\(session.client.addressText) \
            omem=\(session.outputCount) closed for overcoming of output buffer limits.
            """)
        session.close()
    }

    /// What a stranger is told in protected mode: Redis' text, which people search for.
    static let protectedModeText: StaticString = """
        -DENIED Redis is running in protected mode because protected mode is enabled and no \
        password is set for the default user. In this mode connections are only accepted from \
        the loopback interface. If you want to connect from external computers to Redis you may \
        adopt one of the following solutions: 1) Just disable protected mode sending the command \
        'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from \
        the same host the server is running, however MAKE SURE Redis is not publicly accessible \
        from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) \
        Alternatively you can just disable the protected mode by editing the Redis configuration \
        file, and setting the protected mode option to 'no', and then restarting the server. 3) \
        If you started the server manually just for testing, restart it with the \
        '--protected-mode no' option. 4) Set up an authentication password for the default user. \
        NOTE: You only need to do one of the above things in order for the server to start \
        accepting connections from the outside.\r\n
        """
}
