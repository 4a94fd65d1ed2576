// SAVE, and what starts snapshots by itself.

import Bytes
import EventLoop
import Log
import Logging
import Persistence
import Platform
import Store

extension Snapshots {
    /// After a failed dump the save points wait this long.
    private static let saveRetryMilliseconds: Int64 = 5_000

    /// Writes a dump before it returns. Everything the engine has produced must be in the log.
    func saveNow() throws(SnapshotFailure) {
        guard runningPurpose == nil else { throw .busy }
        let started = Clock.monotonicMilliseconds()
        let changes = changeCount()
        do throws(SystemError) {
            try writeNow(to: settings.dumpPath)
        } catch {
            logger.warning("Error saving DB on disk: \(error)")
            throw .system(error)
        }
        statistics.lastSaveSeconds = Clock.wallMilliseconds() / 1_000
        statistics.lastSaveSucceeded = true
        statistics.lastSaveMilliseconds = Clock.monotonicMilliseconds() - started
        statistics.changesSaved = changes
        statistics.saveCount += 1
        logger.notice("DB saved on disk")
    }

    /// Writes a file of the whole data set at once, durably.
    func writeNow(
        to path: String, isLogBase: Bool = false, position: ReplicationPosition? = nil
    ) throws(SystemError) {
        let temporary = "\(settings.directory)/temp-\(ProcessFacts.processID)-now.rdb"
        do throws(SystemError) {
            let sink = DirectSink(
                try ChunkFile(
                    path: temporary, compresses: settings.compresses,
                    checksums: settings.checksums))
            let encoder = SnapshotEncoder { sink.append($0) }
            encoder.accessClock = keyspace.accessClock
            let counts = keyspace.beginSnapshot(encoder)
            let place = position ?? (log.isActive ? log.position : nil)
            encoder.begin(head(place, isLogBase: isLogBase), counts: counts)
            while keyspace.advanceSnapshot(bucketBudget: 1 << 16) == .running {
                if sink.failure != nil { keyspace.abortSnapshot() }
            }
            sink.append(encoder.takeLast())
            try sink.finish()
            try FileSystem.rename(temporary, to: path)
            try FileSystem.syncDirectory(FileSystem.directory(of: path))
        } catch {
            try? FileSystem.unlink(temporary)
            throw error
        }
    }

    /// Starts what is due by the save points or by the growth of the log. Ten times a second.
    func startWhatIsDue(_ node: NodeSettings) {
        guard runningPurpose == nil, loading == nil else { return }
        let now = loop.nowMilliseconds
        let changes = changesSinceSave
        let elapsed = Clock.wallMilliseconds() / 1_000 - statistics.lastSaveSeconds
        let mayTry =
            statistics.lastSaveSucceeded
            || now - statistics.lastSaveTriedMilliseconds > Snapshots.saveRetryMilliseconds
        for point in node.savePoints
        where mayTry && changes >= Int64(point.changes) && elapsed > Int64(point.seconds) {
            logger.notice(
                "\(point.changes) changes in \(point.seconds) seconds. Saving...")
            return request(.dump) { _ in }
        }
        guard log.mode == .file, node.rewritePercentage > 0 else { return }
        let size = log.currentBytes
        let before = max(1, statistics.sizeAfterRewrite)
        let growth = size * 100 / before - 100
        guard size > Int64(node.rewriteBytesMin), growth >= Int64(node.rewritePercentage) else {
            return
        }
        logger.notice("Starting automatic rewriting of AOF on \(growth)% growth")
        request(.base) { _ in }
    }
}

/// Writes chunks on the calling thread. Nothing changes meanwhile, so no chunk comes between those
/// of a big value.
private final class DirectSink {
    private var file: ChunkFile
    private(set) var failure: SystemError?

    init(_ file: consuming ChunkFile) { self.file = file }

    func append(_ chunk: SnapshotChunk) {
        guard failure == nil else { return }
        do throws(SystemError) { try file.write(chunk) } catch { failure = error }
    }

    func finish() throws(SystemError) {
        if let failure { throw failure }
        _ = try file.complete()
        try file.sync()
    }
}
