// The host's part on memory.

import Commands
import Platform
import Store

extension EngineHost {
    func memoryFacts() -> MemoryFacts {
        var facts = MemoryFacts()
        let clients = node.clientMemory
        facts.usedBytes = node.usedMemoryBytes
        facts.startupBytes = node.memory.startupBytes
        facts.programBytes = node.memory.programBytes
        facts.peakBytes = max(facts.usedBytes, node.statistics.memoryPeakBytes)
        facts.backlogBytes = node.backlogMemoryBytes
        facts.replicaBytes = Int64(clients.replicas)
        facts.clientBytes = Int64(clients.normal)
        for session in node.clients.all {
            if session.client.isReplica { facts.replicaCount += 1 } else { facts.clientCount += 1 }
        }
        facts.residentBytes = ProcessFacts.residentBytes()
        facts.reservedBytes = Int64(node.keyspace.reservedBytes)
        return facts
    }

    func releaseFreeMemory() { ProcessFacts.trimHeap() }
}
