// Loading again while the node runs: DEBUG RELOAD and DEBUG LOADAOF. The stream and its files stay
// as they are; only the data are read anew.

import Bytes
import Log
import Persistence
import Platform

extension StartupLoad {
    /// Reads `dbfilename` into the keyspace, which the caller has emptied or not.
    func reloadDump() throws(StartupFailure) {
        do throws(LoadFailure) {
            try loadRDB(snapshots.settings.dumpPath, expired: .kept)
        } catch {
            throw StartupFailure("Fatal error loading the DB: \(error).")
        }
    }

    /// Reads base and increments of the open log into the empty keyspace.
    func reloadLog() throws(StartupFailure) {
        let folder = log.settings.folder
        let base = log.base
        defer { log.base = base }
        let manifest = try readManifest(folder)
        try loadBase(manifest, folder)
        for file in manifest.increments {
            do throws(LoadFailure) {
                _ = try replayFile(folder.file(file.name), from: 0, limit: nil)
            } catch {
                throw StartupFailure("Fatal error loading the log: \(file.name): \(error)")
            }
        }
    }
}
