// The coordinator's orders. Engine thread.
//
//   1. identity   another cluster or node than ours: 409 IDENTITY_MISMATCH
//   2. epoch      lower than the stored one: 409 STALE_EPOCH
//   3. what changed of both is made durable
//   4. the order is carried out; one that is fulfilled already changes nothing
//   5. it is answered at the end of the turn, when the log covers what it caused

import Bytes
import EventLoop
import Logging
import Commands
import ControlModel
import ControlPort
import Platform
import RESP

extension Node {
    /// Longest pause that an order can ask for; it must renew a longer one.
    static let orderPauseMillisecondsMax: Int64 = 60_000

    /// Carries `order` out and answers when it is in effect.
    func perform(_ order: Order, answer: @escaping @Sendable (OrderAnswer) -> Void) {
        let problem = problem(with: order) ?? carryOut(order)
        afterCommit { [unowned self] in
            answer(
                OrderAnswer(
                    accepted: problem == nil, epoch: identity.epoch,
                    replicationID: replicationID, offset: releasedOffset, problem: problem))
        }
        factsChanged()
    }

    private func problem(with order: Order) -> Problem? {
        let node = effectiveNodeID
        let cluster = effectiveClusterID
        if (node ?? order.nodeID) != order.nodeID || (cluster ?? order.clusterID) != order.clusterID
        {
            return Problem(
                status: 409, code: "IDENTITY_MISMATCH", title: "Another node answers here",
                detail: "this is node '\(node ?? "")' of cluster '\(cluster ?? "")'")
        }
        if engine.isLoading {
            return Problem(
                status: 503, code: "LOADING", title: "The data set is being loaded",
                detail: "the node takes orders when it has its data", retryable: true)
        }
        guard !order.nodeID.isEmpty, !order.clusterID.isEmpty, order.epoch > 0 else {
            return Problem(
                status: 400, code: "BAD_ORDER", title: "The order is incomplete",
                detail: "nodeID, clusterID and an epoch above 0 are needed")
        }
        if order.epoch < identity.epoch {
            return Problem(
                status: 409, code: "STALE_EPOCH", title: "The epoch is over",
                detail: "the node has accepted epoch \(identity.epoch)")
        }
        return nil
    }

    private func carryOut(_ order: Order) -> Problem? {
        var new = identity
        if order.kind == .release {
            new = DurableIdentity()
        } else {
            new.clusterID = order.clusterID
            new.nodeID = order.nodeID
            new.epoch = order.epoch
        }
        do throws(SystemError) {
            if order.kind == .release && identity != new {
                log.notice("Released from cluster \(identity.clusterID) by order")
            } else if identity.epoch != new.epoch {
                log.notice("Epoch \(new.epoch) of cluster \(new.clusterID) is in force")
            }
            try store(new)
        } catch {
            log.warning("Cannot store the epoch: \(error)")
            return Problem(
                status: 500, code: "STATE_NOT_STORED", title: "The epoch cannot be stored",
                detail: "\(error)", retryable: true)
        }
        switch order.kind {
        case .master:
            becomeMaster()
            linksHost.masterWasConfirmed()
        case .replica(let upstream):
            follow(
                UpstreamAddress(host: upstream.host, port: upstream.port),
                nodeID: upstream.nodeID)
        case .pause(let milliseconds):
            let length = min(max(0, milliseconds), Node.orderPauseMillisecondsMax)
            pauses.set(.order, mode: .writes, until: Deadline(length, after: loop.nowMilliseconds))
            pausesChanged()
        case .resume, .release: break
        }
        switch order.kind {
        case .master, .replica, .resume, .release:
            if pauses.isPausing(.order) || pauses.isPausing(.restart) {
                pauses.end(.order)
                pauses.end(.restart)
                pausesChanged()
            }
        case .pause: break
        }
        identityChanged()
        return nil
    }
}
