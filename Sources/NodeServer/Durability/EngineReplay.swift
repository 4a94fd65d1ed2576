// Executes the commands of a log file in the engine.

import Bytes
import Commands
import Persistence
import RESP

/// Executes replayed commands.
protocol ReplayTarget: AnyObject {
    /// A new file begins: database 0 is selected, no transaction is open.
    func beginFile()
    /// Executes a command with the bytes `raw`.
    func apply(_ words: ByteSliceView, _ raw: ByteSlice) throws(AOFReplayError)
}

/// Replays into an engine that produces no stream meanwhile. Keys whose time is over are seen as
/// present, as they were when the command was executed first.
final class EngineReplay: ReplayTarget {
    private let engine: CommandEngine
    private var client: ClientState
    private var parser = RequestParser()
    private var batch: RequestBatch

    init(engine: CommandEngine) {
        self.engine = engine
        batch = RequestBatch(keyspace: engine.keyspace)
        client = ClientState(id: 0, isMaster: true)
        parser.limits.bulkBytesMax = Int(Int32.max)
    }

    func beginFile() {
        engine.forget(client)
        client = ClientState(id: 0, isMaster: true)
    }

    func apply(_ words: ByteSliceView, _ raw: ByteSlice) throws(AOFReplayError) {
        let errors = engine.counters.errors
        batch.fill(from: raw, parser: &parser)
        _ = engine.execute(&batch, client: client)
        // A command that fails failed when it was logged, too; one we do not have is lost data.
        if engine.counters.errors != errors, !engine.table.contains(words[0]) {
            throw .unknownCommand(name: words[0].string, position: 0)
        }
    }

    deinit { engine.forget(client) }
}
