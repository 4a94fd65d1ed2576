// Scripts as the node sees them: libraries in files, and what happens while a script is busy.

import Bytes
import Commands
import ControlPort
import EventLoop
import Logging
import Persistence
import Platform
import RESP
import Scripting

extension Node {
    // MARK: Libraries

    /// What a snapshot keeps: the libraries, and those of a file that could not be understood.
    var librarySources: [[UInt8]] {
        scripts.libraries.map(\.source) + snapshots.keptFacts.functions
    }

    /// The libraries of a file that was loaded take the place of the present ones. One that this
    /// node cannot run is kept, so that it reaches those who can.
    func adoptLibraries(_ sources: [[UInt8]]) {
        var refused: [[UInt8]] = []
        scripts.removeLibraries()
        for source in sources {
            do throws(ReplyError) {
                try scripts.restoreLibraries([source], .append)
            } catch {
                refused.append(source)
                log.warning("A function library of the file is kept but not run: \(error.text)")
            }
        }
        snapshots.keptFacts.functions = refused
    }

    // MARK: Busy scripts

    /// How long a script that has written may go on when the process must end.
    static let endedScriptMilliseconds: Int64 = 4_000
    /// How often links are looked after while a script is busy, and facts published.
    private static let busyTickMilliseconds: Int64 = 50

    /// A script runs for too long: other clients are served, most of them with BUSY.
    ///
    /// Their input and output belong to a turn of its own, because the script's turn is in the
    /// middle of its batch. Timers and the stream of an upstream wait for the end of the script,
    /// and so does the log, unless the script has changed nothing so far: then what came before it
    /// is written and released. Replicas are heard, and they hear that the node lives.
    func serveWhileBusy() {
        let unit = engine.suspendUnit()
        let outer = turn
        let caller = engine.scriptCaller
        turn = busyTurn
        links.isBusy = true
        readWallClock()
        loop.serveMeanwhile {
            guard let session = $0 as? Session else { return $0 is Listener }
            return session.client !== caller
        } then: {
            tickWhileBusy(isWithoutEffects: unit.isWithoutEffects)
            if shutdown.isFinished {
                _ = commitStream()
                ProcessFacts.exit(code: shutdown.exitStatus)
            }
            let isCommitted = unit.isWithoutEffects && commitStream()
            board.streamMoved(to: releasedOffset)
            let offset = isCommitted ? Int64.max : stream.committedOffset
            for client in engine.takeClientsWithOutput() {
                clients.session(of: client)?.requestFlush()
            }
            busyTurn.flushOutputs(committedOffset: offset)
            if isCommitted { outer.flushOutputs() }
        }
        links.isBusy = false
        turn = outer
        engine.resumeUnit(unit)
    }

    private func tickWhileBusy(isWithoutEffects: Bool) {
        guard loop.nowMilliseconds - busyTickAt >= Node.busyTickMilliseconds else { return }
        busyTickAt = loop.nowMilliseconds
        links.tickWhileBusy(mayAppend: isWithoutEffects)
        publishFacts()
        let spent = Clock.monotonicMicroseconds() - loop.nowMicroseconds
        engine.noteLatency("while-blocked-cron", microseconds: spent)
    }

    /// Whether the script that runs has to end because the process must. One that has written may
    /// go on for a while; then its effects are taken back, and the process ends here. Where only a
    /// final save keeps changes, which cannot take them back, it ends as one that failed.
    func scriptMustEnd() -> Bool {
        guard let since = signalWatch?.forcedSince else { return false }
        guard engine.scriptHasWritten else { return true }
        let waited = Clock.monotonicMicroseconds() / 1_000 - since
        guard waited >= Node.endedScriptMilliseconds else { return false }
        if !settings.appendOnly && !settings.savePoints.isEmpty { return true }
        log.warning("Ending the process while a script runs: its changes are taken back.")
        endWithoutScript()
    }
}
