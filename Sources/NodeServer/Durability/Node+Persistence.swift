// The data set on disk: opening it at start, saving it by itself and at the end.

import Commands
import EventLoop
import Logging
import Platform
import RESP

extension Node {
    /// Whether the last save failed where that must stop writes.
    var hasFailedToSave: Bool {
        if stream.failure != nil { return true }
        return !settings.savePoints.isEmpty && !snapshots.statistics.lastSaveSucceeded
    }

    /// The log was turned on, and its first base is not there yet: on disk it is no log.
    var hasLogWithoutBase: Bool {
        settings.appendOnly && !isReplica && !engine.isLoading && !stream.isListed
    }

    func startBackgroundSave() {
        log.notice("Background saving started")
        snapshots.request(.dump) { [unowned self] _ in updateGates() }
    }

    func startLogRewrite() {
        log.notice("Background append only file rewriting started")
        snapshots.request(settings.appendOnly ? .base : .archive) { _ in }
    }

    /// FLUSHALL: the dump on disk, and the one on its way, hold what is to be gone.
    func dataWereFlushed() {
        guard !engine.isLoading else { return }
        snapshots.abort(.dump)
        guard !settings.savePoints.isEmpty else { return }
        // What the log lacks so far ends with FLUSHALL, so that replaying it changes nothing.
        guard snapshots.runningPurpose == nil else { return startBackgroundSave() }
        try? snapshots.saveNow()
    }

    /// Starts what is due by itself; part of the housekeeping.
    func checkPersistence() { snapshots.startWhatIsDue(settings) }

    /// The last save of a shutdown; false when something could not be written.
    func saveForShutdown(_ options: ShutdownOptions) -> Bool {
        var isSaved = commitStream()
        snapshots.abortAll()
        if settings.appendOnly {
            log.notice("Calling fsync() on the AOF file.")
            do throws(SystemError) {
                try stream.flush()
            } catch {
                log.warning("Cannot sync the AOF file: \(error)")
                isSaved = false
            }
        }
        guard options.saves ?? !settings.savePoints.isEmpty else { return isSaved }
        log.notice("Saving the final RDB snapshot before exiting.")
        do throws(SnapshotFailure) {
            try snapshots.saveNow()
        } catch {
            log.warning("Error trying to save the DB, can't exit.")
            isSaved = false
        }
        return isSaved
    }

    /// `appendonly` was switched at run time.
    func switchLog(on isOn: Bool) {
        if isOn {
            startLogRewrite()
        } else {
            // Its cut would begin the log again.
            snapshots.abort(.base)
            do throws(SystemError) {
                try stream.close()
            } catch {
                log.warning("Cannot close the AOF: \(error)")
            }
            followStream()
        }
    }
}
