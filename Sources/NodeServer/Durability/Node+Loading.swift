// Opening the data set: at start, and for DEBUG RELOAD.
//
// The load runs on the engine thread. After each piece it lets the loop run one turn, so that
// clients are answered (with LOADING), signals end the process and the control port has news.

import Persistence
import Store
import Commands
import EventLoop
import Logging
import Platform

extension Node {
    /// What is loaded again by DEBUG.
    enum ReloadSource {
        /// `dbfilename`.
        case dump
        /// Base and increments of the log.
        case log
    }

    /// Loads the data set, opens the log, takes up the role, and says that the node is ready.
    func openData() throws(StartFailure) {
        noteStartupMemory()
        let upstream = upstreamAtStart
        let load = makeLoad(isReplica: upstream != nil)
        engine.isLoading = true
        factsChanged()
        do throws(StartupFailure) {
            try load.run()
        } catch {
            for line in error.lines.dropLast() { log.warning("\(line)") }
            throw StartFailure(error.lines.last ?? "Fatal error loading the data set")
        }
        engine.isLoading = false
        statistics.keysLoaded = Int64(load.facts.keysLoaded)
        followStream()
        startLinks(position: stream.isActive && stream.offset > 0 ? stream.position : nil)
        pauseAfterRestart()
        if !listeners.network.isEmpty { log.notice("Ready to accept connections tcp") }
        if !listeners.encrypted.isEmpty { log.notice("Ready to accept connections tls") }
        if listeners.local != nil { log.notice("Ready to accept connections unix") }
    }

    private func makeLoad(isReplica: Bool) -> StartupLoad {
        let load = StartupLoad(
            keyspace: keyspace, log: stream, snapshots: snapshots,
            replay: EngineReplay(engine: engine), isReplica: isReplica)
        load.progress = { [unowned self] _ in loop.runTurn(waitMillisecondsMax: 0) }
        return load
    }

    /// Reads the data set again, on top of the present one or instead of it.
    func reload(_ source: ReloadSource, flushing: Bool) throws(StartFailure) {
        snapshots.abortAll()
        let propagates = engine.propagates
        let load = StartupLoad(
            keyspace: keyspace, log: stream, snapshots: snapshots,
            replay: EngineReplay(engine: engine), isReplica: isReplica)
        if flushing {
            for index in 0..<keyspace.databaseCount {
                if let table = keyspace.takeAll(index) { lazyFree.free(table) }
            }
        }
        settleStream()
        stream.forgetPositionAtStart()
        engine.propagates = false
        defer {
            engine.propagates = propagates
            dataReplaced()
        }
        do throws(StartupFailure) {
            switch source {
            case .dump: try load.reloadDump()
            case .log: try load.reloadLog()
            }
        } catch {
            throw StartFailure(error.lines.last ?? "the data set cannot be loaded")
        }
        statistics.keysLoaded = Int64(load.facts.keysLoaded)
    }
}
