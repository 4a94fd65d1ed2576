// The host's part on replication: REPLICAOF, ROLE, WAIT, PSYNC, FAILOVER.

import Bytes
import Commands
import EventLoop
import RESP
import Replication

extension EngineHost {
    func replicate(
        from target: (host: String, port: Int)?, client: ClientState
    ) throws(ReplyError) -> String {
        if node.identity.isManaged {
            throw ReplyError(
                composed:
                    "ERR REPLICAOF is not allowed: a coordinator manages this node. Change its "
                    + "topology, or start a switchover, through the admin API")
        }
        if client.isReplica {
            throw ReplyError("ERR Command is not valid when client is a replica.")
        }
        guard let target else {
            node.becomeMaster()
            return "OK"
        }
        let upstream = UpstreamAddress(host: target.host, port: target.port)
        return node.follow(upstream, nodeID: nil)
            ? "OK" : "OK Already connected to specified master"
    }

    func writeRole(to client: ClientState) { node.links.writeRole(to: &client.output) }

    // MARK: WAIT

    func wait(
        client: ClientState, replicas: Int, timeoutMilliseconds: Int64
    ) -> WaitOutcome {
        wait(
            client,
            WaitBook.Waiter(
                client: client.id, offset: client.lastWriteOffset, replicas: replicas,
                deadline: deadline(timeoutMilliseconds)))
    }

    func waitForLogs(
        client: ClientState, localLogs: Int, replicas: Int, timeoutMilliseconds: Int64
    ) throws(ReplyError) -> WaitOutcome {
        if localLogs > 0 && node.stream.mode != .file {
            throw ReplyError(
                "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
        }
        return wait(
            client,
            WaitBook.Waiter(
                client: client.id, offset: client.lastWriteOffset, replicas: replicas,
                isDurable: true, needsLocal: localLogs > 0,
                deadline: deadline(timeoutMilliseconds)))
    }

    private func deadline(_ timeoutMilliseconds: Int64) -> Deadline? {
        timeoutMilliseconds > 0
            ? Deadline(timeoutMilliseconds, after: node.loop.nowMilliseconds) : nil
    }

    private func wait(_ client: ClientState, _ waiter: WaitBook.Waiter) -> WaitOutcome {
        if let outcome = node.links.wait(waiter) {
            return .done(
                localLogs: outcome.isLocallyDurable ? 1 : 0, replicas: outcome.replicas)
        }
        client.blocked = BlockedState(
            reason: .acknowledgements, deadline: waiter.deadline)
        return .blocked
    }

    static func write(_ outcome: WaitBook.Outcome, to output: inout ReplyWriter) {
        if outcome.isDurable {
            output.arrayHeader(2)
            output.integer(outcome.isLocallyDurable ? 1 : 0)
        }
        output.integer(outcome.replicas)
    }

    func unblock(_ client: ClientState, withError: Bool) -> Bool {
        guard client.blocked != nil, let outcome = node.links.cancelWait(of: client.id) else {
            return false
        }
        node.endWait(of: client.id) { output in
            if withError {
                output.error(ReplyError("UNBLOCKED client unblocked via CLIENT UNBLOCK"))
            } else {
                Self.write(outcome, to: &output)
            }
        }
        return true
    }

    // MARK: The replication protocol

    func replicationCommand(client: ClientState, arguments: Arguments) throws(ReplyError) {
        guard let session = node.clients.session(of: client) else { return }
        if let problem = node.links.command(arguments, on: session) {
            throw ReplyError(composed: problem)
        }
    }

    func failOver(
        _ request: Commands.FailoverRequest, client: ClientState
    ) throws(ReplyError) {
        if node.identity.isManaged {
            throw ReplyError(
                composed: "ERR FAILOVER is not allowed: a coordinator manages this node. Start a "
                    + "switchover through the admin API")
        }
        let problem =
            request.isAbort
            ? node.links.abortFailover()
            : node.links.startFailover(
                FailoverMachine.Order(
                    target: request.target, isForced: request.isForced,
                    timeoutMilliseconds: request.timeoutMilliseconds > 0
                        ? request.timeoutMilliseconds : nil))
        if let problem { throw ReplyError(composed: problem) }
    }
}

/// A session whose peer turned into a replica.
extension Session: ReplicaConnection {
    var clientID: Int64 { client.id }

    func withOutput(_ fill: (inout ByteBuffer) -> Void) {
        guard !isClosed else { return }
        fill(&client.output.buffer)
        requestFlush()
    }

    func handOver(to session: DownstreamSession, noDelay: Bool) {
        client.isReplica = true
        prepareForReplication(noDelay: noDelay)
        handOver(to: session as any ConnectionLink)
    }

    func close(afterOutput: Bool) {
        if afterOutput { finish() } else { close() }
    }
}

extension DownstreamSession: ConnectionLink {}
