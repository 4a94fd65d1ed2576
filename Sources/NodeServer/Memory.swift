// Keeping data and clients within their memory, between commands.
//
//   end of a turn   data over `maxmemory`: one slice of eviction; unfinished: another turn at once
//                   clients over `maxmemory-clients`: the largest are closed until it is enough
//   each tick       all clients are counted anew
//
// A session reports what it holds when it has read and when it has written, so that the sum is
// right whenever it is looked at.

import Commands
import EventLoop
import Log
import Logging
import Platform
import Store

/// What the node knows about its memory.
struct MemoryState {
    /// Used memory before any data: `used_memory_startup`.
    var startupBytes: Int64 = 0
    /// What the process occupied then. It is no part of the used memory, which is compared with
    /// `maxmemory`.
    var programBytes: Int64 = 0
    /// Bytes of clients that may be closed when there are too many.
    var evictableClientBytes = 0
    /// Bytes of replicas' buffers, which count neither as data nor as clients.
    var replicaBytes = 0
    /// The limit for clients; 0 for none.
    var clientBytesMax = 0
    /// Clients closed since the start or CONFIG RESETSTAT.
    var evictedClients: Int64 = 0
}

extension Node {
    /// Prepares memory for large tables on a thread of its own; nil where the kernel has no huge
    /// pages for us.
    static func chunkSupply() throws(SystemError) -> ChunkSupply? {
        guard ProcessFacts.hasHugePages else { return nil }
        let worker = try Worker(name: "memory")
        return ChunkSupply { supply in worker.post { supply.refill() } }
    }

    /// Runs at the end of each turn, before the log is committed: evicted keys are effects.
    func keepMemoryLimits() {
        if engine.exceedsMemoryLimit || engine.isOutOfMemory,
            engine.evictSlice() == .unfinished
        {
            // Anything that makes the loop turn again will do.
            loop.runNextTurn {}
        }
        if isOverClientMemory { evictClients() }
    }

    /// The node stands and has no data yet.
    func noteStartupMemory() {
        memory.startupBytes = usedMemoryBytes
        memory.programBytes = ProcessFacts.residentBytes()
    }

    /// After a change of the settings.
    func memorySettingsChanged() {
        let limit = settings.clientMemory.effectiveBytes(
            memoryBytesMax: settings.eviction.memoryBytesMax)
        memory.clientBytesMax = limit
        countClientMemory()
    }

    /// Counts what all clients hold.
    func countClientMemory() {
        var normal = 0
        memory.replicaBytes = stream.overflow.count
        memory.evictableClientBytes = 0
        for session in clients.all {
            let bytes = session.memoryBytes
            if session.client.isReplica {
                memory.replicaBytes += bytes
                session.countedBytes = 0
                continue
            }
            normal += bytes
            session.countedBytes = session.mayBeEvicted ? bytes : 0
            memory.evictableClientBytes += session.countedBytes
        }
        engine.memoryBytesBeside = normal
    }

    /// Whether clients hold more than they may all together.
    @inline(__always)
    var isOverClientMemory: Bool {
        memory.clientBytesMax > 0 && memory.evictableClientBytes > memory.clientBytesMax
    }

    /// A session holds more or less than before.
    @inline(__always)
    func clientMemoryChanged(_ session: Session) {
        guard memory.clientBytesMax > 0 else { return }
        let bytes = session.mayBeEvicted ? session.memoryBytes : 0
        memory.evictableClientBytes += bytes - session.countedBytes
        session.countedBytes = bytes
    }

    /// Closes the clients that hold most until the others hold few enough.
    func evictClients() {
        countClientMemory()
        guard memory.evictableClientBytes > memory.clientBytesMax else { return }
        let largest = clients.all.filter { $0.countedBytes > 0 }
            .sorted { $0.countedBytes > $1.countedBytes }
        for session in largest {
            if memory.evictableClientBytes <= memory.clientBytesMax { break }
            memory.evictedClients += 1
            log.notice(
                """
                Evicting client: id=\(session.client.id) addr=\(session.client.addressText) \
                tot-mem=\(session.countedBytes)
                """)
            session.close()
        }
    }
}
