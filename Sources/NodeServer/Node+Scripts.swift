// Scripts as the node sees them: libraries in files, and what happens while a script is busy.

import Bytes
import Commands
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

    /// A script runs for too long: other clients are served, most of them with BUSY.
    ///
    /// Their input and output belong to a turn of its own, because the script's turn is in the
    /// middle of its batch. Links, timers and the log wait for the end of the script, unless it has
    /// changed nothing so far: then what came before it is written and released.
    func serveWhileBusy() {
        let unit = engine.suspendUnit()
        let outer = turn
        let caller = engine.scriptCaller
        turn = busyTurn
        engine.nowMilliseconds = Clock.wallMilliseconds()
        loop.serveMeanwhile { channel in
            guard let session = channel as? Session else { return channel is Listener }
            return session.client !== caller && !session.isHandedOver
        }
        if shutdown.isFinished {
            _ = commitStream()
            ProcessFacts.exit(code: shutdown.exitStatus)
        }
        let isCommitted = unit.isWithoutEffects && commitStream()
        let offset = isCommitted ? Int64.max : stream.committedOffset
        for client in engine.takeClientsWithOutput() { clients.session(of: client)?.requestFlush() }
        busyTurn.flushOutputs(committedOffset: offset)
        if isCommitted { outer.flushOutputs() }
        turn = outer
        engine.resumeUnit(unit)
    }
}
