// The host's part on persistence: SAVE, BGSAVE, BGREWRITEAOF, DEBUG RELOAD and LOADAOF.

import Commands
import Logging
import RESP

extension EngineHost {
    func saveSnapshot() throws(ReplyError) {
        _ = node.commitStream()
        do throws(SnapshotFailure) {
            try node.snapshots.saveNow()
        } catch {
            throw error == .busy ? .backgroundSaveRuns : ReplyError("ERR")
        }
    }

    func startBackgroundSave(scheduling: Bool) throws(ReplyError) -> String {
        if node.snapshots.isPending(.dump) { throw .backgroundSaveRuns }
        let waits = node.snapshots.runningPurpose != nil
        if waits && !scheduling {
            throw ReplyError(
                """
                ERR Another snapshot is being written (AOF?): can't BGSAVE right now. Use BGSAVE \
                SCHEDULE in order to schedule a BGSAVE whenever possible.
                """)
        }
        node.startBackgroundSave()
        return waits ? "Background saving scheduled" : "Background saving started"
    }

    func startLogRewrite() throws(ReplyError) -> String {
        if node.snapshots.isPending(.base) || node.snapshots.isPending(.archive) {
            throw ReplyError(
                "ERR Background append only file rewriting already in progress")
        }
        let waits = node.snapshots.runningPurpose != nil
        node.startLogRewrite()
        return waits
            ? "Background append only file rewriting scheduled"
            : "Background append only file rewriting started"
    }

    func lastSaveSeconds() -> Int64 { node.snapshots.statistics.lastSaveSeconds }

    func reloadSnapshot(saving: Bool, flushing: Bool) throws(ReplyError) {
        if saving { try saveSnapshot() }
        do throws(StartFailure) {
            try node.reload(.dump, flushing: flushing)
        } catch {
            node.log.warning("\(error.message)")
            throw ReplyError("ERR Error trying to load the RDB dump, check server logs")
        }
    }

    func reloadLog() throws(ReplyError) {
        _ = node.commitStream()
        do throws(StartFailure) {
            try node.reload(.log, flushing: true)
        } catch {
            node.log.warning("\(error.message)")
            throw ReplyError("ERR Error trying to load the AOF files, check server logs")
        }
    }
}

extension ReplyError {
    fileprivate static var backgroundSaveRuns: ReplyError {
        ReplyError("ERR Background save already in progress")
    }
}
