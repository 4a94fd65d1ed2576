// The gates of the engine: whether clients may write, and what they may read.

import Diagnostics
import Store
import Commands
import Platform
import RESP

extension Node {
    /// Brings the gates in line with role, links, persistence, memory and settings.
    func updateGates() {
        if hasFixedGates { return }
        let isReplica = isReplica
        if engine.isReplica != isReplica {
            engine.isReplica = isReplica
            if isReplica { endWaitsForKeys() }
            killScoreFollowsRole()
        }
        logOutput.setRole(isReplica ? "S" : "M")
        let gate = writeGate
        if engine.writeGate != gate { engine.writeGate = gate }
        let refusesReads = isReplica && !settings.servesStaleData && !hasCurrentData
        if engine.refusesStaleReads != refusesReads { engine.refusesStaleReads = refusesReads }
    }

    private var writeGate: WriteGate {
        if isReplica { return settings.replicaIsReadOnly ? .readOnlyReplica : .allowed }
        if settings.replicasToWriteMin > 0 && settings.replicaLagSecondsMax > 0
            && goodReplicaCount < settings.replicasToWriteMin
        {
            return .lacksReplicas
        }
        if let failure = stream.failure {
            return .refused(
                ReplyError(
                    composed: "MISCONF Errors writing to the AOF file: \(failure.reason)"))
        }
        if hasFailedToSave && settings.stopsWritesOnSaveError { return .snapshotFailed }
        return .allowed
    }
}
