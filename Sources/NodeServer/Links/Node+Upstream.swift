// Whom a node follows after a restart, and how the engine follows the log.

import Commands
import Logging
import Platform

extension Node {
    /// The upstream that the node follows after a restart: that of the last order on a managed
    /// node, that of the configuration otherwise.
    var upstreamAtStart: FollowedUpstream? {
        if identity.isManaged { return identity.upstream }
        return settings.upstream.map { FollowedUpstream(address: $0, nodeID: nil) }
    }

    /// Makes the upstream of a managed node durable; nil on a master.
    func rememberUpstream(_ upstream: FollowedUpstream?) {
        guard identity.isManaged else { return }
        var new = identity
        new.upstream = upstream
        do throws(SystemError) {
            try store(new)
        } catch {
            log.warning("Cannot store whom the node follows: \(error)")
        }
    }

    /// Brings the engine in line with the log: after a load and after changes of role or history.
    /// The next effect begins with SELECT.
    func followStream() {
        settleStream()
        engine.streamOffset = stream.offset
        engine.streamDatabase = -1
        engine.propagates = !isReplica && stream.isActive
        factsChanged()
    }

    /// The data set was replaced by one from elsewhere.
    func dataReplaced() {
        engine.dataWereReplaced()
        factsChanged()
    }
}
